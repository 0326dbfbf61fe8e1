"""A worker process as the run sees it: its pipe, what it was given, and what it leaves when it dies."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dse.front.tables import Table
from dse.search.run.process_main import Message, Start
from dse.search.run.recovery_log import left
from dse.search.run.workforce import Delivery
from dse.search.trials.trial_entries import Entry, Task

AHEAD = 1.0
"""Seconds of work that a worker is given in advance."""


@dataclass(frozen=True)
class Remains:
    """The spool of a dead worker, held until what is in it is stored."""

    path: Path
    handle: FileIO

    def remove(self) -> None:
        """Everything in it is stored."""
        self.path.unlink(missing_ok=True)
        self.handle.close()

    def leave(self) -> None:
        """Somebody else will see to it."""
        self.handle.close()


@dataclass
class Worker:
    """One process."""

    number: int
    start: Start
    process: "subprocess.Popen[bytes]"
    pipe: Connection
    tasks: list[Task] = field(default_factory=list)
    """Given and not brought back yet, the oldest first."""
    ready: bool = False
    _keys: set[str] = field(default_factory=set)
    _since: float = 0.0

    @property
    def ahead(self) -> int:
        """Tasks that it should have: those of about a second, and where they are long, the one under way."""
        passed = time.monotonic() - self._since
        rate = len(self._keys) / passed if passed > 0 else 0.0
        slow = passed > AHEAD and rate * AHEAD < 1
        return 1 if slow else max(2, round(AHEAD * rate))

    def send(self, word: str, what: Any = None) -> None:
        """Say something; a dead worker is noticed when it is listened to."""
        with suppress(OSError):
            self.pipe.send((word, what))

    def hear(self) -> Message | None:
        """Its next message; None when it is dead."""
        try:
            message: Message = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if message[0] == "ready":
            self.ready, self._since = True, time.monotonic()
        return message

    def brought(self, parcel: tuple[list[Entry], Table | None, list[Task]]) -> Delivery:
        """What it made."""
        entries, rows, lost = parcel
        self._keys |= {e.key for e in entries if e.key is not None}
        self.tasks = self.tasks[len(entries) :]
        return Delivery(self.number, entries, rows, lost)

    def remains(self) -> tuple[Remains | None, Delivery]:
        """What it left when it died."""
        self.process.wait()
        self.pipe.close()
        path = self.start.spool / f"{self.start.name}.jsonl"
        found = left(path, self.start.owner) if path.exists() else None
        if found is None:
            return None, Delivery(self.number, lost=self.tasks)
        handle, entries = found
        new = [e for e in entries if e.key not in self._keys]
        remains = Remains(path, handle)
        if not entries:
            remains.remove()
        batch = Delivery(self.number, new, lost=self.tasks[len(new) :], bare=True)
        return remains if entries else None, batch

    def end(self, deadline: float) -> None:
        """Wait for it until a moment of the monotonic clock; one that had not begun is not waited for."""
        self.pipe.close()
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()) if self.ready else 0.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if not self.ready:
            (self.start.spool / f"{self.start.name}.jsonl").unlink(missing_ok=True)
            with suppress(OSError):  # others may have theirs there
                self.start.spool.rmdir()


def launch(start: Start, number: int) -> Worker:
    """Start a worker; it says "ready" when it is."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "dse.search.run.process_main", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the run, which ends its workers in order
        )
    worker = Worker(number, start, process, Connection(ours.detach()))
    with suppress(OSError):
        worker.pipe.send(start)
    return worker


def _environment() -> dict[str, str]:
    """A worker finds what we find, and keeps to one core."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**single, **os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

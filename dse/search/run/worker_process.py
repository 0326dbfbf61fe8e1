"""A worker process as the run sees it: its pipe, its tasks, and what it leaves when it dies."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from dse.front.tables import Table
from dse.masks import without_passwords
from dse.search.run.process_main import Message, WorkerStart
from dse.search.run.recovered import Remains, recovered
from dse.search.run.workforce import Delivery
from dse.search.trials.trial_entries import Entry, Task

AHEAD = 1.0
"""Seconds of work that a worker is given in advance."""


@dataclass
class WorkerProcess:
    """One process."""

    number: int
    start: WorkerStart
    process: "subprocess.Popen[bytes]"
    pipe: Connection
    tasks: list[Task] = field(default_factory=list)
    """Given and not delivered yet, the oldest first."""
    ready: bool = False
    _keys: set[str] = field(default_factory=set)
    _since: float = 0.0

    @property
    def ahead(self) -> int:
        """Tasks that it should have: about a second of work; where a trial takes longer, one."""
        passed = time.monotonic() - self._since
        rate = len(self._keys) / passed if passed > 0 else 0.0
        slow = passed > AHEAD and rate * AHEAD < 1
        # two, so that it works while a message travels; where trials are slow the second one would only wait
        # here while another worker is idle
        return 1 if slow else max(2, round(AHEAD * rate))

    def send(self, kind: str, what: object = None) -> None:
        """Send a message; that a worker is dead is noticed when its next message is read."""
        with suppress(OSError):
            self.pipe.send((kind, what))

    def receive(self) -> Message | None:
        """Its next message; None when it is dead."""
        try:
            message: Message = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if message[0] == "ready":
            # its speed counts from here, not from its start
            self.ready, self._since = True, time.monotonic()
        return message

    def delivered(self, what: tuple[list[Entry], Table | None, list[Task]]) -> Delivery:
        """What it made, from the content of a message."""
        entries, rows, unbegun = what
        self._keys |= {e.key for e in entries if e.key is not None}
        # trials are made in the order in which they were given
        self.tasks = self.tasks[len(entries) :]
        return Delivery(self.number, entries, rows, unbegun)

    def remains(self) -> tuple[Remains | None, Delivery]:
        """What it left when it died."""
        self.process.wait()
        self.pipe.close()
        # the process has ended, so the operating system has released the lock of its log
        path = self._log
        found = recovered(path, self.start.owner) if path.exists() else None
        if found is None:
            return None, Delivery(self.number, unbegun=self.tasks)
        # the log also holds trials that were delivered and are not stored yet
        new = [e for e in found.entries if e.key not in self._keys]
        if not found.entries:
            found.remove()
        # tasks are done in order, so the first ones are those in the log
        delivery = Delivery(self.number, new, unbegun=self.tasks[len(new) :], without_rows=True)
        return found if found.entries else None, delivery

    def end(self, deadline: float) -> None:
        """Wait for its end until `deadline` of the monotonic clock; a worker that is not ready is killed."""
        self.pipe.close()
        try:
            # one that is not ready has no trial to finish
            self.process.wait(max(0.0, deadline - time.monotonic()) if self.ready else 0.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # killed while it started: its log holds no trial
        if not self.ready:
            self._log.unlink(missing_ok=True)
            with suppress(OSError):  # other workers may have their logs there
                self.start.logs.rmdir()

    @property
    def _log(self) -> Path:
        """Its recovery log."""
        return self.start.logs / f"{self.start.name}.jsonl"


def launch(start: WorkerStart, number: int) -> WorkerProcess:
    """Start a worker; it sends "ready" when it can take tasks."""
    ours, theirs = socket.socketpair()
    # our copy of its end is closed, or its death would never end the pipe
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "dse.search.run.process_main", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C reaches the run alone, which ends its workers in order
        )
    worker = WorkerProcess(number, start, process, Connection(ours.detach()))
    with suppress(OSError):
        # a worker that is dead already is noticed when its first message is read
        worker.pipe.send(start)
    return worker


def _environment() -> dict[str, str]:
    """A worker imports from the same folders, opens no storage, and uses one core: there is one for each."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # a limit that the user has set comes second and wins
    return {
        **single,
        **without_passwords(os.environ),
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }

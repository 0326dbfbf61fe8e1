"""A worker process: an island that takes tasks from a pipe and sends back what it made."""

import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from optuna.trial import FrozenTrial

from dse.errors import SpecError
from dse.search.run.local_worker import LocalWorker
from dse.search.run.recovery_log import RecoveryLog
from dse.search.run.study_reference import StudyReference
from dse.search.trials.keys import WorkerName
from dse.search.trials.trial_entries import Entry, Task

SEND = 0.25
"""Seconds between two parcels at least."""

Message = tuple[str, Any]


@dataclass(frozen=True, kw_only=True)
class Start:
    """All that a worker must know."""

    study: StudyReference
    name: WorkerName
    seed: int
    spool: Path
    owner: str
    rows: bool
    past: list[FrozenTrial]


class TaskLoop:
    """Makes what it is told until it is told to stop, or nobody is there any more."""

    def __init__(self, pipe: Connection, island: LocalWorker) -> None:
        self._pipe, self._island = pipe, island
        self._heard: SimpleQueue[Message] = SimpleQueue()
        self._tasks: deque[Task] = deque()
        self._made: list[Entry] = []
        self._sent = time.monotonic()
        self._going = True
        # the other side never waits for us to listen, so the two cannot wait for each other
        threading.Thread(target=self._listen, daemon=True).start()

    def work(self) -> None:
        """Until the end; raises `EOFError` when nobody is there any more."""
        while self._going:
            if self._hear() and self._tasks:
                self._made.append(self._island.make(self._tasks[0]))
                self._tasks.popleft()
                if not self._tasks or time.monotonic() - self._sent >= SEND:
                    self._send("made")
        self._send("end", list(self._tasks))
        while self._hear(until="bye"):
            pass

    def _listen(self) -> None:
        try:
            while True:
                self._heard.put(self._pipe.recv())
        except (EOFError, OSError):
            self._heard.put(("gone", None))

    def _hear(self, until: str = "stop") -> bool:
        """Do what was said so far, waiting for a word when there is nothing to do; False at `until`."""
        idle = not self._tasks or until == "bye"
        while True:
            try:
                word, what = self._heard.get(block=idle)
            except Empty:
                return True
            idle = False
            if word == "gone":
                raise EOFError
            if word == "give":
                self._tasks.append(what)
            elif word == "learn":
                self._island.learn(what)
            elif word == "stored" and self._island.spool is not None:
                self._island.spool.stored(what)
            elif word == until:
                self._going = False
                return False

    def _send(self, word: str, lost: list[Task] | None = None) -> None:
        self._pipe.send((word, (self._made, self._island.new_rows(), lost or [])))
        self._made, self._sent = [], time.monotonic()


def serve(fd: int) -> None:
    """Work at the other end of a socket; what goes wrong is told there, not on the screen."""
    pipe = Connection(fd)
    try:
        start: Start = pipe.recv()
        spool = RecoveryLog(start.spool, str(start.name), start.owner)
        try:
            study = start.study.resolve()
            island = LocalWorker(study, start.name, start.seed, spool, start.past, rows=start.rows)
            pipe.send(("ready", None))
            TaskLoop(pipe, island).work()
        finally:
            spool.close()
    except (EOFError, ConnectionError):
        return  # nobody is there; what is not stored lies in the spool
    except SpecError as error:
        pipe.send(("wrong", error))
    except OSError as error:
        pipe.send(("wrong", OSError(error.errno, error.strerror, error.filename)))
    except Exception:
        pipe.send(("broken", traceback.format_exc()))


if __name__ == "__main__":
    serve(int(sys.argv[1]))

"""The main program of a worker process: it takes tasks from a pipe and sends back what it made."""

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

from dse.errors import DseError, PluginError
from dse.plugins import blamed
from dse.plugins.time_limit import told_by
from dse.search.run.local_worker import LocalWorker
from dse.search.run.recovery_log import RecoveryLog
from dse.search.run.study_reference import StudyReference
from dse.search.trials.keys import WorkerName
from dse.search.trials.trial_entries import Entry, Task
from dse.spoken import warn_in_a_line

SEND = 0.25
"""Seconds between two messages with results at least."""

Message = tuple[str, Any]
"""Kind of the message, and what belongs to it: each kind has a type of its own."""


@dataclass(frozen=True, kw_only=True)
class WorkerStart:
    """All that a worker must know before its first task."""

    study: StudyReference
    name: WorkerName
    seed: int
    logs: Path
    """Folder of the recovery logs."""
    owner: str
    """Study and storage in one line, see `RecoveryLog`."""
    rows: bool
    """Whether rows of its front are wanted."""
    past: list[FrozenTrial]
    """Finished trials of the study."""


class TaskLoop:
    """Makes trials until it is stopped or the run is gone."""

    def __init__(self, pipe: Connection, worker: LocalWorker) -> None:
        self._pipe, self._worker = pipe, worker
        self._received: SimpleQueue[Message] = SimpleQueue()
        self._tasks: deque[Task] = deque()
        self._made: list[Entry] = []
        self._sent = time.monotonic()
        self._running = True
        # a thread reads the pipe all the time: the run never waits until a trial is finished, so the two
        # cannot wait for each other
        threading.Thread(target=self._receive, daemon=True).start()

    def work(self) -> None:
        """Make trials to the end; raises `EOFError` when the run is gone."""
        while self._running:
            if self._handle() and self._tasks:
                self._made.append(self._worker.make(self._tasks[0]))
                self._tasks.popleft()
                # at once when idle, so that the run gives more; else in batches, since each message
                # costs the run time
                if not self._tasks or time.monotonic() - self._sent >= SEND:
                    self._send("made")
        self._send("end", list(self._tasks))
        # the run stores the last trials first: its "stored" messages empty the log, which is removed then
        while self._handle(until="exit"):
            pass

    def _receive(self) -> None:
        try:
            while True:
                self._received.put(self._pipe.recv())
        # a socket whose other end was killed is reset, not ended, where messages were unread
        except (EOFError, OSError):
            self._received.put(("gone", None))

    def _handle(self, until: str = "stop") -> bool:
        """Handle all messages so far, and wait for one when there is nothing to do; False at `until`."""
        idle = not self._tasks or until == "exit"
        while True:
            try:
                kind, what = self._received.get(block=idle)
            except Empty:
                return True
            # only the first message is waited for; the others are taken as far as they are there
            idle = False
            if kind == "gone":
                raise EOFError
            if kind == "task":
                self._tasks.append(what)
            elif kind == "learn":
                self._worker.learn(what)
            elif kind == "stored" and self._worker.log is not None:
                self._worker.log.stored(what)
            elif kind == until:
                self._running = False
                return False

    def _send(self, kind: str, unbegun: list[Task] | None = None) -> None:
        self._pipe.send((kind, (self._made, self._worker.new_rows(), unbegun or [])))
        self._made, self._sent = [], time.monotonic()


def serve(fd: int) -> None:
    """Work at the other end of a socket; errors are sent there, not printed."""
    pipe = Connection(fd)
    warn_in_a_line()
    # the thread that works hangs in the plug-in, so nobody else is sending
    told_by(lambda what: pipe.send(("error", PluginError(what, named=True))))
    try:
        start: WorkerStart = pipe.recv()
        log = RecoveryLog(start.logs, str(start.name), start.owner)
        try:
            study = start.study.resolve()
            worker = LocalWorker(study, start.name, start.seed, log, start.past, rows=start.rows)
            pipe.send(("ready", None))
            TaskLoop(pipe, worker).work()
        finally:
            log.close()
    except (EOFError, ConnectionError):
        return  # the run is gone; what is not stored is in the log
    except DseError as error:
        pipe.send(("error", error))
    except OSError as error:
        pipe.send(("error", OSError(error.errno, error.strerror, error.filename)))
    except Exception as error:
        # as text, since a traceback cannot be sent
        named = blamed(error)
        pipe.send(("crashed", traceback.format_exc()) if named is None else ("error", named))


if __name__ == "__main__":
    serve(int(sys.argv[1]))

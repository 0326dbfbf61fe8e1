"""A log of a worker's trials that are under way or not stored yet; it outlives the worker.

A line is written before a trial is evaluated and another one when it is finished, without waiting for the
disk: that survives the death of the process and costs microseconds. The next run in the folder recovers what
a dead worker left: finished trials are stored, the one under way is tried once more.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from secrets import token_hex

from optuna.trial import FrozenTrial

from dse.front.own_files import naming, own_folder
from dse.search.storage.locks import hold
from dse.search.trials.trial_entries import Entry, Task
from dse.search.trials.trial_json import trial_to_json

LARGE = 1 << 22
"""Bytes above which a log is rewritten although it still holds something to be stored."""


class RecoveryLog:
    """The log of one worker, which holds it alone."""

    def __init__(self, folder: Path, name: str, owner: str) -> None:
        """`owner` names study and storage; a run recovers only logs of its own study and storage."""
        self.path = folder / f"{name}.jsonl"
        self._file = _held(self.path)
        self._head = json.dumps({"owner": owner}).encode() + b"\n"
        self._kept: dict[str, bytes] = {}
        self._file.truncate(0)
        self._size = 0
        self._write(self._head)

    def begun(self, key: str, trial: FrozenTrial, task: Task) -> None:
        """Log a trial that is about to be evaluated."""
        self._line(key, {"asked": key, "trial": trial_to_json(trial), "task": _task(task)})

    def finished(self, key: str, entry: Entry) -> None:
        """Log a finished trial."""
        self._line(key, {"finished": key, "trial": trial_to_json(entry.trial), "task": _task(entry.task)})

    def stored(self, keys: set[str]) -> None:
        """Remove what is stored."""
        for key in keys:
            self._kept.pop(key, None)
        if not self._kept:
            # back to the first line, which never changes: one call, so that no kill comes in between
            self._file.truncate(len(self._head))
            self._size = len(self._head)
        elif self._size > LARGE:
            self._rewrite()

    def close(self) -> None:
        """Close the file; it stays while something in it is not stored."""
        # removed while it is locked, so that no other run can recover it
        if not self._kept:
            self.path.unlink(missing_ok=True)
        self._file.close()
        with suppress(OSError):  # other workers may have their logs there
            self.path.parent.rmdir()

    def _line(self, key: str, data: Mapping[str, object]) -> None:
        line = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        self._kept[key] = line
        self._write(line)

    def _rewrite(self) -> None:
        """Replace the log by one with what is kept alone: a kill leaves the one or the other."""
        new = self.path.with_name(f".{self.path.name}.{token_hex(4)}{UNFINISHED}")
        before, size = self._file, self._size
        # locked before it gets its name: another run never finds it free
        made = hold(new)
        assert made is not None  # a name at random
        self._file, self._size = made, 0
        try:
            self._write(self._head + b"".join(self._kept.values()))
            os.replace(new, self.path)
        # a full disk, or an interrupt: the log is as it was
        except BaseException:
            self._file, self._size = before, size
            made.close()
            new.unlink(missing_ok=True)
            raise
        before.close()

    # a write without a buffer may take only a part; what a buffer holds would be lost in a kill
    def _write(self, data: bytes) -> None:
        written = 0
        try:
            with naming(self.path):
                while written < len(data):
                    written += self._file.write(data[written:])
        except OSError:
            # a full disk: the next line would be joined to an incomplete one
            self._file.truncate(self._size)
            raise
        self._size += len(data)


UNFINISHED = ".tmp"
"""Ending of a log that a killed worker was about to put in the place of its own, which is whole."""


def _held(path: Path) -> FileIO:
    """A new log; another worker may remove the empty folder just after it was made here."""
    for _ in range(10):
        own_folder(path.parent)
        with suppress(FileNotFoundError):
            handle = hold(path)
            if handle is not None:
                return handle
    raise BlockingIOError(11, "another worker has this log", str(path))


def _task(task: Task) -> dict[str, object]:
    data = {"params": dict(task.params), "attrs": dict(task.attrs)}
    return data | {"trial_id": task.trial_id, "number": task.number}

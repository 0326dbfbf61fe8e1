"""A log of a worker's trials that are under way or not stored yet; it outlives the worker.

A line is written before a trial is evaluated and another one when it is finished, without waiting for the
disk: that survives the death of the process and costs microseconds. The next run in the folder recovers what
a dead worker left: finished trials are stored, the one under way is tried once more.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from dse.search.storage.locks import hold
from dse.search.trials.trial_entries import Entry, Task
from dse.search.trials.trial_json import trial_from_json, trial_to_json

LARGE = 1 << 22
"""Bytes above which a log is rewritten although it still holds something to be stored."""


class RecoveryLog:
    """The log of one worker, which holds it alone."""

    def __init__(self, folder: Path, name: str, owner: str) -> None:
        """`owner` names study and storage; a run recovers only logs of its own study and storage."""
        self.path = folder / f"{name}.jsonl"
        self._file = _held(self.path)
        self._owner = owner
        self._kept: dict[str, bytes] = {}
        self._size = 0
        self._rewrite()

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
        if not self._kept or self._size > LARGE:
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
        # a kill between the two calls loses what is kept: that is rare, since a log is rewritten when it is
        # empty or above `LARGE`
        # opened for appending, so the next write starts at 0 without a seek
        self._file.truncate(0)
        self._size = 0
        head = json.dumps({"owner": self._owner}).encode() + b"\n"
        self._write(head + b"".join(self._kept.values()))

    # a write without a buffer may take only a part; what a buffer holds would be lost in a kill
    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError:
            # a full disk: an incomplete line would hide all lines after it, see `_lines`
            os.truncate(self.path, self._size)
            raise
        self._size += len(data)


def _held(path: Path) -> FileIO:
    """A new log; another worker may remove the empty folder just after it was made here."""
    for _ in range(10):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            handle = hold(path)
            if handle is not None:
                return handle
    raise BlockingIOError(11, "another worker has this log", str(path))


def recovered(path: Path, owner: str) -> tuple[FileIO, list[Entry]] | None:
    """The locked log of a dead worker and its trials: finished ones, and as failed the one under way.

    None when its worker is alive, or when it worked for another `owner`. The caller stores the entries, then
    removes the file and closes the handle.
    """
    handle = hold(path)
    if handle is None:
        return None
    # it was opened for appending
    handle.seek(0)
    lines = list(_lines(handle))
    if lines and lines[0].get("owner") != owner:
        handle.close()
        return None
    return handle, _entries(lines[1:])


def _lines(handle: FileIO) -> Iterator[dict[str, Any]]:
    """Whole lines; the last one may be incomplete."""
    for line in handle:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _entries(lines: list[dict[str, Any]]) -> list[Entry]:
    """The last state of each trial in a log."""
    found: dict[str, Entry] = {}
    for line in lines:
        trial = trial_from_json(line["trial"])
        task = Task(**line["task"])
        if "asked" in line:  # it was under way: its end is unknown
            # Optuna refuses a finished trial without a time of its end
            trial.state, trial.datetime_complete = TrialState.FAIL, trial.datetime_start
        found[line.get("asked") or line["finished"]] = Entry(trial=trial, task=task)
    return list(found.values())


def _task(task: Task) -> dict[str, object]:
    data = {"params": dict(task.params), "attrs": dict(task.attrs)}
    return data | {"trial_id": task.trial_id, "number": task.number}

"""What a worker has under way and has not stored yet, in a file of its own that outlives it.

A line is written before a trial is evaluated and another one when it is finished, without waiting for the
disk: that survives the death of the process, and costs microseconds. Whoever opens the folder next takes in
what the dead left: finished trials are stored, the one under way is tried once more.
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
"""Bytes above which a spool is rewritten although something in it is still to be stored."""


class RecoveryLog:
    """The spool of one worker, which holds it alone."""

    def __init__(self, folder: Path, name: str, owner: str) -> None:
        """`owner` tells the study and its storage; what another owner left is not ours to store."""
        self.path = folder / f"{name}.jsonl"
        self._file = _held(self.path)
        self._owner = owner
        self._kept: dict[str, bytes] = {}
        self._size = 0
        self._rewrite()

    def asked(self, key: str, trial: FrozenTrial, task: Task) -> None:
        """Note what is about to be evaluated."""
        self._line(key, {"asked": key, "trial": trial_to_json(trial), "task": _task(task)})

    def finished(self, key: str, entry: Entry) -> None:
        """Note a finished trial."""
        self._line(key, {"finished": key, "trial": trial_to_json(entry.trial), "task": _task(entry.task)})

    def stored(self, keys: set[str]) -> None:
        """Forget what is stored."""
        for key in keys:
            self._kept.pop(key, None)
        if not self._kept or self._size > LARGE:
            self._rewrite()

    def close(self) -> None:
        """Let go; the file stays when something in it is not stored."""
        if not self._kept:
            self.path.unlink(missing_ok=True)
        self._file.close()
        with suppress(OSError):  # others may have theirs there
            self.path.parent.rmdir()

    def _line(self, key: str, data: Mapping[str, Any]) -> None:
        line = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        self._kept[key] = line
        self._write(line)

    def _rewrite(self) -> None:
        self._file.truncate(0)
        self._size = 0
        head = json.dumps({"owner": self._owner}).encode() + b"\n"
        self._write(head + b"".join(self._kept.values()))

    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError:
            os.truncate(self.path, self._size)
            raise
        self._size += len(data)


def _held(path: Path) -> FileIO:
    """A new spool; another worker may remove the empty folder between our making it and our using it."""
    for _ in range(10):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            handle = hold(path)
            if handle is not None:
                return handle
    raise BlockingIOError(11, "another worker has this spool", str(path))


def left(path: Path, owner: str) -> tuple[FileIO, list[Entry]] | None:
    """What a dead worker left, held by us: finished trials, and as failed the one under way.

    None when its worker lives, or when it worked for another `owner`. Whoever has stored the entries removes
    the file and closes the handle.
    """
    handle = hold(path)
    if handle is None:
        return None
    handle.seek(0)
    lines = list(_lines(handle))
    if lines and lines[0].get("owner") != owner:
        handle.close()
        return None
    return handle, _entries(lines[1:])


def _lines(handle: FileIO) -> Iterator[dict[str, Any]]:
    """Whole lines; the last one may be torn."""
    for line in handle:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _entries(lines: list[dict[str, Any]]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for line in lines:
        trial = trial_from_json(line["trial"])
        task = Task(**line["task"])
        if "asked" in line:
            trial.state, trial.datetime_complete = TrialState.FAIL, trial.datetime_start  # nobody saw its end
        found[line.get("asked") or line["finished"]] = Entry(trial=trial, task=task)
    return list(found.values())


def _task(task: Task) -> dict[str, Any]:
    given = {"params": dict(task.params), "attrs": dict(task.attrs)}
    return given | {"trial_id": task.trial_id, "number": task.number}

"""What a dead worker left in its recovery log: every line is checked, and a damaged one hides no other."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from optuna.trial import TrialState

from dse.search.run.recovery_log import UNFINISHED
from dse.search.storage.locks import hold
from dse.search.storage.log_lines import LIMIT, too_deep
from dse.search.storage.optuna_private import check_whole
from dse.search.trials.trial_entries import Entry, Task
from dse.search.trials.trial_json import trial_from_json

_LOG = logging.getLogger("dse.recovery")
DAMAGED = ".damaged"
"""Ending of a log some of whose lines cannot be read: it is kept under this name, and not read again."""


@dataclass(frozen=True)
class Remains:
    """The recovery log of a dead worker, locked until what is in it is stored."""

    path: Path
    handle: FileIO
    entries: list[Entry]
    """Its finished trials, and as failed the one that was under way."""
    damaged: bool

    def remove(self) -> None:
        """Everything in it that can be read is stored."""
        if self.damaged:
            self.path.replace(self.path.with_name(self.path.name + DAMAGED))
        self.path.unlink(missing_ok=True)
        self.handle.close()

    def leave(self) -> None:
        """Leave it to the next run."""
        self.handle.close()


def recovered(path: Path, *owners: str) -> Remains | None:
    """The locked log of a dead worker; the caller stores its entries, then calls `remove`.

    None when its worker is alive, or when it worked for none of `owners`. Raises `OSError`, and
    `ResultsError` for a link that leads out of its folder.
    """
    handle = hold(path)
    if handle is None:
        return None
    try:
        # it was opened for appending
        handle.seek(0)
        lines = list(_lines(handle))
        head = _object(lines[0][1]) if lines else {}
        if lines and (head is None or head.get("owner") not in owners):
            if head is None:
                _LOG.warning("%s:1: expected the log of a worker, got another file; it is left", path)
            handle.close()
            return None
        entries, damaged = _entries(path, lines[1:])
    except BaseException:
        handle.close()
        raise
    return Remains(path, handle, entries, damaged)


def clear_unfinished(folder: Path) -> None:
    """Remove what workers left that were killed while they rewrote their logs; these are whole."""
    for path in folder.glob(f".*.jsonl.*{UNFINISHED}"):
        with suppress(OSError):
            handle = hold(path)
            # one that is locked is being written
            if handle is not None:
                path.unlink(missing_ok=True)
                handle.close()


def _lines(handle: FileIO) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the whole lines; the last one may be incomplete, after a kill or on a full disk."""
    with open(handle.fileno(), "rb", closefd=False) as file:
        number = 0
        while line := file.readline(LIMIT + 1):
            number += 1
            end = line[-1:]
            # of one that is too long no more is kept
            while end not in (b"\n", b""):
                end = file.readline(LIMIT)[-1:]
            if end == b"\n":
                yield number, line


def _object(line: bytes) -> dict[str, object] | None:
    """The object of a line; None for anything else."""
    if len(line) > LIMIT:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not too_deep(found) else None


def _entries(path: Path, lines: list[tuple[int, bytes]]) -> tuple[list[Entry], bool]:
    """The last state of each trial in a log, and whether a line was damaged."""
    found: dict[str, Entry] = {}
    damaged = False
    for number, line in lines:
        data = _object(line)
        try:
            if data is None:
                raise ValueError("no JSON object")
            key, entry = _entry(data)
        # whatever a line of another shape raises in Optuna
        except Exception as error:
            damaged = True
            _LOG.warning(
                "%s:%d: expected a trial, got %s; the line is left out, the others are recovered. "
                "The file is kept as %s",
                *(path, number, ascii(str(error))[1:61], path.name + DAMAGED),
            )
            continue
        found[key] = entry
    return list(found.values()), damaged


def _entry(data: Mapping[str, object]) -> tuple[str, Entry]:
    """Key and entry of a line; raises what Optuna raises for trials of another shape."""
    key, content, task = data.get("asked", data.get("finished")), data.get("trial"), data.get("task")
    if not (isinstance(key, str) and isinstance(content, dict)):
        raise ValueError("another shape")
    trial = trial_from_json(content)
    if "asked" in data:  # it was under way: its end is unknown
        # Optuna refuses a finished trial without a time of its end
        trial.state, trial.datetime_complete, trial.values = TrialState.FAIL, trial.datetime_start, None
    if not trial.state.is_finished():
        raise ValueError(f"the state {trial.state.name}")
    # as Optuna checks what it stores: values and parameters fit their kinds and ranges
    check_whole(trial)
    return key, Entry(trial=trial, task=_task(task))


def _task(data: object) -> Task:
    """The task in a line; raises `ValueError` for another shape."""
    names = {"params": dict, "attrs": dict, "trial_id": int | None, "number": int | None}
    if not isinstance(data, dict) or data.keys() != names.keys():
        raise ValueError("another task")
    for name, kind in names.items():
        if not isinstance(data[name], kind) or isinstance(data[name], bool):
            raise ValueError(f"another {name}")
    return Task(**data)

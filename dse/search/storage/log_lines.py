"""Lines of a journal, checked before Optuna applies them.

What is no line of a journal is left out, at its own place: the trials behind it keep their
numbers, and every process that reads the journal leaves out the same lines.
"""

import json
import logging
import re
from collections.abc import Callable
from typing import Final

from dse.search.storage.line_shapes import LineError, check_shape
from dse.search.storage.lost_rows import DAMAGED
from dse.search.storage.optuna_private import LogLine, lost_trial_line, no_line

LIMIT: Final = 16 << 20
"""Bytes of the longest line that is read; that of a trial has some thousands."""
DEPTH: Final = 64
"""Levels of nesting of the deepest line that is read; that of a question has less than ten."""
SHOWN: Final = 5
"""Damaged lines that a message names; the others are counted."""

_LOG = logging.getLogger("dse.storage")
_CREATES = re.compile(rb'"op_code"\s*:\s*4\b')
_OF_STUDY = re.compile(rb'"study_id"\s*:\s*(\d{1,9})\b')


class Damage:
    """The damaged lines of one journal, reported once each."""

    def __init__(self, name: Callable[[int], str]) -> None:
        """`name` gives the place of the line of that number, from 1."""
        self._name = name
        self._found: dict[int, str] = {}
        self._reported = 0

    def line(self, raw: bytes, number: int) -> LogLine:
        """The line of that number, or the substitute of a damaged one; raises `LineError` for the first."""
        try:
            return checked(raw)
        except LineError as error:
            # without a first line nothing says that this is a journal, and nothing behind it has a study
            if number == 1:
                raise
            self._found[number] = str(error)
            return _instead_of(raw, str(error))

    def missing(self, number: int) -> LogLine:
        """The substitute of a line that is not there any more; raises `LineError` for the first."""
        if number == 1:
            raise LineError("it is missing")
        self._found[number] = "it is missing"
        return no_line()

    def report(self, last: int) -> None:
        """Log what was found since the last call, with what is intact; `last` is the number of lines."""
        every = sorted(self._found)
        fresh, self._reported = every[self._reported :], len(every)
        for number in fresh[:SHOWN]:
            before = every.index(number)
            intact = (
                lines_told(number - 1 - before),
                lines_told(last - number - (len(every) - before - 1)),
            )
            _LOG.warning(
                "%s: expected a line of a journal, got %s; it is left out. "
                "What is intact is read: %s before it, %s after it",
                *(self._name(number), self._found[number], *intact),
            )
        if len(fresh) > SHOWN:
            _LOG.warning(
                "%s: %s more are damaged and left out", self._name(last), lines_told(len(fresh) - SHOWN)
            )


def lines_told(count: int) -> str:
    """A number of lines in words."""
    return f"{count:,} line{'' if count == 1 else 's'}"


def checked(raw: bytes) -> LogLine:
    """The line in `raw`, whose shape is that of its operation; raises `LineError`."""
    if len(raw) > LIMIT:
        raise LineError(f"more than {LIMIT >> 20} MiB")
    try:
        line = json.loads(raw)
    # of Unicode and of long integers too; nesting that is too deep is a `RecursionError`
    except (ValueError, RecursionError):
        raise LineError(f"no JSON: {_start(raw)}") from None
    if not isinstance(line, dict):
        raise LineError(f"no operation: {_start(raw)}")
    if too_deep(line):
        raise LineError(f"more than {DEPTH} levels of nesting")
    check_shape(line)
    return line


def _start(raw: bytes) -> str:
    """Where a line begins, as signs that a terminal shows."""
    return ascii(raw[:40].decode("utf-8", "replace"))


def too_deep(value: object, levels: int = DEPTH) -> bool:
    """Whether lists and objects are nested deeper than so many levels."""
    if isinstance(value, dict):
        return levels == 0 or any(too_deep(v, levels - 1) for v in value.values())
    if isinstance(value, list):
        return levels == 0 or any(too_deep(v, levels - 1) for v in value)
    return False


def _instead_of(raw: bytes, why: str) -> LogLine:
    """A trial that failed, for a line that made one, so that the numbers behind it stay; else nothing."""
    head = raw[:LIMIT]
    study = _OF_STUDY.search(head)
    if _CREATES.search(head) is None or study is None:
        return no_line()
    return lost_trial_line(int(study[1]), {DAMAGED: why})

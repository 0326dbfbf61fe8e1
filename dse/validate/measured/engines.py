"""Which stack profile an engine belongs to, by its name, its date and the class of its chip."""

import re
from typing import Final

from dse.spec.schema.pattern import SEEN
from dse.spec.schema.system import StackSpec

Match = tuple[int, str, str]
"""Letters of the engine's name that a profile recognises, and the last and first date that it holds for."""

NO_MATCH: Final[Match] = (0, "", "")
_FOREVER: Final = "9999"


def match(stack: StackSpec, chip_class: str, engine: str, date: str) -> Match:
    """How well `stack` fits an engine; the longer match is the better one, of two equal ones the newer.

    Newer is what ends later, and of those that end alike and know the version what begins later.

    An undated engine may be of any era, which leaves it to the newest profile that knows its name.
    """
    if stack.classes and chip_class not in stack.classes:
        return NO_MATCH
    if date and not _within(date, stack.since, stack.until):
        return NO_MATCH
    found = (re.search(pattern, engine[:SEEN], re.IGNORECASE) for pattern in stack.engines)
    longest = max((hit[0] for hit in found if hit), key=len, default="")
    if not longest:
        return NO_MATCH
    # a name without a version says nothing of what is newer
    versioned = any(letter.isdigit() for letter in longest)
    return len(longest), stack.until or _FOREVER, (stack.since or "") if versioned else ""


def _within(date: str, since: str | None, until: str | None) -> bool:
    """Whether `date` may be between two dates, each known to the year, the month or the day."""
    return (since or "") <= _last_day(date) and date <= _last_day(until or _FOREVER)


def _last_day(date: str) -> str:
    # completes a year or a month to its last day; ISO dates then compare as text
    return date + "-12-31"[len(date) - 4 :]

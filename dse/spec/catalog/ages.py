"""How old a sourced value is: the day that its date ends on, and the years since then."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date

from dse.spec.catalog.lookup import Source
from dse.spec.schema.base import Leaf

DAYS_PER_YEAR = 365.25


def date_of(leaf: Leaf, sources: Mapping[str, Source]) -> str:
    """Date of a value as its file has it: its own, else those of its sources, joined by a plus sign."""
    if leaf.date:
        return leaf.date
    # an unknown key is reported by `dse check`
    dates = [sources[key].date for key in leaf.source.split("+") if key in sources]
    return "+".join(dict.fromkeys(dates))


def last_day(text: str) -> date:
    """Last day of a year, month or day in ISO form; of a range or of several, that of the latest.

    >>> last_day("2024/2025-02")
    datetime.date(2025, 2, 28)
    >>> last_day("2023+2024-06-27")
    datetime.date(2024, 6, 27)
    """
    return max(_end(part) for part in text.replace("+", "/").split("/"))


def years_since(text: str, today: date) -> float:
    """Years from the last day of a date to `today`; 0 for a period that has not ended."""
    return max((today - last_day(text)).days, 0) / DAYS_PER_YEAR


def _end(part: str) -> date:
    """Last day of one year, month or day."""
    year, *rest = map(int, part.split("-"))
    month = rest[0] if rest else 12
    day = rest[1] if len(rest) > 1 else monthrange(year, month)[1]
    return date(year, month, day)

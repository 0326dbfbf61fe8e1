"""Designs that compute in another number format than the study requests: a mark in tables, a line below."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dse.chips.formats import COMPUTED
from dse.front.tables import Row
from dse.report.words.answer import Answer
from dse.spec.schema.formats import REST, multiplied, parts_of
from objectives.equations.chip.formats import native

MARK = "*"
_STORED = {"matrix": ("weights", "weights"), "attention": ("kv", "KV cache")}
"""Group of operators to the field of a precision that is stored, and what it is called."""


def other_formats(row: Row, precision: Mapping[str, str]) -> str:
    """What a design computes in another format than requested, as `fp8 weights computed in fp16`.

    Empty where it is as requested, where no design was found, and for rows that do not say.
    """
    found: dict[tuple[str, str], list[str]] = {}
    if row.get("found") is False:  # a target that nothing meets: its texts stand for no format
        return ""
    for column, group in COMPUTED.items():
        field, what = _STORED[group]
        used, asked = row.get(column), precision.get(field)
        if not isinstance(used, str) or asked is None:
            continue
        in_parts, stored = parts_of(used), multiplied(asked)
        for part, own in stored.items():
            # no matrix unit has a format of blocks: its native format is as requested
            if in_parts[part] not in (own, native(own)):
                found.setdefault((own, in_parts[part]), []).append(what if part == REST else part)
    return ", ".join(
        f"{asked} {' and '.join(what)} computed in {used}" for (asked, used), what in found.items()
    )


def marked(rows: Iterable[Row], precision: Mapping[str, str]) -> list[Row]:
    """Rows with a `mark` where they compute in another format than requested."""
    return [{**row, "mark": MARK if other_formats(row, precision) else ""} for row in rows]


def marked_answer(found: Answer, precision: Mapping[str, str]) -> Answer:
    """An answer whose best designs are marked."""
    return replace(found, best=tuple(marked(found.best, precision)))


def computed_lines(rows: Iterable[Row], precision: Mapping[str, str]) -> list[str]:
    """The lines below tables of `rows`: what is computed in another format, and by which chips."""
    # dictionaries as ordered sets: a chip is named once, in the order of the rows
    chips: dict[str, dict[str, None]] = {}
    for row in rows:
        if what := other_formats(row, precision):
            chips.setdefault(what, {})[str(row.get("chip"))] = None
    return [f"{MARK} {what}: {_some(list(names))}" for what, names in chips.items()]


_SHOWN = 6
"""Chips that a line names."""


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

"""A table of a page that sorts, filters and downloads; it can be read without any script too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dse.report.page.html import Child, Html, tag
from dse.report.words.quantities import NONE, Quantity, written


@dataclass(frozen=True)
class Cell:
    """What a cell shows and what it is sorted by."""

    shown: Child
    key: str | float | None
    """None is a gap, which sorts last."""


def cell(value: object, quantity: Quantity) -> Cell:
    """The cell of a plain value in SI."""
    if value is None:
        return Cell(NONE, None)
    # in Python a truth value is an integer
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell(str(value), str(value))
    number = float(value) * quantity.factor
    return Cell(written(number), number)


def table(
    identity: str,
    columns: Sequence[Quantity],
    rows: Sequence[Mapping[str, Cell]],
    *,
    caption: str,
    keys: Sequence[str] = (),
) -> Html:
    """A table with the columns of `columns`; `keys` names each row for scripts."""
    # by its keys: one gap or name among numbers leaves a column one of numbers
    numbers = {q.column for q in columns if any(isinstance(r[q.column].key, float) for r in rows)}
    head = [_head(q, q.column in numbers) for q in columns]
    body = [_row(columns, row, keys[i] if keys else None, numbers) for i, row in enumerate(rows)]
    made = tag(
        "table",
        tag("caption", caption, class_="quiet"),
        tag("thead", tag("tr", head)),
        tag("tbody", body),
        id=identity,
        class_="sortable",
    )
    # in the order of tabs, since a part that scrolls must be within reach of the keyboard
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _head(quantity: Quantity, number: bool) -> Html:
    return tag(
        "th",
        # a button, so that a heading can be pressed from the keyboard
        tag("button", quantity.title, type="button"),
        scope="col",
        class_="n" if number else None,
        data_column=quantity.column,
        aria_sort="none",
    )


def _row(columns: Sequence[Quantity], row: Mapping[str, Cell], key: str | None, numbers: set[str]) -> Html:
    """One row of the table; `key` names it for scripts."""
    cells = [
        tag(
            "td",
            row[q.column].shown,
            class_="n" if q.column in numbers else "wrap",
            data_v=_key(row[q.column]),
        )
        for q in columns
    ]
    return tag("tr", cells, data_key=key)


def _key(cell: Cell) -> str | None:
    # `repr` keeps every digit, so that sorting does not see rounded values
    return None if cell.key is None else repr(cell.key) if isinstance(cell.key, float) else str(cell.key)

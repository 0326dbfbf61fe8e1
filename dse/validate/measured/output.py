"""A table as it was given, with what was predicted for each line or why nothing was."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO

from dse.text import cell, from_cell
from dse.validate.measured.batches import Refusal
from dse.validate.measured.checks.doubts import by_row
from dse.validate.measured.predictions import Predicted, Prediction
from dse.validate.measured.row import Measured
from dse.validate.measured.rows import MeasuredTable

PREDICTED = ("predicted", "low", "high", "error", "reason")
"""Columns of a value, in the unit that the table states; `low` and `high` hold 80 %, `error` is predicted /
measured - 1."""
OF_LINE = ("stack", "own_stack", "remark")
"""Columns of a line. In a table with a column for each metric those above begin with its heading."""

Answer = Prediction | Refusal


def rows_csv(found: Predicted, table: MeasuredTable) -> str:
    """Every line of the table in its order with its own columns, and the added ones behind them.

    Where the table has a column of an added name, the added one begins with `dse_`.
    """
    answers: dict[tuple[int, str], Answer] = {(p.case.row.line, p.case.row.column): p for p in found.found}
    answers |= {(r.row.line, r.row.column): r for r in found.refused}
    remarks, raw = by_row(found.remarks), table.raw
    rows: dict[int, list[Measured]] = {}
    for row in table.rows:
        rows.setdefault(row.line, []).append(row)
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    # one line for each, so that lines of both files correspond; one cell, in which no formula can hide
    writer.writerows([_plain(above)] if above else [] for above in raw.above)
    headings = [raw.header[i] for i in raw.values]
    writer.writerow([*map(_plain, raw.header), *_names(raw.header, headings)])
    for line in raw.lines:
        if not line.cells:
            # a blank line stays one, so that lines of both files correspond
            buffer.write("\n")
            continue
        # a line that ends early is completed, cells beyond the header are dropped
        own = [*line.cells, *[""] * len(raw.header)][: len(raw.header)]
        mine = rows.get(line.number, [])
        found_here = {h: answers.get((line.number, h)) for h in headings or [""]}
        added = _line(found_here, mine, remarks, blank=not line.given)
        writer.writerow([*map(_plain, own), *added])
    return buffer.getvalue()


def _plain(text: str) -> str:
    # no spreadsheet computes what a stranger wrote; what we wrote before is not escaped twice
    return cell(from_cell(text))


def _names(header: Sequence[str], headings: Sequence[str]) -> Iterator[str]:
    """Names of the added columns."""
    taken = {name.strip().lower() for name in header}
    wide = [f"{heading.strip()}_{name}" for heading in headings for name in PREDICTED]
    for name in [*(wide or PREDICTED), *OF_LINE]:
        yield f"dse_{name}" if name.lower() in taken else name


def _line(
    answers: Mapping[str, Answer | None], rows: Sequence[Measured], remarks: Mapping[int, str], *, blank: bool
) -> Iterator[str]:
    """Cells that are added to a line, from the answer below each heading; `blank`: the line says nothing."""
    read = {row.column for row in rows}
    for heading, answer in answers.items():
        silent = "" if blank else "left out by --quality" if heading in read else "the value is blank"
        yield from _value(answer, silent)
    # all values of a line are of one chip and engine
    first = next((a for a in answers.values() if isinstance(a, Prediction)), None)
    yield first.case.stack.name if first else ""
    yield str(first.case.own_stack).lower() if first else ""
    told = dict.fromkeys(remarks[id(row)] for row in rows if id(row) in remarks)
    yield cell("; ".join(told))


def _value(answer: Answer | None, silent: str) -> tuple[str, ...]:
    """The cells of one value; `silent` is the reason of one that was not asked about."""
    if isinstance(answer, Prediction):
        unit = answer.case.row.unit
        shown = (answer.predicted, answer.low, answer.high)
        return (*("" if v is None else f"{v / unit:.6g}" for v in shown), f"{answer.error:.4f}", "")
    return "", "", "", "", cell(answer.reason if answer else silent)

"""Rows as a table for programs, each with what was predicted or why nothing was."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, fields
from io import StringIO

from dse.text import cells
from dse.validate.measured.batches import Refusal
from dse.validate.measured.predictions import Predicted, Prediction
from dse.validate.measured.rows import Measured

ADDED = ("predicted", "low", "high", "error", "stack", "own_stack", "reason")
"""Columns in addition to those of a row; `low` and `high` hold 80 %, `error` is predicted / measured - 1."""


_DOCUMENTED = {"run": "run_id", "source": "source_key", "chips": "n_chips", "kind": "batch_kind"}
"""Fields of a row that its table calls otherwise."""


def rows_csv(table: Predicted) -> str:
    """The whole table as CSV: predicted rows in their order, then those that could not be."""
    buffer = StringIO()
    names = [_DOCUMENTED.get(f.name, f.name) for f in fields(Measured)]
    writer = csv.DictWriter(buffer, fieldnames=[*names, *ADDED], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(cells, _lines(table)))
    return buffer.getvalue()


def _lines(table: Predicted) -> Iterator[dict[str, object]]:
    for p in table.found:
        yield _row(p.case.row) | _answer(p)
    for refusal in table.refused:
        yield _row(refusal.row) | _why(refusal)


def _row(row: Measured) -> dict[str, object]:
    return {_DOCUMENTED.get(name, name): value for name, value in asdict(row).items()}


def _answer(p: Prediction) -> dict[str, object]:
    shown = {name: None if v is None else f"{v:.6g}" for name, v in (("low", p.low), ("high", p.high))}
    return {
        "predicted": f"{p.predicted:.6g}",
        **shown,
        "error": f"{p.error:.4f}",
        "stack": p.case.stack.name,
        "own_stack": str(p.case.own_stack).lower(),
        "reason": "",
    }


def _why(refusal: Refusal) -> dict[str, object]:
    return {**dict.fromkeys(ADDED, ""), "reason": refusal.reason}

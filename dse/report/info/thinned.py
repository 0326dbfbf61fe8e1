"""A front with as many designs as a page or a picture can hold, the answers among them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dse.front.files import Front
from dse.front.tables import Row, Table
from dse.report.words.answer import Answer

MOST = 2_000
"""Designs of a front, and as many of its baselines, that a page shows; each takes up to 16 kB of a page."""
_DESIGN = ("chip", "batch", "tp", "cp", "pp", "dp", "tpot_s")


def thinned(front: Front, answer: Answer) -> tuple[Front, str]:
    """The front with at most `MOST` rows of each table and those of `answer`, and what is left out, in words.

    Rows are spread evenly over the table, both ends among them. The text is empty where all are there.
    """
    tables = (front.frame, front.baselines, front.at_targets)
    if all(len(table) <= MOST for table in tables):
        return front, ""
    wanted = [*answer.best, *(row for rows in answer.rivals.values() for row in rows)]
    few = [_few(table, wanted) for table in tables]
    text = "; ".join(
        f"{len(part):,} of {len(table):,} {what} are shown here, spread evenly"
        for part, table, what in zip(few, tables, ("designs", "baselines", "designs at targets"), strict=True)
        if len(part) < len(table)
    )
    shown = replace(front, frame=few[0], baselines=few[1], at_targets=few[2])
    return shown, f"{text}; the best are chosen from all, and `dse front --format csv` has all"


def _few(table: Table, wanted: Iterable[Row]) -> Table:
    if len(table) <= MOST:
        return table
    kept = np.zeros(len(table), dtype=np.bool_)
    kept[np.linspace(0, len(table) - 1, MOST).round().astype(int)] = True
    known = [name for name in _DESIGN if name in table.columns]
    best = {tuple(row.get(name) for name in known) for row in wanted}
    columns = [table[name].tolist() for name in known]
    kept |= np.fromiter((cells in best for cells in zip(*columns, strict=True)), np.bool_, len(table))
    return table[kept].reset_index(drop=True)

"""The same rows under AIConfigurator, the one peer with measured kernels: `aiconfigurator.csv`.

The table holds what version 0.12.0 predicts (2026-12-01, `cli_estimate`), a run and a metric a line: of all
rows of quality A and B of the stacks `trtllm-serve`, `vllm-2025` and `sglang` on chips and LLMs that it
knows. Each run is one call: its lengths, layout, batch of a replica, weights and KV format as `dse validate`
reads them; mode `agg` in a closed loop, `static` with a fixed batch; the default release of its kernels, and
all else as its defaults are. Where its database lacks a shape, its mode HYBRID fills the gap. Rows of its own
repository (`aiconfigurator-silicon`) are among them: it may have seen them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dse.calibrate.accuracy import FITTED, Unseen
from dse.pages.accuracy.scores import NAMES, grouped, layout_of, of, score
from dse.pages.accuracy.tables import Rows, percent, table
from dse.validate.own_table import number, read_table

RIVALS: Final = Path(__file__).with_name("aiconfigurator.csv")
RIVAL: Final = "AIConfigurator"
OWN: Final = "aiconfigurator-silicon"
"""Source of the rows that it publishes itself."""

Said = Mapping[tuple[str, str], float]
"""Run and metric of a row to what is predicted, in the unit of the metric."""


def said() -> Said:
    """Every line of the table."""
    return dict(read_table(RIVALS, lambda row: ((row["run_id"], row["metric"]), number(row, "predicted"))))


def rival(rows: Iterable[Unseen], found: Said) -> list[Unseen]:
    """The rows that the table has, with its errors."""
    out = []
    for u in rows:
        measured = u.case.row
        if (predicted := found.get((measured.run, measured.metric))) is not None:
            sign = -1.0 if measured.metric == "tok_s_user" else 1.0
            error = sign * float(np.log(predicted / measured.value))
            out.append(Unseen(case=u.case, grouping=RIVAL, error=error))
    return out


def same_rows(rows: Rows, found: Said) -> str:
    """Errors of the peer and of ours on the same rows, by metric and layout, and without its own rows."""
    theirs = rival(rows[FITTED], found)
    columns = {RIVAL: theirs, **{g: _among(rows[g], found) for g in (FITTED, "source")}}
    lines = []
    for metric, name in NAMES.items():
        parts = {who: grouped(of(mine, metric), layout_of) for who, mine in columns.items()}
        lines += [
            [name, layout, *_errors([by.get(layout, []) for by in parts.values()])]
            for layout in sorted(parts[RIVAL])
        ]
        strange = [[u for u in of(mine, metric) if u.case.row.source != OWN] for mine in columns.values()]
        if strange[0]:
            lines.append([name, "all but its own rows", *_errors(strange)])
    heads = (RIVAL, FITTED, "source left out")
    return table(["metric", "rows", "n", *(f"{h}: median, p90" for h in heads)], lines)


def _among(rows: Iterable[Unseen], found: Said) -> list[Unseen]:
    return [u for u in rows if (u.case.row.run, u.case.row.metric) in found]


def _errors(columns: Sequence[Sequence[Unseen]]) -> list[str]:
    """How many rows, then median and 90th percentile of each."""
    scores = [score(rows) for rows in columns]
    return [str(len(columns[0])), *(f"{percent(s.median)}, {percent(s.p90)}" if s else "-" for s in scores)]

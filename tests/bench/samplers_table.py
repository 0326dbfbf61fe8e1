"""The tables of dse/docs/samplers.md, from the lines of `samplers.py`.

Run it as a program: `python tests/bench/samplers_table.py *.jsonl`.

A share is that of the exact hypervolume on a logarithmic scale; each cell has the median and, in brackets,
the worst of the seeds. Where nobody has swept a question, all fronts together stand for the exact one.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from samplers import JUDGED

from dse.front.axis import Axis
from dse.front.dominance import hypervolume, log_hypervolume

CHECKPOINTS = (100, 300, 1000)
GOOD = 0.99
ORDER = ("pareto", "tpe", "gp", "tpe, univariate", "nsga2", "nsga3", "qmc", "random")
Rows = list[dict[str, Any]]


def share_at(row: dict[str, Any], trials: int, whole: float) -> float:
    """Share of the exact volume after so many trials, or at the end of a run that had no more time."""
    return float(max(v for n, _, _, v in row["trace"] if n <= trials) / whole)


def reached(row: dict[str, Any], whole: float, place: int) -> float | None:
    """Trials (place 0) or seconds of the processor (1) until the share was good; None if it never was."""
    return next((float(t[place]) for t in row["trace"] if t[3] >= GOOD * whole), None)


def shares(values: Iterable[float]) -> str:
    """Median and worst in per cent."""
    found = sorted(values)
    return f"{100 * median(found):.1f} ({100 * found[0]:.1f})"


def costs(values: Iterable[float | None], digits: int) -> str:
    """Median and worst, where every seed got there; else how many did."""
    found = list(values)
    good = sorted(v for v in found if v is not None)
    if len(good) < len(found):
        return f"{len(good)} of {len(found)} did" if good else "never"
    return f"{median(good):.{digits}f} ({good[-1]:.{digits}f})"


def line(rows: Rows, linear: float, whole: float) -> list[str]:
    """Cells of one sampler."""
    done = [row["trace"][-1][0] for row in rows]
    marks = "" if min(done) >= CHECKPOINTS[-1] else f" at {min(done)}"
    cells = [shares(share_at(row, n, whole) for row in rows) for n in CHECKPOINTS]
    cells[-1] += marks
    return [
        *cells,
        shares(max(t[2] for t in row["trace"]) / linear for row in rows),
        costs((reached(row, whole, 0) for row in rows), 0),
        costs((reached(row, whole, 1) for row in rows), 1),
        f"{median(row['trace'][-1][1] for row in rows):.0f}",
        str(len(rows)),
    ]


def table(question: str, groups: dict[tuple[str, str], Rows], linear: float, whole: float) -> str:
    """The table of one question."""
    head = ["sampler", "real chips first", *(f"{n:,} trials" for n in CHECKPOINTS), "linear, at the end",
            "trials to 99 %", "s to 99 %", "s in all", "seeds"]  # fmt: skip
    lines = [f"### {question}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for sampler in ORDER:
        for first in ("with", "without"):
            if rows := groups.get((sampler, first)):
                cells = [sampler, "yes" if first == "with" else "no", *line(rows, linear, whole)]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def together(groups: Iterable[Rows], worst: dict[str, float]) -> tuple[float, float]:
    """Both hypervolumes of the best of all runs of a question, every objective of it minimised."""
    costs = np.concatenate([np.asarray(row["front"]) for rows in groups for row in rows if row["front"]])
    axes = [Axis(name, "", "", "", "minimize") for name in worst]
    logs = log_hypervolume(costs, axes, worst)
    assert logs is not None
    return hypervolume(costs, axes, worst), logs


def main() -> None:
    """Print a table for each question whose exact front is known or stood for."""
    every = [json.loads(text) for name in sys.argv[1:] for text in Path(name).read_text().splitlines()]
    whole = {row["question"]: row["truth"] for row in every if "truth" in row}
    groups: dict[str, dict[tuple[str, str], Rows]] = defaultdict(lambda: defaultdict(list))
    for row in every:
        if "trace" in row:
            groups[row["question"]][row["sampler"], row["first"]].append(row)
    for question, found in groups.items():
        if question not in whole:
            whole[question] = together(found.values(), JUDGED[question])
        print(table(question, found, *whole[question]), end="\n\n")


if __name__ == "__main__":
    main()

"""Tables of errors: fitted rows next to rows left out, by what they have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from dse.calibrate.accuracy import FITTED, LEFT_OUT, Unseen
from dse.pages.accuracy.scores import LAYOUTS, NAMES, Score, grouped, layout_of, of, score
from dse.validate.measured.batches import Case

Rows = Mapping[str, Sequence[Unseen]]
"""Rows by what was left out."""

HOLDS: Final = (0.70, 0.90)
"""Shares of rows inside an 80 % interval that are as good as 80 %."""


def compared(
    rows: Rows, heading: str, key: Callable[[Case], str], without: str, metrics: Iterable[str] = NAMES
) -> str:
    """Errors by metric and `key`: of rows as fitted, and of the same rows with `without` left out."""
    lines = []
    for metric in metrics:
        fitted, unseen = (grouped(of(rows[name], metric), key) for name in (FITTED, without))
        lines += [
            # the same rows are in both halves, so they are counted once
            [NAMES[metric], name, *_cells(score(mine)), *_cells(score(unseen.get(name, [])))[1:]]
            for name, mine in sorted(fitted.items())
        ]
    heads = ["n", "median", "p90", "bias", "inside"]
    return table(["metric", heading, *heads, *(f"{h}, {without} left out" for h in heads[1:])], lines)


def left_out(rows: Rows) -> str:
    """Errors of rows left out, one line a grouping and metric."""
    lines = []
    for grouping in LEFT_OUT:
        for metric, name in NAMES.items():
            if (found := score(of(rows[grouping], metric))) is not None:
                lines.append([grouping, name, *_cells(found)])
    return table(["left out", "metric", "n", "median", "p90", "bias", "inside"], lines)


def intervals(rows: Rows) -> str:
    """Share of rows left out inside their interval, and how many, by grouping, metric and layout."""
    lines = []
    for grouping in LEFT_OUT:
        for metric, name in NAMES.items():
            mine = of(rows[grouping], metric)
            layouts = grouped(mine, layout_of)
            shares = [_share(layouts.get(layout, [])) for layout in LAYOUTS]
            lines.append([grouping, name, _share(mine), *shares])
    return table(["left out", "metric", "all", *LAYOUTS], lines)


def _share(rows: Sequence[Unseen]) -> str:
    """Share inside, and of how many rows."""
    found = score(rows)
    return "-" if found is None else f"{percent(found.inside)} of {found.n}"


def _cells(found: Score | None) -> list[str]:
    if found is None:
        return ["-"] * 5
    return [
        str(found.n),
        percent(found.median),
        percent(found.p90),
        f"{found.bias:+.1%}",
        percent(found.inside),
    ]


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def percent(value: float | None) -> str:
    """A share, or from ten on a factor, which is easier to read."""
    if value is None:
        return "-"
    return f"{value:.1%}" if value < 10 else f"x {1 + value:.0f}"

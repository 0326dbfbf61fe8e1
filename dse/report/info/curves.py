"""The front of each baseline chip and the edge of what a set of designs reaches, in the units shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.front.axis import Axis
from dse.front.dominance import Mask, nondominated
from dse.front.tables import Column, Index, Table, stack
from dse.plugins import interval_of
from dse.report.drawing.scales import Scale
from dse.report.drawing.style import DASHES, Dashes, Style

Axes = tuple[Axis, Axis]
Order = npt.NDArray[np.intp]
Scales = tuple[Scale, Scale]
Intervals = Mapping[str, Mapping[str, float]]
"""Chip to the factors up and down that its stack is known to, by metric (tpot, ttft, throughput)."""


@dataclass(frozen=True, eq=False)
class Curve:
    """All deployments of one baseline chip that none of its others dominates on the two axes shown."""

    label: str
    style: Style
    dashes: Dashes
    """How its line is broken, different from the lines of the other chips."""
    x: Floats
    """From best to worst (n,), n >= 1."""
    y: Floats
    rows: tuple[int, ...]
    """Number of each point's row among the baselines (n,)."""
    within: tuple[Floats, Floats]
    """Factor up and down of each point on both axes (n,); NaN where it is unknown."""
    steps: tuple[Floats, Floats]
    """Corners (m,) of the staircase through the points; its ends are the first and the last point."""

    @property
    def ends(self) -> tuple[tuple[float, float], ...]:
        """Where its name may be: the last point, and the first one where that is another."""
        points = [(float(self.x[i]), float(self.y[i])) for i in (-1, 0)]
        return tuple(dict.fromkeys(points))


def known(table: Table, axes: Axes) -> Table:
    """Rows that have a number on each of the axes."""
    columns = [axis.column for axis in axes]
    if not set(columns) <= set(table.columns):
        # a table of another version may lack an axis: it then shows nothing
        return Table({name: Column(dtype="float64") for name in columns})
    finite: Mask = np.isfinite(table[columns].to_numpy(dtype=np.float64)).all(axis=1)
    return table.loc[finite]


def xy(table: Table, axes: Axes, scales: Scales) -> tuple[Floats, Floats]:
    """Coordinates (n,) of the rows, in the units shown."""
    x, y = (
        table[axis.column].to_numpy(dtype=np.float64) * scale.factor
        for axis, scale in zip(axes, scales, strict=True)
    )
    return x, y


def drawn(table: Table, axes: Axes) -> Table:
    """Each chip's own front on `axes`: of its feasible rows where it has any, else of all."""
    rows = [_best(group, axes) for _, group in _by_chip(table)]
    if not rows:
        return table
    made = stack(rows)
    made.index = Index([i for part in rows for i in part.index])  # a row keeps the number it had
    return made


def _best(rows: Table, axes: Axes) -> Table:
    # a chip that nothing fits on is drawn all the same, and called infeasible
    fit = rows[_feasible(rows)]
    rows = fit if len(fit) else rows
    return rows[nondominated(rows[[axis.column for axis in axes]].to_numpy(dtype=np.float64), axes)]


def _by_chip(table: Table) -> list[tuple[str, Table]]:
    """Rows of each chip, in the order in which the chips first appear."""
    chip = table["chip"].fillna("baseline") if "chip" in table else Column("baseline", table.index)
    return [(str(name), rows) for name, rows in table.groupby(chip.astype(str), sort=False)]


def staircase(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Corners (2n - 1,) through points in order: each step is as bad as its worse neighbour, never better."""
    if not x.size:
        return x, y
    # the next place across is taken at the height of the point before, and only then the new height
    across = np.concatenate([[x[0]], np.repeat(x[1:], 2)])
    up = np.concatenate([np.repeat(y[:-1], 2), [y[-1]]])
    return across, up


def edge(table: Table, axes: Axes, scales: Scales) -> tuple[Floats, Floats]:
    """The staircase of `table`, carried on to the bad end of both axes; empty for an empty table."""
    # a front of more objectives: on two of them some of it is dominated
    keep = nondominated(table[[axis.column for axis in axes]].to_numpy(dtype=np.float64), axes)
    x, y, _ = _in_order(table[keep], axes, scales)
    if not x.size:
        return x, y
    across, up = staircase(x, y)
    return (
        np.concatenate([x[:1], across, [scales[0].worst]]),
        np.concatenate([[scales[1].worst], up, y[-1:]]),
    )


def curves(
    table: Table, axes: Axes, scales: Scales, looks: Mapping[str, Style], intervals: Intervals
) -> tuple[Curve, ...]:
    """One curve for each chip of a `drawn` table; a chip without a feasible deployment says so."""
    out = []
    for i, (name, rows) in enumerate(_by_chip(table)):
        x, y, order = _in_order(rows, axes, scales)
        numbers = tuple(int(i) for i in rows.index[order])
        label = f"{name}{'' if _feasible(rows).any() else ' (infeasible)'}"
        spread = within(rows, axes, intervals)  # one chip, one stack: the same for all of its rows
        style, dashes = looks[_branch(rows)], DASHES[i % len(DASHES)]
        out.append(Curve(label, style, dashes, x, y, numbers, spread, staircase(x, y)))
    return tuple(out)


def within(table: Table, axes: Axes, intervals: Intervals) -> tuple[Floats, Floats]:
    """Factor up and down of each row on both axes (n,); NaN where it is unknown."""
    chips = [str(chip) for chip in table["chip"]] if "chip" in table else [""] * len(table)
    x, y = (
        np.array([intervals.get(chip, {}).get(interval_of(axis.column), np.nan) for chip in chips])
        for axis in axes
    )
    return x, y


def _in_order(table: Table, axes: Axes, scales: Scales) -> tuple[Floats, Floats, Order]:
    """Coordinates (n,) of the rows from best to worst across, and that order."""
    x, y = xy(table, axes, scales)
    order = np.argsort(-x if scales[0].maximised else x)
    return x[order], y[order], order


def _feasible(rows: Table) -> Mask:
    violations = [c for c in rows.columns if c.startswith("violation_")]
    # a gap is a constraint that the row did not have, and compares false
    missed = rows[violations].to_numpy(dtype=np.float64) > 0
    return ~np.asarray(missed.any(axis=1), dtype=np.bool_)


def _branch(rows: Table) -> str:
    named = list(rows["branch"].dropna()) if "branch" in rows else []
    return str(named[0]) if named else ""

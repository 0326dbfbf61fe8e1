"""The answers of the cases of a study side by side: what wins at each target, case by case."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.front.axis import Axis, axis_named
from dse.front.files import Front
from dse.front.query import best_at_targets
from dse.front.tables import Table, stack
from dse.report.drawing.scales import Scale, scale_of
from dse.report.drawing.style import Style, styles
from dse.report.info.curves import Axes, edge, known, xy
from dse.report.words.answer import goal_of, ranked, tolerance_of


@dataclass(frozen=True)
class Winner:
    """The best design of a case at one target."""

    design: str
    """Kind of chip, or its name where it is a chip that exists."""
    value: float
    """Of the objective, in SI."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The designs of one case, in the units shown, and the staircase of the best of them."""

    title: str
    groups: tuple[tuple[Style, Floats, Floats], ...]
    """Designs by kind of chip: how they look, across, up."""
    steps: tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class CasesInfo:
    """Words and numbers of a comparison of cases."""

    goal: Axis
    target: Axis
    limits: tuple[float, ...]
    """Targets in SI, the tightest first."""
    names: tuple[str, ...]
    winners: tuple[tuple[Winner | None, ...], ...]
    """For each case and target the winner; None where nothing meets the target."""
    x: Scale
    y: Scale
    panels: tuple[Panel, ...]


def cases_info(fronts: Sequence[tuple[str, Front]]) -> CasesInfo:
    """Compare `fronts`, each with its short title, on the goal and under the targets of the first.

    All of them need the two metrics among their columns; where nothing has targets there are no winners.
    """
    first = fronts[0][1]
    target, limits = _targets(first)
    goal = goal_of(first, target.name)
    axes = (target, goal)
    # a case may have designs without one of the two metrics
    tables = [known(_shown(front), axes) for _, front in fronts]
    # one scale over all cases, so that panels can be compared by eye
    scales = (
        scale_of(target, [t[target.column].to_numpy(dtype=np.float64) for t in tables], None),
        scale_of(goal, [t[goal.column].to_numpy(dtype=np.float64) for t in tables], None),
    )
    # over all cases, so that a kind looks alike in every panel
    looks = styles({str(b) for t in tables if "branch" in t for b in t["branch"].dropna()})
    return CasesInfo(
        goal=goal,
        target=target,
        limits=tuple(sorted(limits, reverse=target.maximised)),
        names=tuple(title for title, _ in fronts),
        winners=tuple(_winners(front, axes, limits) for _, front in fronts),
        x=scales[0],
        y=scales[1],
        panels=tuple(
            Panel(title, _groups(table, axes, scales, looks), edge(table, axes, scales))
            for (title, _), table in zip(fronts, tables, strict=True)
        ),
    )


def _shown(front: Front) -> Table:
    """Designs of a panel: the front, and those that the winners are chosen from.

    A case with other objectives has a front on these; what wins at a latency target need not be on it.
    """
    every: Table = stack([front.frame, ranked(front)]).drop_duplicates(ignore_index=True)
    return every


def _targets(front: Front) -> tuple[Axis, list[float]]:
    """The axis that has targets, and they; the second axis and none where no objective has any."""
    for name, limits in front.manifest["targets"].items():
        if name in {axis.name for axis in front.axes}:
            return axis_named(front.axes, name), list(limits)
    return front.axes[1], []


def _winners(front: Front, axes: Axes, limits: list[float]) -> tuple[Winner | None, ...]:
    """The best design of a case at each limit; None where nothing meets it."""
    target, goal = axes
    # not the front alone: without a barred chip others may be the best
    table = known(ranked(front), axes)
    if not len(table):
        return tuple(None for _ in limits)
    best = best_at_targets(table, target, limits, goal, tolerance_of(front))
    return tuple(
        Winner(str(row["chip"] if row["role"] == "baseline" else row["branch"]), float(row[goal.column]))
        if row["found"]
        else None
        for _, row in best.iterrows()
    )


def _groups(
    table: Table, axes: Axes, scales: tuple[Scale, Scale], looks: dict[str, Style]
) -> tuple[tuple[Style, Floats, Floats], ...]:
    if "branch" not in table:
        return ()
    return tuple(
        (style, *xy(rows, axes, scales))
        for name, style in looks.items()
        if len(rows := table[table["branch"] == name])
    )

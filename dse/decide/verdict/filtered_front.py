"""A stored front under conditions: its trials are evaluated again with the conditions as targets.

A front holds what nothing dominates in its objectives. A condition on anything else may need designs that it
does not hold, so that selecting its rows would give worse answers than exist.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import Literal

import numpy as np

from dse.choose.rule import Limits, merged
from dse.decide.verdict.reevaluated_front import points_of_front
from dse.errors import SpecError
from dse.evaluate.batch import DesignBatch, axes_of, axis_of
from dse.evaluate.stored_rows import check_rows
from dse.front.archive import Archive
from dse.front.axis import Axis
from dse.front.files import Front
from dse.front.query import SAME, Condition, conditions, where
from dse.front.tables import Table, stack
from dse.plugins import metric_objectives
from dse.question.resolved_study import ResolvedStudy
from dse.question.targets import Target
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.manifest import targets_of
from dse.search.trials.read_trials import Trials, finished
from dse.search.trials.replay import catalog_points, replay
from objectives import api
from objectives.arrays import Array


def named_axes(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Axes of a front and all other metrics of its columns, so that conditions may name them."""
    own = {axis.name for axis in axes}
    return (*axes, *(axis_of(goal) for goal in metric_objectives() if goal.name not in own))


class ChipsOfSystem:
    """The number of chips as something to bound."""

    name: str = "chips"
    label: str = "chips"
    unit: str = ""
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: api.Metrics, context: api.Context) -> Array:  # noqa: ARG002 - as of all
        """Chips of all replicas [1]."""
        return metrics.chips


@dataclass(frozen=True, kw_only=True)
class Filtered:
    """A front under conditions."""

    front: Front
    exact: bool
    """Whether all stored trials were evaluated again; else only the chips of the front were."""


def plain(front: Front, text: str) -> bool:
    """Whether `text` bounds nothing but objectives of the front, from their bad side: its rows are enough."""
    own = {a.name: a.direction for a in front.axes} | {a.column: a.direction for a in front.axes}
    return all(c.name in own and c.bounds(own[c.name]) for c in conditions(text))


def filtered(study: ResolvedStudy, front: Front, text: str, trials: Trials) -> Filtered:
    """The designs of all stored chips that meet `text`, with deployments chosen again.

    Raises `SpecError` for wrong conditions, and for rows that are no designs of the study.
    """
    for table in (front.frame, front.baselines):
        check_rows(study, table)
    limits, rest = _split(text, study)
    bounded = _bounded(study, limits)
    done = finished(trials)
    axes, archive = axes_of(bounded), Archive(axes_of(bounded))
    # the trials know chips that no longer appear on the front, and a condition may bring them back
    for points in replay(bounded, done) if done else points_of_front(bounded, front):
        _add(archive, points, rest)
    real = []
    # baselines keep the number that the stored tables give them
    known = {str(r): int(t) for r, t in _trials_of(front)}
    for name in sorted(bounded.baselines):
        own, points = Archive(axes), catalog_points(bounded, name, [known.get(name, -1)])
        # where there are trials, those of baselines were replayed above
        for kept in (own,) if done else (own, archive):
            _add(kept, points, rest)
        real.append(own.frame)
    frame, baselines = archive.frame, stack(real)
    # at the targets of the question; the conditions are among the limits of `bounded`
    solved = solved_at_targets(bounded, frame, baselines, targets_of(study))
    if rest and len(solved):
        solved = _meeting(solved, rest, axes)
    result = replace(front, frame=frame, baselines=baselines, at_targets=solved)
    return Filtered(front=result, exact=bool(done))


def _trials_of(front: Front) -> Iterator[tuple[object, int]]:
    for table in (front.frame, front.baselines):
        if len(table):
            yield from zip(table["chip"], table["trial"], strict=True)


def _add(archive: Archive, points: DesignBatch, rest: str) -> None:
    """Offer those designs that meet the conditions which are no targets."""
    feasible = points.feasible
    if rest and feasible.any():
        some = np.flatnonzero(feasible)
        # conditions select rows of a table; `_at` leads back from them to the designs
        kept = _meeting(points.rows(some).assign(_at=some), rest, archive.axes)
        # a new array: that of the batch is cached
        feasible = np.zeros(feasible.shape, dtype=np.bool_)
        feasible[kept["_at"].to_numpy()] = True
    archive.add(points.values, feasible, points.rows, points.ranks)


def _meeting(rows: Table, rest: str, axes: Sequence[Axis]) -> Table:
    """Rows that meet conditions; of chips that lack a column of them, such as a parameter, none do."""
    try:
        return where(rows, rest, named_axes(axes))
    except SpecError:
        return rows.iloc[:0]


def _split(text: str, study: ResolvedStudy) -> tuple[Limits, str]:
    """Conditions that bound a metric from its bad side, as limits; and the text of the others."""
    by_name: dict[str, api.Objective] = {"chips": ChipsOfSystem()}
    # a metric goes by its name and by its column; an objective of the front replaces a metric of its name
    for each in (*metric_objectives(), *study.objectives):
        by_name |= {each.name: each, axis_of(each).column: each}
    limits, rest = [], []
    for c in conditions(text):
        goal = by_name.get(c.name)
        # bounded from its good side, as in tpot>=10ms, a metric has no target: the rows are filtered
        if goal is None or not c.bounds(goal.direction):
            rest.append(c.text)
        else:
            limits.append((goal, _limit(c, goal)))
    return tuple(limits), " and ".join(rest)


def _limit(c: Condition, goal: api.Objective) -> float:
    value = c.number(goal.unit)
    bad = inf if goal.direction == "minimize" else -inf
    if c.operator in ("<", ">"):
        # targets include their limit, so a strict bound is the next number
        return nextafter(value, -bad)
    # a limit that a person typed holds within rounding, as where rows are compared with it
    return value + abs(value) * SAME * (1.0 if bad > 0 else -1.0)


def _bounded(study: ResolvedStudy, limits: Limits) -> ResolvedStudy:
    """The study with `limits` among its targets, and among those of every part of a mix."""

    def tighter(own: Limits) -> tuple[Target, ...]:
        return tuple(Target(objective=goal, limit=limit) for goal, limit in merged(own, limits))

    members = tuple(replace(m, targets=tighter(m.limits)) for m in study.members)
    return replace(study, targets=tighter(study.limits), members=members)

"""Which of some deployments is the best: the one rule that every verb chooses by.

1. A deployment that fits comes before one that does not, and one that meets every target before one that
   misses any. Where none fits, the one that misses by least is taken; where some fit and none meets the
   targets, the one of these that misses them by least.
2. Of those left the one with the best goal is taken. Of the systems within a tolerance of it the smallest is
   taken, which has the fewest chips; of equally small ones the one with the better goal.

A front keeps every non-dominated design whatever the tolerance is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose.confidence import AtConfidence
from objectives import api
from objectives.arrays import Array, namespace

Ints = npt.NDArray[np.intp]
Limits = tuple[tuple[api.Objective, float], ...]
"""Objectives and the worst value of each that is accepted, in SI."""

TOLERANCE = 0.01
"""Share of the best goal within which the smallest system is taken [1].

The narrowest 80 % interval of a calibrated stack is 9 % either way, so a hundredth is no difference that a
prediction can resolve, while without it a search buys ten times the chips to smooth the rounding of a layout.
"""

_HARD = np.finfo(np.float64).max
_NEVER = {"context_parallel": 1e-9}
"""Scales of constraints that no other one outweighs: such a layout is no candidate, however little fits."""


def merged(*groups: Limits) -> Limits:
    """All limits together; of two on one objective, met with one probability, the tighter one binds."""
    found: dict[tuple[str, float | None], tuple[api.Objective, float]] = {}
    for goal, limit in (pair for group in groups for pair in group):
        tighter = min if goal.direction == "minimize" else max
        # a limit on the estimate and one with a margin do not compare: both bind
        key = goal.name, goal.confidence if isinstance(goal, AtConfidence) else None
        found[key] = (goal, tighter(limit, found[key][1]) if key in found else limit)
    return tuple(found.values())


def late(metrics: api.Metrics, context: api.Context, limits: Limits) -> dict[str, Array]:
    """How far each limit is missed, in the unit of its objective; met where <= 0."""
    found: dict[str, Array] = {}
    for goal, limit in limits:
        missed = api.violation(goal, goal.value(metrics, context), limit)
        # of two limits on one objective the one that is missed by more
        found[goal.name] = _larger(found[goal.name], missed) if goal.name in found else missed
    return found


def violations(metrics: api.Metrics, context: api.Context, limits: Limits) -> dict[str, Array]:
    """Every named constraint and every limit, each in its own unit, feasible where <= 0.

    A constraint and a limit of one name are one condition: the larger violation counts.
    """
    found = dict(metrics.violations)
    for name, missed in late(metrics, context, limits).items():
        found[name] = _larger(found[name], missed) if name in found else missed
    return found


def _larger(a: Array, b: Array) -> Array:
    xp = namespace(a, b)
    return xp.where(a > b, a, b)


def cost_of(goal: api.Objective, value: Array) -> Array:
    """A goal as something to be made small: itself, or its negative where it is maximised."""
    return value if goal.direction == "minimize" else -value


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Deployments of some chips, judged; every array of shape (deployments, chips)."""

    cost: Floats
    """The goal, smaller is better."""
    size: Floats
    """Chips of the system [1]."""
    unfit: Floats
    """How far constraints are missed, 0 where a deployment fits [1]."""
    late: Floats
    """How far limits are missed, each relative to itself, 0 where all are met [1]."""

    @property
    def feasible(self) -> npt.NDArray[np.bool_]:
        """True where a deployment fits and meets every limit."""
        return (self.unfit <= 0.0) & (self.late <= 0.0)

    def joined(self, other: "Judged") -> "Judged":
        """The deployments of both, those of `other` behind."""
        names = ("cost", "size", "unfit", "late")
        return Judged(**{n: np.concatenate([getattr(self, n), getattr(other, n)]) for n in names})


def judged(
    metrics: api.Metrics,
    context: api.Context,
    goal: api.Objective,
    limits: Limits,
    shape: tuple[int, ...],
    chips: int | None = None,
) -> Judged:
    """Metrics of designs of `shape`, judged by one goal under `limits`.

    The last axis of the shape is that of the chips; with `chips` of 1 everything belongs to one choice.
    """
    (found,) = judged_each(metrics, context, goal, [limits], shape, chips)
    return found


def judged_each(
    metrics: api.Metrics,
    context: api.Context,
    goal: api.Objective,
    limits: Sequence[Limits],
    shape: tuple[int, ...],
    chips: int | None = None,
) -> Iterator[Judged]:
    """As `judged`, under each of some limits; what they share is worked out once."""
    # chips are the last axis; all others are deployments, in one order for cost, size and violations
    last = shape[-1] if chips is None else chips

    def flat(column: object) -> Floats:
        return np.broadcast_to(np.asarray(column, dtype=float), shape).reshape(-1, last)

    def over(violations: Mapping[str, Array], scales: Mapping[str, float]) -> Floats:
        # most constraints hold everywhere, and each that is left out saves a pass over the grid
        some = {name: flat(v) for name, v in violations.items() if np.any(np.asarray(v) > 0.0)}
        return missed(some, scales) if some else np.zeros(size.shape)

    cost, size = flat(cost_of(goal, goal.value(metrics, context))), flat(metrics.chips)
    unfit = over(metrics.violations, _NEVER)
    for each in limits:
        scales = {goal.name: abs(limit) for goal, limit in each}
        yield Judged(cost=cost, size=size, unfit=unfit, late=over(late(metrics, context, each), scales))


def missed(over: Mapping[str, Floats], scales: Mapping[str, float]) -> Floats:
    """The sum of violations, each relative to its scale, or to the largest of its chip where it has none."""
    total = np.zeros(np.shape(next(iter(over.values()))))
    for name, violation in over.items():
        excess = np.maximum(violation, 0.0)
        # bytes, chips and watts are not comparable: each counts as a share of the chip's worst miss
        scale = scales.get(name) or excess.max(axis=0)
        total += excess / np.where(np.asarray(scale) > 0.0, scale, 1.0)
    return total


def best(found: Judged, tolerance: float = 0.0) -> Ints:
    """The best deployment of each chip (chips,), by the rule of this module."""
    return smallest_and_best(found, tolerance)[0]


def smallest_and_best(found: Judged, tolerance: float) -> tuple[Ints, Ints]:
    """The best deployment of each chip (chips,) within a tolerance, and the best whatever its size."""
    left = _least(found.unfit, np.ones(found.cost.shape, dtype=np.bool_))
    left = _least(found.late, left)
    cost = np.where(left, found.cost, np.inf)
    # argmin takes the first of equals, so the order of the grid decides on every machine
    cheapest = np.argmin(cost, axis=0)
    if tolerance <= 0.0:
        return cheapest, cheapest
    least = np.take_along_axis(cost, cheapest[np.newaxis], axis=0)
    # the absolute value, since the cost of a goal that is maximised is negative
    near = _least(found.size, left & (cost <= least + tolerance * np.abs(least)))
    return np.argmin(np.where(near, found.cost, np.inf), axis=0), cheapest


def _least(values: Floats, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Those `among` the deployments of each chip whose value is the least."""
    # those that are out already must not set the minimum
    bounded = np.where(among, values, _HARD)
    return np.asarray(among & (bounded <= bounded.min(axis=0)))

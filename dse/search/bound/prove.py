"""Branch and bound over boxes of chips: the proven gap between a front and the best that could exist."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from dse.arrays import Floats
from dse.errors import spec_error
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.bounds import ROUNDING, Bounds
from dse.search.bound.boxes import whole

Progress = Callable[[float, int], None]
"""Called with the factor that is proven so far and the number of boxes that are open."""


@dataclass(frozen=True, kw_only=True)
class At:
    """What is proven at one target of the swept objective."""

    target: float
    best: float | None
    """The best goal on the front; None where no design meets the target."""
    bound: float | None
    """What no chip can beat; None where nothing may meet the target."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What is proven of a front."""

    factor: float
    """Whatever chip of the space, in whatever layout of the study: some design of the front is at most this
    factor worse in each objective."""
    between: bool
    """Whether that holds between the steps of the space as well."""
    closed: bool
    """Whether the tolerance was reached; else the time was up, or better chips exist."""
    found: int
    """Designs on the front."""
    goal: str
    """Objective that is reported at each target."""
    boxes: int
    """Boxes that were bounded."""
    designs: int
    """Designs that were evaluated for it."""
    at: tuple[At, ...]
    remarks: tuple[str, ...] = ()
    """Laws that do not hold as they are, and what is done about it."""

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return asdict(self)


def prove(
    study: ResolvedStudy,
    front: Front,
    *,
    between: bool = False,
    tolerance: float = 0.01,
    seconds: float = 60.0,
    progress: Progress | None = None,
) -> Bound:
    """Prove how much better than `front` any chip of the study's space could be.

    Halves the boxes with the largest gap until none is above `tolerance` or the time is up. Domain: every
    objective above 0 and a cost model that keeps its laws: more of a resource, or less of a price, never
    makes a design worse. Only what is better than the reference point counts. With `between`, chips between
    the steps of the space count as well. Raises `SpecError` for a mix, of which nothing is proven.
    """
    if study.members:
        raise spec_error(
            str(study.path), "mix: expected one LLM and one workload to bound, got a mix of them"
        )
    signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in study.objectives])
    worst = signs * [study.reference_point[g.name] for g in study.objectives]
    values = front.frame[[a.column for a in front.axes]].to_numpy(dtype=np.float64)
    bounds = Bounds(study, signs * values, worst)
    for branch in study.branches.values():
        for boxes in whole(branch, bounds.layouts, lawful=bounds.lawful, between=between):
            bounds.add(boxes)
    # `stuck` is the largest gap of what cannot be halved, such as a single chip: nothing closes it
    stuck, left, begin = 0.0, [np.empty((0, len(signs)))], time.monotonic()
    while bounds.gap > max(stuck, np.log1p(tolerance)) and time.monotonic() - begin < seconds:
        for boxes in bounds.worst():
            exist = boxes.part(~boxes.wide)  # chips that exist in the space, and are better
            stuck = max(stuck, float(exist.gap.max(initial=0.0)))
            left.append(exist.lower)
            if boxes.wide.any():
                bounds.add(bounds.halves(boxes.part(boxes.wide)))
        if progress is not None:
            progress(float(np.exp(max(stuck, bounds.gap))), bounds.open)
    gap = max(stuck, bounds.gap)
    # where all boxes are closed, the front itself is the bound
    lower = np.concatenate([bounds.front, *left, bounds.lower()])
    return Bound(
        factor=float(np.exp(gap)),
        between=between,
        closed=bool(gap <= np.log1p(tolerance)),
        found=len(values),
        goal=study.goal.name,
        boxes=bounds.boxes,
        designs=bounds.designs,
        at=tuple(_at(study, t, bounds.front, lower) for t in study.spec.report_at),
        remarks=bounds.remarks(),
    )


def _at(study: ResolvedStudy, target: float, front: Floats, lower: Floats) -> At:
    """The best goal at a target of the swept objective, and how low it may go."""
    names = [g.name for g in study.objectives]
    goal = names.index(study.goal.name)
    column = names.index(study.swept.name) if study.swept and study.swept.name in names else -1

    def best(rows: Floats) -> float | None:
        # logarithms, as `Bounds.log` has them; at its very target a design meets it
        meets = rows[rows[:, column] <= np.log(target) + ROUNDING, goal]
        sign = 1.0 if study.goal.direction == "minimize" else -1.0
        return float(np.exp(sign * meets.min())) if meets.size else None

    return At(target=target, best=best(front), bound=best(lower))

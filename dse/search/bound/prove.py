"""Branch and bound over boxes of chips: the proven gap between a front and the best that could exist."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from dse.arrays import Floats
from dse.errors import spec_error
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.bounds import Bounds, hold_two_memories
from dse.search.bound.boxes import whole
from dse.search.bound.limits import MEMORY, Ended, Limits, OutOfTime

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

    factor: float | None
    """Whatever chip of the space, in whatever layout of the study: some design of the front is at most this
    factor worse in each objective. None where nothing is proven: not all chips were bounded in time, or the
    front is empty and some design may be better than the reference point."""
    between: bool
    """Whether that holds between the steps of the space as well."""
    closed: bool
    """Whether the tolerance was reached; else better chips exist, or `ended` says what stopped the proof."""
    ended: Ended
    """What ended it: nothing was left to prove, the time, the memory, or Ctrl-C."""
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
    memory: float = MEMORY,
    progress: Progress | None = None,
) -> Bound:
    """Prove how much better than `front` any chip of the study's space could be.

    Halves the boxes with the largest gap until none is above `tolerance`, `seconds` have passed since the
    call, or the process would take more than `memory` bytes; Ctrl-C ends it as well. What is proven until
    then is returned. Domain: every objective above 0 and a cost model that keeps its laws: more of a
    resource, or less of a price, never makes a design worse. Only what is better than the reference point
    counts. With `between`, chips between the steps of the space count as well. Raises `SpecError` for a mix,
    of which nothing is proven.
    """
    if study.members:
        raise spec_error(
            str(study.path), "mix: expected one LLM and one workload to bound, got a mix of them"
        )
    hold_two_memories(study)
    limits = Limits.of(seconds, memory)
    signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in study.objectives])
    worst = signs * [study.reference_point[g.name] for g in study.objectives]
    values = front.frame[[a.column for a in front.axes]].to_numpy(dtype=np.float64)
    proof = Proof(Bounds(study, signs * values, worst, limits), float(np.log1p(tolerance)), progress)
    return proof.bound(proof.run(between=between), between=between, tolerance=tolerance, found=len(values))


class Proof:
    """The boxes of all branches, and what of them cannot be closed."""

    def __init__(
        self, bounds: Bounds, enough: float, progress: Progress | None, *, learns: bool = False
    ) -> None:
        """With `learns` chips that are found to be better become part of what is known."""
        self.bounds, self._enough, self._progress = bounds, enough, progress
        self._learns = learns
        # until every chip is in a box that is bounded, nothing limits what the others may do
        self._begun = False
        # the largest gap of what cannot be halved, such as a single chip: nothing closes it
        self._stuck = 0.0
        self._best = np.full(bounds.targets, np.inf)

    @property
    def gap(self) -> float:
        """By how much a chip may beat the front, as a logarithm."""
        return max(self._stuck, self.bounds.gap) if self._begun else np.inf

    def exist(self, rows: Floats) -> None:
        """Designs (m, k) that exist and are in no box, as logarithms: what they are better by stays open."""
        self._stuck = max(self._stuck, float(self.bounds.leads(rows).max(initial=0.0)))
        met = self.bounds.met(rows, np.zeros(len(rows), dtype=np.int64), 1)[0]
        self._best = np.minimum(self._best, met)

    def lowest(self) -> Floats:
        """(targets,) how low what is bounded at each may be, as logarithms; of nothing bounded no limit."""
        bounds = self.bounds
        known = bounds.met(bounds.front, np.zeros(len(bounds.front), dtype=np.int64), 1)[0]
        # where all boxes are closed, what is known is the bound; before all are bounded there is none
        lower = np.minimum(known, self._best)
        return np.asarray(np.minimum(lower, bounds.at() if self._begun else -np.inf))

    def bound(
        self,
        ended: Ended,
        *,
        between: bool,
        tolerance: float,
        found: int,
        remarks: tuple[str, ...] = (),
    ) -> Bound:
        """What is proven of a front of `found` designs."""
        gap = self.gap
        return Bound(
            factor=float(np.exp(gap)) if np.isfinite(gap) else None,
            between=between,
            closed=bool(gap <= np.log1p(tolerance)),
            ended=ended,
            found=found,
            goal=self.bounds.study.goal.name,
            boxes=self.bounds.boxes,
            designs=self.bounds.designs,
            at=self.at(),
            remarks=(*self.bounds.remarks(), *remarks),
        )

    def run(self, *, between: bool) -> Ended:
        """Bound and halve boxes until something ends it."""
        bounds = self.bounds
        try:
            for branch in bounds.study.branches.values():
                for boxes in whole(
                    branch,
                    bounds.layouts,
                    lawful=bounds.lawful,
                    between=between,
                    targets=bounds.targets,
                    check=bounds.limits.check,
                ):
                    bounds.add(boxes)
            self._begun = True
            while bounds.gap > max(self._stuck, self._enough):
                bounds.limits.check()
                if bounds.nbytes > bounds.limits.for_boxes:
                    return "memory"
                self._halve()
        except OutOfTime:
            return "time"
        except KeyboardInterrupt:
            return "interrupt"
        return "done"

    def _halve(self) -> None:
        """One round: the boxes with the largest gaps."""
        bounds = self.bounds
        for boxes in bounds.take():
            exist = boxes.part(~boxes.wide)  # chips that exist in the space, and are better
            if self._learns:
                best = np.concatenate([bounds.front, exist.at])
                bounds.front = best.min(axis=0, keepdims=True)
            else:
                self._stuck = max(self._stuck, float(exist.gap.max(initial=0.0)))
            self._best = np.minimum(self._best, exist.at.min(axis=0, initial=np.inf))
            if boxes.wide.any():
                bounds.add(bounds.halves(boxes.part(boxes.wide)))
        bounds.settled()
        if self._progress is not None:
            self._progress(float(np.exp(self.gap)), bounds.open)

    def at(self) -> tuple[At, ...]:
        """The best goal at each target of the swept objective, and how low it may go."""
        study, bounds = self.bounds.study, self.bounds
        sign = 1.0 if study.goal.direction == "minimize" else -1.0
        rows = bounds.front
        best = bounds.met(rows, np.zeros(len(rows), dtype=np.int64), 1)[0]
        lower = self.lowest()

        def goal(value: float) -> float | None:
            return float(np.exp(sign * value)) if np.isfinite(value) else None

        return tuple(
            At(target=target, best=goal(found), bound=goal(low))
            for target, found, low in zip(study.spec.report_at, best, lower, strict=True)
        )

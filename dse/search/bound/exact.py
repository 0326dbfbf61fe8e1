"""The exact front of a grid without evaluating it: boxes that can hold nothing better are left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.search.bound.bounds import Bounds
from dse.search.bound.boxes import Boxes, whole
from dse.search.bound.climb import climbed
from dse.search.bound.limits import Ended, Limits, OutOfTime
from dse.search.sweep.block import SweepJob, front_of_some
from dse.search.sweep.grid import BranchGrid, Numbers
from dse.search.sweep.local_front import Local, pivots_of
from dse.search.sweep.start import Start

Progress = Callable[[int, float | None], None]
"""Called with the designs that are still open, and the factor by which one may beat the front, if known."""


CLIMBING = 0.25
"""Share of a limited time that may go into a good front to begin with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact:
    """The exact front of a grid within rounding, or what was proven of one, and what it took."""

    front: Local
    bounds: Bounds
    """What proves it."""
    evaluated: int
    """Designs of the grid that were evaluated, the same one more than once where it came up again."""
    ended: Ended
    """`done` where the front is exact; else what stopped it."""
    gap: float | None
    """Factor by which some design of the grid may beat the front in each objective: 1 where it is exact, None
    where nothing is known."""
    left: int
    """Designs of the grid that may be better."""


def exact(
    job: SweepJob, begun: Start, progress: Progress | None = None, limits: Limits | None = None
) -> Exact:
    """The exact front of the grid.

    Halves boxes until each is a single chip, which is evaluated, or cannot hold anything better than what is
    known. Where `limits` or Ctrl-C end it before, the front is the best that was found, with its gap. Domain:
    as `prove`; where the laws do not hold, the result may be wrong. Of designs that are equal in every
    objective another one may be kept than by a sweep.
    """
    search = _Search(job, begun, progress, limits or Limits())
    ended = search.run()
    gap = search.gap
    return Exact(
        front=search.front,
        bounds=search.bounds,
        evaluated=begun.evaluated + search.evaluated,
        ended=ended,
        gap=gap,
        left=search.left,
    )


class _Search:
    """Boxes of the grid, the front so far and the points that settle most others at a glance."""

    def __init__(self, job: SweepJob, begun: Start, progress: Progress | None, limits: Limits) -> None:
        self.job, self.limits = job, limits
        self._sample, self._progress = begun.costs, progress
        self.front, self.evaluated = begun.front, 0
        # no reference point: every design of the grid counts
        corner = np.asarray([np.inf if g.direction == "minimize" else 0.0 for g in job.study.objectives])
        self.bounds = Bounds(job.study, self.front.costs, corner, limits)
        # designs that no box has bounded yet; `_begun` says when there are none, whatever rounding leaves
        self._unbounded, self._begun = job.grid.size, False
        self._pivots, self._known = pivots_of(self.front.costs, self._sample), self.front

    @property
    def left(self) -> int:
        """Designs that may still be better than the front."""
        return self.bounds.left + (0 if self._begun else max(self._unbounded, 0))

    @property
    def gap(self) -> float | None:
        """Factor by which one of them may be; None where nothing is known of some."""
        gap = self.bounds.gap
        return float(np.exp(gap)) if self._begun and np.isfinite(gap) else None

    def run(self) -> Ended:
        """Bound, halve and evaluate until something ends it."""
        try:
            self._begin()
            while self.bounds.open:
                self.limits.check()
                # beyond its memory the boxes that end soonest go first: what is open then hardly grows
                self._round(few_designs=self.bounds.nbytes > self.limits.for_boxes)
        except OutOfTime:
            return "time"
        except KeyboardInterrupt:
            return "interrupt"
        return "done"

    def _begin(self) -> None:
        """A good front, and the boxes of all branches."""
        job, bounds = self.job, self.bounds
        for front, evaluated in climbed(job, self.front, self._sample):
            self.front, self.evaluated = front, self.evaluated + evaluated
            # a good front proves nothing: bounding needs most of the time
            if self.limits.used > CLIMBING:
                break
        bounds.front = bounds.log(self.front.costs)
        for part in job.grid.branches:
            counts = {name: len(axis) for name, axis in part.axes.items()}
            check = self.limits.check
            for boxes in whole(part.branch, bounds.layouts, lawful=bounds.lawful, counts=counts, check=check):
                bounds.add(boxes)
                self._unbounded -= boxes.designs
                self._report()
        self._begun = True

    def _round(self, *, few_designs: bool) -> None:
        """Evaluate a chip of each box that is taken, then bound its halves."""
        bounds = self.bounds
        taken = bounds.take(few_designs=few_designs)
        # choosing pivots is a pass over the whole sample, so only for another front
        if not np.array_equal(self.front.points, self._known.points):
            self._pivots, self._known = pivots_of(self.front.costs, self._sample), self.front
        for boxes in taken:
            self.limits.check()
            part = next(b for b in self.job.grid.branches if b.branch is boxes.family.branch)
            chips = chips_of_boxes(part, boxes)[boxes.owner]
            local, tried = front_of_some(self.job, part, chips, boxes.layouts.astype(np.int64), self._pivots)
            self.front = self.front.merged(local.costs, local.points)
            self.evaluated += tried
        # before the halves are bounded: the better the front, the fewer of them stay open
        bounds.front = bounds.log(self.front.costs)
        for boxes in taken:
            if boxes.wide.any():
                bounds.add(bounds.halves(boxes.part(boxes.wide)))
        bounds.settled()
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.left, self.gap)


def chips_of_boxes(part: BranchGrid, boxes: Boxes) -> Numbers:
    """The chip of each box worth evaluating: its own where it is one, else the one in its middle."""
    shape = tuple(len(a) for a in part.axes.values()) or (1,)
    middle = (boxes.low + boxes.high) / 2.0
    # rounded as in `Boxes.halves`, so that it is the last chip of the lower half
    at = np.floor(middle * (np.asarray(shape[: middle.shape[1]]) - 1) + 1e-9).astype(np.int64)
    # no parameters: a single chip, and no axis to unravel
    if not at.shape[1]:
        return part.first + np.zeros(len(boxes), dtype=np.int64)
    return np.asarray(part.first + np.ravel_multi_index(tuple(at.T), shape), dtype=np.int64)

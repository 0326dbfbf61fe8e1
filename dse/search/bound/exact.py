"""The exact front of a grid without evaluating it: boxes that can hold nothing better are left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.search.bound.bounds import Bounds
from dse.search.bound.boxes import Boxes, whole
from dse.search.bound.climb import climbed
from dse.search.sweep.block import SweepJob, front_of_some
from dse.search.sweep.grid import BranchGrid, Numbers
from dse.search.sweep.local_front import Local, pivots_of
from dse.search.sweep.start import Start

Progress = Callable[[int], None]
"""Called with the designs that are still open."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact:
    """The exact front of a grid within rounding, and what it took."""

    front: Local
    bounds: Bounds
    """What proves it."""
    evaluated: int
    """Designs of the grid that were evaluated, the same one more than once where it came up again."""


def exact(job: SweepJob, begun: Start, progress: Progress | None = None) -> Exact:
    """The exact front of the grid.

    Halves boxes until each is a single chip, which is evaluated, or cannot hold anything better than what is
    known. Domain: as `prove`; where the laws do not hold, the result may be wrong. Of designs that are equal
    in every objective another one may be kept than by a sweep.
    """
    study, grid = job.study, job.grid
    front, evaluated = climbed(job, begun)
    # no reference point: every design of the grid counts
    corner = np.asarray([np.inf if g.direction == "minimize" else 0.0 for g in study.objectives])
    bounds = Bounds(study, front.costs, corner)
    for part in grid.branches:
        counts = {name: len(axis) for name, axis in part.axes.items()}
        for boxes in whole(part.branch, bounds.layouts, lawful=bounds.lawful, counts=counts):
            bounds.add(boxes)
    pivots, known = pivots_of(front.costs, begun.costs), front
    while bounds.open:
        taken = bounds.worst()
        # choosing pivots is a pass over the whole sample, so only for another front
        if not np.array_equal(front.points, known.points):
            pivots, known = pivots_of(front.costs, begun.costs), front
        for boxes in taken:
            part = next(b for b in grid.branches if b.branch is boxes.family.branch)
            local, tried = front_of_some(job, part, _chips(part, boxes)[boxes.owner], boxes.layouts, pivots)
            front, evaluated = front.merged(local.costs, local.points), evaluated + tried
        # before the halves are bounded: the better the front, the fewer of them stay open
        bounds.front = bounds.log(front.costs)
        for boxes in taken:
            if boxes.wide.any():
                bounds.add(bounds.halves(boxes.part(boxes.wide)))
        if progress is not None:
            progress(bounds.left)
    return Exact(front=front, bounds=bounds, evaluated=begun.evaluated + evaluated)


def _chips(part: BranchGrid, boxes: Boxes) -> Numbers:
    """The chip of each box worth evaluating: its own where it is one, else the one in its middle."""
    shape = tuple(len(a) for a in part.axes.values()) or (1,)
    middle = (boxes.low + boxes.high) / 2.0
    # rounded as in `Boxes.halves`, so that it is the last chip of the lower half
    at = np.floor(middle * (np.asarray(shape[: middle.shape[1]]) - 1) + 1e-9).astype(np.int64)
    # no parameters: a single chip, and no axis to unravel
    if not at.shape[1]:
        return part.first + np.zeros(len(boxes), dtype=np.int64)
    return np.asarray(part.first + np.ravel_multi_index(tuple(at.T), shape), dtype=np.int64)

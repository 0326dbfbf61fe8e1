"""The exact front of a grid without evaluating it: boxes that can hold nothing better are left out."""

from collections.abc import Callable

import numpy as np

from dse.search.bound.bounds import Bounds
from dse.search.bound.boxes import Box, whole
from dse.search.bound.climb import climbed
from dse.search.sweep.block import Problem, front_of, makeable
from dse.search.sweep.grid import Grid, Numbers
from dse.search.sweep.screen import Local, pivots_of
from dse.search.sweep.start import Start

Progress = Callable[[int, int], None]
"""Called with the boxes that were looked at and those that are open."""


def exact(problem: Problem, begun: Start, progress: Progress | None = None) -> tuple[Local, Bounds]:
    """The exact front of the grid within rounding, and the bounds that prove it.

    Halves boxes until each is a single chip, which is evaluated, or cannot hold anything better than what is
    known. Domain: as `prove`; where the laws do not hold, so does the result not. Of designs that are equal
    in every objective another may stand than after a sweep.
    """
    study, grid = problem.study, problem.grid
    front = climbed(problem, begun)
    corner = np.asarray([np.inf if g.direction == "minimize" else 0.0 for g in study.objectives])
    bounds = Bounds(study, front.costs, corner)
    for part in grid.branches:
        counts = {name: len(axis) for name, axis in part.axes.items()}
        bounds.look(list(whole(part.branch, bounds.layouts, lawful=bounds.lawful, counts=counts)))
    while bounds.open:
        taken = bounds.worst()
        chips = np.unique(np.asarray([c for box in taken for c in _chips(grid, box)], dtype=np.int64))
        pivots = pivots_of(front.costs, begun.costs)
        for part, here in grid.by_branch(chips):
            some, columns = makeable(problem, part, chips[here])
            local = front_of(problem, some, columns, pivots)
            front = front.merged(local.costs, local.points)
        bounds.front = bounds.log(front.costs)
        bounds.look(bounds.halves([box for box in taken if box.axes()]))
        if progress is not None:
            progress(bounds.boxes, bounds.open)
    return front, bounds


def _chips(grid: Grid, box: Box) -> Numbers:
    """Chips of a box worth evaluating: its own where it is one, else the one in its middle."""
    part = next(b for b in grid.branches if b.branch.name == box.corners.branch.name)
    shape = tuple(len(a) for a in part.axes.values()) or (1,)
    middle = (box.low + box.high) / 2.0
    at = tuple(int(np.floor(m * (n - 1) + 1e-9)) for m, n in zip(middle, shape, strict=False))
    return part.first + np.ravel_multi_index([[i] for i in at] or [[0]], shape)

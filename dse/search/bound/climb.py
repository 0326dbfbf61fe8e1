"""A good front of a grid by local search: the better it is, the more boxes it closes at once."""

from collections.abc import Iterator

import numpy as np

from dse.arrays import Floats
from dse.search.sweep.block import SweepJob, front_of, makeable
from dse.search.sweep.grid import BranchGrid, Numbers
from dse.search.sweep.local_front import Local, pivots_of
from dse.search.sweep.start import chips_of

CHIPS = 256
"""Chips of each branch that are tried in a round."""

ROUNDS, PATIENCE = 24, 4
"""Rounds at most, and those in a row that may find nothing."""

MOVED = 0.35
"""Chance that a parameter of a parent is moved."""


def climbed(job: SweepJob, front: Local, sample: Floats) -> Iterator[tuple[Local, int]]:
    """The front of a sample, improved by chips a few steps from those on it; the same each time.

    Yields it after each branch of each round, with the designs that were evaluated in it. `sample` (m, k) are
    costs that pivots are chosen by.
    """
    count = chips_of(CHIPS, job.grid.layouts)
    # not the seed of the study: the exact front has none, see `swept_facts`
    rng, idle = np.random.default_rng(0), 0
    tried = np.empty(0, dtype=np.int64)
    for _ in range(ROUNDS):
        before = front.points
        for branch in job.grid.branches:
            # each chip once: while the front stays, rounds propose the same neighbours
            chips = np.setdiff1d(_chips(branch, front.points // job.grid.layouts, rng, count), tried)
            tried = np.union1d(tried, chips)
            some, columns = makeable(job, branch, chips)
            local = front_of(job, some, columns, pivots_of(front.costs, sample))
            front = front.merged(local.costs, local.points)
            yield front, len(some) * job.grid.layouts
        idle = idle + 1 if np.array_equal(before, front.points) else 0
        if idle == PATIENCE:
            return


def _chips(branch: BranchGrid, known: Numbers, rng: np.random.Generator, count: int) -> Numbers:
    """Chips a few steps from those known, and a quarter anywhere, in the numbers of the grid."""
    shape = tuple(len(a) for a in branch.axes.values()) or (1,)
    anywhere = rng.integers(0, branch.size, count // 4)
    parents = np.unique(known[(known >= branch.first) & (known < branch.first + branch.size)]) - branch.first
    if not len(parents):
        return branch.first + anywhere
    at = np.stack(np.unravel_index(rng.choice(parents, count), shape))
    other = np.stack(np.unravel_index(rng.choice(parents, count), shape))
    # uniform crossover in three of ten: each parameter comes from either parent
    mixed = (rng.random(count) < 0.3) & (rng.random(at.shape) < 0.5)
    # mostly one step, sometimes several, so that a gap in the front is crossed
    jumps = rng.geometric(0.6, at.shape) * rng.choice([-1, 1], at.shape)
    moved = np.where(mixed, other, at) + np.where(rng.random(at.shape) < MOVED, jumps, 0)
    inside = np.clip(moved, 0, np.asarray(shape)[:, None] - 1)
    return branch.first + np.concatenate([np.ravel_multi_index(tuple(inside), shape), anywhere])

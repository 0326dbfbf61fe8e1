"""Pairs of designs that were evaluated: the front of them, and designs a few steps from it."""

from dataclasses import dataclass, field

import numpy as np

from dse.evaluate.pools.fronts import Numbers
from dse.search.pairs.pool_grid import PoolGrid
from dse.search.sweep.local_front import Local
from dse.search.turns.question import Side, TurnQuestion

Grids = tuple[PoolGrid, PoolGrid]
"""Designs of the pool that leads, and of the other one."""

SAMPLE = 4096
"""Pairs that are evaluated first."""

NEAR = 1024
"""Pairs near the front that are evaluated in a round."""

ROUNDS, PATIENCE = 48, 6
"""Rounds at most, and those in a row that may find nothing."""

STAYS = 0.35
"""Chance that a design of a pair stays as it is."""

MOVED = 0.3
"""Chance that a size of a design is moved."""

ELSEWHERE = 0.05
"""Chance that a design is any other one."""


@dataclass(eq=False)
class Known:
    """The front of all pairs that were evaluated."""

    question: TurnQuestion
    grids: Grids
    evaluated: int = 0
    front: Local = field(init=False)
    """Points are places in `pairs`."""
    pairs: Numbers = field(init=False)
    """(2, n) numbers of the designs of the front."""

    def __post_init__(self) -> None:
        self.front = Local.empty(len(self.question.goals))
        self.pairs = np.empty((2, 0), dtype=np.int64)

    def learn(self, lead: Numbers, fed: Numbers) -> None:
        """Evaluate pairs of designs, by their numbers in the grids."""
        some = np.unique(np.stack([lead, fed]), axis=1)
        lead_side, fed_side = (_side(grid, own) for grid, own in zip(self.grids, some, strict=True))
        costs, ok = self.question.exact(lead_side, fed_side)
        self.evaluated += len(ok)
        old = self.pairs.shape[1]
        every = np.concatenate([self.pairs, some[:, ok]], axis=1)
        # those of the front come first: of equal pairs one that is known stays
        found = self.front.merged(costs[ok], np.arange(old, every.shape[1]))
        self.pairs = every[:, found.points]
        self.front = Local(found.costs, np.arange(len(found.points)))

    def begin(self) -> None:
        """Evaluate some pairs, then those near the best of them, always the same."""
        rng, idle = np.random.default_rng(0), 0
        self.learn(*(_anywhere(grid, rng, SAMPLE) for grid in self.grids))
        for _ in range(ROUNDS):
            before = self.front.costs
            count = self.pairs.shape[1]
            if not count:
                self.learn(*(_anywhere(grid, rng, NEAR) for grid in self.grids))
            else:
                parents = self.pairs[:, rng.integers(count, size=NEAR)]
                self.learn(*(_near(g, own, rng) for g, own in zip(self.grids, parents, strict=True)))
            idle = idle + 1 if np.array_equal(before, self.front.costs) else 0
            if idle == PATIENCE:
                return


def _side(grid: PoolGrid, points: Numbers) -> Side:
    """Designs of a grid, each chip once."""
    chips, layouts = np.divmod(points, grid.layouts)
    some, place = np.unique(chips, return_inverse=True)
    columns = grid.columns_at(some)
    none = np.zeros(len(points))
    return Side(columns=columns, one_memory={}, chips=place.reshape(-1), layouts=layouts, slack=none)


def _chips(grid: PoolGrid) -> Numbers:
    """First chip of each branch and of each chip of the catalog that count, and the number of each."""
    spans = [(b.first, b.size) for b in grid.kept_branches]
    spans += [(low, high - low) for low, high in grid.catalog_spans()]
    return np.asarray(spans, dtype=np.int64)


def _anywhere(grid: PoolGrid, rng: np.random.Generator, count: int) -> Numbers:
    """Any designs: half of them of branches and chips of the catalog alike."""
    spans = _chips(grid)
    share = spans[:, 1] / spans[:, 1].sum()
    which = rng.choice(len(spans), size=count, p=0.5 * share + 0.5 / len(spans))
    chips = spans[which, 0] + (rng.random(count) * spans[which, 1]).astype(np.int64)
    return np.asarray(chips * grid.layouts + rng.integers(grid.layouts, size=count))


def _near(grid: PoolGrid, points: Numbers, rng: np.random.Generator) -> Numbers:
    """Designs some steps from others, some of them the same, and a few anywhere."""
    chips, layouts = np.divmod(points, grid.layouts)
    layouts = _moved(layouts, grid.deployments.shape, rng)
    moved = chips.copy()
    for branch in grid.kept_branches:
        here = (chips >= branch.first) & (chips < branch.first + branch.size)
        shape = tuple(len(a) for a in branch.axes.values()) or (1,)
        moved[here] = branch.first + _moved(chips[here] - branch.first, shape, rng)
    other = _anywhere(grid, rng, len(points))
    # another chip in the same layout
    moved = np.where(rng.random(len(points)) < ELSEWHERE, other // grid.layouts, moved)
    found = np.where(rng.random(len(points)) < STAYS, points, moved * grid.layouts + layouts)
    return np.asarray(np.where(rng.random(len(points)) < ELSEWHERE, other, found))


def _moved(numbers: Numbers, shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    """Places of an array a few steps away along some axes."""
    at = np.stack(np.unravel_index(numbers, shape))
    steps = rng.geometric(0.6, at.shape) * rng.choice([-1, 1], at.shape)
    at = at + np.where(rng.random(at.shape) < MOVED, steps, 0)
    inside = np.clip(at, 0, np.asarray(shape)[:, np.newaxis] - 1)
    return np.asarray(np.ravel_multi_index(tuple(inside), shape), dtype=np.int64)

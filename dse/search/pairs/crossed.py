"""Pairs whose metrics do not follow from what each pool brings: every pair of designs is evaluated.

Attention | FFN: micro-batches hide the crossings of both pools, so that neither has a time of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.backends.blocks import each, keep_memory
from dse.errors import spec_error
from dse.evaluate.pools.fronts import Numbers
from dse.search.pairs.pool_grid import PoolGrid
from dse.search.pairs.solve import PairQuestion, Progress, not_worse
from dse.search.sweep.local_front import Local
from objectives import api

MOST = 100_000_000
"""Pairs of a sweep that evaluates each."""
SIDE = 256
"""Designs of each pool whose pairs are evaluated in one call."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossed:
    """Some designs of one pool with some of the other."""

    first: Numbers
    """(n,) places of the designs of the first pool."""
    then: Numbers
    """(m,)."""
    metrics: api.Metrics
    """Axes (first, then)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Pairs."""
        return len(self.first), len(self.then)


def crossed(
    question: PairQuestion, cost_model: api.CostModel, first: api.Pool, then: api.Pool
) -> Iterator[Crossed]:
    """Every pair of the rows of two pools, some at a time."""
    n, m = first.shape[0], then.shape[0]
    for low in range(0, n, SIDE):
        a = np.arange(low, min(low + SIDE, n))
        one = _on(first.take(a, first.shape), (-1, 1))
        for start in range(0, m, SIDE):
            b = np.arange(start, min(start + SIDE, m))
            other = _on(then.take(b, then.shape), (1, -1))
            designs = api.Designs(pools=(one, other), link=question.link)
            yield Crossed(first=a, then=b, metrics=cost_model.evaluate(designs, question.context))


def _on(pool: api.Pool, shape: tuple[int, int]) -> api.Pool:
    """The rows of a pool on one of two axes."""
    chips = {name: np.reshape(a, shape) for name, a in pool.chips.columns().items()}
    layouts = {name: np.reshape(a, shape) for name, a in pool.deployments.columns().items()}
    return api.Pool(role=pool.role, chips=api.Chips.of(**chips), deployments=api.Deployments(**layouts))


def front_of_crossed(question: PairQuestion, part: Crossed, count: int, front: Local) -> Local:
    """The front of some pairs, without what a front drops; number = place first x `count` + place then."""
    ok = question.met(part.metrics, part.shape)
    for violation in part.metrics.violations.values():
        ok &= np.broadcast_to(np.asarray(violation), part.shape).reshape(-1) <= 0.0
    costs = question.costs(part.metrics, part.shape)
    none: Floats = np.full((1, len(costs)), np.inf)
    left = not_worse(costs, ok, none, front)
    points = (part.first[:, np.newaxis] * count + part.then).reshape(-1).astype(np.int64)
    return Local.empty(len(costs)).merged(np.stack([c[left] for c in costs], axis=1), points[left])


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossedJob(PairQuestion):
    """What a sweep of every pair is of."""

    first: PoolGrid
    then: PoolGrid
    cost_model: api.CostModel

    def check(self) -> None:
        """Raise `SpecError` for more pairs than can be evaluated one by one."""
        pairs = self.first.size * self.then.size
        if pairs > MOST:
            what = f"expected at most {MOST:,} pairs of {self.first.role} and {self.then.role}, each of which"
            hint = "--prune leaves out most of them, and `dse run` samples their chips"
            raise spec_error("--grid", f"{what} is evaluated, got {pairs:.3g}; {hint}")


def solve_crossed(
    job: CrossedJob, threads: int | None, progress: Progress | None
) -> tuple[Local, tuple[Numbers, Numbers]]:
    """The exact front, and the numbers of both designs of every pair on it."""
    keep_memory()
    job.check()
    blocks = [_made(grid) for grid in (job.first, job.then)]
    front, done = Local.empty(len(job.goals)), 0
    total = job.first.looked_at * job.then.looked_at
    parts = [(pool, numbers, other, others) for pool, numbers in blocks[0] for other, others in blocks[1]]

    def work(part: tuple[api.Pool, Numbers, api.Pool, Numbers]) -> Local:
        pool, numbers, other, others = part
        found = Local.empty(len(job.goals))
        for cut in crossed(job, job.cost_model, pool, other):
            named = Crossed(first=numbers[cut.first], then=others[cut.then], metrics=cut.metrics)
            local = front_of_crossed(job, named, job.then.size, front if len(front.points) else found)
            found = found.merged(local.costs, local.points)
        return found

    for part, local in zip(parts, each(work, parts, threads), strict=True):
        front = front.merged(local.costs, local.points)
        done += len(part[1]) * len(part[3])
        if progress is not None:
            progress(done, total)
    return front, np.divmod(front.points, job.then.size)


def _made(grid: PoolGrid) -> list[tuple[api.Pool, Numbers]]:
    """The designs of chips that can be made, one a row, some at a time."""
    found = []
    for span in grid.spans(64):
        block = grid.block(*span)
        points = (block.numbers[:, np.newaxis] * grid.layouts + np.arange(grid.layouts)).reshape(-1)
        found += [
            (grid.at(points[i : i + 4 * SIDE]), points[i : i + 4 * SIDE])
            for i in range(0, len(points), 4 * SIDE)
        ]
    return found

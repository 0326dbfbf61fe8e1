"""The exact front of all pairs of pools that take turns, without evaluating most of them.

A pair of boxes of chips, one of each pool, is left out in a layout of both and a cut of the batch where their
best chips are in no better pair than known ones.
"""

from collections.abc import Callable

import numpy as np

from dse.backends.blocks import keep_memory
from dse.evaluate.pools.fronts import Numbers
from dse.search.bound.exact import chips_of_boxes
from dse.search.bound.judges import ByFront, logs_of
from dse.search.bound.limits import Limits
from dse.search.pairs.crossed import CrossedJob, solve_crossed
from dse.search.pairs.pool_grid import PoolGrid
from dse.search.pairs.pruned import Pruned, Tally
from dse.search.pairs.solve import Progress
from dse.search.turns.bounds import PairBounds
from dse.search.turns.known import Known
from dse.search.turns.question import Rows, TurnQuestion
from dse.search.turns.rows import OpenRows
from dse.search.turns.tree import Tree

FEW = 1 << 16
"""Pairs of a sweep that are evaluated at once, without bounds."""

LEARNT = 2048
"""Pairs of a round that are evaluated although their boxes have several chips."""


def solve_turns_pruned(
    job: CrossedJob, limits: Limits, tally: Tally, progress: Progress | None = None
) -> tuple[Numbers, Numbers]:
    """The numbers of both designs of every pair on the exact front, within rounding.

    Domain: as `dse.search.bound.exact.exact`. Of pairs that are equal in every objective another one may be
    kept than by a sweep. `progress` gets the pairs that are settled.
    """
    keep_memory()
    grids = {grid.role: grid for grid in (job.first, job.then)}
    question = TurnQuestion.of(job, {role: grid.deployments for role, grid in grids.items()})
    lead, fed = (grids[role] for role in question.roles)
    total = job.first.looked_at * job.then.looked_at
    if total <= FEW:
        tally.add_pairs(Pruned(groups=1, points=total, evaluated=total), ())
        return solve_crossed(job, 1, progress)[1]
    search = _Search(question, (lead, fed), limits, lambda left: _told(progress, total, left))
    search.run()
    took = Pruned(groups=1, points=total, evaluated=search.known.evaluated, boxes=search.bounds.boxes)
    tally.add_pairs(took, search.bounds.remarks())
    first, then = search.known.pairs
    return (first, then) if job.first.role == question.roles[0] else (then, first)


def _told(progress: Progress | None, total: int, left: float) -> None:
    if progress is not None:
        progress(max(0, total - round(left)), total)


def tree_of(grid: PoolGrid, limits: Limits) -> Tree:
    """Boxes of the chips of a grid."""
    counts = {b.branch.name: {n: len(axis) for n, axis in b.axes.items()} for b in grid.branches}
    return Tree(grid.study, kept=grid.kept, counts=counts, check=limits.check)


class _Search:
    """Boxes of both pools, and the pairs that are known."""

    def __init__(
        self,
        question: TurnQuestion,
        grids: tuple[PoolGrid, PoolGrid],
        limits: Limits,
        told: Callable[[float], None],
    ) -> None:
        self.known, self._grids, self._told = Known(question, grids), grids, told
        # no reference point: every pair counts
        corner = np.asarray([np.inf if g.direction == "minimize" else 0.0 for g in question.goals])
        judge = ByFront.of(grids[0].study, corner, grid=grids[0].deployments)
        trees = (tree_of(grids[0], limits), tree_of(grids[1], limits))
        self.bounds = PairBounds(question, trees, judge, self._front(), limits)

    def _front(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return logs_of(self.known.question.signs, self.known.front.costs)

    def run(self) -> None:
        """Evaluate some pairs, then bound, halve and evaluate until nothing is open."""
        bounds = self.bounds
        self.known.begin()
        bounds.front = self._front()
        bounds.begin()
        while len(bounds.rows):
            taken = bounds.take(few_designs=bounds.rows.nbytes > bounds.limits.for_boxes)
            before = self.known.front.costs
            self._learn(taken)
            better = not np.array_equal(before, self.known.front.costs)
            bounds.front = self._front()
            wide = bounds.trees[0].wide[taken.lead] | bounds.trees[1].wide[taken.fed]
            bounds.put(bounds.halved(taken.part(wide)))
            if better:
                bounds.sift()
            self._told(bounds.left())

    def _learn(self, rows: OpenRows) -> None:
        """Evaluate the pairs of rows that are of two chips, and a chip in the middle of others."""
        lead, fed = self.bounds.trees
        alone = lead.single[rows.lead] & fed.single[rows.fed]
        others = np.flatnonzero(~alone)
        best = others[np.argsort(-rows.gap[others], kind="stable")[:LEARNT]]
        some = rows.part(np.concatenate([np.flatnonzero(alone), best]))
        if len(some):
            layouts = some.code // len(self.known.question.cuts)
            self.known.learn(self._points(0, some.lead, layouts), self._points(1, some.fed, some.layout))

    def _points(self, pool: int, nodes: Rows, layouts: Rows) -> Numbers:
        """Designs of a chip in the middle of each box."""
        tree, grid = self.bounds.trees[pool], self._grids[pool]
        chips = grid.made + np.asarray([grid.names.index(n) for n in tree.catalog], dtype=np.int64)
        found = np.zeros(len(nodes), dtype=np.int64)
        family, place = tree.family[nodes], tree.place[nodes]
        found[family < 0] = chips[place[family < 0]]
        for number, boxes in enumerate(tree.boxes):
            here = family == number
            (part,) = (b for b in grid.branches if b.branch is boxes.family.branch)
            found[here] = chips_of_boxes(part, boxes.part(place[here]))
        return found * grid.layouts + layouts

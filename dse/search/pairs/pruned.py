"""The exact front of all pairs without evaluating most designs of either pool.

Of chips that prefill, a box is left out where a known design is as good as the best chip of the box in every
pair. Of chips that decode, a box is left out where the best chip of it, next to the least of each number that
the pools that prefill have, is no better than pairs that are known.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from dse.arrays import Floats
from dse.backends.blocks import keep_memory
from dse.errors import spec_error
from dse.evaluate.pools.fronts import (
    Numbers,
    Rows,
    Trade,
    best_of_each,
    rows_of_decode,
    rows_of_prefill,
    useful,
)
from dse.question.pools.study import PooledStudy
from dse.search.bound.bounds import Bounds, hold_two_memories
from dse.search.bound.boxes import whole
from dse.search.bound.exact import chips_of_boxes
from dse.search.bound.judges import ByFront, logs_of
from dse.search.bound.limits import Limits
from dse.search.pairs.gap import decodes, lawless_of_decode
from dse.search.pairs.pool_grid import PoolGrid
from dse.search.pairs.prefill_judge import ByTrade, judge_of
from dse.search.pairs.solve import PairJob, Progress, Solution, no_rows, paired_front
from dse.search.sweep.local_front import Local
from dse.search.sweep.start import chips_of
from objectives import api
from objectives.systems.decode_side import port_bandwidth
from objectives.systems.share_bounds import Ideal
from objectives.systems.shares import PrefillShare, decode_share

TOGETHER = 1 << 16
"""Designs that are evaluated together."""
CHIPS = 128
"""Chips of each branch that are evaluated first, at most."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What the designs of one pool took."""

    groups: int = 0
    """Groups of prices, each of which is swept by itself."""
    points: int = 0
    """Designs of the pool, once for each group."""
    evaluated: int = 0
    """Designs that were evaluated, some more than once."""
    boxes: int = 0
    """Boxes that were bounded."""
    bounded: int = 0
    """Best designs of boxes that were evaluated to bound them."""

    def more(self, other: "Pruned") -> "Pruned":
        """Both together."""
        both = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return Pruned(**both)


@dataclass(eq=False)
class Tally:
    """What sweeps of pairs took, pool by pool, or of pairs where pools take turns."""

    pools: dict[str, Pruned] = field(default_factory=dict)
    pairs: Pruned | None = None
    remarks: dict[str, None] = field(default_factory=dict)

    def add(self, role: str, took: Pruned, remarks: tuple[str, ...]) -> None:
        """Take in one pool of one sweep."""
        self.pools[role] = self.pools.get(role, Pruned()).more(took)
        self.remarks |= dict.fromkeys(f"{role}: {remark}" for remark in remarks)

    def add_pairs(self, took: Pruned, remarks: tuple[str, ...]) -> None:
        """Take in one sweep of pools that take turns."""
        self.pairs = took if self.pairs is None else self.pairs.more(took)
        self.remarks |= dict.fromkeys(remarks)

    def facts(self) -> dict[str, object]:
        """Plain data for a manifest."""
        pools = {role: asdict(took) for role, took in self.pools.items()}
        took = {"pools": pools} if self.pairs is None else {"pairs": asdict(self.pairs)}
        return {**took, "remarks": list(self.remarks)}


def check_prunable(study: PooledStudy) -> None:
    """Raise `SpecError` for pairs that no bound is known for."""
    for pool in study.pools.values():
        hold_two_memories(pool)


def solve_pruned(job: PairJob, limits: Limits, tally: Tally, progress: Progress | None = None) -> Solution:
    """The exact front of all pairs that fit and meet every limit, within rounding.

    Domain: as `exact`. Of pairs that are equal in every objective another one may be kept than by a sweep.
    `progress` gets the designs that are settled.
    """
    keep_memory()
    received = receives_at_most(job)
    judge = judge_of(job, received, narrowest_port(job.prefill, job.link))
    bounds = Bounds(job.prefill.study, np.empty((0, len(judge.names))), np.zeros(0), limits, judge)
    total = job.prefill.looked_at + job.decode.looked_at
    first = _Prefills(job=job, received=received, judge=judge)
    Halving(job.prefill, bounds, first.learn, _told(progress, 0, total)).run(tally)
    if not first.rows.size:
        return Solution(front=Local.empty(len(job.goals)), prefill=no_rows(), paired=0)
    # in the order of their numbers, so that of equals the first stays
    prefill = first.rows.take(np.argsort(first.rows.numbers, kind="stable"))
    then = _Decodes(job=job, prefill=prefill, best=best_of_each(prefill, job.context))
    told = _told(progress, job.prefill.looked_at, total)
    Halving(job.decode, then.bounds(limits), then.learn, told).run(tally)
    return Solution(front=then.front, prefill=prefill, paired=then.paired)


def _hold_after(pool: api.Pool) -> None:
    """Raise `SpecError` for TTFT of pools that send KV cache under the prefill: a faster chip hides less."""
    under = pool.chips.stack.kv_under_prefill
    if under is not None and np.any(np.asarray(under) > 0.0):
        what = (
            "expected KV cache sent after the prefill where TTFT counts, got kv_under_prefill: "
            "a faster chip has less time to send under; a sweep without --prune knows all"
        )
        raise spec_error("--prune", what)


def _told(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """The progress of one pool of two."""
    return lambda done: None if progress is None else progress(before + done, total)


@dataclass(kw_only=True, eq=False)
class _Prefills:
    """Designs that prefill and that no other known one is as good as."""

    job: PairJob
    received: tuple[float, float]
    judge: ByTrade
    rows: Rows[PrefillShare] = field(default_factory=no_rows)

    def learn(self, pool: api.Pool, numbers: Numbers) -> Floats:
        """Add designs; the logarithms of all that are known."""
        job = self.job
        trade = Trade.of(job.goals, job.limits)
        if trade.ttft_s is not None:
            _hold_after(pool)
        found = rows_of_prefill(pool, job.link, job.context, numbers)
        if found.size:
            self.rows = useful(self.rows.joined(found), self.received, job.link, job.context, trade)
        return self.judge.known(self.rows, job, self.received)


@dataclass(kw_only=True, eq=False)
class _Decodes:
    """The front of all known designs that decode, each paired with all that prefill."""

    job: PairJob
    prefill: Rows[PrefillShare]
    best: Ideal
    front: Local = field(init=False)
    paired: int = 0

    def __post_init__(self) -> None:
        self.front = Local.empty(len(self.job.goals))

    def bounds(self, limits: Limits) -> Bounds:
        """Boxes of chips that decode, next to the least of each number of what prefills."""
        job, grid = self.job, self.job.decode.deployments
        # no reference point: every pair counts
        corner = np.asarray([np.inf if g.direction == "minimize" else 0.0 for g in job.goals])
        judge = ByFront.of(
            job.decode.study,
            corner,
            grid=grid,
            lawless=lawless_of_decode(job.context, grid),
            evaluate=decodes(job, self.best),
        )
        return Bounds(job.decode.study, self.front.costs, corner, limits, judge)

    def learn(self, pool: api.Pool, numbers: Numbers) -> Floats:
        """Add designs; the logarithms of the front."""
        job = self.job
        rows = rows_of_decode(pool, job.link, job.context, numbers)
        if rows.size:
            none: Floats = np.full((1, len(job.goals)), np.inf)
            local, pairs, _ = paired_front(job, self.prefill, self.best, rows, none, self.front)
            self.front = self.front.merged(local.costs, local.points)
            self.paired += pairs
        signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in job.goals])
        return logs_of(signs, self.front.costs)


class Halving:
    """Boxes of the chips of one pool, halved until each is a chip that is known or holds nothing better."""

    def __init__(
        self,
        grid: PoolGrid,
        bounds: Bounds,
        learn: Callable[[api.Pool, Numbers], Floats],
        told: Callable[[int], None],
    ) -> None:
        """`learn` evaluates designs, by numbers of the grid, and returns what is then known."""
        self._grid, self._bounds, self._learn, self._told = grid, bounds, learn, told
        self._evaluated = 0
        self._unbounded = grid.looked_at

    def run(self, tally: Tally) -> None:
        """Evaluate some designs, then bound, halve and evaluate until nothing is open."""
        bounds = self._bounds
        self._begin()
        while bounds.open:
            self._round()
        took = Pruned(
            groups=1,
            points=self._grid.looked_at,
            evaluated=self._evaluated,
            boxes=bounds.boxes,
            bounded=bounds.designs,
        )
        tally.add(self._grid.role, took, bounds.remarks())

    def _begin(self) -> None:
        """Evaluate some designs, and bound the boxes of all branches."""
        grid, bounds = self._grid, self._bounds
        for numbers in self._first():
            for pool, points in grid.pools(grid.block_of(numbers)):
                bounds.front = self._learn(pool, points)
                self._evaluated += len(points)
        for part in grid.kept_branches:
            counts = {name: len(axis) for name, axis in part.axes.items()}
            for boxes in whole(part.branch, bounds.layouts, lawful=bounds.lawful, counts=counts):
                bounds.add(boxes)
                self._unbounded -= boxes.designs
                self._report()
        self._unbounded = 0

    def _first(self) -> Iterator[Numbers]:
        """Every chip of the catalog, and some of each branch; always the same."""
        grid, rng = self._grid, np.random.default_rng(0)
        for low, high in grid.catalog_spans():
            yield np.arange(low, high)
        for part in grid.kept_branches:
            yield part.first + np.unique(rng.integers(0, part.size, chips_of(CHIPS, grid.layouts)))

    def _round(self) -> None:
        """Evaluate a chip of each box that is taken, then bound its halves."""
        bounds, grid = self._bounds, self._grid
        taken = bounds.take(few_designs=bounds.nbytes > bounds.limits.for_boxes)
        for boxes in taken:
            (part,) = (b for b in grid.branches if b.branch is boxes.family.branch)
            points = chips_of_boxes(part, boxes)[boxes.owner] * grid.layouts + boxes.layouts
            for start in range(0, len(points), TOGETHER):
                some = points[start : start + TOGETHER]
                # before the halves are bounded: the more is known, the fewer of them stay open
                bounds.front = self._learn(grid.at(some), some)
                self._evaluated += len(some)
        for boxes in taken:
            if boxes.wide.any():
                bounds.add(bounds.halves(boxes.part(boxes.wide)))
        bounds.settled()
        self._report()

    def _report(self) -> None:
        self._told(self._grid.looked_at - self._bounds.left - self._unbounded)


def receives_at_most(job: PairJob) -> tuple[float, float]:
    """No shorter and no longer than KV cache of a prompt takes of the ports of any chip that decodes [s]."""
    grid, stated = job.decode, float(np.max(job.link.bandwidth))
    low, high = next(iter(grid.spans(1)))
    chip = api.Chips.of(**grid.columns_of(np.arange(low, high)))
    pool = api.Pool(role="decode", chips=chip, deployments=grid.deployments)
    # layouts decide it, and of a chip its port alone
    share, _ = decode_share(pool, job.link, job.context)
    sent = np.asarray(share.receives_s) * np.max(port_bandwidth(chip, job.link.bandwidth))
    shortest, longest = np.min(sent) / stated, np.max(sent) / narrowest_port(grid, job.link)
    # rounding must not make either too tight
    return float(shortest) * (1.0 - 1e-12), float(longest) * (1.0 + 1e-12)


def narrowest_port(grid: PoolGrid, link: api.PoolLink) -> float:
    """No port of a chip of a pool is narrower [B/s]."""
    found = [float(np.max(link.bandwidth))]
    for low, high in grid.catalog_spans():
        chip = api.Chips.of(**grid.columns_of(np.arange(low, high)))
        found.append(float(np.min(port_bandwidth(chip, link.bandwidth))))
    for part in grid.kept_branches:
        counts = {name: len(axis) for name, axis in part.axes.items()}
        for boxes in whole(part.branch, 1, lawful=True, counts=counts):
            own = boxes.family.table.least("link_bandwidth", boxes.corners, boxes.low, boxes.high)
            beyond = boxes.family.table.least("scale_out_bandwidth", boxes.corners, boxes.low, boxes.high)
            most = np.maximum(own, beyond)
            found.append(float(np.min(most, where=most > 0.0, initial=found[0])))
    return min(found)

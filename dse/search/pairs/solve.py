"""The exact front of all pairs of the designs of two pools, each of which is evaluated once.

Designs that prefill are reduced to those that no other one is as good as in every pair. What a design that
decodes reaches at best with any of these is known before it is paired: where a pair that was found is better
in every objective, none of its pairs is on the front. The few that are left are paired with all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dse.arrays import Floats
from dse.backends.blocks import each, keep_memory
from dse.choose.rule import Limits, cost_of, late
from dse.evaluate.pools.fronts import (
    Numbers,
    Rows,
    Trade,
    best_of_each,
    rows_of_decode,
    rows_of_prefill,
    useful,
)
from dse.search.pairs.pool_grid import ChipBlock, PoolGrid
from dse.search.sweep.local_front import SLACK, Local, pivots_of, sifted
from objectives import api
from objectives.systems.decode_side import port_bandwidth
from objectives.systems.share_bounds import Ideal, ideal, least
from objectives.systems.shares import DecodeShare, PrefillShare, decode_share, paired

PAIRS = 1 << 18
"""Pairs that are evaluated in one call."""
POOLED = 1 << 15
"""Designs that prefill which are collected before they are reduced."""
SAMPLED = 16
"""Blocks of designs that decode which the first front is made of."""
SAMPLE = 20_000
"""Bounds of designs that pivots are chosen by."""
SPAN = 512
"""Chips of a block."""

Task = tuple[int, int]
Progress = Callable[[int, int], None]
"""Called with the points that are done and all points."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairQuestion:
    """What counts of a pair."""

    context: api.Context
    link: api.PoolLink
    goals: tuple[api.Objective, ...]
    limits: Limits

    def costs(self, metrics: api.Metrics, shape: tuple[int, ...]) -> list[Floats]:
        """Every objective, flattened, with the sign with which less is better."""
        values = [cost_of(g, g.value(metrics, self.context)) for g in self.goals]
        return [np.broadcast_to(np.asarray(v), shape).reshape(-1) for v in values]

    def met(
        self, metrics: api.Metrics, shape: tuple[int, ...]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Where every limit is met, flattened."""
        ok = np.ones(shape, dtype=np.bool_)
        for missed in late(metrics, self.context, self.limits).values():
            ok &= np.asarray(missed) <= 0.0
        return ok.reshape(-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairJob(PairQuestion):
    """What all blocks share."""

    prefill: PoolGrid
    decode: PoolGrid


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """The exact front."""

    front: Local
    """Points are pairs: number = point that decodes x pools that prefill + place among these."""
    prefill: Rows[PrefillShare]
    """Those that can be part of a best pair."""
    paired: int
    """Pairs that were evaluated."""

    def pairs(self) -> tuple[Numbers, Numbers]:
        """Numbers of both designs of every pair on the front."""
        decode, place = np.divmod(self.front.points, max(self.prefill.size, 1))
        return self.prefill.numbers[place], decode


def solve_pairs(job: PairJob, threads: int | None = None, progress: Progress | None = None) -> Solution:
    """The exact front of all pairs that fit and meet every limit."""
    keep_memory()
    received = receives(job)
    total, done = job.prefill.looked_at + job.decode.looked_at, 0

    def told(points: int) -> None:
        nonlocal done
        done += points
        if progress is not None:
            progress(done, total)

    first = _prefills(job, received, threads, told)
    empty = Solution(front=Local.empty(len(job.goals)), prefill=first, paired=0)
    return _decodes(job, empty, threads, told) if first.size else empty


def receives(job: PairJob) -> tuple[float, float]:
    """The shortest and the longest that KV cache of one prompt takes of the ports of what decodes [s].

    Layouts decide it, and of a chip its port alone: the slowest and the fastest port are looked at.
    """
    ends: dict[bool, tuple[float, ChipBlock, int]] = {}
    for span in job.decode.spans():
        block = job.decode.block(*span)
        if not len(block.numbers):
            continue
        port = np.broadcast_to(
            port_bandwidth(api.Chips.of(**block.columns), job.link.bandwidth), (len(block.numbers),)
        )
        for fastest in (False, True):
            at = int(np.argmax(port) if fastest else np.argmin(port))
            known = ends.get(fastest)
            if known is None or ((port[at] > known[0]) == fastest and port[at] != known[0]):
                ends[fastest] = (float(port[at]), block, at)
    found = []
    for _, block, at in ends.values():
        pool = api.Pool(role="decode", chips=block.chips(at, at + 1), deployments=job.decode.deployments)
        share, _ = decode_share(pool, job.link, job.context)
        found += [float(np.min(share.receives_s)), float(np.max(share.receives_s))]
    return (min(found), max(found)) if found else (0.0, 0.0)


def _prefills(
    job: PairJob, received: tuple[float, float], threads: int | None, told: Callable[[int], None]
) -> Rows[PrefillShare]:
    """Designs that prefill and can be part of a best pair."""
    grid, trade = job.prefill, Trade.of(job.goals, job.limits)

    def work(span: Task) -> tuple[list[Rows[PrefillShare]], int]:
        block, found = grid.block(*span), []
        for pool, numbers in grid.pools(block):
            rows = _in_time(job, rows_of_prefill(pool, job.link, job.context, numbers))
            if rows.size:
                found.append(useful(rows, received, job.link, job.context, trade))
        return found, (span[1] - span[0]) * grid.layouts

    front: Rows[PrefillShare] | None = None
    new = 0
    for found, points in each(work, grid.spans(SPAN), threads):
        for rows in found:
            front = rows if front is None else front.joined(rows)
            new += rows.size
            if new > POOLED:
                front, new = useful(front, received, job.link, job.context, trade), 0
        told(points)
    if front is None:
        return no_rows()
    # in the order of their numbers, so that of equals the first stays
    ordered = front.take(np.argsort(front.numbers, kind="stable"))
    return useful(ordered, received, job.link, job.context, trade)


def no_rows() -> Rows[PrefillShare]:
    """No design that prefills."""
    empty = np.empty(0)
    names = PrefillShare.__dataclass_fields__
    return Rows(share=PrefillShare(**dict.fromkeys(names, empty)), numbers=np.empty(0, dtype=np.int64))


def _in_time(job: PairJob, rows: Rows[PrefillShare]) -> Rows[PrefillShare]:
    """Those whose prompts can be in time where nobody waits."""
    share, best = rows.share, ideal(rows.share, job.context)
    sent = share.sends_s if best.left_s is None else best.left_s
    soonest = share.first_s + share.some * (job.link.latency_s + sent)
    ok = np.ones(rows.size, dtype=np.bool_)
    for goal, limit in job.limits:
        if goal.name == "ttft":
            ok &= soonest <= limit
    return rows if ok.all() else rows.take(np.flatnonzero(ok))


def _decodes(job: PairJob, begun: Solution, threads: int | None, told: Callable[[int], None]) -> Solution:
    """The front of all pairs, block by block of what decodes."""
    grid, best = job.decode, best_of_each(begun.prefill, job.context)
    spans = list(grid.spans(_span(grid)))
    some = spans[:: max(1, len(spans) // SAMPLED)]
    front, count, bounds = begun.front, 0, [np.empty((0, len(job.goals)))]
    for span in some:
        found = _block(job, begun.prefill, best, span, np.full((1, len(job.goals)), np.inf), front, keep=True)
        front, count = front.merged(found.front.costs, found.front.points), count + found.paired
        bounds.append(found.bounds)
        told((span[1] - span[0]) * grid.layouts)
    sample = np.concatenate(bounds)
    sample = sample[:: max(1, len(sample) // SAMPLE)]
    pivots = pivots_of(front.costs, sample)

    def work(span: Task) -> "_Found":
        return _block(job, begun.prefill, best, span, pivots, front)

    known = set(some)
    rest = [span for span in spans if span not in known]
    due = 1
    for at, (span, found) in enumerate(zip(rest, each(work, rest, threads), strict=True), 1):
        front, count = front.merged(found.front.costs, found.front.points), count + found.paired
        told((span[1] - span[0]) * grid.layouts)
        if at >= due:  # better pivots as the front grows, ever more rarely
            pivots = pivots_of(front.costs, sample)
            due *= 2
    return replace(begun, front=front, paired=count)


def _span(grid: PoolGrid) -> int:
    """Chips of a block: at least some blocks of a small grid for the sample."""
    return max(1, min(SPAN, grid.chips // (4 * SAMPLED)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    front: Local
    paired: int
    bounds: Floats
    """Bounds (m, k) of designs that may be feasible; none where they are not kept."""


def _block(
    job: PairJob,
    prefill: Rows[PrefillShare],
    best: Ideal,
    span: Task,
    pivots: Floats,
    front: Local,
    *,
    keep: bool = False,
) -> _Found:
    """The local front of the pairs of some chips that decode, without what a pivot drops."""
    grid, count = job.decode, 0
    found, bounds = Local.empty(len(job.goals)), []
    for pool, numbers in grid.pools(grid.block(*span)):
        rows = rows_of_decode(pool, job.link, job.context, numbers)
        if not rows.size:
            continue
        local, pairs, costs = paired_front(job, prefill, best, rows, pivots, front)
        if keep:
            bounds.append(costs)
            pivots = pivots_of(front.costs, costs[:SAMPLE]) if len(front.points) else pivots
        found, count = found.merged(local.costs, local.points), count + pairs
        front = front.merged(local.costs, local.points)
    empty = np.empty((0, len(job.goals)))
    return _Found(front=found, paired=count, bounds=np.concatenate([empty, *bounds]))


def paired_front(
    question: PairQuestion,
    prefill: Rows[PrefillShare],
    best: Ideal,
    decode: Rows[DecodeShare],
    pivots: Floats,
    front: Local,
) -> tuple[Local, int, Floats]:
    """The front of all pairs of some designs, without what a pivot or a front drops.

    Also how many pairs were evaluated, and the bounds of the designs that may be feasible.
    """
    bound, shape = least(best, decode.share, question.link, question.context), (decode.size,)
    costs, ok = question.costs(bound, shape), question.met(bound, shape)
    found, count = Local.empty(len(question.goals)), 0
    left = not_worse(costs, ok, pivots, front)
    while left.size:
        # the most promising first: what they reach drops most of the others
        some = _promising(costs, left) if left.size * prefill.size > PAIRS // 8 else left
        for part in _cut(decode.take(some), prefill.size):
            local, pairs = _paired(question, prefill, part, pivots, front)
            found, count = found.merged(local.costs, local.points), count + pairs
            front = front.merged(local.costs, local.points)
        left = np.setdiff1d(left, some, assume_unique=True)
        left = left[not_worse([c[left] for c in costs], np.ones(len(left), dtype=np.bool_), pivots, front)]
    return found, count, np.stack(costs, axis=1)[ok]


def not_worse(
    costs: list[Floats], ok: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], pivots: Floats, front: Local
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Flat indices of the feasible points that neither a pivot nor any point of a front drops."""
    left = sifted(costs, ok, pivots)
    every = front.costs + SLACK * np.abs(front.costs)
    return left[sifted([c[left] for c in costs], np.ones(len(left), dtype=np.bool_), every)]


def _promising(
    costs: list[Floats], left: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Those whose bounds no other one's dominate."""
    bounds = np.stack([c[left] for c in costs], axis=1)
    return Local.empty(len(costs)).merged(bounds, left.astype(np.int64)).points.astype(np.intp)


def _cut(rows: Rows[DecodeShare], others: int) -> Iterator[Rows[DecodeShare]]:
    step = max(1, PAIRS // others)
    for low in range(0, rows.size, step):
        yield rows.take(np.arange(low, min(low + step, rows.size)))


def _paired(
    job: PairQuestion,
    prefill: Rows[PrefillShare],
    decode: Rows[DecodeShare],
    pivots: Floats,
    front: Local,
) -> tuple[Local, int]:
    """The front of every pair of some designs."""
    # axes (decode, prefill): the place among those that prefill changes fastest, as in the number of a pair
    columns = {name: np.asarray(a)[:, np.newaxis] for name, a in decode.share.columns().items()}
    m = paired(prefill.share, DecodeShare(**columns), job.link, job.context)
    shape = (decode.size, prefill.size)
    costs = job.costs(m, shape)
    left = not_worse(costs, job.met(m, shape), pivots, front)
    points = (decode.numbers[:, np.newaxis] * prefill.size + np.arange(prefill.size)).reshape(-1)
    none = Local.empty(len(job.goals))
    return none.merged(np.stack([c[left] for c in costs], axis=1), points[left]), shape[0] * shape[1]

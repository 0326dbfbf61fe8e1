"""The best pair of a pool that prefills and one that decodes, exactly: each is evaluated once, alone.

What any pair with a pool that decodes reaches at best is known before it is paired. Pools are paired in this
order, until none that is left can come within the tolerance of the best pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.choose.pools import PoolChoice
from dse.choose.rule import Limits, cost_of, late
from dse.choose.solve import Question
from dse.evaluate.pools.fronts import (
    Numbers,
    Rows,
    Trade,
    best_of_each,
    rows_of_decode,
    rows_of_prefill,
    useful,
)
from objectives import api
from objectives.systems.share_bounds import least
from objectives.systems.shares import DecodeShare, PrefillShare, paired

PAIRS = 1 << 19
"""Pairs that are evaluated in one call."""
LAYOUTS = 8
"""Layouts of the pool that decodes whose batches between those of the grid are tried: the best ones."""
ROUNDING = 1e-9
"""Of a chip, by which a whole number of them may be missed."""
MARGIN = 0.02
"""Share of the best goal within which a layout may become the best by another batch."""


@dataclass(frozen=True, kw_only=True)
class BestPair:
    """A pair, and how it was found."""

    prefill: int
    """Number of its layout."""
    decode: int
    cost: float
    of_decode: Floats
    """(n,) the least cost of each pool that decodes with any that prefills; infinite where not looked at."""


def best_of_pair(
    question: Question, choices: tuple[PoolChoice, ...], link: api.PoolLink, limits: Limits
) -> api.Designs | None:
    """The best system of two pools that prefill and decode, a batch of one; None where none is feasible.

    Of systems within the tolerance the one with the fewest chips, as `dse.choose.rule` says; a fraction of a
    chip counts as a chip, since a fleet saves none by less. Exact on the layouts of both; batches between
    those of the pool that decodes are tried for its best layouts.
    """
    prefills, decodes = choices
    prompts, layouts = prefills.layouts, decodes.layouts
    first = rows_of_prefill(_pool(prefills, prompts), link, question.context, _count(prompts))
    then = rows_of_decode(_pool(decodes, layouts), link, question.context, _count(layouts))
    found = best_pair(question, first, then, link, limits)
    if found is not None and decodes.any_batch:
        between = _between(layouts, then, found)
        more = rows_of_decode(_pool(decodes, between), link, question.context, layouts.size + _count(between))
        layouts, then = _stacked(layouts, between), then.joined(more)
        found = best_pair(question, first, then, link, limits)
    if found is None:
        return None
    pools = (
        _pool(prefills, prompts.take(np.asarray([found.prefill]))),
        _pool(decodes, layouts.take(np.asarray([found.decode]))),
    )
    return api.Designs(pools=pools, link=link)


def _pool(choice: PoolChoice, layouts: api.Deployments) -> api.Pool:
    return api.Pool(role=choice.role, chips=choice.chips, deployments=layouts)


def _count(layouts: api.Deployments) -> Numbers:
    return np.arange(layouts.size, dtype=np.int64)


def best_pair(
    question: Question,
    prefill: Rows[PrefillShare],
    decode: Rows[DecodeShare],
    link: api.PoolLink,
    limits: Limits,
) -> BestPair | None:
    """The best pair of pools that fit, by their numbers; None where none meets the limits."""
    if not prefill.size or not decode.size:
        return None
    context, goal = question.context, question.goal
    receives = np.asarray(decode.share.receives_s)
    trade = Trade.of([goal], limits, size=question.tolerance > 0.0)
    prefill = useful(prefill, (float(receives.min()), float(receives.max())), link, context, trade)
    bound = least(best_of_each(prefill, context), decode.share, link, context)
    within = _met(bound, context, limits, decode.numbers.shape)
    lowest = np.where(within, cost_of(goal, goal.value(bound, context)), np.inf)
    best, margin = np.inf, max(question.tolerance, MARGIN)
    of_decode, near = np.full(decode.size, np.inf), []
    for block in _blocks(lowest, prefill.size):
        if lowest[block[0]] > _above(best, margin):
            break
        m = _crossed(prefill, decode.take(block), link, context)
        shape = (prefill.size, len(block))
        cost = np.where(_met(m, context, limits, shape), cost_of(goal, goal.value(m, context)), np.inf)
        of_decode[block] = cost.min(axis=0)
        best = min(best, float(cost.min()))
        row, column = np.nonzero(cost <= _above(best, question.tolerance))
        size = np.ceil(np.broadcast_to(np.asarray(m.chips), shape) - ROUNDING)
        near.append(np.stack([cost[row, column], size[row, column], row, block[column]]))
    if not np.isfinite(best):
        return None
    cost, size, row, column = np.concatenate(near, axis=1)
    size = np.where(cost <= _above(best, question.tolerance), size, np.inf)
    at = np.lexsort((column, row, cost, size))[0]
    return BestPair(
        prefill=int(prefill.numbers[int(row[at])]),
        decode=int(decode.numbers[int(column[at])]),
        cost=float(cost[at]),
        of_decode=of_decode,
    )


def _above(best: float, share: float) -> float:
    """The largest cost within a share of the best."""
    return best + share * abs(best)


def _blocks(lowest: Floats, others: int) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.intp]]]:
    """Pools that may be feasible, the most promising first, some at a time."""
    order = np.argsort(lowest, kind="stable")
    order = order[: np.count_nonzero(np.isfinite(lowest))]
    # the first few decide how many of the others need no look
    step, start = max(PAIRS // others // 16, 1), 0
    while start < len(order):
        yield order[start : start + step]
        start, step = start + step, max(PAIRS // others, 1)


def _crossed(
    prefill: Rows[PrefillShare], decode: Rows[DecodeShare], link: api.PoolLink, context: api.Context
) -> api.Metrics:
    """Metrics of every pair; axes (prefill, decode)."""
    columns = {name: np.asarray(a)[:, np.newaxis] for name, a in prefill.share.columns().items()}
    return paired(PrefillShare(**columns), decode.share, link, context)


def _met(
    metrics: api.Metrics, context: api.Context, limits: Limits, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether every limit is met."""
    ok = np.ones(shape, dtype=np.bool_)
    for missed in late(metrics, context, limits).values():
        ok &= np.asarray(missed) <= 0.0
    return ok


def _between(layouts: api.Deployments, decode: Rows[DecodeShare], found: BestPair) -> api.Deployments:
    """The best layouts with every batch between the neighbours of theirs on the grid."""
    grid = np.unique(np.asarray(layouts.batch))
    columns = {name: np.asarray(a) for name, a in layouts.columns().items()}
    order = np.argsort(found.of_decode, kind="stable")
    order = order[np.isfinite(found.of_decode[order])]
    first = [decode.numbers[i] for i in order]
    parts: dict[tuple[float, ...], dict[str, Floats]] = {}
    for number in [found.decode, *first]:
        own = {name: float(a[number]) for name, a in columns.items()}
        key = tuple(v for name, v in own.items() if name != "batch")
        if key in parts:
            continue
        at = int(np.searchsorted(grid, own["batch"]))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
        batches = np.arange(low, high + 1.0)
        parts[key] = {**{n: np.full(len(batches), v) for n, v in own.items()}, "batch": batches}
        if len(parts) >= LAYOUTS:
            break
    return api.Deployments(
        **{name: np.concatenate([part[name] for part in parts.values()]) for name in columns}
    )


def _stacked(a: api.Deployments, b: api.Deployments) -> api.Deployments:
    mine, theirs = a.columns(), b.columns()
    return api.Deployments(
        **{name: np.concatenate([np.asarray(c), theirs[name]]) for name, c in mine.items()}
    )

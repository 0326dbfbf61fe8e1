"""The best deployment of each chip over a whole grid, and over the batches between its steps.

One function serves every verb that names the best at a target, so that all verbs give the same answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from dse.arrays import Floats
from dse.choose.rule import TOLERANCE, Ints, Judged, Limits, judged, judged_each, smallest_and_best
from objectives import api

BLOCK = 1 << 20
"""Points evaluated in one call; the arrays of a cost model then stay at some hundred megabytes."""

LAYOUTS, STEPS, ROUNDS = 8, 24, 3
"""Layouts of each chip whose batch is refined, the cheapest at their best batch of the grid; batches that are
tried between two neighbours of it; and how often at most, each time between two neighbours of the last. With
four batches to an octave up to 4,096, at most 1,024 whole numbers are between, so three rounds reach each."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What counts as best."""

    cost_model: api.CostModel
    context: api.Context
    goal: api.Objective
    tolerance: float = TOLERANCE
    any_batch: bool = True
    """Whether batches between the steps of the grid may be."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The chosen deployment of each chip; every array of shape (chips,)."""

    deployments: api.Deployments
    cheapest: api.Deployments
    """Those with the best goal, whatever their size."""
    cost: Floats
    """The goal, smaller is better, see `choose.cost_of`."""
    least: Floats
    """The best goal among systems of any size; `cost` is at most the tolerance above it."""
    least_size: Floats
    """Chips of the system with the best goal [1]."""
    unfit: Floats
    """How far constraints are missed, 0 where it fits [1]."""
    late: Floats
    """How far limits are missed, 0 where all are met [1]."""

    @property
    def feasible(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """(chips,) true where the deployment fits and meets every limit."""
        return np.asarray((self.unfit <= 0.0) & (self.late <= 0.0))


def best_deployments(
    question: Question, chips: api.Chips, grid: api.Deployments, limits: Sequence[Limits]
) -> list[Found]:
    """The best deployment of each of `chips` of shape (n,) under each of some `limits`.

    `grid` has the shape (layouts, PP, batch, 1). Of systems within the tolerance the smallest is taken, see
    `dse.choose.rule`.
    """
    # blocks of chips, never of deployments: the best of a chip needs its whole grid
    n, step = chips.size, max(1, BLOCK // grid.size)
    columns = {name: np.broadcast_to(np.asarray(a), (n,)) for name, a in chips.columns().items()}
    parts: list[list[Found]] = [[] for _ in limits]
    for start in range(0, n, step):
        block = api.Chips.of(**{name: a[start : start + step] for name, a in columns.items()})
        for part, found in zip(parts, _block(question, block, grid, limits), strict=True):
            part.append(found)
    return [_joined(part) for part in parts]


def _joined(parts: Sequence[Found]) -> Found:
    """The results of blocks of chips as one."""
    if len(parts) == 1:
        return parts[0]
    own = ("cost", "least", "least_size", "unfit", "late")

    def layouts(each: Sequence[api.Deployments]) -> api.Deployments:
        columns = [d.columns() for d in each]
        return api.Deployments(**{k: np.concatenate([c[k] for c in columns]) for k in columns[0]})

    return Found(
        deployments=layouts([p.deployments for p in parts]),
        cheapest=layouts([p.cheapest for p in parts]),
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in own},
    )


def _block(
    question: Question, chips: api.Chips, grid: api.Deployments, limits: Sequence[Limits]
) -> Iterator[Found]:
    """The best deployment of each chip of a block under each of the limits."""
    designs = api.Designs.of(chips=chips, deployments=grid)
    metrics = question.cost_model.evaluate(designs, question.context)
    # (deployments, 1): the layout is the same for every chip of the block
    flat = {k: np.asarray(a)[:, np.newaxis] for k, a in grid.reshape(-1).columns().items()}
    judgements = judged_each(metrics, question.context, question.goal, limits, designs.shape)
    for each, coarse in zip(limits, judgements, strict=True):
        found, columns = coarse, [flat]
        # a grid of one batch means that the batch was given
        if question.any_batch and grid.shape[-2] > 1:
            rounds = list(_between(question, chips, grid, found, each))
            found = reduce(Judged.joined, [more for _, more in rounds[1:]], rounds[0][1])
            found = coarse.joined(found)  # the large one is copied once
            columns += [tried for tried, _ in rounds]
        yield _picked(found, columns, question.tolerance)


def _picked(found: Judged, columns: Sequence[dict[str, Floats]], tolerance: float) -> Found:
    """`columns` are those of the deployments, of shape (some, 1) or (some, chips), some after the other."""
    at, cheapest = smallest_and_best(found, tolerance)
    chip = np.arange(len(at))

    def of(values: Floats, index: Ints) -> Floats:
        return np.broadcast_to(values, found.cost.shape)[index, chip]

    def deployed(index: Ints) -> api.Deployments:
        """Columns of the deployments with these numbers, one for each chip."""
        # parts stay apart: those of the grid are one column for all chips, refined ones one for each
        out = {name: np.empty(len(index)) for name in columns[0]}
        start = 0
        for part in columns:
            stop = start + len(next(iter(part.values())))
            mine = (index >= start) & (index < stop)
            for name, a in part.items():
                whole = np.broadcast_to(a, (len(a), len(index)))
                out[name][mine] = whole[index[mine] - start, chip[mine]]
            start = stop
        return api.Deployments(**out)

    return Found(
        deployments=deployed(at),
        cheapest=deployed(cheapest),
        cost=of(found.cost, at),
        least=of(found.cost, cheapest),
        least_size=of(found.size, cheapest),
        unfit=of(found.unfit, at),
        late=of(found.late, at),
    )


def _between(
    question: Question, chips: api.Chips, grid: api.Deployments, found: Judged, limits: Limits
) -> Iterator[tuple[dict[str, Floats], Judged]]:
    """Batches around the best one of the best layouts of each chip, finer from round to round."""
    n, sizes = chips.size, np.asarray(grid.batch).reshape(-1)
    # (layouts, batches, chips); an infinite cost only ranks, it is never returned
    cost = np.where(found.feasible, found.cost, np.inf).reshape(-1, len(sizes), n)
    # stable, so that equal layouts keep the order of the grid on every machine
    top = np.argsort(cost.min(axis=1), axis=0, kind="stable")[:LAYOUTS]
    at = np.argmin(cost[top, :, np.arange(n)], axis=-1)
    flat = grid.reshape(-1, len(sizes)).columns()
    # all but the batch of a layout; its first batch has the same TP, PP, EP and DP as the others
    layout = {k: np.asarray(a)[:, 0][top][:, np.newaxis] for k, a in flat.items()}
    low, high = sizes[np.maximum(at - 1, 0)], sizes[np.minimum(at + 1, len(sizes) - 1)]
    share = np.linspace(0.0, 1.0, STEPS)[:, np.newaxis]
    for _ in range(ROUNDS):
        # batches are whole; one that rounding repeats costs a point and changes nothing
        tried = np.round(low[:, np.newaxis] + share * (high - low)[:, np.newaxis])
        shape = (len(top), STEPS, n)
        columns = {k: np.broadcast_to(a, shape).reshape(-1, n) for k, a in {**layout, "batch": tried}.items()}
        designs = api.Designs.of(chips=chips, deployments=api.Deployments(**columns))
        metrics = question.cost_model.evaluate(designs, question.context)
        more = judged(metrics, question.context, question.goal, limits, designs.shape)
        yield columns, more
        # steps of at most one: every whole number between has been tried
        if (high - low).max() < STEPS:
            return
        cost = np.where(more.feasible, more.cost, np.inf).reshape(shape)
        at = np.argmin(cost, axis=1)[:, np.newaxis]
        ends = (np.maximum(at - 1, 0), np.minimum(at + 1, STEPS - 1))
        low, high = (np.take_along_axis(tried, end, axis=1)[:, 0] for end in ends)

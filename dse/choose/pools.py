"""The best layouts of a system of several pools: descent, one pool at a time, from many starts.

Each step evaluates every layout of one pool next to the others as they are, so that it ends where no change
of one pool helps. It starts from the best of a sample of all combinations. That is no proof: a better system
may differ in two pools at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.choose.rule import Judged, Limits, judged, smallest_and_best
from dse.choose.solve import Question
from objectives import api
from objectives.arrays import Array

SAMPLED, STARTS, ROUNDS = 150, 4, 12
"""Layouts of each pool that are sampled, combinations that are descended from, and rounds at most."""
STEPS = 16
"""Batches between two of the grid that are tried."""


@dataclass(frozen=True, kw_only=True)
class PoolChoice:
    """One pool and every layout that it may have."""

    role: str
    chips: api.Chips
    """A batch of one."""
    layouts: api.Deployments
    """Shape (n,)."""
    any_batch: bool = False
    """Whether batches between those of the layouts may be as well."""


def best_system(
    question: Question, choices: tuple[PoolChoice, ...], link: api.PoolLink, limits: Limits
) -> tuple[api.Designs, bool]:
    """The best system that is found, a batch of one, and whether it was the only one."""
    only = all(c.layouts.size == 1 for c in choices)
    starts = _starts(question, choices, link, limits)
    best = _joined([_descended(question, choices, link, limits, start) for start in starts])
    at, _ = smallest_and_best(_judged(question, best, limits), question.tolerance)
    return best.take(np.asarray(at)), only


def _judged(question: Question, designs: api.Designs, limits: Limits) -> Judged:
    metrics = question.cost_model.evaluate(designs, question.context)
    return judged(metrics, question.context, question.goal, limits, designs.shape, 1)


def _starts(
    question: Question, choices: tuple[PoolChoice, ...], link: api.PoolLink, limits: Limits
) -> list[api.Designs]:
    """The best of a sample of all combinations, one for each layout of the first pool at most."""
    some = [_sample(c, SAMPLED if len(choices) < 3 else SAMPLED // 3) for c in choices]
    pools = []
    for axis, (choice, layouts) in enumerate(zip(choices, some, strict=True)):
        shape = [1] * len(choices)
        shape[axis] = layouts.size
        pools.append(api.Pool(role=choice.role, chips=choice.chips, deployments=layouts.reshape(*shape)))
    every = api.Designs(pools=tuple(pools), link=link)
    found = _judged(question, every, limits)
    order = np.lexsort((found.cost[:, 0], found.late[:, 0], found.unfit[:, 0]))
    first = order // (every.size // some[0].size)
    # starts that differ in the first pool: neighbours would descend to one place
    _, firsts = np.unique(first, return_index=True)
    picked = order[np.sort(firsts)[:STARTS]]
    return [every.take(np.asarray([i])) for i in picked]


def _sample(choice: PoolChoice, most: int) -> api.Deployments:
    n = choice.layouts.size
    return choice.layouts.take(np.unique(np.linspace(0, n - 1, min(n, most)).astype(int)))


def _descended(
    question: Question,
    choices: tuple[PoolChoice, ...],
    link: api.PoolLink,
    limits: Limits,
    start: api.Designs,
) -> api.Designs:
    """Where no change of one pool helps any more."""
    here, key = start, None
    for _ in range(ROUNDS):
        for choice in choices:
            here = _best_of(question, here, choice, choice.layouts, link, limits)
            if choice.any_batch:
                here = _best_of(
                    question, here, choice, _between(here.pool(choice.role), choice), link, limits
                )
        found = _judged(question, here, limits)
        now = (found.unfit[0, 0], found.late[0, 0], found.cost[0, 0])
        if now == key:
            break
        key = now
    return here


def _best_of(
    question: Question,
    here: api.Designs,
    choice: PoolChoice,
    layouts: api.Deployments,
    link: api.PoolLink,
    limits: Limits,
) -> api.Designs:
    """The best of some layouts of one pool, next to the others as they are, and of what there is."""
    own = here.pool(choice.role).deployments
    columns = {k: np.concatenate([np.asarray(a), layouts.columns()[k]]) for k, a in own.columns().items()}
    tried = api.Deployments(**columns)
    pools = tuple(
        api.Pool(role=p.role, chips=p.chips, deployments=tried) if p.role == choice.role else p
        for p in here.pools
    )
    every = api.Designs(pools=pools, link=link)
    at, _ = smallest_and_best(_judged(question, every, limits), 0.0)
    return every.take(np.asarray(at))


def _between(pool: api.Pool, choice: PoolChoice) -> api.Deployments:
    """The layout of a pool with batches between the neighbours of its own on the grid."""
    batches = np.unique(choice.layouts.batch)
    own = float(np.asarray(pool.deployments.batch)[0])
    below, above = batches[batches < own], batches[batches > own]
    low = below[-1] if len(below) else own
    high = above[0] if len(above) else own
    some = np.unique(np.linspace(low, high, STEPS).round())
    columns = {k: np.repeat(np.asarray(a), len(some)) for k, a in pool.deployments.columns().items()}
    return api.Deployments(**{**columns, "batch": some})


def _joined(designs: list[api.Designs]) -> api.Designs:
    """Batches of one as one batch."""
    pools = []
    for role in designs[0].roles:
        of_role = [d.pool(role) for d in designs]
        chips = _stacked([p.chips.columns() for p in of_role])
        layouts = _stacked([p.deployments.columns() for p in of_role])
        pools.append(api.Pool(role=role, chips=api.Chips.of(**chips), deployments=api.Deployments(**layouts)))
    return api.Designs(pools=tuple(pools), link=designs[0].link)


def _stacked(each: Sequence[Mapping[str, Array]]) -> dict[str, Floats]:
    """Columns of batches of one, one after the other."""
    return {k: np.concatenate([np.asarray(columns[k]).reshape(-1) for columns in each]) for k in each[0]}

"""How much better than a front of pairs any pair could be, by branch and bound over the chips of both pools.

First the pool that prefills: the least of each number that any chip of it brings to a pair. No pair with any
chip that decodes is better than with a pool that has them all. So the proof of a front of pairs is one over
the chips that decode, each next to this ideal pool.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.chips.formats import with_formats
from dse.chips.resolve import chip_columns, chips_of
from dse.choose.rule import late
from dse.errors import spec_error
from dse.evaluate.pools.fronts import Trade
from dse.evaluate.pools.study_layouts import grid_of_pool
from dse.front.files import Front
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.question.stacks import stacks_of
from dse.search.bound.bounds import Bounds, hold_two_memories
from dse.search.bound.boxes import Mask, whole
from dse.search.bound.judges import ByFront, ByLeast, Evaluate
from dse.search.bound.limits import MEMORY, Ended, Limits
from dse.search.bound.prove import Bound, Progress, Proof
from dse.search.pairs.solve import PairQuestion
from objectives import api
from objectives.arrays import Array
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.step.prefix_cache import computed_tokens
from objectives.systems.share_bounds import Ideal, ideal, least
from objectives.systems.shares import decode_share, prefill_share

FIRST = 0.3
"""Share of the time that the pool that prefills may take."""
CLOSE = 0.002
"""What its numbers are bounded to, relatively."""
SAMPLED = 32
"""Chips of each branch that prefill whose numbers are known first."""
REMARK = (
    "the pool that prefills is bounded by the least of each of its numbers over all its chips, which no one "
    "chip need have together"
)
GRID = (
    "sizes that the study does not list are those of the coarse grid, so that what was solved again at a "
    "target between its steps may be better than the bound"
)
BARRED = "pairs of unanchored chips count, in the space and on the front"

UNDER = ("left_s", "after")
"""Numbers of pools that send KV cache under the prefill."""

_READ = {
    "capital": ("capex_usd",),
    "running": ("capex_usd", "power_w", "static_w", "drawn_j"),
    "energy": ("static_w", "drawn_j"),
}
"""Costs that count to the numbers of a pool that prefills which they depend on."""


def prove_pairs(
    study: PooledStudy,
    front: Front,
    eligible: PairEligibility,
    *,
    between: bool = False,
    tolerance: float = 0.01,
    seconds: float = 60.0,
    memory: float = MEMORY,
    progress: Progress | None = None,
) -> Bound:
    """Prove how much better than `front` any pair of the chips of both pools could be.

    As `dse.search.bound.prove.prove`, with the chips of the catalog of both pools. Domain: pools that prefill
    and decode, all of whose pairs have prices of one group. Raises `SpecError`.
    """
    barred = check_provable(study, eligible)
    limits = Limits.of(seconds, memory)
    decode, goals = study.pools["decode"], study.first.objectives
    # of the pool that prefills alone nothing is known of a pair
    begun = None if progress is None else (lambda _, left: progress(np.inf, left))
    first = Limits.of(FIRST * seconds, memory)
    best, ended = least_of_prefill(study, between=between, limits=first, progress=begun)
    signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in goals])
    worst = signs * [study.first.reference_point[g.name] for g in goals]
    values = front.frame[[a.column for a in front.axes]].to_numpy(dtype=np.float64)
    grid = grid_of_pool("decode", decode)
    evaluate = decodes(question_of(study), best)
    judge = ByFront.of(
        decode, worst, grid=grid, lawless=lawless_of_decode(study.context, grid), evaluate=evaluate
    )
    proof = Proof(Bounds(decode, signs * values, worst, limits, judge), float(np.log1p(tolerance)), progress)
    if ended != "interrupt":
        for rows in _catalog(decode, evaluate, grid):
            proof.exist(proof.bounds.log(rows))
        ended = proof.run(between=between)
    coarse = any(own.fine_lists != own.lists for own in study.pools.values())
    remarks = (REMARK, *((GRID,) if coarse else ()), *((BARRED,) if barred else ()))
    return proof.bound(ended, between=between, tolerance=tolerance, found=len(values), remarks=remarks)


def check_provable(study: PooledStudy, eligible: PairEligibility) -> bool:
    """Raise `SpecError` for pairs of which nothing is proven; else whether some have unanchored chips."""
    where = str(study.path)
    for pool in study.pools.values():
        hold_two_memories(pool)
    kinds = [eligible.standing([min(kind[role]) for role in study.pools]) for kind in eligible.kinds()]
    prices = sorted({group for group, _ in kinds})
    if len(prices) > 1:
        what = "expected prices that all pairs rank by for a proof, such as those of unit-cost"
        raise spec_error(f"{where}: price", f"{what}, got {', '.join(prices)}")
    return any(unanchored for _, unanchored in kinds)


def least_of_prefill(
    study: PooledStudy, *, between: bool, limits: Limits, progress: Progress | None = None
) -> tuple[Ideal, Ended]:
    """The least of every number that a chip that prefills in time brings to a pair, and how that ended."""
    pool, names = study.pools["prefill"], _numbers(study)
    grid, evaluate = grid_of_pool("prefill", pool), prefills(study, names)
    judge = ByLeast(
        grid=grid,
        # bytes are placed for steps of decode, and a chip that prefills runs none
        lawless=np.ones(grid.size, dtype=np.bool_),
        limits={goal.name: abs(limit) for goal, limit in study.limits},
        evaluate=evaluate,
        count=len(names),
    )
    bounds = Bounds(pool, np.full((1, len(names)), np.inf), np.zeros(0), limits, judge)
    known = [bounds.front, *(bounds.log(rows) for rows in _catalog(pool, evaluate, grid))]
    known += [_sampled(bounds, branch, between=between) for branch in pool.branches.values()]
    bounds.front = np.concatenate(known).min(axis=0, keepdims=True)
    proof = Proof(bounds, float(np.log1p(CLOSE)), progress, learns=True)
    ended = proof.run(between=between)
    lowest = proof.lowest()
    # rounding of a logarithm must not lift a bound
    found = dict(zip(names, np.exp(lowest)[:, None] * (1.0 - 1e-12), strict=True))
    # the same for every chip; a bound of it would not do, since TTFT may fall where it rises
    found["some"] = np.where(np.reshape(computed_tokens(study.context.workload), 1) > 0.0, 1.0, 0.0)
    # numbers that no objective depends on are not looked for
    wanted = [name for name in Ideal.__dataclass_fields__ if name not in UNDER or _under(pool)]
    return Ideal(**{name: found.get(name, np.zeros(1)) for name in wanted}), ended


def _under(pool: ResolvedStudy) -> bool:
    """Whether some chip that prefills sends KV cache under its prefill."""
    chips = pool.baselines.values()
    return any(stack.can("kv_under_prefill") for stack in stacks_of(pool.setting, pool.branches, chips))


def _numbers(study: PooledStudy) -> tuple[str, ...]:
    """Numbers of a pool that prefills which objectives and targets depend on."""
    goals = study.first.objectives
    counted = Trade.of(goals, study.limits).counted
    # a limit of TTFT is one of the pool that prefills, see `prefills`
    bounded = {goal.name for goal in goals} | {goal.name for goal, _ in study.limits} - {"ttft"}
    waits = ["first_s"] if bounded & {"ttft", "end_to_end"} else []
    if waits and _under(study.pools["prefill"]):
        waits.append("left_s")
    read = [name for cost in counted for name in _READ.get(cost, ())]
    return tuple(dict.fromkeys(("sends_s", *waits, *read)))


def prefills(study: PooledStudy, names: Sequence[str]) -> Evaluate:
    """Some columns of `Ideal` that pools that prefill bring to a pair, and whether they are in time."""
    link, context = study.link.columns(), study.context
    soonest = [(goal, limit) for goal, limit in study.limits if goal.name == "ttft"]

    def evaluate(chips: api.Chips, deployments: api.Deployments) -> tuple[list[Array], Mapping[str, Array]]:
        pool = api.Pool(role="prefill", chips=chips, deployments=deployments)
        share, over = prefill_share(pool, link, context)
        best = ideal(share, context)
        # where nobody waits
        # chips that send after the prefill leave all of it
        sent = share.sends_s if best.left_s is None else best.left_s
        best = best.replace(left_s=sent)
        first = share.first_s + share.some * (link.latency_s + sent)
        missed = {goal.name: first - limit for goal, limit in soonest}
        return [getattr(best, name) for name in names], {**unnamed(over), **missed}

    return evaluate


def question_of(study: PooledStudy) -> PairQuestion:
    """What counts of the pairs of a study."""
    return PairQuestion(
        context=study.context, link=study.link.columns(), goals=study.first.objectives, limits=study.limits
    )


def decodes(question: PairQuestion, best: Ideal) -> Evaluate:
    """Objectives of pools that decode, each next to a pool that prefills and has the `best` of all."""
    link, context, goals = question.link, question.context, question.goals
    signs = [1.0 if g.direction == "minimize" else -1.0 for g in goals]

    def evaluate(chips: api.Chips, deployments: api.Deployments) -> tuple[list[Array], Mapping[str, Array]]:
        pool = api.Pool(role="decode", chips=chips, deployments=deployments)
        share, over = decode_share(pool, link, context)
        metrics = least(best, share, link, context)
        values = [sign * goal.value(metrics, context) for sign, goal in zip(signs, goals, strict=True)]
        return values, {**unnamed(over), **late(metrics, context, question.limits)}

    return evaluate


def unnamed(over: Mapping[str, Array]) -> dict[str, Array]:
    """Constraints without the role in front."""
    return {name.rpartition(".")[2]: value for name, value in over.items()}


def _catalog(pool: ResolvedStudy, evaluate: Evaluate, grid: api.Deployments) -> Iterator[Floats]:
    """Values (m, k) of each chip of the catalog in all layouts that are feasible."""
    setting = pool.setting
    for name in sorted(pool.baselines):
        chip = chips_of([chip_columns(with_formats(pool.baselines[name], setting.technology), setting)])
        values, over = evaluate(chip, grid)
        ok = np.ones(grid.shape, dtype=np.bool_)
        for violation in over.values():
            ok &= np.asarray(violation) <= 0.0
        yield np.stack([np.broadcast_to(np.asarray(v), grid.shape)[ok] for v in values], axis=1)


def _sampled(bounds: Bounds, branch: Branch, *, between: bool) -> Floats:
    """The least of each number of some chips of a branch (1, k): the closer, the fewer boxes stay open."""
    boxes = next(iter(whole(branch, bounds.layouts, lawful=False, between=between, targets=bounds.targets)))
    rng = np.random.default_rng(0)
    some = boxes.part(rng.integers(len(boxes), size=SAMPLED))
    steps, share = some.family.steps, rng.random(some.low.shape)
    stepped = np.rint(share * (steps - 1)) / np.maximum(steps - 1, 1)
    place = np.where(some.low < some.high, np.where(steps > 1, stepped, share), some.low)
    rows, ok = bounds.outlook(replace(some, low=place, high=place))
    return np.asarray(rows[ok].min(axis=0, initial=np.inf, keepdims=True))


def lawless_of_decode(context: api.Context, grid: api.Deployments) -> Mask:
    """(layouts,) where more of what places bytes may slow a pool that runs steps of decode alone."""
    work, llm = context.workload, context.llm
    stages = np.asarray(grid.reshape(-1).pp)
    # weights of unlike formats are placed as one kind, by their mean
    if work.speculation is not None or context.precision.parts is not None:
        return np.ones(stages.shape, dtype=np.bool_)
    # stages that differ wait for one of them
    alike = not (llm.expert_count or llm.repeats) and mean_layer(llm, 1.0).state_bytes is None
    return np.zeros(stages.shape, dtype=np.bool_) if alike else stages > 1.0

"""The best pair of pools, one evaluated beside the other: it is that of a look at every pair."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from systems import pairs

from dse.choose.pools import PoolChoice
from dse.choose.rule import violations
from dse.choose.solve import Question
from dse.evaluate.pools.fronts import undominated
from dse.evaluate.pools.pairs import best_of_pair
from dse.plugins import cost_model, objective
from objectives.api import Context, Deployments, Designs, Pool

GRID = Deployments(
    batch=np.array([1.0, 8.0, 64.0, 512.0])[:, None, None],
    tp=np.array([1.0, 2.0, 4.0, 8.0])[None, :, None],
    cp=np.ones((1, 1, 1)),
    pp=np.array([1.0, 2.0, 5.0])[None, None, :],
    ep=np.ones((1, 1, 1)),
    dp=np.ones((1, 1, 1)),
).reshape(-1)
PROMPTS = GRID.replace(batch=np.where(GRID.batch > 8.0, 4096.0, GRID.batch))


def brute_force(question: Question, choices, link, limits) -> tuple[float, float]:
    """Cost and chips of the best of all pairs, each evaluated by the cost model."""
    first, then = choices
    every = Designs(
        pools=(
            Pool(role="prefill", chips=first.chips, deployments=first.layouts.reshape(-1, 1)),
            Pool(role="decode", chips=then.chips, deployments=then.layouts.reshape(1, -1)),
        ),
        link=link,
    )
    m = question.cost_model.evaluate(every, question.context)
    ok = np.ones(every.shape, dtype=bool)
    for v in violations(m, question.context, limits).values():
        ok &= np.asarray(v) <= 0.0
    value = np.broadcast_to(question.goal.value(m, question.context), every.shape)
    cost = np.where(ok, value if question.goal.direction == "minimize" else -value, np.inf)
    least = cost.min()
    near = cost <= least + question.tolerance * abs(least)
    chips = np.ceil(np.broadcast_to(m.chips, every.shape) - 1e-9)
    small = near & (chips == chips[near].min()) if np.isfinite(least) else near
    return float(cost[small].min()), float(chips[small].min())


def _context(pools: str) -> Context:
    context = make.context(serving="disaggregated")
    return replace(context, workload=replace(context.workload, pools=pools, prefill_load=0.7))


@pytest.mark.parametrize("pools", ["fleet", "system"])
@pytest.mark.parametrize(
    "goal", ["usd_per_token_per_second", "usd_per_million_tokens", "energy_per_token", "entry_price", "tpot",
             "end_to_end", "tokens_per_second"]
)  # fmt: skip
@pytest.mark.parametrize("bandwidth", [1e8, 1e10])
@pytest.mark.parametrize("tight", [1.0, 1.3])
@pytest.mark.parametrize("tolerance", [0.0, 0.1])
def test_the_best_pair_is_that_of_all_pairs(
    pools: str, goal: str, bandwidth: float, tight: float, tolerance: float
) -> None:
    context, link = _context(pools), pairs.link(bandwidth, 1e-5, 3000.0)
    question = Question(
        cost_model=cost_model("roofline"), context=context, goal=objective(goal), tolerance=tolerance
    )
    gpu, other = make.h100_like(), make.h100_like(dram_bandwidth=8e12, price_usd=50_000.0)
    choices = (
        PoolChoice(role="prefill", chips=gpu, layouts=PROMPTS),
        PoolChoice(role="decode", chips=other, layouts=GRID),
    )
    # limits near the best that can be had, so that they cut through the pairs
    _, size = brute_force(replace(question, tolerance=0.0), choices, link, ())
    fast = [
        brute_force(replace(question, goal=objective(n), tolerance=0.0), choices, link, ())[0]
        for n in ("tpot", "ttft")
    ]
    limits = tuple((objective(n), best * 3.0 * tight) for n, best in zip(("tpot", "ttft"), fast, strict=True))
    cost, size = brute_force(question, choices, link, limits)
    found = best_of_pair(question, choices, link, limits)
    if not np.isfinite(cost):
        assert found is None
        return
    assert found is not None
    m = question.cost_model.evaluate(found, context)
    value = pairs.one_of(question.goal.value(m, context))
    signed = value if question.goal.direction == "minimize" else -value
    assert signed == pytest.approx(cost, rel=1e-9)
    if tolerance:  # without one the size does not count
        assert np.ceil(pairs.one_of(m.chips) - 1e-9) == size


def test_undominated_rows_are_those_of_a_comparison_of_all() -> None:
    rng = np.random.default_rng(1)
    for columns in (2, 5):
        points = rng.integers(0, 6, (300, columns)).astype(float)
        kept = set(undominated(list(points.T)).tolist())
        for i, row in enumerate(points):
            better = np.all(points <= row, axis=1) & (np.any(points < row, axis=1) | (np.arange(300) < i))
            assert (i in kept) == (not better.any())

"""Splits of KV cache that are left out are never the best, and those of a stack that cannot never count."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from dse.choose.solve import Question, best_deployments
from dse.plugins import objective
from dse.question.layouts import all_ways, bad_cp, product, sparing
from objectives.api import Chips, Context, Deployments, Llm
from objectives.costmodels.roofline import RooflineCostModel

SIZES = {"pp": [1, 4], "batch": [1, 8, 64, 512, 2048]}
CHIPS = {
    "gpu": make.h100_like(link_domain=72.0),
    "long way": make.h100_like(link_domain=8.0, link_bandwidth=50e9),
    "lpu": make.groq_like(sram_bytes=4e9),
    "hybrid": make.h100_like(sram_pinned=1.0, sram_bytes=2e9, sram_bandwidth=20e12, link_domain=64.0),
}
LLMS = (make.llama2_70b(), make.llama2_7b(), make.gpt_oss_20b(), make.deepseek_v3(), make.qwen3_next())
SERVING = ("decode-only", "aggregated", "chunked", "disaggregated")


def pairs(llm: Llm, *, pruned: bool) -> list[tuple[int, int]]:
    """TP and CP of up to 32 chips: those that are tried, or all there are."""
    ways = [n for n in all_ways(llm) if n <= 32]
    if pruned:
        return sorted({(n, 1) for n in ways} | sparing(llm, ways))
    return [(t, c) for t in ways for c in range(1, 33) if t * c in ways and not bad_cp(c, t, llm)]


def grid(found: list[tuple[int, int]], ep: int) -> Deployments:
    tp, cp = np.asarray(found, dtype=float).T
    spread = np.full(len(found), float(ep))
    return product(tp, spread, np.maximum(spread / (tp * cp), 1.0), SIZES["pp"], SIZES["batch"], cp)


def best(
    chips: Chips, context: Context, every: Deployments, goal: str = "usd_per_token_per_second"
) -> object:
    question = Question(
        cost_model=RooflineCostModel(), context=context, goal=objective(goal), tolerance=0.0, any_batch=False
    )
    limits = [((objective("tpot"), limit),) for limit in (5e-3, 20e-3, 1.0)]
    return best_deployments(question, chips, every, limits)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("llm", LLMS, ids=lambda llm: llm.name)
@pytest.mark.parametrize("serving", SERVING)
def test_the_best_of_what_is_tried_is_the_best_of_all_splits(chip: str, llm: Llm, serving: str) -> None:
    for isl, kv in ((512.0, 2.0), (65536.0, 1.0)):
        context = make.context(llm, isl=isl, osl=1024.0, weights=1.0, kv=kv, serving=serving)
        for ep in (1, 32) if llm.expert_count else (1,):
            every, tried = (best(CHIPS[chip], context, grid(pairs(llm, pruned=p), ep)) for p in (False, True))
            for one, other in zip(every, tried, strict=True):
                assert one.feasible == other.feasible
                if one.feasible:
                    assert float(other.cost[0]) == pytest.approx(float(one.cost[0]), rel=1e-9)


def test_long_contexts_of_few_heads_are_split_where_the_stack_can_and_nowhere_else() -> None:
    llm = make.llama2_70b(kv_heads=1)
    context = make.context(llm, isl=200e3, osl=1e3, weights=1.0, kv=2.0, serving="decode-only")
    every = grid(pairs(llm, pruned=True), 1)
    can, cannot = (
        best(CHIPS["gpu"].replace(context_parallel=np.asarray([flag])), context, every) for flag in (1.0, 0.0)
    )
    assert all(f.deployments.cp[0] > 1.0 for f in can if f.feasible)
    assert any(f.feasible for f in can)
    assert all(f.deployments.cp[0] == 1.0 for f in cannot)
    # also where nothing fits, so that the one that misses by least is taken
    tiny = CHIPS["gpu"].replace(dram_bytes=np.asarray([1e9]), context_parallel=np.asarray([0.0]))
    assert all(f.deployments.cp[0] == 1.0 and not f.feasible for f in best(tiny, context, every))


def test_a_network_without_kv_cache_has_nothing_to_split() -> None:
    linear = replace(make.qwen3_next(), blocks=make.qwen3_next().blocks[:1])
    assert sparing(linear, all_ways(linear)) == set()

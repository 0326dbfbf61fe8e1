"""Prefixes that are read back: rows and pairs left to compute, seconds and dollars of the tier."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given

from objectives.api import Context, Designs, Metrics, PrefixCache
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.step import prefix_cache


def evaluate(design: Designs, context: Context) -> Metrics:
    return RooflineCostModel().evaluate(design, context, detail=True)


def cache(hit: float = 0.5, **changes: object) -> PrefixCache:
    given = {"stored_tokens": 1e5, "tier": "host", "bandwidth": 1e10, "usd_per_byte": 5e-9, **changes}
    return PrefixCache(hit=hit, **given)  # type: ignore[arg-type]


def with_cache(context: Context, kept: PrefixCache | None) -> Context:
    return replace(context, workload=replace(context.workload, prefix=kept))


def test_half_of_a_prompt_leaves_half_the_rows_and_three_quarters_of_the_pairs() -> None:
    work = make.context(isl=1000.0, prefix=cache()).workload
    layer = mean_layer(make.llama2_70b(), np.array([1.0]))
    assert prefix_cache.computed_tokens(work) == 500.0
    pairs = 500.0 * prefix_cache.prompt_core_flop(layer, work)
    assert pairs == pytest.approx(0.75 * 1000.0 * layer.prompt_core_flop(1000.0), rel=1e-12)


def test_the_last_token_is_always_computed() -> None:
    assert prefix_cache.computed_tokens(make.context(isl=1000.0, prefix=cache(1.0)).workload) == 1.0
    assert prefix_cache.computed_tokens(make.context(isl=0.0, prefix=cache(1.0)).workload) == 0.0


def test_lengths_may_be_columns() -> None:
    work = make.context(isl=1000.0, prefix=cache()).workload
    many = replace(work, isl=np.array([0.0, 1.0, 1000.0]))
    assert prefix_cache.computed_tokens(many).tolist() == [0.0, 1.0, 500.0]


@LAW
@given(design=make.designs(), context=make.contexts(), kept=make.prefix_caches())
def test_a_cache_that_never_hits_and_keeps_nothing_is_none(
    design: Designs, context: Context, kept: PrefixCache
) -> None:
    empty = replace(kept, hit=0.0, stored_tokens=0.0)
    with_it, without = (evaluate(design, with_cache(context, x)) for x in (empty, None))
    assert with_it.tpot_s == without.tpot_s
    assert with_it.ttft_s == without.ttft_s
    assert with_it.capex_usd == without.capex_usd


@LAW
@given(design=make.designs(), context=make.contexts(), kept=make.prefix_caches())
def test_a_prefix_that_lies_in_dram_never_slows_the_first_token(
    design: Designs, context: Context, kept: PrefixCache
) -> None:
    here = replace(kept, tier="dram", stored_tokens=0.0)
    context = replace(context, workload=replace(context.workload, serving="aggregated"))
    hit, miss = (evaluate(design, with_cache(context, x)) for x in (here, None))
    first = [m.ttft_s - m.ttft_parts.get("queue", 0.0) for m in (hit, miss)]
    assert first[0] <= first[1] + miss.ttft_s * 1e-9


def test_a_host_brings_back_its_bytes_at_its_speed() -> None:
    # half of 2,000 tokens of LLaMA-2 70B: 1,000 x 2 x 8 x 128 x 2 B x 80 layers, an eighth on each of 8 chips
    context = make.context(isl=2000.0, osl=100.0, serving="aggregated", prefix=cache(bandwidth=50e9))
    m = evaluate(make.design(make.h100_like(), batch=4, tp=8), context)
    assert m.ttft_parts["prefix_load"] == pytest.approx(1000 * 2 * 8 * 128 * 2 * 80 / 8 / 50e9, rel=1e-12)


@pytest.mark.parametrize(("tier", "systems"), [("host", 3), ("pooled", 1), ("dram", 0)])
def test_stored_tokens_are_paid_by_each_replica_or_once(tier: str, systems: int) -> None:
    # 1e5 tokens x 327,680 B x 5 USD/GB; nothing more for the DRAM of the chip
    context = make.context(isl=2000.0, serving="aggregated", prefix=cache(tier=tier))
    m = evaluate(make.design(make.h100_like(), batch=4, tp=8, dp=3), context)
    paid = m.capex_parts.get("prefix_cache", 0.0)
    assert paid == pytest.approx(systems * 1e5 * 327_680 * 5e-9, rel=1e-12)


def test_stored_tokens_in_dram_take_its_room() -> None:
    context = make.context(isl=2000.0, serving="aggregated", prefix=cache(tier="dram"))
    design = make.design(make.h100_like(), batch=4, tp=8)
    m, none = evaluate(design, context), evaluate(design, with_cache(context, None))
    assert m.capacity_parts["prefix_cache"] == pytest.approx(1e5 * 327_680 / 8, rel=1e-12)
    more = m.violations["capacity"] - none.violations["capacity"]
    held = sum(m.capacity_parts.values()) - sum(none.capacity_parts.values())
    assert more == pytest.approx(held, rel=1e-9)


def test_a_tier_that_is_too_slow_holds_up_every_slot() -> None:
    # 16 prompts in the time of a slot, each of 0.1 s on the tier: 16 x 10 tokens in 1.6 s and no faster
    size = 1000 * 2 * 8 * 128 * 2 * 80 / 8
    context = make.context(isl=2000.0, osl=10.0, serving="aggregated", prefix=cache(bandwidth=size / 0.1))
    m = evaluate(make.design(make.h100_like(), batch=16, tp=8), context)
    assert m.tokens_per_s == pytest.approx(16 * 10 / 1.6, rel=1e-9)

"""Chunks that ride with decode and pools that prefill elsewhere, against whole prompts on the same chips.

Tolerances are the rounding of `dse.testing.checks.ROUNDING`.
"""

from dataclasses import replace
from typing import get_args

import factories as make
import numpy as np
import pytest
from factories import LAW, changed, hybrid
from hypothesis import assume, given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING
from objectives.api import Context, Designs, Metrics, Pools, PrefixCache, Serving, Speculation
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving import chunked, disaggregated, matched_pools
from objectives.equations.serving.registry import serving_mode
from objectives.equations.step import pipeline


def evaluate(design: Designs, context: Context) -> Metrics:
    return RooflineCostModel().evaluate(design, context, detail=True)


def served(context: Context, serving: Serving) -> Context:
    return replace(context, workload=replace(context.workload, serving=serving, prefix=None))


def prompt_share(m: Metrics, context: Context) -> float:
    """Share of what a request costs that its prompt costs."""
    work = context.workload
    paid = max(work.isl, 1.0) * m.usd_per_million_input_tokens
    return float(np.asarray(paid / (work.osl * m.usd_per_million_tokens)).reshape(-1)[0])


def a(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_long_prompts_are_cut_and_short_ones_packed_as_far_as_they_are_due() -> None:
    cut = chunked.chunks(10_000.0, a(2048.0), a(500.0))
    assert (cut.pieces, cut.together, cut.rows) == (5.0, 1.0, 2000.0)
    packed = chunked.chunks(200.0, a(2048.0), a(1000.0))
    assert (packed.pieces, packed.together, packed.rows) == (1.0, 5.0, 1000.0)
    lone = chunked.chunks(200.0, a(2048.0), a(50.0))
    assert (lone.pieces, lone.together, lone.rows) == (1.0, 1.0, 200.0)


def test_chunks_in_every_pass_make_a_turn_of_mixed_passes_and_none_leave_it_as_it_is() -> None:
    # one stage: half of the steps take 5 s for 3; four stages of which every pass carries one: 4 x 5
    half = pipeline.turn_with_chunks(a(3.0), a(1.0), a(0.5), a(1.0), a(5.0), a(5.0))
    assert half == pytest.approx(4.0, rel=1e-12)  # rounding
    assert pipeline.turn_with_chunks(a(12.0), a(4.0), a(1.0), a(1.0), a(5.0), a(20.0)) == 20.0
    assert pipeline.turn_with_chunks(a(12.0), a(4.0), a(0.0), a(3.0), a(5.0), a(20.0)) == 12.0


def test_chunks_that_find_no_step_pay_no_decode_twice() -> None:
    # so many prompts that most chunks run alone: no slower than whole prompts by more than what chunks cost
    design = make.design(make.h100_like(burst=0.0), batch=256, tp=8)
    context = make.context(isl=8192.0, osl=256.0)
    chunks, whole = (evaluate(design, served(context, s)) for s in ("chunked", "aggregated"))
    alone = evaluate(make.design(make.h100_like(burst=0.0), batch=256, tp=8), served(context, "static"))
    assert chunks.tpot_s > whole.tpot_s
    assert chunks.tpot_parts["prefill_stall"] < 1.2 * whole.tpot_parts["prefill_stall"]
    assert alone.tpot_s < whole.tpot_s


@pytest.mark.parametrize("serving", make.SERVING_MODES)
@pytest.mark.parametrize("pp", [1, 8])
def test_without_tokens_in_the_first_token_is_a_step_and_no_prompt_is_paid(serving: Serving, pp: int) -> None:
    # by hand: OSL steps and nothing else; TTFT is one of them, after half of one under way
    context = make.context(isl=0.0, osl=10.0, serving=serving, mean_context=100.0, max_context=200.0)
    m = evaluate(make.design(make.h100_like(request_overhead_s=0.0), batch=64, tp=8, pp=pp), context)
    half = 0.5 * m.tpot_s if serving in ("aggregated", "chunked") else 0.0
    assert m.ttft_s == pytest.approx(m.tpot_s + half, rel=ROUNDING)
    assert m.tokens_per_s == pytest.approx(64 / m.tpot_s, rel=ROUNDING)
    assert m.pools.get("prefill", 0.0) == 0.0
    if not serving_mode(serving).starts_together:  # of a batch that waits, the first step counts as prompts
        assert m.usd_per_million_input_tokens == 0.0


def test_prompts_of_no_tokens_among_others_cost_nothing() -> None:
    lengths = np.array([0.0, 512.0])
    context = make.context(isl=1.0, osl=10.0, serving="aggregated", mean_context=100.0, max_context=2e3)
    context = replace(context, workload=replace(context.workload, isl=lengths))
    m = evaluate(make.design(make.h100_like(), batch=8, tp=8), context)
    assert m.tpot_parts["prefill_stall"][0] == 0.0
    assert m.tpot_parts["prefill_stall"][1] > 0.0
    assert m.ttft_parts["first_step"][0] > 0.0 == m.ttft_parts["first_step"][1]


def test_prompts_are_paid_also_where_one_user_is_served() -> None:
    # by hand: a request takes its prompt and OSL steps, and nothing else
    for batch in (1, 4):
        design = make.design(make.h100_like(), batch=batch, tp=8)
        context = make.context(isl=8192.0, osl=100.0, serving="aggregated")
        m, step = evaluate(design, context), evaluate(design, served(context, "decode-only"))
        prompt = evaluate(make.design(make.h100_like(), batch=1, tp=8), context)
        prompt_s = prompt.ttft_s - prompt.ttft_parts["queue"] - prompt.ttft_parts["request_overhead"]
        share = batch * prompt_s / (100.0 * step.tpot_s + batch * prompt_s)
        assert prompt_share(m, context) == pytest.approx(float(share[0]), rel=1e-9)


def test_a_lone_request_waits_for_nobody_in_a_pool_and_is_packed_with_nobody() -> None:
    context = make.context(isl=200.0, osl=100.0, serving="disaggregated")
    m = evaluate(make.design(make.h100_like(), batch=1, tp=8), context)
    assert m.ttft_parts["queue"] == 0.0
    crowd = evaluate(make.design(make.h100_like(), batch=64, tp=8), context)
    assert crowd.ttft_parts["queue"] > 0.0
    assert disaggregated.packed(200.0, a(2048.0), a(64.0), 0.5) == 2048 / 200 / 2
    assert disaggregated.packed(200.0, a(2048.0), a(3.0), 0.5) == 1.5
    assert disaggregated.packed(200.0, a(2048.0), a(1.0), 0.5) == 1.0
    assert disaggregated.packed(1e5, a(2048.0), a(64.0), 0.5) == 1.0


@pytest.mark.parametrize("batch", [1, 2, 16, 256])
def test_longer_prompts_never_come_sooner_out_of_a_pool(batch: int) -> None:
    design, before = make.design(make.h100_like(), batch=batch, tp=8), 0.0
    for isl in (100.0, 500.0, 1020.0, 1030.0, 2040.0, 2060.0, 4000.0):
        ttft = float(evaluate(design, make.context(isl=isl, osl=100.0, serving="disaggregated")).ttft_s[0])
        assert ttft >= before * (1 - ROUNDING), isl
        before = ttft


def test_a_prefix_cache_of_a_host_is_bought_for_the_replicas_that_read_it() -> None:
    context = make.context(isl=8192.0, osl=64.0, serving="disaggregated")
    cache = PrefixCache(hit=0.5, stored_tokens=1e6, tier="host", bandwidth=1e11, usd_per_byte=1e-8)
    context = replace(context, workload=replace(context.workload, prefix=cache))
    m = evaluate(make.design(make.h100_like(), batch=64, tp=8), context)
    # LLaMA-2 70B keeps 327,680 B a token in 16 bits
    assert m.pools["prefill"] != m.pools["decode"]
    assert m.capex_parts["prefix_cache"] == pytest.approx(
        m.pools["prefill"] * 1e6 * 327_680 * 1e-8, rel=1e-12
    )


def test_sequences_and_not_checked_rows_pay_the_overhead_of_sequences() -> None:
    chips = make.h100_like(sequence_overhead_s=1e-5, step_overhead_s=0.0)
    drafted = Speculation(length=3, acceptance=0.5, cost=0.0)
    context = make.context(serving="decode-only")
    context = replace(context, workload=replace(context.workload, speculation=drafted))
    m = evaluate(make.design(chips, batch=64, tp=8), context)
    tokens = sum(0.5**i for i in range(4))
    assert m.tpot_parts["step_overhead"] == pytest.approx(64 * 1e-5 / tokens, rel=1e-12)


@LAW
@given(design=make.designs(), context=make.contexts())
def test_a_whole_prompt_that_rides_with_decode_stalls_no_more_than_one_by_itself(
    design: Designs, context: Context
) -> None:
    assume(not hybrid(design))  # on two tiers a prompt alone may be placed better than with a batch
    roomy = changed(design, "prompt_rows", lambda x: 0.0 * x + 1e9)
    one = roomy.deployments
    # as many prompts as steps at most, so that every chunk finds a step to ride
    batch = np.minimum(one.batch, context.workload.osl)
    # one stage: in a pipeline a sequence that is a micro-batch leaves its place to its own whole prompt
    few = roomy.replace(deployments=one.replace(batch=batch, pp=np.ones(1)))
    plain = replace(context, workload=replace(context.workload, speculation=None))
    chunks, whole = (evaluate(few, served(plain, s)) for s in ("chunked", "aggregated"))
    assert chunks.tpot_parts["prefill_stall"] <= whole.tpot_parts["prefill_stall"] + whole.tpot_s * ROUNDING


@LAW
@given(design=make.designs(), context=make.contexts())
def test_a_pool_of_its_own_for_prompts_never_slows_decode_and_is_paid(
    design: Designs, context: Context
) -> None:
    apart, alone = (evaluate(design, served(context, s)) for s in ("disaggregated", "decode-only"))
    d = design.deployments
    assert apart.tpot_s == pytest.approx(alone.tpot_s + apart.tpot_parts["kv_transfer"], rel=ROUNDING)
    assert apart.pools["decode"] == d.dp
    assert apart.chips == d.ways * d.pp * (apart.pools["decode"] + apart.pools["prefill"])
    assert apart.capex_parts["chips"] == pytest.approx(
        apart.chips * design.chips.cost.price_usd, rel=ROUNDING
    )
    share = apart.pools["prefill"] / (apart.pools["prefill"] + apart.pools["decode"])
    assert prompt_share(apart, context) == pytest.approx(float(share[0]), rel=ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), load=st.floats(0.1, 0.95))
def test_a_fleet_has_the_prefill_replicas_that_its_load_needs_and_a_system_rounds_them_up(
    design: Designs, context: Context, load: float
) -> None:
    context = served(context, "disaggregated")
    work = replace(context.workload, prefill_load=load)
    fleet, system = (
        evaluate(design, replace(context, workload=replace(work, pools=pools))) for pools in get_args(Pools)
    )
    d, osl = design.deployments, context.workload.osl
    # the pass that a prompt waits load / (2 (1 - load)) of, where so many others are there
    busy = fleet.ttft_parts["queue"] * 2.0 * (1.0 - load) / load
    together = disaggregated.packed(context.workload.isl, design.chips.stack.prompt_rows, d.batch, load)
    joined = np.maximum(d.ep / d.ways, 1.0) if context.llm.expert_count else 1.0
    if (d.dp * d.batch - 1.0) / together >= load / (2.0 * (1.0 - load)):
        need = fleet.tokens_per_s / osl * busy / (together * load)
        assert fleet.pools["prefill"] == pytest.approx(need, rel=ROUNDING)
    assert system.pools["prefill"] % joined == 0.0
    assert system.pools["prefill"] >= fleet.pools["prefill"] * (1 - ROUNDING)
    assert system.pools["prefill"] <= fleet.pools["prefill"] * (1 + ROUNDING) + joined
    assert (system.tpot_s, system.ttft_s) == (fleet.tpot_s, fleet.ttft_s)


def test_two_replicas_that_decode_share_three_halves_that_prefill() -> None:
    # by hand: four requests a second, half a second each, a pool busy for 80 %: 2.5 replicas, or three whole
    need = matched_pools.prefill_replicas(a(4.0), a(0.5), a(1.0), 0.8, a(1.0), whole=False)
    assert need == pytest.approx(2.5, rel=1e-12)  # rounding
    assert matched_pools.prefill_replicas(a(4.0), a(0.5), a(1.0), 0.8, a(1.0), whole=True) == 3.0
    assert matched_pools.prefill_replicas(a(4.0), a(0.5), a(1.0), 0.8, a(4.0), whole=True) == 4.0


@LAW
@given(design=make.designs(), context=make.contexts(), more=st.floats(1.0, 4.0))
def test_more_dram_bandwidth_never_makes_two_pools_dearer(
    design: Designs, context: Context, more: float
) -> None:
    assume(not hybrid(design))  # where bytes lie on two tiers is another law
    context = served(context, "disaggregated")
    slow, fast = (
        evaluate(x, context) for x in (design, changed(design, "dram_bandwidth", lambda x: x * more))
    )
    for name in ("tpot_s", "ttft_s", "usd_per_token_per_s", "usd_per_million_tokens"):
        assert getattr(fast, name) <= getattr(slow, name) * (1 + ROUNDING), name


@LAW
@given(design=make.designs(), context=make.contexts(), isl=st.integers(1, 100_000))
def test_a_prefill_pool_sends_no_more_than_its_networks_carry(
    design: Designs, context: Context, isl: int
) -> None:
    context = served(context, "disaggregated")
    context = replace(context, workload=replace(context.workload, isl=float(isl), prefix=None))
    work, m = context.workload, evaluate(design, context)
    # every chip of a stage sends its own part: a replica is busy for as long as one of them
    sending = m.tokens_per_s / work.osl * m.ttft_parts["kv_transfer"]
    assert sending <= m.pools["prefill"] * (1 + ROUNDING)


def test_a_small_llm_whose_prompts_are_quick_is_bound_by_what_its_pool_sends() -> None:
    # a pass that takes less than the KV cache of its prompt needs on a slow network
    context = make.context(isl=4000.0, osl=400.0, serving="disaggregated", prefill_load=0.8)
    slow = make.h100_like(peak_flops=1e17, attention_flops=1e17, dram_bandwidth=1e15, scale_out_bandwidth=1e9)
    m = evaluate(make.design(slow, batch=16, tp=8), context)
    seconds = 4000 * 327_680 / 8 / 1e9 + 5e-6
    assert m.ttft_parts["kv_transfer"] == pytest.approx(seconds, rel=1e-12)
    assert m.pools["prefill"] == pytest.approx(m.tokens_per_s / 400 * seconds / 0.8, rel=1e-9)


def test_kv_cache_of_a_prompt_travels_once_over_the_network() -> None:
    # LLaMA-2 70B: 1,024 tokens x 327,680 B over 8 chips at 50 GB/s, 5 us for the message
    context = make.context(isl=1024.0, osl=128.0, serving="disaggregated")
    m = evaluate(make.design(make.h100_like(), batch=16, tp=8), context)
    assert m.ttft_parts["kv_transfer"] == pytest.approx(1024 * 327_680 / 8 / 50e9 + 5e-6, rel=1e-12)


def test_serving_says_what_share_of_the_chips_time_prompts_take() -> None:
    design, shares = make.design(make.h100_like(), batch=16, tp=8), {}
    for serving in ("decode-only", "aggregated", "chunked", "static"):
        context = make.context(isl=2048.0, osl=128.0, serving=serving)
        shares[serving] = prompt_share(evaluate(design, context), context)
    assert shares["decode-only"] == 0.0
    assert all(0.0 < shares[s] < 1.0 for s in ("aggregated", "chunked", "static"))
    assert shares["chunked"] < shares["aggregated"]

"""What spreading experts does to a whole design: laws over random ones, and two sums by hand.

Tolerances are the rounding of `dse.testing.checks.ROUNDING`.
"""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING, table
from objectives.api import Context, Designs, Metrics
from objectives.costmodels.roofline import RooflineCostModel

MIXTURES = st.sampled_from((make.mixtral_8x7b(), make.deepseek_v3(), make.gpt_oss_20b(), make.llama4_scout()))


def evaluate(design: Designs, context: Context) -> Metrics:
    return RooflineCostModel().evaluate(design, context, detail=True)


def with_ways(design: Designs, ep: float) -> Designs:
    d = design.deployments
    return design.replace(deployments=d.replace(ep=ep + 0.0 * d.ep))


@LAW
@given(design=make.designs(), context=make.contexts())
def test_a_network_without_experts_does_not_know_of_them(design: Designs, context: Context) -> None:
    dense = replace(context, llm=make.llama2_70b())
    one, many = (table(evaluate(with_ways(design, n), dense), (1,)) for n in (1.0, 64.0))
    assert {k: float(v[0]) for k, v in one.items()} == {k: float(v[0]) for k, v in many.items()}


@LAW
@given(design=make.designs(), context=make.contexts(), llm=MIXTURES, skew=st.floats(1.0, 16.0))
def test_routing_that_is_skewed_never_speeds_up_whole_experts_on_chips_of_their_own(
    design: Designs, context: Context, llm: object, skew: float
) -> None:
    context = replace(context, llm=llm)
    experts = context.llm.expert_count
    design = with_ways(design, float(experts))
    d = design.deployments
    design = design.replace(deployments=d.replace(tp=1.0 + 0.0 * d.tp, dp=experts + 0.0 * d.dp))
    even, skewed = (
        replace(context, workload=replace(context.workload, routing_skew=x, serving="decode-only"))
        for x in (1.0, skew)
    )
    assert evaluate(design, skewed).tpot_s >= evaluate(design, even).tpot_s * (1 - ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), llm=MIXTURES, more=st.integers(2, 4))
def test_more_systems_that_share_experts_multiply_output_and_leave_latency(
    design: Designs, context: Context, llm: object, more: int
) -> None:
    context = replace(context, llm=llm)
    d = design.deployments
    one, many = (
        evaluate(design.replace(deployments=d.replace(dp=n * d.dp)), context) for n in (1.0, float(more))
    )
    assert many.tokens_per_s == pytest.approx(more * one.tokens_per_s, rel=ROUNDING)
    assert many.tpot_s == one.tpot_s
    # whole replicas of prefill, and a pooled tier, serve many systems better than one
    assert many.usd_per_token_per_s <= one.usd_per_token_per_s * (1 + ROUNDING)


def test_replicas_that_are_asked_for_and_not_there_are_a_violation() -> None:
    context = make.context(make.deepseek_v3(), weights=1.0, kv=1.0)
    short = evaluate(make.design(make.h100_like(), batch=8, tp=1, ep=32, dp=8), context)
    assert short.violations["expert_replicas"] == 24.0
    assert not short.feasible()


def test_deepseek_fits_thirty_two_chips_as_one_system_and_no_chip_alone() -> None:
    # 671e9 weights in one byte; 20 of 671 are attention, dense layers and shared experts, kept by every chip
    context = make.context(make.deepseek_v3(), weights=1.0, kv=1.0)
    roomy = make.h100_like(dram_bytes=141e9)
    spread, alone = (
        evaluate(make.design(roomy, batch=16, tp=1, ep=ep, dp=32), context) for ep in (32.0, 1.0)
    )
    assert spread.feasible()
    assert not alone.feasible()
    experts = 58 * 3 * 7168 * 2048 * 256
    saved = alone.capacity_parts["weights"] - spread.capacity_parts["weights"]
    assert saved == pytest.approx(experts * 31 / 32, rel=1e-12)


def test_rows_travel_twice_a_layer_and_nothing_is_reduced_at_one_way_of_tp() -> None:
    # 64 chips at one switch, 4 experts each; 8 of 256: C(252, 8) / C(256, 8) of the rows need none of them
    miss = np.prod([1.0 - 4.0 / (256 - i) for i in range(8)])
    chips = make.h100_like(**make.IDEAL, link_domain=64.0, in_network_reduction=0.0)
    context = make.context(make.deepseek_v3(), weights=1.0, kv=1.0, activations=1.0)
    m = evaluate(make.design(chips, batch=128, tp=1, ep=64, dp=64), context)
    sent = 58 * 128 * 63 * (1.0 - miss) * 7168
    by_hand = sent * (1.0 + 2.0) / 450e9  # out in one byte, sums come back in two
    assert m.tpot_parts["all_to_all"] == pytest.approx(by_hand, rel=1e-9)
    assert m.tpot_parts["collectives"] == 0.0


def test_inside_one_replica_experts_need_no_all_to_all_and_read_the_same_bytes() -> None:
    chips = make.h100_like(**make.IDEAL)
    context = make.context(make.deepseek_v3(), weights=1.0, kv=1.0)
    cut, spread = (evaluate(make.design(chips, batch=4096, tp=8, ep=ep), context) for ep in (1.0, 8.0))
    assert spread.tpot_parts["all_to_all"] == 0.0
    assert spread.tpot_parts["collectives"] == cut.tpot_parts["collectives"]
    assert spread.capacity_parts["weights"] == pytest.approx(cut.capacity_parts["weights"], rel=1e-12)

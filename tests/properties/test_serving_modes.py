"""Static batches, stalls and overheads: what one way of serving or one fact of a stack moves, and what not.

Tolerances are the rounding of `dse.testing.checks.ROUNDING` unless said.
"""

from dataclasses import replace
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW, changed, hybrid
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING
from objectives.api import Context, Designs, Llm, Metrics, Serving
from objectives.costmodels.roofline import RooflineCostModel

evaluate = RooflineCostModel().evaluate
SLACK = 0.01
"""What a placement may lose that is best for decode."""


def served(context: Context, serving: Serving) -> Context:
    return replace(context, workload=replace(context.workload, serving=serving))


def alone(design: Designs) -> Designs:
    return design.replace(deployments=design.deployments.replace(batch=np.array([1.0])))


@LAW
@given(design=make.designs(), context=make.contexts())
def test_a_static_batch_decodes_as_decode_alone_and_stalls_only_slow_it(
    design: Designs, context: Context
) -> None:
    static, decode, mixed = (
        evaluate(design, served(context, s)) for s in ("static", "decode-only", "aggregated")
    )
    # replicas that share experts wait for the longest sequences, and those of one static batch are alike
    joined = context.llm.expert_count and (design.deployments.ep > design.deployments.ways).any()
    assert static.tpot_s <= decode.tpot_s if joined else static.tpot_s == decode.tpot_s
    assert mixed.tpot_s >= decode.tpot_s
    assert mixed.ttft_s >= decode.ttft_s


@LAW
@given(design=make.designs(), context=make.contexts())
def test_prompts_at_once_take_longer_than_one_and_no_longer_than_one_after_the_other(
    design: Designs, context: Context
) -> None:
    static = served(context, "static")
    together, one = evaluate(design, static).ttft_s, evaluate(alone(design), static).ttft_s
    # on two tiers the KV cache of a batch may push weights out of SRAM, which a lone prompt finds there
    slack = SLACK if hybrid(design) else ROUNDING
    assert together >= one * (1 - slack)
    assert together <= design.deployments.batch * one * (1 + slack)
    assert one == pytest.approx(evaluate(alone(design), served(context, "decode-only")).ttft_s, rel=ROUNDING)


def test_sixteen_prompts_that_compute_binds_take_sixteen_times_as_long_as_one() -> None:
    free = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    llm = make.llama2_70b()
    # by hand: 2 FLOP a weight and token, the head for the last token, half of the square of 1,024
    layers = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672)
    flop = 2 * (1024 * layers + 32000 * 8192) + 80 * 4 * 8192 * 1024 * 1024 / 2
    m = evaluate(make.design(free, batch=16, tp=8), make.context(llm, isl=1024.0, serving="static"))
    assert m.ttft_s == pytest.approx(16 * flop / 8 / 989e12, rel=ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts())
def test_aggregated_throughput_on_one_stage_counts_the_prefills(design: Designs, context: Context) -> None:
    context = served(context, "aggregated")
    context = replace(context, workload=replace(context.workload, prefix=None))
    one = design.replace(deployments=design.deployments.replace(pp=np.ones(1)))
    d, osl = one.deployments, context.workload.osl
    # on two tiers a lone prompt may be placed better than one with a batch, so there it is that of the batch
    m, prompt = (evaluate(x, context, detail=True) for x in (one, one if hybrid(one) else alone(one)))
    prompt_s = prompt.ttft_s - prompt.ttft_parts["queue"] - prompt.ttft_parts["request_overhead"]
    step = m.tpot_s - m.tpot_parts["prefill_stall"]
    # the published aggregate throughput: B requests take OSL steps and B prompts
    expected = d.dp * d.batch * osl / (osl * step + d.batch * prompt_s)
    assert m.tokens_per_s == pytest.approx(expected, rel=ROUNDING)


def test_a_static_batch_brings_its_tokens_in_the_time_of_its_prefill_and_its_steps() -> None:
    context = make.context(isl=4096.0, osl=64.0, serving="static")
    m = evaluate(make.design(make.h100_like(), batch=16, tp=8), context)
    assert m.tokens_per_s * (m.ttft_s + 63 * m.tpot_s) <= 16 * 64 * (1 + ROUNDING)


def test_prompts_at_once_write_to_dram_what_sram_cannot_hold() -> None:
    # 16 prompts of 1,024 tokens leave 8.6 GB of KV and 6.6 GB of weights; SRAM holds 8 GB of both
    chips = make.groq_like(
        sram_bytes=8e9, dram_bytes=24e9, dram_bandwidth=50e9, peak_flops=1e30, attention_flops=1e30
    )
    context = make.context(make.llama2_7b(), weights=1.0, isl=1024.0, osl=1.0, serving="static")
    m = evaluate(make.design(chips, batch=16), context)
    beyond = 16 * 1024 * 2 * 32 * 32 * 128 * 2 - 8e9
    assert m.feasible()
    assert m.ttft_s >= beyond / 50e9


def test_a_stage_keeps_the_kv_of_its_own_layers_only() -> None:
    # the first of 32 stages pins 329 of its 333 MB, and 17 MB of KV of one layer; that of all is 537 MB
    chips = make.groq_like(sram_bytes=400e6, dram_bytes=24e9, dram_bandwidth=1e12, attention_flops=1e30)
    context = make.context(make.llama2_7b(), weights=1.0, isl=1024.0, osl=1.0)
    m = evaluate(make.design(chips, pp=32), context, detail=True)
    kv = 2 * 32 * 32 * 128 * 2 * 1024
    both_tiers = kv / (80e12 + 1e12)  # they stream at once
    assert m.feasible()
    assert m.ttft_parts["attention_core"] == pytest.approx(both_tiers, rel=ROUNDING)


@pytest.mark.parametrize("llm", [make.llama2_70b(), make.deepseek_v3()], ids=lambda x: x.name)
@pytest.mark.parametrize("serving", ["decode-only", "static", "aggregated"])
def test_each_sequence_adds_its_overhead_to_every_step(llm: Llm, serving: Serving) -> None:
    context = make.context(llm, serving=serving)
    base = make.design(make.h100_like(sequence_overhead_s=0.0), batch=48, tp=8)
    slow = changed(base, "sequence_overhead_s", lambda x: x + 25e-6)
    more = evaluate(slow, context, detail=True), evaluate(base, context, detail=True)
    steps = [m.tpot_parts["step_overhead"] for m in more]
    assert steps[0] - steps[1] == pytest.approx(48 * 25e-6, rel=ROUNDING)
    each, osl = 48 * 25e-6, context.workload.osl
    if serving != "aggregated":
        assert more[0].tpot_s - more[1].tpot_s == pytest.approx(each, rel=1e-6)  # difference of larger ones
        return
    # a request stays for its steps, half a step on arrival, and one first token of each of the 48
    stays = [m.ttft_s + osl * m.tpot_s for m in more]
    assert stays[0] - stays[1] == pytest.approx((osl + 0.5) * each + each, rel=1e-6)


def test_the_overhead_of_a_sequence_does_not_vanish_in_a_pipeline() -> None:
    design = make.design(make.h100_like(sequence_overhead_s=1e-3), batch=64, tp=8, pp=8)
    assert evaluate(design, make.context()).tpot_s >= 64 * 1e-3


def moved(fact: str, context: Context) -> set[str]:
    base = make.design(make.h100_like(), batch=64, tp=8)
    pair: list[Metrics] = [
        evaluate(x, context, detail=True) for x in (base, changed(base, fact, lambda y: 0.5 * y))
    ]
    ledgers = [{**m.tpot_parts, **{f"first {k}": v for k, v in m.ttft_parts.items()}} for m in pair]
    return {k for k in ledgers[0] if ledgers[0][k] != ledgers[1][k]}


@pytest.mark.parametrize(
    "llm", [make.llama2_70b(), make.gpt_oss_20b(), make.deepseek_v3()], ids=lambda x: x.name
)
def test_efficiencies_of_kv_and_of_the_core_move_the_attention_core_only(llm: Llm) -> None:
    context = make.context(llm, isl=4096.0)
    for fact in ("kv_efficiency", "core_efficiency"):
        assert moved(fact, context) <= {"attention_core", "first attention_core"}
    assert "first attention_core" in moved("core_efficiency", context)  # compute binds prompts


def test_kv_read_at_half_the_efficiency_takes_twice_as_long() -> None:
    base = make.design(make.h100_like(), batch=64, tp=8)
    context = make.context()
    half = changed(base, "kv_efficiency", lambda x: x / 2)
    one, two = (evaluate(x, context, detail=True).tpot_parts["attention_core"] for x in (base, half))
    assert two == pytest.approx(2 * one, rel=ROUNDING)


def test_a_parallel_block_saves_one_all_reduce_of_each_layer() -> None:
    chips = make.h100_like(link_efficiency=1.0)
    designs = make.design(chips, batch=32, tp=8)
    both = [
        evaluate(designs, make.context(make.gpt_j_6b(parallel=p)), detail=True).tpot_parts
        for p in (True, False)
    ]
    saved = both[1]["collectives"] - both[0]["collectives"]
    # a switch that adds up: 3 us of software, 1 us of hop, 32 rows of 4,096 elements of 2 B over 450 GB/s
    assert saved == pytest.approx(
        28 * (4e-6 + 32 * 4096 * 2 / 450e9), rel=1e-6
    )  # a difference of larger ones
    for part in both[0].keys() - {"collectives"}:
        assert both[0][part] == both[1][part], part


@LAW
@given(
    design=make.designs(),
    context=make.contexts(),
    lengths=st.lists(st.tuples(st.integers(1, 20_000), st.integers(1, 4096)), min_size=2, max_size=4),
)
def test_lengths_of_requests_may_be_columns(
    design: Designs, context: Context, lengths: list[tuple[int, int]]
) -> None:
    isl, osl = np.array(lengths, dtype=np.float64).T
    columns = {"isl": isl, "osl": osl, "mean_context": isl + osl / 2, "max_context": isl + osl}
    work = context.workload
    together = evaluate(design, replace(context, workload=replace(work, **columns)))
    for i in range(len(lengths)):
        one: dict[str, Any] = {k: float(v[i]) for k, v in columns.items()}
        single = evaluate(design, replace(context, workload=replace(work, **one)))
        for name in ("tpot_s", "ttft_s", "tokens_per_s"):
            got = np.broadcast_to(getattr(together, name), (len(lengths),))[i]
            assert got == pytest.approx(getattr(single, name), rel=ROUNDING), name

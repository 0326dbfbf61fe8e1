"""Slots hold what they give: slots >= throughput / OSL x the time that a request holds its slot.

Little (1961). A request holds its slot while it waits in it, prefills and decodes; what an engine does before
and after (`request_overhead`) and the half step on arrival hold none. Tolerances are rounding.
"""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING
from objectives.api import Context, Designs, Metrics, Serving
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving import disaggregated

BESIDE = ("queue", "kv_transfer", "request_overhead", "prefix_load", "later_chunks", "first_step")


def evaluate(design: Designs, context: Context) -> Metrics:
    return RooflineCostModel().evaluate(design, context, detail=True)


def served(context: Context, serving: Serving) -> Context:
    return replace(context, workload=replace(context.workload, serving=serving))


def held(m: Metrics, context: Context) -> np.ndarray:
    """Seconds that a request holds its slot of decode at least [s]."""
    work = context.workload
    later = (work.osl - 1.0) * m.tpot_s
    if work.serving == "decode-only":  # prompts cost nothing, by definition
        return np.asarray(later + m.tpot_s)
    if work.serving == "disaggregated":
        return np.asarray(later + m.ttft_parts["kv_transfer"])
    if work.serving == "static":
        return np.asarray(later + m.ttft_s)
    step = m.tpot_s - m.tpot_parts["prefill_stall"] - m.tpot_parts.get("prefix_load", 0.0)
    return np.asarray(later + m.ttft_s - m.ttft_parts["request_overhead"] - step / 2.0)


@LAW
@given(design=make.designs(), context=make.contexts(), pp=st.integers(1, 80), isl=st.integers(0, 200_000))
def test_no_slot_gives_more_than_the_time_that_requests_hold_it(
    design: Designs, context: Context, pp: int, isl: int
) -> None:
    d = design.deployments.replace(pp=np.array([float(pp)]))
    context = replace(context, workload=replace(context.workload, isl=float(isl)))
    m, osl = evaluate(design.replace(deployments=d), context), context.workload.osl
    assert d.batch * d.dp >= m.tokens_per_s / osl * held(m, context) * (1 - ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), pp=st.integers(1, 80))
def test_no_prefill_pool_holds_more_prompts_than_it_has_stages_for(
    design: Designs, context: Context, pp: int
) -> None:
    context = served(context, "disaggregated")
    d, work = design.deployments.replace(pp=np.array([float(pp)])), context.workload
    m = evaluate(design.replace(deployments=d), context)
    together = disaggregated.packed(work.isl, design.chips.stack.prompt_rows, d.batch, work.prefill_load)
    if work.prefix is not None:
        return  # what a prefix cache keeps is not computed
    walk = sum(part for name, part in m.ttft_parts.items() if name not in BESIDE)
    assert m.pools["prefill"] * pp * together >= m.tokens_per_s / work.osl * walk * (1 - ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), pp=st.integers(1, 80), isl=st.integers(0, 200_000))
def test_prompts_never_speed_up_the_steps_that_they_come_between(
    design: Designs, context: Context, pp: int, isl: int
) -> None:
    d = design.deployments.replace(pp=np.array([float(pp)]))
    context = replace(context, workload=replace(context.workload, isl=float(isl), prefix=None))
    plain = evaluate(design.replace(deployments=d), served(context, "decode-only"))
    for mode in ("aggregated", "chunked"):
        m = evaluate(design.replace(deployments=d), served(context, mode))
        assert m.tpot_parts["prefill_stall"] >= -ROUNDING * m.tpot_s
        assert m.tpot_s >= 0.96 * plain.tpot_s  # the slack of a placement for another room, see placement


@pytest.mark.parametrize("pp", [1, 4, 40, 80])
@pytest.mark.parametrize("burst", [0.0, 0.5])
def test_one_user_gets_his_tokens_in_the_time_of_one_prompt_and_his_steps(pp: int, burst: float) -> None:
    design = make.design(make.groq_like(burst=burst), batch=1, tp=64, pp=pp)
    alone, m = (
        evaluate(design, make.context(isl=200_000.0, osl=1000.0, serving=mode))
        for mode in ("decode-only", "aggregated")
    )
    seconds = alone.ttft_s + 1000.0 * alone.tpot_s
    assert m.tokens_per_s == pytest.approx(1000.0 / seconds, rel=ROUNDING)
    assert m.tpot_s == pytest.approx(alone.tpot_s, rel=ROUNDING)


def test_a_prefix_that_is_brought_back_holds_the_slot_too() -> None:
    # one user: half a second on the tier, the rest of his prompt, and 100 steps
    cache = make.PrefixCache(hit=0.5, stored_tokens=0.0, tier="host", bandwidth=1e9, usd_per_byte=0.0)
    context = make.context(isl=2000.0, osl=100.0, serving="aggregated", prefix=cache)
    m = evaluate(make.design(make.h100_like(request_overhead_s=0.0), batch=1, tp=8), context)
    seconds = m.ttft_s - m.tpot_s / 2.0 + 100.0 * m.tpot_s
    assert m.ttft_parts["prefix_load"] == pytest.approx(1000 * 327_680 / 8 / 1e9, rel=ROUNDING)
    assert m.tokens_per_s == pytest.approx(100.0 / seconds, rel=ROUNDING)


def test_a_slot_is_kept_while_kv_cache_travels_into_it() -> None:
    context = make.context(isl=1024.0, osl=128.0, serving="disaggregated")
    m = evaluate(make.design(make.h100_like(), batch=16, tp=8), context)
    travel = 1024 * 327_680 / 8 / 50e9 + 5e-6
    assert m.tokens_per_s == pytest.approx(16 * 128 / (128 * m.tpot_s + travel), rel=ROUNDING)

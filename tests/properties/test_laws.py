"""The laws of the roofline cost model, over random chips, deployments, networks and ways of serving.

Tolerances are the rounding of `dse.testing.checks.ROUNDING`.
"""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW, changed, hybrid
from hypothesis import given
from hypothesis import strategies as st
from properties import bounds

from dse.search.bound.corners import SLACK, STAGES
from dse.testing.checks import ROUNDING, table
from objectives.api import Context, CrossAttention, Designs, LinearAttention
from objectives.costmodels.roofline import RooflineCostModel

evaluate = RooflineCostModel().evaluate


def plain(context: Context) -> Context:
    """Without tokens that come for less than a step or a pass: drafted ones, and those of a prefix cache."""
    return replace(context, workload=replace(context.workload, prefix=None, speculation=None))


def sharing(design: Designs, context: Context) -> np.ndarray:
    """Chips that share the weights of a layer: a tensor-parallel rank, or all that have its experts."""
    d = design.deployments
    return np.maximum(d.ways, d.ep) if context.llm.expert_count else d.ways


RATES = (
    "peak_flops",
    "attention_flops",
    "sram_bandwidth",
    "weight_load_bandwidth",
    "dram_bandwidth",
    "link_bandwidth",
    "die_bandwidth",
    "scale_out_bandwidth",
)
SHARES = (
    "compute_efficiency",
    "core_efficiency",
    "decode_core_efficiency",
    "expert_efficiency",
    "all_to_all_efficiency",
    "kv_efficiency",
    "dram_efficiency",
    "sram_efficiency",
    "link_efficiency",
    "link_local_share",
    "link_global_share",
)
PLACING = (
    "peak_flops",
    "attention_flops",
    "compute_efficiency",
    "core_efficiency",
    "decode_core_efficiency",
    "expert_efficiency",
    "weight_load_bandwidth",
    "sram_bandwidth",
    "dram_bandwidth",
    "sram_efficiency",
    "dram_efficiency",
    "kv_efficiency",
)
"""What decides where bytes lie on a chip with both tiers: they lie best for decode, whatever prompts pay."""
DELAYS = (
    "link_latency",
    "die_latency",
    "dies",
    "scale_out_latency",
    "layer_overhead_s",
    "prompt_overhead_s",
    "expert_overhead_s",
    "activation_passes",
    "exposed_share",
    "step_overhead_s",
    "sequence_overhead_s",
    "request_overhead_s",
    "burst",
    "collective_overhead_s",
)


Pairs = dict[str, tuple[Designs, Designs]]


def outcome(parts: list[Designs], context: Context) -> dict[str, np.ndarray]:
    """What a better machine never makes worse, one row for each part.

    Its users come back sooner, so they may meet more often at the prefill: the wait for one another may move
    from before the first token to after it or back, but the request as a whole never takes longer.
    """
    found = table(evaluate(make.stacked(parts), context, detail=True), (len(parts),))
    kept = {k: v for k, v in found.items() if k.startswith("violations.")}
    # what a prefix cache cannot keep up with is a wait as well: it shows where nothing else takes longer
    waits = (found.get(f"tpot_parts.{name}", 0.0) for name in ("prefill_stall", "prefix_load"))
    kept["step"] = found["tpot_s"] - sum(waits)
    first = found["ttft_s"] - found.get("ttft_parts.queue", 0.0)
    return {**kept, "first": first, "request": found["ttft_s"] + context.workload.osl * found["tpot_s"]}


def never_worse(pairs: Pairs, context: Context, what: str = "", slack: float = ROUNDING) -> None:
    """The first of each pair is as fast as the second and violates no more, all pairs in one batch.

    `what` may name the only outcome that is compared.
    """
    good = outcome([better for better, _ in pairs.values()], context)
    bad = outcome([worse for _, worse in pairs.values()], context)
    for column in (what,) if what else tuple(bad):
        whole = column in ("first", "step")  # a difference rounds as what it is of
        scale = bad["request"] if whole else bad[column]
        worse = good[column] > bad[column] + np.abs(scale) * slack
        assert not worse.any(), (column, [name for name, w in zip(pairs, worse, strict=True) if w])


@LAW
@given(design=make.designs(), context=make.contexts(), factor=st.floats(1.0, 100.0))
def test_more_of_any_bandwidth_peak_or_efficiency_never_slows_a_step(
    design: Designs, context: Context, factor: float
) -> None:
    rates = {c: changed(design, c, lambda x: x * factor) for c in RATES}
    shares = {c: changed(design, c, lambda x: np.minimum(x * factor, 1.0)) for c in SHARES}
    pairs = {c: (better, design) for c, better in (rates | shares).items()}
    if hybrid(design):
        never_worse({c: pairs.pop(c) for c in PLACING}, context, "step", STAGES * SLACK)
    never_worse(pairs, context)


@LAW
@given(design=make.designs(), context=make.contexts(), factor=st.floats(1.0, 100.0))
def test_longer_delays_and_coarser_tiles_never_speed_up_a_step(
    design: Designs, context: Context, factor: float
) -> None:
    pairs = {c: (design, changed(design, c, lambda x: x * factor)) for c in DELAYS}
    never_worse(pairs, context)
    finest = {"tile_rows": (changed(design, "tile_rows", np.ones_like), design)}
    never_worse(finest, context, *(("step", STAGES * SLACK) if hybrid(design) else ()))


@LAW
@given(design=make.designs(), context=make.contexts())
def test_reduction_in_the_network_never_slows_a_step(design: Designs, context: Context) -> None:
    column = "in_network_reduction"
    pair = changed(design, column, np.ones_like), changed(design, column, np.zeros_like)
    never_worse({column: pair}, context)


def test_a_domain_of_one_chip_reduces_nothing_in_its_network() -> None:
    alone = make.design(make.h100_like(link_domain=1.0), tp=2)
    column = "in_network_reduction"
    pair = changed(alone, column, np.ones_like), changed(alone, column, np.zeros_like)
    never_worse({column: pair}, make.context())


CAPACITIES = ("sram_bytes", "dram_bytes", "usable_capacity")


def enlarged(design: Designs, column: str, factor: float) -> Designs:
    top = 1.0 if column == "usable_capacity" else np.inf
    return changed(design, column, lambda x: np.minimum(x * factor, top))


@LAW
@given(design=make.designs(), context=make.contexts(), factor=st.floats(1.0, 100.0))
def test_more_capacity_on_a_chip_of_one_tier_never_slows_a_step(
    design: Designs, context: Context, factor: float
) -> None:
    if design.chips.sram.pinned > 0.0:
        design = changed(changed(design, "dram_bytes", np.zeros_like), "dram_bandwidth", np.zeros_like)
    never_worse({c: (enlarged(design, c, factor), design) for c in CAPACITIES}, context)


@LAW
@given(design=make.designs(), context=make.contexts(), factor=st.floats(1.0, 100.0))
def test_more_capacity_never_raises_a_violation(design: Designs, context: Context, factor: float) -> None:
    bad = evaluate(design, context).violations
    for column in CAPACITIES:
        good = evaluate(enlarged(design, column, factor), context).violations
        for name in bad:
            assert good[name] <= bad[name] + abs(bad[name]) * ROUNDING, f"{column}: {name}"


def test_more_sram_on_a_hybrid_never_slows_decode() -> None:
    # 7B in int8, 6.6 GB of it read: 90 % in SRAM leaves both tiers busy, 100 % leaves DRAM idle
    hybrid = make.groq_like(dram_bytes=24e9, dram_bandwidth=4e12, sram_bandwidth=20e12)
    context = make.context(make.llama2_7b(), weights=1.0, kv=1.0, isl=16.0, osl=16.0)
    small = make.design(hybrid.replace(sram_bytes=np.array([5.6e9])))
    large = make.design(hybrid.replace(sram_bytes=np.array([7.0e9])))
    never_worse({"sram_bytes": (large, small)}, context)


def test_dram_beside_sram_that_holds_everything_never_slows_a_step() -> None:
    roomy = make.groq_like(sram_bytes=40e9)
    context = make.context(make.llama2_7b(), weights=1.0, isl=64.0, osl=64.0, serving="aggregated")
    hybrid = roomy.replace(dram_bytes=np.array([16e9]), dram_bandwidth=np.array([20e9]))
    pairs = {"dram_bytes": (make.design(hybrid), make.design(roomy))}
    for what in ("step", "request"):  # not the first token: bytes lie best for decode, whatever prompts pay
        never_worse(pairs, context, what)


@LAW
@given(design=make.designs(), context=make.contexts())
def test_decode_is_never_above_peak_so_mfu_is_at_most_one(design: Designs, context: Context) -> None:
    c, d, llm, context = design.chips, design.deployments, context.llm, plain(context)
    work = 2.0 * (bounds.worked_weights(llm) + bounds.head(llm)) / c.compute.peak_flops
    core = bounds.core_flop(llm, context.workload.mean_context) / c.compute.attention_flops
    busy = d.batch * (work + core) / (d.ways * d.pp)  # seconds a turn would take on perfect chips
    assert busy / evaluate(design, context).tpot_s <= 1 + ROUNDING


@LAW
@given(design=make.designs(), context=make.contexts())
def test_decode_is_never_above_bandwidth_so_mbu_is_at_most_one(design: Designs, context: Context) -> None:
    c, d, p, llm = design.chips, design.deployments, context.precision, context.llm
    context = plain(context)
    tpot = evaluate(design, context).tpot_s
    size = bounds.read_weights(llm, np.maximum(d.batch / d.pp, 1.0)) + bounds.head(llm)
    weights = size * p.weight_bytes / sharing(design, context)
    cache = d.batch * bounds.cached(llm, context.workload.mean_context, d.tp) / d.cp * p.kv_bytes
    # a token walks through the weights of its chips; a turn reads everything resident once
    assert weights / bounds.read_bandwidth(c) / tpot <= 1 + ROUNDING
    assert (weights + cache) / d.pp / bounds.read_bandwidth(c) / tpot <= 1 + ROUNDING


@LAW
@given(design=make.designs(), context=make.contexts())
def test_prefill_is_never_above_peak_or_bandwidth(design: Designs, context: Context) -> None:
    c, d, llm, isl = design.chips, design.deployments, context.llm, context.workload.isl
    context = plain(context)
    prompts = d.batch if context.workload.serving == "static" else 1.0 + 0.0 * d.batch
    ttft = evaluate(design, context).ttft_s
    work = 2.0 * (isl * bounds.worked_weights(llm) + bounds.head(llm)) / c.compute.peak_flops
    flop = prompts * (work + bounds.prompt_core_flop(llm, isl) / c.compute.attention_flops)
    # chunks of one prompt follow each other through the pipeline, so all its stages work at once
    together = d.ways * d.pp if context.workload.serving == "chunked" else d.ways
    assert flop / together / ttft <= 1 + ROUNDING
    weights = (bounds.read_weights(llm, prompts * isl) + bounds.head(llm)) * context.precision.weight_bytes
    assert weights / sharing(design, context) / bounds.read_bandwidth(c) / ttft <= 1 + ROUNDING


def test_weights_enter_the_matrix_units_no_faster_than_they_load_wherever_they_come_from() -> None:
    load = 1e12
    chips = make.h100_like(**make.IDEAL, weight_load_bandwidth=load)
    llm = make.llama2_7b()
    size = (bounds.worked_weights(llm) + bounds.head(llm)) * 2.0
    assert evaluate(make.design(chips), make.context(llm)).tpot_s >= size / load * (1 - ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), n=st.integers(2, 8))
def test_kv_cache_grows_linearly_with_batch_and_context(design: Designs, context: Context, n: int) -> None:
    d, w = design.deployments, context.workload
    kv = evaluate(design, context, detail=True).capacity_parts["kv_cache"]
    crowd = design.replace(deployments=d.replace(batch=n * d.batch))
    long = replace(context, workload=replace(w, max_context=n * w.max_context))
    crowded = evaluate(crowd, context, detail=True).capacity_parts["kv_cache"]
    longer = evaluate(design, long, detail=True).capacity_parts["kv_cache"]
    np.testing.assert_allclose(crowded, n * kv, rtol=ROUNDING)
    bounded = any(
        isinstance(b.attention, LinearAttention | CrossAttention) or getattr(b.attention, "window", None)
        for b in context.llm.blocks
    )  # by a window, by a state that does not grow at all, or by the rows of an encoder
    # a token is not split, so that of a few tokens the fullest chip holds more than its share
    split = (d.cp > 1.0).any()
    assert kv * (1 - ROUNDING) <= longer <= n * kv * (1 + ROUNDING)
    if not bounded and not split:
        np.testing.assert_allclose(longer, n * kv, rtol=ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts())
def test_parts_sum_to_totals(design: Designs, context: Context) -> None:
    m = evaluate(design, context, detail=True)
    totals = {
        "tpot_parts": m.tpot_s,
        "bounds": m.tpot_s,
        "ttft_parts": m.ttft_s,
        "capex_parts": m.capex_usd,
        "running_parts": m.usd_per_million_tokens,
        "energy_parts": m.energy_per_token_j,
    }
    for ledger, total in totals.items():
        parts = getattr(m, ledger)
        assert sum(parts.values()) == pytest.approx(total, rel=ROUNDING), ledger
        negative = {k: v for k, v in parts.items() if v < -ROUNDING * total}
        assert not negative, ledger
    c = design.chips
    room = (c.sram.bytes * c.sram.usable * c.sram.pinned + c.dram.bytes) * c.stack.usable_capacity
    held = sum(m.capacity_parts.values())
    slack = (held + room).item() * 1e-12
    if context.workload.serving == "disaggregated":  # the pool that prefills may lack more than that
        assert m.violations["capacity"] >= held - room - slack
    else:
        assert m.violations["capacity"] == pytest.approx(held - room, abs=slack)


@LAW
@given(design=make.designs(), context=make.contexts(), s=st.floats(0.01, 100.0))
def test_money_scales(design: Designs, context: Context, s: float) -> None:
    c, economy = design.chips, context.economy
    dollars = {name: s * a for name, a in c.columns().items() if name.endswith("_usd")}
    dear = c.replace(**dollars)
    rates = {f: s * getattr(economy, f) for f in ("usd_per_joule", "building_usd_per_watt")}
    dearer = replace(context, economy=replace(economy, **rates))
    if cache := context.workload.prefix:
        stored = replace(cache, usd_per_byte=s * cache.usd_per_byte)
        dearer = replace(dearer, workload=replace(context.workload, prefix=stored))
    base, scaled = evaluate(design, context), evaluate(design.replace(chips=dear), dearer)
    for name in ("capex_usd", "usd_per_token_per_s", "usd_per_million_tokens"):
        assert getattr(scaled, name) == pytest.approx(s * getattr(base, name), rel=ROUNDING)
    assert scaled.tpot_s == base.tpot_s


def test_a_matrix_with_more_outputs_gathers_more() -> None:
    design = make.design(make.h100_like(**make.IDEAL, in_network_reduction=0.0), batch=64, tp=8)
    same_size = [make.dnn(1024, 8192), make.dnn(8192, 1024)]
    wide, narrow = (evaluate(design, make.context(llm, isl=0.0, osl=1.0), detail=True) for llm in same_size)
    assert wide.tpot_parts["collectives"] == pytest.approx(8 * narrow.tpot_parts["collectives"], rel=ROUNDING)


def test_a_longer_prompt_needs_more_room_for_its_activations() -> None:
    design = make.design(make.groq_like(), tp=8, pp=80)
    contexts = [
        make.context(isl=isl, osl=16.0, max_context=9e3, serving="aggregated") for isl in (16.0, 48.0)
    ]
    held = [evaluate(design, c, detail=True).capacity_parts["activations"] for c in contexts]
    assert held[1] == pytest.approx(3 * held[0], rel=ROUNDING)  # up to the 64 rows that run together

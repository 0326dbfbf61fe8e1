"""What splitting KV cache along its tokens does to a whole design: laws, sums by hand, published numbers."""

from dataclasses import replace
from math import ceil

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.bounds.speed_of_light import check, speed_of_light
from dse.testing.checks import ROUNDING, table
from objectives.api import Attention, Block, Context, Designs, Experts, Llm, Metrics
from objectives.costmodels.napkin import NapkinCostModel
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.mean_layer import mean_layer

SPLITS = st.sampled_from((2.0, 4.0, 8.0))
WITH_KV = st.sampled_from(
    (
        make.llama2_7b(),
        make.llama2_70b(),
        make.mixtral_8x7b(),
        make.deepseek_v3(),
        make.gpt_oss_20b(),
        make.llama4_scout(),
        make.qwen3_next(),
    )
)

QWEN3_235B = Llm(
    name="qwen3-235b",
    hidden=4096,
    vocab=151936,
    blocks=(
        Block(
            count=94,
            attention=Attention(heads=64, kv_heads=4, head_dim=128),
            experts=Experts(count=128, top_k=8, width=1536, matrices=3),
        ),
    ),
    nominal_params=235e9,
)


def evaluate(design: Designs, context: Context) -> Metrics:
    return RooflineCostModel().evaluate(design, context, detail=True)


def split(design: Designs, tp: float, cp: float) -> Designs:
    d = design.deployments
    return design.replace(deployments=d.replace(tp=tp + 0.0 * d.tp, cp=cp + 0.0 * d.cp))


# --- laws


@LAW
@given(tp=st.sampled_from((1.0, 2.0, 8.0)), cp=SPLITS, llm=WITH_KV, tokens=st.integers(1, 10**6))
def test_chips_of_a_layer_do_the_same_work_on_the_same_cache_however_it_is_split(
    tp: float, cp: float, llm: Llm, tokens: int
) -> None:
    whole, cut = mean_layer(llm, tp), mean_layer(llm, tp, cp=cp)
    n = float(tokens)
    for core, one in zip(cut.cores, whole.cores, strict=True):
        seen = core.kind.seen(core.attention, n)
        # a state has no tokens: its heads are split over all chips of the layer, some of which may have none
        if core.exchanged is None:
            assert core.flop == core.kind.core_flop(core.attention, tp * cp)
            continue
        assert cp * core.flop * seen == pytest.approx(one.flop * seen, rel=1e-12)
        assert cp * core.prompt_flop == pytest.approx(one.prompt_flop, rel=1e-12)
        assert cp * core.kv_elements * seen == pytest.approx(one.kv_elements * seen, rel=1e-12)
    # what the fullest chip keeps is a share of the tokens, rounded up to a whole one of each kind of layer
    kept, all_of = float(cut.kv_kept(n)), float(whole.kv_kept(n))
    token = sum(core.share * core.kv_elements * cp for core in cut.cores)
    assert all_of / cp * (1 - 1e-12) <= kept <= all_of / cp + token * (1 + 1e-12)


@LAW
@given(design=make.designs(), context=make.contexts())
def test_one_way_is_the_design_without_it(design: Designs, context: Context) -> None:
    alone = split(design, float(design.deployments.tp[0]), 1.0)
    # next to a split one of its batch, so that nothing is left out for a batch of ones
    both = make.stacked((alone, split(alone, 8.0, 8.0)))
    one, two = evaluate(alone, context), evaluate(both, context)
    found, expected = table(two, (2,)), table(one, (1,))
    assert one.tpot_parts["kv_merges"] == 0.0
    assert {k: float(found[k][0]) for k in expected} == {k: float(v[0]) for k, v in expected.items()}


@LAW
@given(design=make.designs(), context=make.contexts(), llm=WITH_KV, cp=SPLITS)
def test_merges_grow_with_rows_and_not_with_the_context(
    design: Designs, context: Context, llm: Llm, cp: float
) -> None:
    context = replace(context, llm=llm, workload=replace(context.workload, serving="decode-only"))
    d = make.changed(split(design, 8.0, cp), "link_domain", lambda a: 4096.0 + 0.0 * a)
    one = d.replace(deployments=d.deployments.replace(pp=1.0 + 0.0 * d.deployments.pp))
    more = one.replace(deployments=one.deployments.replace(batch=2.0 * one.deployments.batch))
    longer = replace(context, workload=replace(context.workload, mean_context=1e5, max_context=2e5))
    merges, twice = (evaluate(x, context).tpot_parts["kv_merges"][0] for x in (one, more))
    assert merges > 0.0
    assert merges <= twice <= 2.0 * merges * (1 + ROUNDING)
    assert evaluate(one, longer).tpot_parts["kv_merges"][0] == merges


@LAW
@given(design=make.designs(), context=make.contexts(), cp=SPLITS, factor=st.floats(1.0, 100.0))
def test_a_slower_link_never_helps(design: Designs, context: Context, cp: float, factor: float) -> None:
    fast = split(design, 8.0, cp)
    for column, change in (("link_bandwidth", 1.0 / factor), ("link_latency", factor)):
        slow = make.changed(fast, column, lambda a, change=change: a * change)
        one, other = evaluate(fast, context), evaluate(slow, context)
        assert other.tpot_s[0] >= one.tpot_s[0] * (1 - ROUNDING)
        assert other.ttft_s[0] >= one.ttft_s[0] * (1 - ROUNDING)


@LAW
@given(design=make.designs(), context=make.contexts(), cp=SPLITS)
def test_nothing_beats_the_speed_of_light_and_ledgers_sum(
    design: Designs, context: Context, cp: float
) -> None:
    cut = split(design, float(design.deployments.tp[0]), cp)
    m = evaluate(cut, context)
    check(m, speed_of_light(cut, context))
    assert sum(m.tpot_parts.values()) == pytest.approx(m.tpot_s, rel=1e-9)
    assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=1e-9)
    assert sum(m.bounds.values()) == pytest.approx(m.tpot_s, rel=1e-9)
    d = cut.deployments
    if context.workload.serving != "disaggregated":
        assert m.chips[0] == d.tp[0] * cp * d.pp[0] * d.dp[0]


def test_a_stack_that_cannot_is_a_violation_by_as_many_ways_as_it_lacks() -> None:
    context = make.context()
    cannot, can = (make.h100_like(context_parallel=flag) for flag in (0.0, 1.0))
    assert evaluate(make.design(cannot, tp=8, cp=4), context).violations["context_parallel"][0] == 3.0
    assert evaluate(make.design(can, tp=8, cp=4), context).violations["context_parallel"][0] == 0.0
    assert evaluate(make.design(cannot, tp=8), context).violations["context_parallel"][0] == 0.0


# --- by hand


def test_llama_on_sixteen_chips_reads_half_of_a_head_each_and_merges_its_queries() -> None:
    # 64 query heads and 8 of KV, 80 layers, 8,192 wide: TP 8 x CP 2, 16 sequences of 4,096 tokens, 16 bits
    chips = make.h100_like(**make.IDEAL, link_domain=16.0, in_network_reduction=0.0)
    context = make.context(
        weights=2.0, kv=2.0, serving="decode-only", mean_context=4096.0, max_context=4096.0
    )
    m = evaluate(make.design(chips, batch=16, tp=8, cp=2), context)
    kv = 16 * 80 * 2 * 128 * (4096 / 2) * 2
    assert m.capacity_parts["kv_cache"] == kv
    assert m.tpot_parts["attention_core"] == pytest.approx(kv / 3.35e12, rel=1e-9)
    # 8 queries of 128 before the core, 8 results of 128 and 8 sums after it; half of it comes from the other
    exchanged = 80 * 16 * 8 * (128 + 129) * 2 * (1 / 2)
    assert m.tpot_parts["kv_merges"] == pytest.approx(exchanged / 450e9, rel=1e-9)
    # hidden rows are added up over all 16 chips, as at TP 16, where each chip would have a whole head
    whole = evaluate(make.design(chips, batch=16, tp=16), context)
    assert m.tpot_parts["collectives"] == whole.tpot_parts["collectives"]
    assert m.capacity_parts["weights"] == whole.capacity_parts["weights"]
    assert m.capacity_parts["kv_cache"] == whole.capacity_parts["kv_cache"] / 2
    assert m.tpot_parts["attention_core"] == whole.tpot_parts["attention_core"] / 2


def test_latents_of_deepseek_are_split_by_tokens_and_absorbed_queries_travel() -> None:
    # 128 heads over latents of 512 and 64: TP 2 x CP 4, each chip has 64 heads of a quarter of the tokens
    chips = make.h100_like(**make.IDEAL, in_network_reduction=0.0)
    context = make.context(
        make.deepseek_v3(),
        weights=1.0,
        kv=1.0,
        serving="decode-only",
        mean_context=8192.0,
        max_context=8192.0,
    )
    m = evaluate(make.design(chips, batch=32, tp=2, cp=4), context)
    assert m.capacity_parts["kv_cache"] == 32 * 61 * 576 * (8192 / 4)
    flop = 32 * 61 * 64 * 2 * (576 + 512) * (8192 / 4)
    read = 32 * 61 * 576 * (8192 / 4)
    assert m.tpot_parts["attention_core"] == pytest.approx(max(flop / 990e12, read / 3.35e12), rel=1e-2)
    exchanged = 61 * 32 * 64 * (576 + 513) * 2 * (3 / 4)
    assert m.tpot_parts["kv_merges"] == pytest.approx(exchanged / 450e9, rel=1e-9)


def test_latency_is_paid_for_two_messages_of_each_layer_with_a_cache() -> None:
    # one layer of four of Qwen3-Next has KV cache; a switch takes one hop in each phase
    chips = make.h100_like(**{**make.IDEAL, "link_latency": 1e-6, "collective_overhead_s": 3e-6})
    fast = chips.replace(link_bandwidth=1e30 + 0.0 * chips.links.link_bandwidth)
    m = evaluate(make.design(fast, tp=2, cp=2), make.context(make.qwen3_next(), serving="decode-only"))
    assert m.tpot_parts["kv_merges"] == pytest.approx(12 * 2 * (3e-6 + 1e-6), rel=1e-9)


def test_states_are_split_by_heads_over_all_chips_of_a_layer() -> None:
    chips = make.h100_like()
    context = make.context(make.qwen3_next(), isl=0.0, osl=0.0, mean_context=0.0, max_context=0.0)
    cut, whole = (
        evaluate(make.design(chips, tp=tp, cp=cp), context).capacity_parts["kv_cache"]
        for tp, cp in ((2, 4), (8, 1))
    )
    assert cut == whole


def test_a_window_is_split_as_the_whole_context_is() -> None:
    slide = Attention(heads=8, kv_heads=2, head_dim=64, window=1000)
    llm = Llm(
        name="slide",
        hidden=512,
        vocab=1000,
        blocks=(Block(count=4, attention=slide, experts=Experts(count=1, top_k=1, width=64, matrices=3)),),
        nominal_params=1e6,
    )
    layer = mean_layer(llm, np.array([2.0]), cp=np.array([3.0]))
    assert layer.kv_kept(1e6)[0] == 2 * 64 * ceil(1000 / 3)
    assert layer.kv_read(1e6)[0] == pytest.approx(2 * 64 * 1000 / 3, rel=1e-12)


def test_the_napkin_counts_the_chips_of_a_split_layer() -> None:
    design = make.design(make.groq_like(), batch=1, tp=8, cp=4, pp=80)
    m = NapkinCostModel().evaluate(design, make.context(weights=1.0))
    assert m.chips[0] == 8 * 4 * 80


# --- published


def test_a_cache_of_qwen_holds_twice_the_tokens_where_vllm_splits_four_heads_on_eight_chips() -> None:
    """vLLM pull request 24864: TP 8 with 4 KV heads and `--decode-context-parallel-size 2` multiplies the
    tokens that fit by 2."""
    repeated, cut = (mean_layer(QWEN3_235B, tp, cp=cp) for tp, cp in ((8.0, 1.0), (4.0, 2.0)))
    assert cut.weights() == repeated.weights()
    assert cut.kv_kept(262144.0) == repeated.kv_kept(262144.0) / 2


def test_seventy_two_lpus_hold_a_layer_of_qwen_and_the_cache_of_1380_users() -> None:
    """SHIP (MLSys 2026): 72 LPUs of 230 MB hold one layer of Qwen3-235B in fp8 and KV of 1,380 users at 4k.

    No source states the format of KV, activations and buffers: with 16 bits of KV and without the others the
    count must be above that, by no more than a quarter. Where each of 72 chips has a whole head, it is far
    below.
    """
    (split_up, users), (repeated, few) = (
        (layer, (230e6 - layer.weights()) / layer.kept_bytes(4096.0, 2.0))
        for layer in (mean_layer(QWEN3_235B, 4.0, 1.0, 18.0), mean_layer(QWEN3_235B, 72.0, 1.0))
    )
    assert split_up.weights() == repeated.weights()
    assert 1380 <= users <= 1.25 * 1380
    assert few < 100


def test_helix_reads_a_share_of_the_tokens_of_each_head() -> None:
    """Helix (arXiv 2507.07120): bytes of a chip are 2 ceil(K / TPA) Hsz (S / KVP), B sequences of them."""
    llama = Llm(
        name="405b",
        hidden=16384,
        vocab=128256,
        blocks=(Block(count=126, attention=Attention(heads=128, kv_heads=8, head_dim=128)),),
        nominal_params=405e9,
    )
    for tpa, kvp in ((8, 1), (8, 8), (4, 4), (16, 1), (1, 64)):
        layer = mean_layer(llama, float(tpa), cp=float(kvp))
        by_paper = 2 * ceil(8 / tpa) * 128 * (1e6 / kvp)
        assert layer.kv_read(1e6) == pytest.approx(by_paper, rel=1e-12)

"""Attention | FFN: by hand on machines without losses, one pool as a special case, when pairs gain."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import assume, given
from systems import pairs
from systems.pairs import LOSSLESS, evaluate, one_of

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, Metrics, PoolLink, PrefixCache

HBM, PEAK = 3.35e12, 989e12
LAYERS, HIDDEN = 32, 4096
ATTENTION, FFN, HEAD = 4 * HIDDEN**2, 3 * HIDDEN * 11008, 32000 * HIDDEN
"""Weights of a layer's attention, of its FFN, and of the head of Llama-2 7B."""
KV = 2 * HIDDEN
"""Elements that a token leaves in a layer."""


def chips(**changes: float) -> Chips:
    return make.h100_like(**{**LOSSLESS, "dram_bytes": 1e15, **changes})


def short(context: float = 1024.0) -> Context:
    """Llama-2 7B in 16 bits, every sequence at one length."""
    return make.context(make.llama2_7b(), isl=context, osl=1.0, mean_context=context, max_context=context)


def found(
    context: Context,
    attention: dict[str, float],
    ffn: dict[str, float],
    link: PoolLink | None = None,
) -> Metrics:
    sides = {"attention": attention, "ffn": ffn}
    both = {role: (chips(), make.deployments(**d)) for role, d in sides.items()}
    return evaluate(pairs.system(link, **both), context, detail=True)


def read(elements: float) -> float:
    """Seconds in which a chip reads elements of 16 bits."""
    return elements * 2 / HBM


def test_one_sequence_passes_all_operators_of_both_pools_and_crosses_twice_a_layer() -> None:
    # one sequence is one micro-batch: weights and KV cache at the speed of HBM
    m = found(short(), {"batch": 1}, {}, pairs.link(50e9, 2e-6))
    alone = LAYERS * read(ATTENTION + KV * 1024 + FFN) + read(HEAD)
    # a row of 4,096 elements of 2 bytes out, and as much back
    crossing = LAYERS * 2 * (2e-6 + HIDDEN * 2 / 50e9)
    assert one_of(m.tpot_s) == pytest.approx(alone + crossing, rel=ROUNDING)
    parts = {name: one_of(part) for name, part in m.tpot_parts.items() if part > 0.0}
    assert parts == {
        "attention_projections": pytest.approx(LAYERS * read(ATTENTION), rel=ROUNDING),
        "attention_core": pytest.approx(LAYERS * read(KV * 1024), rel=ROUNDING),
        "ffn": pytest.approx(LAYERS * read(FFN), rel=ROUNDING),
        "head": pytest.approx(read(HEAD), rel=ROUNDING),
        "pool_crossings": pytest.approx(crossing, rel=ROUNDING),
    }
    assert one_of(m.of_pools["ffn"]["busy"]) == pytest.approx(LAYERS * read(FFN) / (alone + crossing))
    assert one_of(m.tokens_per_s) == pytest.approx(1 / (alone + crossing), rel=ROUNDING)
    assert one_of(m.chips) == 2.0


def test_activations_of_one_byte_come_back_as_sums_of_two() -> None:
    context = short()
    narrow = replace(context, precision=replace(context.precision, activation_bytes=1.0))
    m = found(narrow, {"batch": 1}, {}, pairs.link(50e9))
    assert one_of(m.tpot_parts["pool_crossings"]) == pytest.approx(LAYERS * HIDDEN * 3 / 50e9, rel=ROUNDING)


def test_two_micro_batches_keep_a_busy_attention_pool_from_idling() -> None:
    # contexts of 32,768 tokens: attention of one sequence outlasts the FFN, which then works beside it
    m = found(short(32768.0), {"batch": 2}, {})
    attend = read(ATTENTION + KV * 32768)
    assert attend > read(FFN)
    busy = 2 * (LAYERS * attend + read(HEAD))
    assert one_of(m.tpot_s) == pytest.approx(busy, rel=ROUNDING)
    together = LAYERS * read(ATTENTION + 2 * KV * 32768 + FFN) + read(HEAD)
    assert busy < together
    assert one_of(m.of_pools["attention"]["busy"]) == pytest.approx(1.0)
    assert one_of(m.of_pools["ffn"]["busy"]) == pytest.approx(2 * LAYERS * read(FFN) / busy, rel=ROUNDING)


def test_one_micro_batch_is_chosen_where_weights_are_most_of_the_work() -> None:
    # two would read all weights of a long FFN twice
    m = found(short(16.0), {"batch": 2}, {})
    together = LAYERS * read(ATTENTION + 2 * KV * 16 + FFN) + read(HEAD)
    assert one_of(m.tpot_s) == pytest.approx(together, rel=ROUNDING)
    assert one_of(m.tpot_parts["micro_batch_wait"]) == 0.0


@pytest.mark.parametrize(("replicas", "pools"), [(64, 1), (512, 1), (1024, 2), (4096, 4)])
def test_an_ffn_gets_the_rows_of_all_attention_replicas_that_feed_it(replicas: int, pools: int) -> None:
    # one sequence each: as many rows as replicas, however many micro-batches were tried
    m = found(short(), {"batch": 1, "dp": replicas}, {"dp": pools})
    rows = replicas / pools
    seconds = LAYERS * max(read(FFN), 2 * FFN * rows / PEAK)
    assert one_of(m.tpot_parts["ffn"]) == pytest.approx(seconds, rel=ROUNDING)
    assert one_of(m.tokens_per_s) == pytest.approx(replicas / one_of(m.tpot_s), rel=ROUNDING)
    assert one_of(m.chips) == replicas + pools


def test_many_replicas_send_over_as_many_ports_as_both_sides_have() -> None:
    # 16 replicas of two chips feed two FFN replicas of four: 16 ports there and 4 here, 8 rows each
    m = found(short(), {"batch": 1, "dp": 16, "tp": 2}, {"dp": 2, "tp": 4}, pairs.link(1e9))
    seconds = LAYERS * 2 * 8 * HIDDEN * 2 / (4 * 1e9)
    assert one_of(m.tpot_parts["pool_crossings"]) == pytest.approx(seconds, rel=ROUNDING)


@pytest.mark.parametrize("stages", [1, 2, 3, 32])
def test_stages_of_the_ffn_pool_share_its_weights(stages: int) -> None:
    m = found(short(), {"batch": 4}, {"pp": stages})
    held = -(-LAYERS // stages) * FFN * 2
    assert one_of(m.capacity_parts["ffn.weights"]) == held
    # attention keeps embedding and head, all KV cache, and the FFN pool none
    assert one_of(m.capacity_parts["attention.weights"]) == (LAYERS * ATTENTION + 2 * HEAD) * 2
    assert one_of(m.capacity_parts["attention.kv_cache"]) == 4 * 1024 * LAYERS * KV * 2
    assert one_of(m.capacity_parts["ffn.kv_cache"]) == 0.0
    for role in ("attention", "ffn"):
        size = sum(one_of(v) for k, v in m.capacity_parts.items() if k.startswith(role))
        assert one_of(m.violations[f"{role}.capacity"]) == pytest.approx(size - 1e15, rel=1e-12)
    assert one_of(m.chips) == 1 + stages


def test_stages_let_more_micro_batches_work_at_once() -> None:
    # FFN-bound: 2,048 rows in each of four micro-batches queue at one stage, not at four
    few, many = (found(short(1.0), {"batch": 8, "dp": 1024}, {"pp": pp}) for pp in (1, 4))
    assert one_of(many.tpot_s) < one_of(few.tpot_s)
    assert one_of(few.of_pools["ffn"]["busy"]) > 0.9


def test_a_prompt_alone_passes_both_pools_and_its_rows_cross() -> None:
    m = found(short(512.0), {"batch": 1}, {}, pairs.link(50e9, 2e-6))
    core = 4 * HIDDEN * 512 * (512 + 1) / 2
    work = LAYERS * (2 * (ATTENTION + FFN) * 512 + core) / PEAK + read(HEAD)
    crossing = LAYERS * 2 * (2e-6 + 512 * HIDDEN * 2 / 50e9)
    assert one_of(m.ttft_parts["pool_crossings"]) == pytest.approx(crossing, rel=ROUNDING)
    assert one_of(m.ttft_s) == pytest.approx(work + crossing, rel=1e-2)


def test_a_prompt_that_a_cache_holds_waits_for_it_and_for_a_step() -> None:
    cache = PrefixCache(hit=1.0, stored_tokens=1e5, tier="host", bandwidth=1e10, usd_per_byte=1e-9)
    context = short(512.0)
    m = found(replace(context, workload=replace(context.workload, prefix=cache)), {"batch": 1}, {})
    # the last token is computed whatever is stored: a row as of a step
    load = 511 * LAYERS * KV * 2 / 1e10
    assert one_of(m.ttft_s) == pytest.approx(load + one_of(m.tpot_s), rel=1e-4)
    paid = 1e5 * LAYERS * KV * 2 * 1e-9
    assert one_of(m.capex_parts["attention.prefix_cache"]) == pytest.approx(paid, rel=ROUNDING)


SEPARATE = {
    "step_overhead_s": 0.0,
    "prompt_overhead_s": 0.0,
    "sequence_overhead_s": 0.0,
    "scale_out_bandwidth": pairs.ENDLESS,
}
"""Hosts of two pools launch steps, prompts and their sequences twice; links between pools take no time."""


@LAW
@given(values=make.chip_values(), layout=make.deployment_values(), context=make.contexts())
def test_a_pair_of_equal_chips_with_one_sequence_and_a_free_link_takes_the_time_of_one_pool(
    values: dict[str, float], layout: dict[str, float], context: Context
) -> None:
    own = make.chips({**values, **SEPARATE, "scale_out_latency": 0.0, "link_domain": 4096.0})
    context = pairs.serving(context, ("attention", "ffn"))
    # a block whose parts are parallel ends in one all-reduce for both; a pair takes them in turn
    assume(pairs.splittable(context.llm) and not any(b.parallel for b in context.llm.blocks))
    d = make.deployments(batch=1, tp=layout["tp"])
    single = Designs.of(own, d)
    assume(not make.hybrid(single))  # half of the bytes would have all of the SRAM
    one = evaluate(single, context, detail=True)
    two = evaluate(pairs.system(attention=(own, d), ffn=(own, d)), context, detail=True)
    # chips of both pools together hold what one pool holds
    assert one_of(two.tpot_s) == pytest.approx(one_of(one.tpot_s), rel=1e-6)
    assert one_of(two.ttft_s) == pytest.approx(one_of(one.ttft_s), rel=1e-6)
    assert one_of(two.chips) == 2 * one_of(one.chips)
    held = [
        sum(one_of(v) for k, v in m.capacity_parts.items() if k.endswith(("weights", "kv_cache")))
        for m in (one, two)
    ]
    assert held[1] == pytest.approx(held[0], rel=ROUNDING)


def rate(m: Metrics, tpot_s: float) -> float:
    """Most tokens a second and chip of those that are fast enough."""
    return float(np.max(np.where(m.tpot_s <= tpot_s, m.tokens_per_s / m.chips, 0.0)))


BATCHES = np.arange(1.0, 129.0)


def test_equal_chips_gain_where_an_ffn_outweighs_attention_and_enough_replicas_share_it() -> None:
    # at a limit T one pool reads all weights W once a token: (T - W) / (KV T) sequences a second. Of a pair
    # that hides the FFN attention alone is read, twice: n / (n + 1) (T - 2 (W_a + head)) / (KV T)
    context, limit = short(8192.0), 15e-3
    one = evaluate(Designs.of(chips(), make.deployments(batch=BATCHES)), context)
    attention, ffn = LAYERS * read(ATTENTION) + read(HEAD), LAYERS * read(FFN)
    gains = {}
    for replicas in (1, 2, 8, 32):
        both = {"attention": (chips(), make.deployments(batch=BATCHES, dp=replicas))}
        two = evaluate(pairs.system(**both, ffn=(chips(), make.deployments())), context)
        gains[replicas] = rate(two, limit) / rate(one, limit)
        expected = replicas / (replicas + 1) * (limit - 2 * attention) / (limit - attention - ffn)
        # whole sequences, cut into whole micro-batches
        assert gains[replicas] == pytest.approx(expected, rel=0.06)
    assert ffn > attention
    assert gains[1] < gains[2] < gains[8] < 1.0 < gains[32]


def test_equal_chips_never_beat_the_work_that_both_pools_have() -> None:
    # without weights to share nothing is gained: half of the chips wait for the other half
    context = short(8192.0)
    one = evaluate(Designs.of(chips(), make.deployments(batch=1.0)), context)
    two = found(context, {"batch": 1}, {})
    assert one_of(two.tokens_per_s / two.chips) == pytest.approx(
        one_of(one.tokens_per_s / one.chips) / 2, rel=ROUNDING
    )

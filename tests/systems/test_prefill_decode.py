"""Prefill | decode: today's disaggregated serving as a special case, by hand, and the law of pairs."""

from dataclasses import replace
from itertools import product

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import assume, given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import LOSSLESS, evaluate, one_of

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Deployments, Designs, Llm, Metrics, PoolLink, PrefixCache

FREE_NETWORK = {
    "copper_usd": 0.0, "optics_usd": 0.0, "network_usd": 0.0, "scale_out_usd": 0.0, "optics_w": 0.0,
    "link_latency": 0.0, "scale_out_latency": 0.0,
}  # fmt: skip
"""Pools of one chip share a network whose reach is priced for all; pairs pay the ports of their link."""

SHARES = ("usd_per_million_input_tokens", "usd_per_million_output_tokens")


def todays(chips: Chips) -> PoolLink:
    """What `serving.disaggregated` sends KV cache over."""
    out, own = chips.links.scale_out_bandwidth, chips.links.link_bandwidth * chips.stack.link_efficiency
    far = out > 0.0
    return PoolLink(
        bandwidth=np.where(far, out, own),
        latency_s=np.where(far, chips.links.scale_out_latency, chips.links.link_latency),
        usd=0.0 * out,
    )


def twice(chips: Chips, d: Deployments, between: PoolLink | None = None) -> Designs:
    return pairs.system(todays(chips) if between is None else between, prefill=(chips, d), decode=(chips, d))


def worst(m: Metrics, name: str) -> np.ndarray:
    return np.maximum(m.violations[f"prefill.{name}"], m.violations[f"decode.{name}"])


@LAW
@given(
    values=make.chip_values(), layout=make.deployment_values(), context=make.contexts(), whole=st.booleans()
)
def test_a_pair_of_equal_chips_over_todays_network_is_the_disaggregated_serving_of_one_pool(
    values: dict[str, float], layout: dict[str, float], context: Context, whole: bool
) -> None:
    chips, d = make.chips({**values, **FREE_NETWORK}), make.deployments(**layout)
    single = Designs.of(chips, d)
    # beside SRAM and DRAM the one pool makes room for prompts in the decode replicas as well
    assume(not make.hybrid(single))
    work = replace(context.workload, serving="disaggregated", pools="system" if whole else "fleet")
    context = replace(context, workload=work)
    one, two = evaluate(single, context, detail=True), evaluate(twice(chips, d), context, detail=True)
    for name in (
        "tpot_s", "ttft_s", "tokens_per_s", "chips", "capex_usd", "usd_per_token_per_s",
        "usd_per_million_tokens", "energy_per_token_j", *SHARES,
    ):  # fmt: skip
        # a store of prefixes is the prompts' own in a pair, and shared by chips in one pool
        if name in SHARES and "prefix_cache" in one.capex_parts:
            continue
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=ROUNDING, err_msg=name)
    slow = one_of(one.tpot_s + one.ttft_s) * ROUNDING
    for left, right in ((one.tpot_parts, two.tpot_parts), (one.ttft_parts, two.ttft_parts)):
        assert left.keys() == right.keys()
        for name, part in left.items():
            np.testing.assert_allclose(right[name], part, rtol=ROUNDING, atol=slow, err_msg=name)
    for name, part in one.bounds.items():
        np.testing.assert_allclose(two.bounds[name], part, rtol=ROUNDING, atol=slow, err_msg=name)
    assert two.pools.keys() == one.pools.keys()
    for name, replicas in one.pools.items():
        np.testing.assert_allclose(two.pools[name], replicas, rtol=ROUNDING)
    # decode replicas here need no room for rows of prompts
    scale = sum(two.capacity_parts.values()) * ROUNDING
    assert worst(two, "capacity") <= one.violations["capacity"] + scale
    assert worst(two, "network_domain") == one.violations["network_domain"]


def test_the_ports_of_the_pair_are_the_scale_out_ports_of_one_pool() -> None:
    # eight chips of one domain and their share of the prefill pool leave it: 3,000 USD a chip
    chips, d = make.h100_like(), make.deployments(batch=16, tp=8)
    context = make.context(serving="disaggregated")
    one = evaluate(Designs.of(chips, d), context)
    between = replace(todays(chips), usd=chips.cost.scale_out_usd)
    two = evaluate(twice(chips, d, between), context)
    assert one_of(two.capex_usd) == pytest.approx(one_of(one.capex_usd), rel=ROUNDING)


def seconds_of_kv(llm: Llm, sides: dict[str, int], bandwidth: float, latency: float = 0.0) -> float:
    context = make.context(llm, serving="disaggregated", isl=1024.0)
    layouts = {role: (make.h100_like(), make.deployments(batch=8, tp=tp)) for role, tp in sides.items()}
    found = evaluate(pairs.system(pairs.link(bandwidth, latency), **layouts), context, detail=True)
    return one_of(found.ttft_parts["kv_transfer"])


GQA_BYTES = 80 * 2 * 8 * 128 * 2 * 1024
"""Llama-2 70B: layers x K and V x heads x head_dim x bytes x tokens."""
MLA_BYTES = 61 * (512 + 64) * 2 * 1024
"""DeepSeek V3: layers x (latent + rope) x bytes x tokens."""


@pytest.mark.parametrize(
    ("prefill", "decode", "seconds"),
    [
        (8, 8, GQA_BYTES / (8 * 50e9)),
        # two chips send what eight receive, and eight send what two receive
        (2, 8, GQA_BYTES / (2 * 50e9)),
        (8, 2, GQA_BYTES / (2 * 50e9)),
        # of eight heads on 16 chips each has two copies, and each chip receives its own
        (16, 16, GQA_BYTES / (8 * 50e9)),
        (4, 16, GQA_BYTES / (4 * 50e9)),
        (16, 4, GQA_BYTES / (4 * 50e9)),
    ],
)
def test_kv_cache_of_gqa_crosses_at_the_speed_of_the_slower_side(
    prefill: int, decode: int, seconds: float
) -> None:
    sides = {"prefill": prefill, "decode": decode}
    assert seconds_of_kv(make.llama2_70b(), sides, 50e9) == pytest.approx(seconds, rel=ROUNDING)
    late = seconds_of_kv(make.llama2_70b(), sides, 50e9, 7e-6)
    assert late - seconds == pytest.approx(7e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("prefill", "decode", "senders"),
    [
        # every decode chip has the whole latent cache, so that each receives all of it
        (8, 8, 1),
        (1, 8, 1),
        (8, 1, 1),
        (1, 1, 1),
    ],
)
def test_latent_kv_cache_is_received_whole_by_every_chip(prefill: int, decode: int, senders: int) -> None:
    found = seconds_of_kv(make.deepseek_v3(), {"prefill": prefill, "decode": decode}, 50e9)
    assert found == pytest.approx(MLA_BYTES / (senders * 50e9), rel=ROUNDING)


def test_a_port_is_no_faster_than_the_links_of_its_chip() -> None:
    fast = seconds_of_kv(make.llama2_70b(), {"prefill": 8, "decode": 8}, 1e15)
    assert fast == pytest.approx(GQA_BYTES / (8 * 450e9), rel=ROUNDING)


def test_stages_send_at_once_and_the_largest_decides() -> None:
    # 80 layers on three stages: 27 in the largest
    context, d = make.context(serving="disaggregated"), make.deployments(batch=8, tp=8, pp=3)
    found = evaluate(twice(make.h100_like(), d, pairs.link(50e9)), context, detail=True)
    seconds = GQA_BYTES * 27 / 80 / (8 * 50e9)
    assert one_of(found.ttft_parts["kv_transfer"]) == pytest.approx(seconds, rel=ROUNDING)


def test_a_network_without_kv_cache_waits_for_the_latency_alone() -> None:
    side = (make.h100_like(), make.deployments(batch=8, tp=8))
    designs = pairs.system(pairs.link(50e9, 5e-6), prefill=side, decode=side)
    found = evaluate(designs, make.context(make.dnn(), serving="disaggregated"), detail=True)
    assert one_of(found.ttft_parts["kv_transfer"]) == 5e-6


ATTENTION, FFN, HEAD = 4 * 4096**2, 3 * 4096 * 11008, 32000 * 4096
WEIGHTS = 32 * (ATTENTION + FFN) + HEAD
"""Of Llama-2 7B, the embedding left out."""
KV_TOKEN = 32 * 2 * 4096 * 2
"""Bytes that one token of Llama-2 7B leaves in 16 bits."""


def by_hand(**workload: float) -> tuple[Context, float, float]:
    """Llama-2 7B on a lossless chip: the context, a step of decode of 16, a pass over a prompt."""
    context = make.context(make.llama2_7b(), isl=512.0, osl=128.0, serving="disaggregated", **workload)
    step = (WEIGHTS * 2 + 16 * KV_TOKEN * (512 + 64)) / 3.35e12
    # every row of the prompt passes all layers, its last one the head; causal attention sees half of it
    core = 32 * 4 * 4096 * 512 * (512 + 1) / 2
    prompt = (2 * 32 * (ATTENTION + FFN) * 512 + core) / 989e12 + HEAD * 2 / 3.35e12
    return context, step, prompt


def test_both_pools_by_hand_on_a_machine_without_losses() -> None:
    context, step, prompt = by_hand(prefill_load=0.5)
    chips = make.h100_like(**LOSSLESS, prompt_rows=512.0)
    layouts = {"prefill": make.deployments(batch=1), "decode": make.deployments(batch=16, dp=3)}
    found = evaluate(pairs.system(**{r: (chips, d) for r, d in layouts.items()}), context, detail=True)
    assert one_of(found.tpot_s) == pytest.approx(step, rel=1e-3)
    assert one_of(found.tokens_per_s) == pytest.approx(3 * 16 / step, rel=1e-3)
    # M/D/1 at a load of 1/2: half of a pass
    assert one_of(found.ttft_s) == pytest.approx(1.5 * prompt, rel=1e-2)
    replicas = 3 * 16 / step / 128 * prompt / 0.5
    assert one_of(found.pools["prefill"]) == pytest.approx(replicas, rel=1e-2)
    assert one_of(found.chips) == pytest.approx(3 + replicas, rel=1e-2)
    assert one_of(found.of_pools["prefill"]["busy"]) == pytest.approx(0.5, rel=ROUNDING)
    # what each pool holds: all weights with the embedding, KV cache at full length
    held = {k: one_of(v) for k, v in found.capacity_parts.items()}
    assert held["decode.weights"] == held["prefill.weights"] == 2 * (WEIGHTS + HEAD)
    assert held["decode.kv_cache"] == 16 * 640 * KV_TOKEN
    assert held["prefill.kv_cache"] == 512 * KV_TOKEN
    for role in ("prefill", "decode"):
        size = sum(v for k, v in held.items() if k.startswith(role))
        assert one_of(found.violations[f"{role}.capacity"]) == pytest.approx(size - 80e9, rel=1e-6)


def test_a_pool_of_one_system_has_whole_replicas_and_is_less_busy() -> None:
    context, _, _ = by_hand(prefill_load=0.5)
    context = replace(context, workload=replace(context.workload, pools="system"))
    chips = make.h100_like(**LOSSLESS, prompt_rows=512.0)
    layouts = {"prefill": make.deployments(batch=1, tp=2), "decode": make.deployments(batch=16)}
    found = evaluate(pairs.system(**{r: (chips, d) for r, d in layouts.items()}), context, detail=True)
    assert one_of(found.pools["prefill"]) == 1.0
    assert one_of(found.chips) == 3.0
    assert one_of(found.of_pools["prefill"]["busy"]) < 0.5


def test_capital_is_the_sum_over_chips_of_both_kinds_and_every_chip_pays_a_port() -> None:
    context = make.context(serving="disaggregated")
    context = replace(context, workload=replace(context.workload, pools="system"))
    gpu, other = make.h100_like(), make.h100_like(price_usd=7000.0, host_usd=500.0)
    designs = pairs.system(
        pairs.link(50e9, usd=1234.0),
        prefill=(other, make.deployments(batch=4, tp=4)),
        decode=(gpu, make.deployments(batch=16, tp=8, dp=2)),
    )
    found = evaluate(designs, context, detail=True)
    prompts = one_of(found.of_pools["prefill"]["chips"])
    assert prompts == 4 * one_of(found.pools["prefill"])
    assert one_of(found.chips) == prompts + 16
    parts = {k: one_of(v) for k, v in found.capex_parts.items()}
    assert parts["prefill.chips"] == 7000.0 * prompts
    assert parts["decode.chips"] == 26000.0 * 16
    assert (parts["prefill.pool_link"], parts["decode.pool_link"]) == (1234.0 * prompts, 1234.0 * 16)
    # a replica fits its domain, so that its chips leave it through the port of the link alone
    assert parts["prefill.scale_out"] == parts["decode.scale_out"] == 0.0
    each = 7000.0 + 500.0 + 1000.0 + 2000.0 + 1234.0
    assert one_of(found.of_pools["prefill"]["capex_usd"]) == pytest.approx(prompts * each, rel=ROUNDING)
    assert one_of(found.capex_usd) == pytest.approx(prompts * each + 16 * 34234.0, rel=ROUNDING)
    assert one_of(found.of_pools["prefill"]["power_w"]) == 700.0 * prompts


def test_a_prefix_cache_is_paid_for_the_replicas_that_prefill() -> None:
    cache = PrefixCache(hit=0.5, stored_tokens=1e6, tier="host", bandwidth=1e12, usd_per_byte=1e-8)
    context, _, _ = by_hand()
    context = replace(context, workload=replace(context.workload, prefix=cache, pools="system"))
    side = (make.h100_like(), make.deployments(batch=16, dp=4))
    found = evaluate(pairs.system(prefill=side, decode=side), context, detail=True)
    paid = one_of(found.pools["prefill"]) * 1e6 * KV_TOKEN * 1e-8
    assert one_of(found.capex_parts["prefill.prefix_cache"]) == pytest.approx(paid, rel=ROUNDING)


def test_one_pool_changes_nothing_in_the_other_but_its_number() -> None:
    context = make.context(serving="disaggregated")
    decode = (make.h100_like(), make.deployments(batch=16, tp=8))
    found = [
        evaluate(pairs.system(pairs.link(50e9), prefill=side, decode=decode), context, detail=True)
        for side in (
            (make.h100_like(), make.deployments(batch=4, tp=2)),
            (make.groq_like(), make.deployments(batch=1, tp=64, pp=16)),
        )
    ]
    assert found[0].tpot_s == found[1].tpot_s
    assert found[0].ttft_s != found[1].ttft_s


LAYOUTS = list(product((1.0, 8.0, 64.0), (2.0, 4.0, 8.0)))


def best(m: Metrics, tpot_s: float, ttft_s: float) -> float:
    """The cheapest of those that fit and are fast enough [USD/(token/s)]."""
    kept = m.feasible() & (m.tpot_s <= tpot_s) & (m.ttft_s <= ttft_s)
    return float(np.min(np.where(kept, m.usd_per_token_per_s, np.inf)))


@pytest.mark.parametrize(
    "llm", [make.llama2_13b(), make.llama2_70b(), make.mixtral_8x7b()], ids=lambda x: x.name
)
def test_the_best_pair_of_equal_chips_is_never_worse_than_the_best_of_one_pool(llm: Llm) -> None:
    # over all layouts, at all limits, with networks that cost the same: equal layouts are among those
    # of pairs. One pool inside a domain pays no port, so that a pair is dearer there by the port of its link
    chips, context = make.h100_like(**FREE_NETWORK), make.context(llm, serving="disaggregated")
    batch, tp = (np.array(x) for x in zip(*LAYOUTS, strict=True))
    one = evaluate(Designs.of(chips, make.deployments(batch=batch, tp=tp)), context)
    n = len(batch)
    first = make.deployments(batch=np.repeat(batch, n), tp=np.repeat(tp, n))
    then = make.deployments(batch=np.tile(batch, n), tp=np.tile(tp, n))
    limits = list(product(np.quantile(one.tpot_s, (0.2, 0.5, 1.0)), np.quantile(one.ttft_s, (0.2, 0.5, 1.0))))
    for between in (todays(chips), pairs.link()):
        two = evaluate(pairs.system(between, prefill=(chips, first), decode=(chips, then)), context)
        gains = [best(one, *limit) / best(two, *limit) for limit in limits if best(one, *limit) < np.inf]
        assert min(gains) >= 1 - ROUNDING
        # unlike layouts are what pairs gain, also of equal chips
        assert max(gains) > 1.01

"""Prefixes in a further memory of the chip: seconds, room and joules by hand, laws, both namespaces."""

from dataclasses import replace
from functools import cache
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.backends import compiler
from dse.testing.checks import HEADLINE, ROUNDING
from objectives.api import Chips, Context, Deployments, Designs, Metrics, PrefixCache
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving.registry import serving_mode, serving_modes

TOKEN = 2 * 8 * 128 * 2 * 80
"""Bytes of KV cache of a token of LLaMA-2 70B in two bytes."""
STORED = 1e5
KEPT = STORED * TOKEN / 8
"""Bytes on each of eight chips that keep 100,000 tokens."""
COUNTED = tuple(name for name in serving_modes() if serving_mode(name).counts_prompts)


def kept(memory: str = "lpddr", **changes: Any) -> PrefixCache:
    given = {"hit": 0.5, "stored_tokens": STORED, "tier": "memory", "bandwidth": 0.0, "usd_per_byte": 0.0}
    return PrefixCache(memory=memory, **{**given, **changes})


def asked(prefix: PrefixCache | None, serving: str = "aggregated", osl: float = 100.0) -> Context:
    context = make.context(isl=2000.0, osl=osl, serving=serving, prefix=prefix)
    return replace(context, workload=replace(context.workload, pools="system"))


def gpu(memory: str | None = "lpddr", room: float = 1e12, bandwidth: float = 50e9, **own: float) -> Chips:
    """A chip with a further memory of 10 pJ/B that the usable share of its capacity leaves `room`."""
    if memory is None:
        return make.h100_like()
    share = make.H100_LIKE["usable_capacity"]
    own = {"bytes": room / share, "bandwidth": bandwidth, "w": bandwidth * 10e-12, **own}
    if memory not in ("stacked_sram", "rom"):
        own.setdefault("write_bandwidth", bandwidth)
    return make.h100_like(**{f"{memory}_{name}": value for name, value in own.items()})


def evaluate(chips: Chips, context: Context, batch: int = 4) -> Metrics:
    design = make.design(chips, batch=batch, tp=8)
    return RooflineCostModel().evaluate(design, context, detail=True)


def test_a_memory_brings_back_its_bytes_at_its_speed_after_its_latency() -> None:
    m = evaluate(gpu("host", latency=0.003), asked(kept("host")))
    # half of 2,000 tokens, an eighth of each on a chip, at 50 GB/s
    assert float(m.ttft_parts["prefix_load"][0]) == pytest.approx(1000 * TOKEN / 8 / 50e9 + 0.003, rel=1e-12)


def test_what_is_stored_leaves_the_memory_less_room() -> None:
    # room for the prefixes and 1 GB more; DRAM is large enough for all else
    m = evaluate(gpu(room=KEPT + 1e9), asked(kept()))
    assert float(m.capacity_parts["prefix_cache"][0]) == pytest.approx(KEPT, rel=1e-12)
    others = sum(float(np.squeeze(v)) for k, v in m.capacity_parts.items() if k != "prefix_cache")
    dram = make.H100_LIKE["dram_bytes"] * make.H100_LIKE["usable_capacity"]
    # the named memory is nearly full, so that it has the least left
    assert float(m.violations["capacity"][0]) == pytest.approx(max(others - dram - 1e9, -1e9), rel=1e-9)


def test_what_the_memory_does_not_hold_is_missing_however_much_dram_is_free() -> None:
    m = evaluate(gpu(room=KEPT - 1e9), asked(kept()))
    none = evaluate(gpu(room=KEPT - 1e9), asked(None))
    assert float(none.violations["capacity"][0]) < -2e9
    assert float(m.violations["capacity"][0]) == pytest.approx(1e9, rel=1e-9)


def test_placement_sees_the_rest_alone() -> None:
    # a memory as fast as HBM that prefixes fill: steps are those of a chip without it
    rate = float(make.H100_LIKE["dram_bandwidth"])
    full = evaluate(gpu(room=KEPT, bandwidth=rate), asked(kept()))
    without = evaluate(gpu(None), asked(None))
    free = evaluate(gpu(room=KEPT, bandwidth=rate), asked(kept(stored_tokens=0.0)))
    step = [float(m.tpot_parts["attention_projections"][0]) for m in (full, without, free)]
    assert step[0] == pytest.approx(step[1], rel=1e-9)
    assert step[2] < 0.9 * step[0]


@pytest.mark.parametrize("serving", COUNTED)
def test_reading_back_draws_the_joules_of_its_bytes(serving: str) -> None:
    # no room is left for anything else: all joules are those of prefixes
    m = evaluate(gpu(room=KEPT), asked(kept(), serving), batch=1)
    # 1,000 tokens on all chips at 10 pJ/B for each of 100 output tokens
    assert float(m.energy_parts["lpddr"][0]) == pytest.approx(1000 * TOKEN * 10e-12 / 100, rel=1e-9)


def test_prompts_that_are_free_draw_nothing() -> None:
    m = evaluate(gpu(room=KEPT), asked(kept(), "decode-only"))
    assert float(m.energy_parts["lpddr"][0]) == pytest.approx(0.0, abs=1e-15)


def test_it_is_paid_with_the_chip() -> None:
    m = evaluate(gpu(), asked(kept()))
    assert "prefix_cache" not in m.capex_parts
    assert float(m.capex_usd[0]) == float(evaluate(gpu(), asked(None)).capex_usd[0])


@LAW
@given(
    serving=st.sampled_from([*serving_modes()]),
    bandwidth=st.floats(1e9, 1e12),
    hit=st.sampled_from((0.0, 0.5, 0.9, 1.0)),
    batch=st.sampled_from((1, 8, 64)),
)
def test_a_host_apart_and_a_memory_of_the_same_numbers_are_as_fast(
    serving: str, bandwidth: float, hit: float, batch: int
) -> None:
    apart = PrefixCache(hit=hit, stored_tokens=STORED, tier="host", bandwidth=bandwidth, usd_per_byte=5e-9)
    one = evaluate(gpu(None), asked(apart, serving), batch)
    # of the size that it needs: what is free would be used
    room = KEPT if hit > 0.0 else 0.0
    own = gpu("host", room=room, bandwidth=bandwidth, latency=0.0)
    other = evaluate(own, asked(kept("host", hit=hit), serving), batch)
    for name in ("ttft_s", "tpot_s", "tokens_per_s"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-9, err_msg=name)


@LAW
@given(
    serving=st.sampled_from([*serving_modes()]),
    bandwidth=st.floats(1e9, 1e12),
    factor=st.floats(1.0, 100.0),
    memory=st.sampled_from(("lpddr", "host", "stacked_sram", "stacked_dram")),
)
def test_more_bandwidth_is_never_slower(serving: str, bandwidth: float, factor: float, memory: str) -> None:
    far = {"latency": 1e-5} if memory == "host" else {}
    slow, fast = (
        evaluate(gpu(memory, KEPT, rate, **far), asked(kept(memory), serving))
        for rate in (bandwidth, bandwidth * factor)
    )
    for name in ("ttft_s", "tpot_s"):
        assert np.all(getattr(fast, name) <= getattr(slow, name) * (1.0 + ROUNDING)), name
    assert np.all(fast.tokens_per_s >= slow.tokens_per_s * (1.0 - ROUNDING))


@LAW
@given(
    serving=st.sampled_from(COUNTED),
    bandwidth=st.floats(1e9, 1e12),
    room=st.floats(1e10, 1e12),
    hit=st.sampled_from((0.5, 0.9, 1.0)),
    batch=st.sampled_from((1, 8, 64, 512)),
    pp=st.sampled_from((1, 2, 8)),
    weights_elsewhere=st.booleans(),
)
def test_no_memory_brings_more_than_its_bandwidth(
    serving: str, bandwidth: float, room: float, hit: float, batch: int, pp: int, weights_elsewhere: bool
) -> None:
    # where DRAM is gone, steps read from the memory what they need as well
    chips = gpu(room=room, bandwidth=bandwidth)
    if not weights_elsewhere:
        chips = chips.replace(dram_bytes=np.array([1e9]))
    design = make.design(chips, batch=batch, tp=8, pp=pp)
    m = RooflineCostModel().evaluate(design, asked(kept(hit=hit), serving), detail=True)
    # joules over watts: seconds at full bandwidth of all chips for a token
    busy = m.tokens_per_s * m.energy_parts["lpddr"] / (bandwidth * 10e-12)
    assert np.all(busy <= m.chips * (1.0 + 1e-9))


@LAW
@given(
    serving=st.sampled_from([*serving_modes()]),
    stored=st.floats(0.0, 1e7),
    more=st.floats(0.0, 1e7),
    room=st.floats(1e9, 1e12),
)
def test_more_that_is_stored_never_leaves_more_room(
    serving: str, stored: float, more: float, room: float
) -> None:
    less, full = (
        evaluate(gpu(room=room), asked(kept(stored_tokens=n), serving)).violations["capacity"]
        for n in (stored, stored + more)
    )
    assert np.all(full >= less - 1.0)
    # nor is a memory that is too small ever large enough
    if (stored + more) * TOKEN / 8 > room * (1.0 + ROUNDING):
        assert np.all(full > 0.0)


@LAW
@given(design=make.designs(), context=make.contexts(), cache=make.prefix_caches())
def test_tiers_of_before_do_not_read_the_new_fact(
    design: Designs, context: Context, cache: PrefixCache
) -> None:
    one, other = (
        RooflineCostModel().evaluate(
            design, replace(context, workload=replace(context.workload, prefix=c)), detail=True
        )
        for c in (cache, replace(cache, memory="lpddr"))
    )
    for name in HEADLINE:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_chips_that_lack_the_memory_are_an_error_that_names_theirs() -> None:
    said = "prefix_cache.tier: expected a memory of the chips, which have {}, got stacked-dram"
    with pytest.raises(ValueError, match=said.format("lpddr")):
        evaluate(gpu(), asked(kept("stacked_dram")))
    with pytest.raises(ValueError, match=said.format("none")):
        evaluate(gpu(None), asked(kept("stacked_dram")))


def test_a_chip_without_the_memory_next_to_one_with_it_has_no_room() -> None:
    room = np.array([KEPT + 1e9, 0.0]) / make.H100_LIKE["usable_capacity"]
    chips = make.h100_like(
        lpddr_bytes=room, lpddr_bandwidth=np.array([50e9, 0.0]), lpddr_w=np.array([0.5, 0.0]),
        lpddr_write_bandwidth=np.array([50e9, 0.0]),
    )  # fmt: skip
    excess = evaluate(chips, asked(kept())).violations["capacity"]
    assert excess[0] < 0.0
    assert excess[1] == pytest.approx(KEPT, rel=1e-9)


@cache
def compiled(serving: str) -> Any:
    compile = compiler("jax")
    assert compile is not None
    context = asked(kept(), serving)

    def of(chips: Any, deployments: Any) -> Any:
        designs = Designs.of(chips=Chips.of(**chips), deployments=Deployments(**deployments))
        m = RooflineCostModel().evaluate(designs, context, detail=True)
        ledgers = {f"violations.{k}": v for k, v in m.violations.items()}
        ledgers |= {f"energy_parts.{k}": v for k, v in m.energy_parts.items()}
        return {name: getattr(m, name) for name in HEADLINE} | ledgers

    return of, compile(of)


@pytest.mark.parametrize("serving", ["aggregated", "chunked", "disaggregated"])
def test_compiled_functions_agree(serving: str) -> None:
    plain, fast = compiled(serving)
    chips = gpu(room=KEPT).columns()
    chips = {k: np.broadcast_to(v, (4,)) * np.ones(4) for k, v in chips.items()}
    chips["lpddr_bytes"] = chips["lpddr_bytes"] * np.array([0.0, 0.5, 1.0, 10.0])
    sizes = make.deployments(batch=np.array([1.0, 4.0, 16.0, 64.0]), tp=8).columns()
    one, other = plain(chips, sizes), fast(chips, sizes)
    assert one.keys() == other.keys()
    for name, column in one.items():
        slack = 10.0 if name.endswith("capacity") else 1e-300
        np.testing.assert_allclose(other[name], column, rtol=1e-9, atol=slack, err_msg=name)

"""Prefixes in a further memory of the pool that runs prompts: the other pools need none of it."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate, one_of

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, PrefixCache
from objectives.systems.shares import decode_share, paired, prefill_share, unshared

ROLES = ("prefill", "decode")
TOKEN = 2 * 8 * 128 * 2 * 80
"""Bytes of KV cache of a token of LLaMA-2 70B in two bytes."""
MEMORY = {"bytes": 1e12, "bandwidth": 50e9, "w": 0.5, "write_bandwidth": 50e9, "latency": 0.001}
KEPT = PrefixCache(hit=0.5, stored_tokens=1e5, tier="memory", memory="host", bandwidth=0.0, usd_per_byte=0.0)
APART = replace(KEPT, tier="host", bandwidth=50e9, usd_per_byte=5e-9)


def with_host(chips: Chips, **changes: float) -> Chips:
    own = {**MEMORY, **changes}
    return Chips.of(**chips.columns(), **{f"host_{n}": np.array([v]) for n, v in own.items()})


def asked(cache: PrefixCache | None, roles: tuple[str, ...] = ROLES) -> Context:
    context = pairs.serving(make.context(isl=2000.0, osl=100.0), roles)
    return replace(context, workload=replace(context.workload, prefix=cache, pools="system"))


def system(roles: tuple[str, ...], keeper: str | None, **changes: float) -> Designs:
    """GPUs in every pool, of which that of one role have memory of their hosts."""
    gpu, d = make.h100_like(), make.deployments(batch=4, tp=8)
    sides = {r: (with_host(gpu, **changes) if r == keeper else gpu, d) for r in roles}
    return pairs.system(pairs.link(50e9, 1e-6), **sides)


@pytest.mark.parametrize(
    ("roles", "keeper"),
    [
        (ROLES, "prefill"),
        (("attention", "ffn"), "attention"),
        (("prefill", "attention", "ffn"), "prefill"),
    ],
)
def test_the_pool_that_runs_prompts_reads_and_keeps_them(roles: tuple[str, ...], keeper: str) -> None:
    stored = KEPT.stored_tokens * TOKEN / 8
    room = stored / make.H100_LIKE["usable_capacity"]
    # an eighth of 1,000 tokens at 50 GB/s after 1 ms; at a load of 0.7 a pass of 2,048 rows has 1.4 prompts
    each = 1000 * TOKEN / 8 / 50e9 + 0.001
    prompts = 0.7 * make.H100_LIKE["prompt_rows"] / 1000.0 if keeper == "prefill" else 1.0
    m = evaluate(system(roles, keeper, bytes=room), asked(KEPT, roles), detail=True)
    assert one_of(m.ttft_parts["prefix_load"]) == pytest.approx(prompts * each, rel=1e-9)
    assert not any(name.endswith("prefix_cache") for name in m.capex_parts)
    held = {k: one_of(v) for k, v in m.capacity_parts.items() if k.endswith("prefix_cache")}
    assert max(held.values()) == pytest.approx(stored, rel=1e-9)
    # half of the room lacks half of the bytes, in that pool and in no other
    small = evaluate(system(roles, keeper, bytes=room / 2.0), asked(KEPT, roles))
    excess = {r: one_of(small.violations[f"{r}.capacity"]) for r in roles}
    assert excess.pop(keeper) == pytest.approx(stored / 2.0, rel=1e-9)
    assert all(missing < 0.0 for missing in excess.values())


@pytest.mark.parametrize("roles", [ROLES, ("attention", "ffn"), ("prefill", "attention", "ffn")])
def test_a_host_apart_and_a_memory_of_the_same_numbers_are_as_fast(roles: tuple[str, ...]) -> None:
    keeper = "prefill" if "prefill" in roles else "attention"
    room = KEPT.stored_tokens * TOKEN / 8 / make.H100_LIKE["usable_capacity"]
    own = evaluate(system(roles, keeper, bytes=room, latency=0.0), asked(KEPT, roles))
    apart = evaluate(system(roles, None), asked(APART, roles))
    for name in ("ttft_s", "tpot_s", "tokens_per_s"):
        np.testing.assert_allclose(getattr(own, name), getattr(apart, name), rtol=1e-9, err_msg=name)


def test_a_pool_that_prefills_without_the_memory_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected a memory of the chips, which have none, got host"):
        evaluate(system(ROLES, "decode"), asked(KEPT))


def test_passes_that_read_the_memory_leave_prefixes_what_is_left_of_its_time() -> None:
    # without DRAM all weights of the pool that prefills lie in the memory, which it keeps busy all the time
    one, gpu, d = np.array([1.0]), make.h100_like(), make.deployments(batch=1, tp=8)
    chips = with_host(gpu, bandwidth=2e11, write_bandwidth=2e11, w=2.0, latency=0.0)
    chips = chips.replace(dram_bytes=1e9 * one, dram_efficiency=one, kv_efficiency=one)
    context = asked(replace(KEPT, hit=0.9999))
    context = replace(
        context, workload=replace(context.workload, isl=100_000.0, pools="fleet", prefill_load=0.9)
    )
    given = pairs.system(pairs.link(), prefill=(chips, d), decode=(gpu, make.deployments(batch=64, tp=8)))
    m = evaluate(given, context, detail=True)
    # 2 W at 200 GB/s: seconds of the memory for a token, of those that all chips of the pool have
    busy = one_of(m.tokens_per_s * m.energy_parts["prefill.host"]) / 2.0
    assert busy / (8.0 * one_of(m.pools["prefill"])) == pytest.approx(0.9, rel=1e-6)


@LAW
@given(
    given_=pairs.designs(ROLES),
    context=make.contexts(),
    size=st.floats(1e9, 1e13),
    both=st.booleans(),
)
def test_metrics_of_a_pair_follow_from_what_each_pool_brings(
    given_: Designs, context: Context, size: float, both: bool
) -> None:
    context = pairs.serving(context, ROLES)
    context = replace(context, workload=replace(context.workload, prefix=KEPT))
    assert not unshared(context)
    pools = tuple(
        replace(p, chips=with_host(p.chips, bytes=size)) if both or p.role == "prefill" else p
        for p in given_.pools
    )
    whole_system, link = Designs(pools=pools, link=given_.link), given_.link
    assert link is not None
    first, own = prefill_share(whole_system.pool("prefill"), link, context)
    then, theirs = decode_share(whole_system.pool("decode"), link, context)
    found, whole = paired(first, then, link, context), evaluate(whole_system, context)
    for name in (
        "tpot_s", "ttft_s", "tokens_per_s", "capex_usd", "usd_per_million_tokens", "energy_per_token_j"
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=ROUNDING, err_msg=name)
    violations = {**own, **theirs}
    assert violations.keys() == whole.violations.keys()
    for name, value in whole.violations.items():
        np.testing.assert_array_equal(violations[name], value, err_msg=name)

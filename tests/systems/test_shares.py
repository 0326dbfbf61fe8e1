"""What each pool brings to a pair: the same numbers as the cost model, and bounds that no pair beats."""

from dataclasses import replace

import factories as make
import numpy as np
from denoised import diffusions
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, Diffusion, PoolLink, PrefixCache
from objectives.systems.share_bounds import Ideal, ideal, least, trade_offs
from objectives.systems.shares import DecodeShare, PrefillShare, decode_share, paired, prefill_share, unshared

ROLES = ("prefill", "decode")
METRICS = (
    "tpot_s", "ttft_s", "tokens_per_s", "chips", "capex_usd", "usd_per_token_per_s", "usd_per_million_tokens",
    "usd_per_million_input_tokens", "usd_per_million_output_tokens", "energy_per_token_j",
)  # fmt: skip
FALLING = (
    "tpot_s",
    "ttft_s",
    "chips",
    "capex_usd",
    "usd_per_token_per_s",
    "usd_per_million_tokens",
    "energy_per_token_j",
)


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    """Any that pairs can serve by what each pool brings."""
    context = pairs.serving(draw(make.contexts().filter(lambda c: not unshared(c))), ROLES)
    return replace(
        context, workload=replace(context.workload, pools=draw(st.sampled_from(("fleet", "system"))))
    )


def shares(given: Designs, context: Context):
    assert given.link is not None
    first, own = prefill_share(given.pool("prefill"), given.link, context)
    then, theirs = decode_share(given.pool("decode"), given.link, context)
    return first, then, {**own, **theirs}


@LAW
@given(system=pairs.designs(ROLES), context=contexts())
def test_metrics_of_a_pair_follow_from_what_each_pool_brings(system: Designs, context: Context) -> None:
    first, then, violations = shares(system, context)
    assert system.link is not None
    found, whole = paired(first, then, system.link, context), evaluate(system, context)
    for name in METRICS:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=ROUNDING, err_msg=name)
    assert violations.keys() == whole.violations.keys()
    for name, value in whole.violations.items():
        np.testing.assert_array_equal(violations[name], value, err_msg=name)


@LAW
@given(system=pairs.designs(ROLES), context=contexts(), blocks=diffusions())
def test_pairs_that_denoise_blocks_follow_from_what_each_pool_brings_and_beat_no_bound(
    system: Designs, context: Context, blocks: Diffusion
) -> None:
    work = replace(context.workload, speculation=None, diffusion=blocks)
    context = replace(context, workload=work)
    first, then, _ = shares(system, context)
    assert system.link is not None
    found, whole = paired(first, then, system.link, context), evaluate(system, context)
    for name in METRICS:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=ROUNDING, err_msg=name)
    best = least(ideal(first, context), then, system.link, context)
    for name in FALLING:
        assert np.all(getattr(best, name) <= getattr(whole, name) * (1 + ROUNDING)), name
    assert np.all(best.tokens_per_s >= whole.tokens_per_s * (1 - ROUNDING))


FLASH = {"bytes": 1e13, "bandwidth": 2e12, "latency": 1e-5, "endurance": 3e3}


@LAW
@given(
    system=pairs.designs(ROLES),
    context=contexts(),
    roles=st.sampled_from((("prefill",), ("decode",), ROLES)),
    pj_per_bit=st.sampled_from((7.2, 720.0)),
)
def test_memories_beyond_sram_and_dram_draw_of_a_pair_what_they_draw_of_its_system(
    system: Designs, context: Context, roles: tuple[str, ...], pj_per_bit: float
) -> None:
    own = FLASH | {"w": FLASH["bandwidth"] * 8.0 * pj_per_bit * 1e-12}
    columns = {f"flash_{name}": np.array([value]) for name, value in own.items()}
    # no room elsewhere, so that weights lie in it however many chips share them
    small = {"sram_bytes": np.array([0.0]), "dram_bytes": np.array([1e3])}

    def with_flash(chips: Chips) -> Chips:
        return Chips.of(**{**chips.columns(), **small, **columns})

    pools = tuple(replace(p, chips=with_flash(p.chips)) if p.role in roles else p for p in system.pools)
    system = Designs(pools=pools, link=system.link)
    first, then, violations = shares(system, context)
    assert system.link is not None
    found, whole = paired(first, then, system.link, context), evaluate(system, context, detail=True)
    flash_j = sum(np.asarray(v) for name, v in whole.energy_parts.items() if name.endswith(".flash"))
    assert np.all(flash_j > 0.0)
    for name in METRICS:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=ROUNDING, err_msg=name)
    assert violations.keys() == whole.violations.keys()


def near(first: PrefillShare) -> list[PrefillShare]:
    """Pools that are worse in one number, and one that is better in another, so that some are comparable."""
    return [
        first.replace(capex_usd=1.5 * first.capex_usd, first_s=2.0 * first.first_s),
        first.replace(pass_s=1.1 * first.pass_s, sends_s=0.5 * first.sends_s),
    ]


def hold_bound(firsts: list[PrefillShare], decode: DecodeShare, link: PoolLink, context: Context) -> None:
    """No pair of some pools that prefill with one that decodes beats what that one reaches at best."""
    columns = [ideal(first, context).columns() for first in firsts]
    best = Ideal(**{n: np.min([np.broadcast_to(c[n], (1,)) for c in columns], axis=0) for n in columns[0]})
    bound = least(best, decode, link, context)
    for first in firsts:
        found = paired(first, decode, link, context)
        for name in FALLING:
            assert np.all(getattr(bound, name) <= getattr(found, name) * (1.0 + ROUNDING)), name
        assert np.all(bound.tokens_per_s >= found.tokens_per_s * (1.0 - ROUNDING))


@LAW
@given(system=pairs.designs(ROLES), others=st.lists(pairs.designs(ROLES), max_size=3), context=contexts())
def test_no_pair_beats_what_its_pool_that_decodes_reaches_at_best(
    system: Designs, others: list[Designs], context: Context
) -> None:
    link = system.link
    assert link is not None
    decode, _ = decode_share(system.pool("decode"), link, context)
    firsts = [prefill_share(each.pool("prefill"), link, context)[0] for each in (system, *others)]
    hold_bound(firsts, decode, link, context)


def _columns(first, received: float, link, context: Context, counted) -> np.ndarray:
    ends = (0.5 * received, 2.0 * received)
    columns = trade_offs(first, ends, link, context, ttft_s=-np.inf, counted=counted)
    return np.stack([np.broadcast_to(np.asarray(c, dtype=float), (1,)) for c in columns])


@LAW
@given(
    systems=st.lists(pairs.designs(ROLES), min_size=2, max_size=4),
    decodes=pairs.designs(ROLES),
    context=contexts(),
)
def test_a_pool_that_prefills_with_no_larger_trade_off_is_as_good_in_every_pair(
    systems: list[Designs], decodes: Designs, context: Context
) -> None:
    link = decodes.link
    assert link is not None
    decode, _ = decode_share(decodes.pool("decode"), link, context)
    received = float(np.max(decode.receives_s))
    firsts = [prefill_share(each.pool("prefill"), link, context)[0] for each in systems]
    firsts += near(firsts[0])
    counted = ("capital", "running", "energy", "chips", "capex_usd")
    for some in (("capital", "running", "energy"), counted):
        of = [_columns(first, received, link, context, some) for first in firsts]
        names = ["tpot_s", "ttft_s", "usd_per_token_per_s", "usd_per_million_tokens", "energy_per_token_j"]
        names += ["chips", "capex_usd"] if some is counted else []
        for a, one in zip(of, firsts, strict=True):
            for b, other in zip(of, firsts, strict=True):
                if not np.all(a <= b):
                    continue
                good, bad = paired(one, decode, link, context), paired(other, decode, link, context)
                for name in names:
                    assert np.all(getattr(good, name) <= getattr(bad, name) * (1.0 + ROUNDING)), name


def test_the_store_of_all_replicas_belongs_to_no_pool() -> None:
    cache = PrefixCache(hit=0.5, stored_tokens=1e6, tier="pooled", bandwidth=1e9, usd_per_byte=1e-9)
    context = make.context(serving="disaggregated")
    context = replace(context, workload=replace(context.workload, prefix=cache))
    assert unshared(context).startswith("prefix_cache.tier: expected dram or host")

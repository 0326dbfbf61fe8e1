"""KV cache sent under the prefill: by hand, laws against sending after it, shares, bounds, and events."""

from dataclasses import replace
from itertools import pairwise

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate
from systems.test_shares import METRICS, contexts, hold_bound

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs
from objectives.equations.serving.under_prefill import UnderPrefill, exposed_s
from objectives.systems.share_bounds import ideal, least, trade_offs
from objectives.systems.shares import PrefillShare, decode_share, paired, prefill_share

ROLES = ("prefill", "decode")
EXACT = 1e-9
TIMES = st.floats(0.0, 10.0)


def sending(chips: Chips, under: float = 1.0) -> Chips:
    """Chips of a stack that sends under its prefill, or states that it does not."""
    return chips.replace(kv_under_prefill=np.full(chips.shape or (1,), under))


def share_of(system: Designs, context: Context) -> PrefillShare:
    assert system.link is not None
    return prefill_share(system.pool("prefill"), system.link, context)[0]


def arrives_s(own: UnderPrefill, sent_s: float, layers: int) -> float:
    """Events: seconds after a pass when the last layer of all its prompts is there, sent in their order."""
    free = 0.0
    for layer in range(1, layers + 1):
        for _ in range(int(own.prompts)):
            free = max(free, layer * own.layer_s) + sent_s / layers
    return free - layers * own.layer_s


@LAW
@given(
    layers=st.integers(1, 60), layer_s=st.floats(0.0, 0.2), prompts=st.integers(1, 6), sent_s=TIMES
)  # fmt: skip
def test_a_pass_of_several_prompts_leaves_what_the_events_leave(
    layers: int, layer_s: float, prompts: int, sent_s: float
) -> None:
    own = UnderPrefill(under=1.0, layers=float(layers), layer_s=layer_s, prompts=float(prompts))
    seen = arrives_s(own, sent_s, layers)
    # never more than one prompt takes after the pass
    assert exposed_s(own, sent_s, 0.0, 1.0) == pytest.approx(min(seen, sent_s), rel=EXACT, abs=1e-9)


@LAW
@given(
    layer_s=st.floats(0.0, 0.2), prompts=st.floats(1.0, 32.0), sends=TIMES, receives=TIMES,
    layers=st.integers(1, 80), receivers=st.integers(1, 80), slower=st.floats(1.0, 10.0),
)  # fmt: skip
def test_what_is_left_lies_between_nothing_and_all_and_grows_with_a_slower_link(
    layer_s: float, prompts: float, sends: float, receives: float, layers: int, receivers: int, slower: float
) -> None:
    own = UnderPrefill(under=1.0, layers=float(layers), layer_s=layer_s, prompts=prompts)
    found = exposed_s(own, sends, receives, float(receivers))
    after = exposed_s(None, sends, receives, float(receivers))
    assert after == max(sends, receives) == exposed_s(replace(own, under=0.0), sends, receives, receivers)
    assert max(sends / layers, receives / receivers) * (1.0 - EXACT) <= found <= after
    assert exposed_s(own, slower * sends, slower * receives, float(receivers)) >= found * (1.0 - EXACT)


@LAW
@given(system=pairs.designs(ROLES), context=make.contexts(), factor=st.floats(1.0, 100.0))
def test_a_pair_that_sends_under_its_prefill_is_never_worse_and_a_slower_link_never_helps(
    system: Designs, context: Context, factor: float
) -> None:
    context = pairs.serving(context, ROLES)
    after, found = evaluate(system, context), evaluate(pairs.under(system), context, detail=True)
    assert np.all(found.ttft_s <= after.ttft_s * (1.0 + ROUNDING))
    for name in METRICS:
        if name != "ttft_s":
            np.testing.assert_array_equal(getattr(found, name), getattr(after, name), err_msg=name)
    # the way of all bytes is the same sum in another order
    said = evaluate(pairs.under(system, 0.0), context).ttft_s
    np.testing.assert_allclose(said, after.ttft_s, rtol=ROUNDING)
    np.testing.assert_allclose(sum(found.ttft_parts.values()), found.ttft_s, rtol=ROUNDING)
    # without its way, a prompt would be there as soon as it is computed
    endless = evaluate(pairs.linked(system, latency_s=0.0), context, detail=True)
    assert np.all(found.ttft_parts["kv_transfer"] >= 0.0)
    free = endless.ttft_s - endless.ttft_parts["kv_transfer"] - endless.ttft_parts["queue"]
    assert np.all(found.ttft_s >= free * (1.0 - ROUNDING))
    slow = evaluate(pairs.under(pairs.linked(system, bandwidth=1.0 / factor)), context)
    for name in ("ttft_s", "tpot_s"):
        assert np.all(getattr(slow, name) >= getattr(found, name) * (1.0 - ROUNDING)), name


@LAW
@given(design=make.designs(), context=make.contexts())
def test_two_pools_of_one_chip_keep_the_same_laws(design: Designs, context: Context) -> None:
    context = replace(context, workload=replace(context.workload, serving="disaggregated", prefill_load=0.7))
    own = Designs.of(sending(design.chips), design.deployments)
    after, found = evaluate(design, context), evaluate(own, context, detail=True)
    assert np.all(found.ttft_s <= after.ttft_s * (1.0 + ROUNDING))
    np.testing.assert_allclose(sum(found.ttft_parts.values()), found.ttft_s, rtol=ROUNDING)
    for name in METRICS:
        if name != "ttft_s":
            np.testing.assert_array_equal(getattr(found, name), getattr(after, name), err_msg=name)


def test_by_hand_a_slow_port_leaves_all_but_the_time_of_the_other_layers() -> None:
    context = pairs.serving(make.context(), ROLES)
    sides = {role: (make.h100_like(), make.deployments(tp=8, batch=8)) for role in ROLES}
    for port in (1e12, 1e9, 1e7):
        system = pairs.system(pairs.link(port, 1e-3), **sides)
        share = share_of(pairs.under(system), context)
        assert share.layers is not None and share.layer_s is not None
        layers, layer_s, prompts = (pairs.one_of(c) for c in (share.layers, share.layer_s, share.prompts))
        assert layers == context.llm.layers
        found = evaluate(pairs.under(system), context, detail=True)
        way = pairs.one_of(found.ttft_parts["kv_transfer"]) - 1e-3
        every = pairs.one_of(evaluate(system, context, detail=True).ttft_parts["kv_transfer"]) - 1e-3
        last = prompts * every / layers
        behind = prompts * every - (layers - 1) * layer_s
        assert way == pytest.approx(min(every, max(last, behind)), rel=1e-6)


@LAW
@given(system=pairs.designs(ROLES), context=contexts())
def test_metrics_follow_from_what_each_pool_brings(system: Designs, context: Context) -> None:
    system = pairs.under(system)
    assert system.link is not None
    decode, _ = decode_share(system.pool("decode"), system.link, context)
    found, whole = paired(share_of(system, context), decode, system.link, context), evaluate(system, context)
    for name in METRICS:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=ROUNDING, err_msg=name)


SOME = st.lists(st.tuples(pairs.designs(ROLES), st.sampled_from((0.0, 1.0))), min_size=1, max_size=4)


@LAW
@given(some=SOME, decodes=pairs.designs(ROLES), context=contexts())
def test_no_pair_beats_the_bound_of_its_pool_that_decodes(
    some: list[tuple[Designs, float]], decodes: Designs, context: Context
) -> None:
    link = decodes.link
    assert link is not None
    decode, _ = decode_share(decodes.pool("decode"), link, context)
    firsts = [prefill_share(pairs.under(s, flag).pool("prefill"), link, context)[0] for s, flag in some]
    hold_bound(firsts, decode, link, context)


def joined(shares: list[PrefillShare]) -> PrefillShare:
    every = [{n: np.broadcast_to(c, (1,)) for n, c in share.columns().items()} for share in shares]
    return PrefillShare(**{n: np.concatenate([own[n] for own in every]) for n in every[0]})


@LAW
@given(some=SOME, decodes=pairs.designs(ROLES), context=contexts(), limit=st.sampled_from((-np.inf, 1.0)))
def test_a_pool_with_no_larger_trade_off_is_as_good_in_every_pair(
    some: list[tuple[Designs, float]], decodes: Designs, context: Context, limit: float
) -> None:
    link = decodes.link
    assert link is not None
    decode, _ = decode_share(decodes.pool("decode"), link, context)
    firsts = [prefill_share(pairs.under(s, flag).pool("prefill"), link, context)[0] for s, flag in some]
    one = firsts[0]
    assert one.under is not None and one.layer_s is not None
    # copies that differ in one number each, so that some are comparable
    firsts += [
        one.replace(under=0.0 * one.under),
        one.replace(under=1.0 + 0.0 * one.under),
        one.replace(layer_s=0.5 * one.layer_s),
        one.replace(first_s=1.5 * one.first_s),
        one.replace(first_s=1.1 * one.first_s, layer_s=1.1 * one.layer_s),
        one.replace(sends_s=1.5 * one.sends_s),
    ]
    received = float(np.max(decode.receives_s))
    columns = trade_offs(
        joined(firsts), (0.5 * received, 2.0 * received), link, context,
        ttft_s=limit, counted=("capital", "running", "energy"),
    )  # fmt: skip
    rows = np.stack([np.broadcast_to(np.asarray(c, dtype=float), (len(firsts),)) for c in columns], axis=1)
    assert np.isfinite(rows).all()
    found = [paired(first, decode, link, context) for first in firsts]
    names = ["tpot_s", "usd_per_token_per_s", "usd_per_million_tokens", "energy_per_token_j"]
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            if not (a <= b).all():
                continue
            for name in names:
                assert np.all(getattr(found[i], name) <= getattr(found[j], name) * (1.0 + ROUNDING)), name
            # pools that are in time whatever decodes are alike
            slower = np.maximum(found[j].ttft_s, limit)
            assert np.all(found[i].ttft_s <= slower * (1.0 + ROUNDING))


def test_more_layers_leave_less() -> None:
    left = [exposed_s(UnderPrefill(under=1.0, layers=n, layer_s=0.4 / n, prompts=1.0), 0.2, 0.0, 1.0)
            for n in (1.0, 2.0, 8.0, 64.0)]  # fmt: skip
    assert all(b < a for a, b in pairwise(left))


@pytest.mark.parametrize("port", [1e12, 1e10, 1e9])
def test_what_leaves_under_the_prefill_is_no_part_of_the_bound(port: float) -> None:
    context = pairs.serving(make.context(), ROLES)
    first = (make.h100_like(), make.deployments(tp=1, batch=1))
    then = (make.h100_like(), make.deployments(tp=8, batch=1))
    system = pairs.under(pairs.system(pairs.link(port), prefill=first, decode=then))
    assert system.link is not None
    share = share_of(system, context)
    decode, _ = decode_share(system.pool("decode"), system.link, context)
    found = paired(share, decode, system.link, context)
    bound = least(ideal(share, context), decode, system.link, context)
    # nobody waits in a bound
    queue = evaluate(system, context, detail=True).ttft_parts["queue"]
    assert np.all(bound.ttft_s <= (found.ttft_s - queue) * (1.0 + ROUNDING))

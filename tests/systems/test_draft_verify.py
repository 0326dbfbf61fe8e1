"""Draft | verify: by hand on machines without losses, against events, and what drafts never gain."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import assume, given
from hypothesis import strategies as st
from simulation.stations import Stop, circulate
from systems import pairs
from systems.pairs import LOSSLESS, evaluate, one_of

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, Metrics, PoolLink, Precision, PrefixCache, Speculation

HBM, PEAK = 3.35e12, 989e12
SLOW = HBM / 4
"""Memory of the chips that draft."""
LAYERS, HIDDEN = 32, 4096
LAYER, HEAD = 4 * HIDDEN**2 + 3 * HIDDEN * 11008, 32000 * HIDDEN
"""Weights of a layer and of the head of Llama-2 7B; the draft has two such layers."""
KV = 2 * HIDDEN
"""Elements that a token leaves in a layer."""
CONTEXT = 1024


def chips(**changes: float) -> Chips:
    return make.h100_like(**{**LOSSLESS, "dram_bytes": 1e15, **changes})


def drafted(length: int = 4, acceptance: float = 0.5, precision: Precision | None = None) -> Context:
    """Llama-2 7B in 16 bits with drafts of two of its layers, every sequence at one length."""
    llm = make.llama2_7b()
    small = replace(llm, name="small", blocks=(replace(llm.blocks[0], count=2),))
    draft = Speculation(length=length, acceptance=acceptance, cost=0.0, llm=small, precision=precision)
    return make.context(
        llm, isl=CONTEXT, osl=1.0, mean_context=CONTEXT, max_context=CONTEXT, speculation=draft
    )


def found(
    context: Context, draft: dict[str, float], verify: dict[str, float], link: PoolLink | None = None
) -> Metrics:
    both = {
        "draft": (chips(dram_bandwidth=SLOW), make.deployments(**draft)),
        "verify": (chips(), make.deployments(**verify)),
    }
    return evaluate(pairs.system(link, **both), context, detail=True)


def step(layers: int, sequences: float, bandwidth: float, bytes_each: float = 2.0) -> float:
    """Seconds of a pass that is bound by its reads: weights, KV cache and the head."""
    kv = sequences * KV * CONTEXT * 2.0
    return (layers * (LAYER * bytes_each + kv) + HEAD * bytes_each) / bandwidth


TOKENS = 1.9375
"""Of a step that checks four tokens, each accepted with a chance of 1/2: 1 + 1/2 + 1/4 + 1/8 + 1/16."""


def test_one_sequence_is_drafted_crosses_is_verified_and_crosses_back() -> None:
    m = found(drafted(), {}, {"batch": 1}, pairs.link(1e9, 5e-6))
    # four numbers of four bytes there; how many are right and the next one back
    crossed = 5e-6 + 16 / 1e9 + 5e-6 + 8 / 1e9
    drafting, verifying = 4 * step(2, 1, SLOW), step(LAYERS, 1, HBM)
    whole = drafting + crossed + verifying
    assert one_of(m.tpot_s) == pytest.approx(whole / TOKENS, rel=ROUNDING)
    assert one_of(m.tokens_per_s) == pytest.approx(TOKENS / whole, rel=ROUNDING)
    assert one_of(m.tpot_parts["draft"]) == pytest.approx(drafting / TOKENS, rel=ROUNDING)
    assert one_of(m.tpot_parts["pool_crossings"]) == pytest.approx(crossed / TOKENS, rel=1e-9)
    assert one_of(m.tpot_parts["micro_batch_wait"]) == 0.0
    assert one_of(m.of_pools["draft"]["busy"]) == pytest.approx(drafting / whole, rel=ROUNDING)
    assert one_of(m.of_pools["verify"]["busy"]) == pytest.approx(verifying / whole, rel=ROUNDING)
    assert one_of(m.chips) == 2.0
    # a token waits for the memory of both
    assert one_of(m.bounds["dram"]) == pytest.approx((drafting + verifying) / TOKENS, rel=ROUNDING)


def test_groups_keep_both_pools_busy_where_weights_are_little_of_the_work() -> None:
    # 128 sequences: both passes are mostly reads of KV cache, which two groups share out
    context = drafted()
    m = found(context, {}, {"batch": 128})
    alone = 4 * step(2, 128, SLOW) + step(LAYERS, 128, HBM)
    rounds = [
        max(
            4 * step(2, rows, SLOW) + step(LAYERS, rows, HBM),
            groups * 4 * step(2, rows, SLOW),
            groups * step(LAYERS, rows, HBM),
        )
        for groups, rows in ((1, 128), (2, 64), (3, 43), (4, 32))
    ]
    assert min(rounds) < alone
    assert one_of(m.tpot_s) == pytest.approx(min(rounds) / TOKENS, rel=ROUNDING)
    assert one_of(m.tokens_per_s) == pytest.approx(128 * TOKENS / min(rounds), rel=ROUNDING)


@pytest.mark.parametrize(("verifying", "drafting", "served"), [(1, 1, 8), (4, 1, 32), (1, 2, 4), (2, 16, 1)])
def test_a_draft_replica_serves_and_keeps_its_share_of_all_sequences(
    verifying: int, drafting: int, served: int
) -> None:
    m = found(drafted(acceptance=0.0), {"dp": drafting}, {"batch": 8, "dp": verifying})
    # the draft keeps its own KV cache of every sequence, at its own two layers, and all of its weights
    assert one_of(m.capacity_parts["draft.kv_cache"]) == served * CONTEXT * 2 * KV * 2
    assert one_of(m.capacity_parts["draft.weights"]) == (2 * LAYER + 2 * HEAD) * 2
    assert one_of(m.capacity_parts["verify.kv_cache"]) == 8 * CONTEXT * LAYERS * KV * 2
    groups = {n: -(-8 // n) for n in (1, 2, 3, 4)}
    rounds = [
        max(
            4 * step(2, -(-served // n), SLOW) + step(LAYERS, rows, HBM),
            n * max(4 * step(2, -(-served // n), SLOW), step(LAYERS, rows, HBM)),
        )
        for n, rows in groups.items()
    ]
    assert one_of(m.tpot_s) == pytest.approx(min(rounds), rel=ROUNDING)
    assert one_of(m.tokens_per_s) == pytest.approx(8 * verifying / min(rounds), rel=ROUNDING)
    assert one_of(m.chips) == verifying + drafting
    assert one_of(m.pools["draft"]) == drafting


def test_a_draft_that_does_not_fit_is_named_and_the_number_of_its_sequences_decides() -> None:
    room = (2 * LAYER + 2 * HEAD) * 2 + 16 * CONTEXT * 2 * KV * 2 + 1e8
    small = chips(dram_bandwidth=SLOW, dram_bytes=room)
    over = [
        evaluate(
            pairs.system(
                draft=(small, make.deployments()), verify=(chips(), make.deployments(batch=8, dp=replicas))
            ),
            drafted(),
        ).violations
        for replicas in (2, 4)
    ]
    assert one_of(over[0]["draft.capacity"]) <= 0.0 < one_of(over[1]["draft.capacity"])
    assert one_of(over[1]["verify.capacity"]) <= 0.0


def test_formats_of_the_draft_are_its_own() -> None:
    narrow = Precision(weight_bytes=1.0, kv_bytes=2.0, activation_bytes=2.0)
    m = found(drafted(precision=narrow), {}, {"batch": 1})
    assert one_of(m.tpot_parts["draft"]) == pytest.approx(4 * step(2, 1, SLOW, 1.0) / TOKENS, rel=ROUNDING)
    assert one_of(m.capacity_parts["draft.weights"]) == 2 * LAYER + 2 * HEAD


def test_the_first_token_is_that_of_the_chips_that_verify() -> None:
    context = drafted()
    m = found(context, {}, {"batch": 4})
    plain = replace(context, workload=replace(context.workload, speculation=None))
    alone = evaluate(Designs.of(chips(), make.deployments(batch=4)), plain)
    assert one_of(m.ttft_s) == one_of(alone.ttft_s)


def test_both_llms_pay_for_a_prefix_cache() -> None:
    cache = PrefixCache(hit=0.5, stored_tokens=1e5, tier="host", bandwidth=1e10, usd_per_byte=1e-9)
    context = drafted()
    m = found(replace(context, workload=replace(context.workload, prefix=cache)), {}, {"batch": 1, "dp": 2})
    paid = 1e5 * KV * 2 * 1e-9
    assert one_of(m.capex_parts["draft.prefix_cache"]) == pytest.approx(2 * paid, rel=ROUNDING)
    assert one_of(m.capex_parts["verify.prefix_cache"]) == pytest.approx(2 * LAYERS * paid, rel=ROUNDING)


@pytest.mark.parametrize("batch", [1, 2, 6, 24])
@pytest.mark.parametrize("bandwidth", [SLOW, HBM])
def test_the_rate_is_what_two_pools_and_a_link_reach_in_an_event_simulation(
    batch: int, bandwidth: float
) -> None:
    sides = {
        "draft": (chips(dram_bandwidth=bandwidth, link_bandwidth=pairs.ENDLESS), make.deployments(tp=2)),
        "verify": (chips(link_bandwidth=pairs.ENDLESS), make.deployments(batch=batch, dp=3, tp=4)),
    }
    m = evaluate(pairs.system(pairs.link(2e6, 2e-5), **sides), drafted(acceptance=0.7), detail=True)
    # chips of one replica halve or quarter what each reads; two ports of 2 MB/s draft for three replicas
    rng, seen = np.random.default_rng(7), []
    for groups in range(1, min(batch, 4) + 1):
        own = -(-batch // groups)
        if -(-batch // own) != groups:
            continue
        rows = -(-3 * batch // groups)
        stops = [
            Stop("draft", 4 * step(2, rows, bandwidth) / 2),
            Stop("there", rows * 16 / 4e6, 2e-5),
            Stop("verify", step(LAYERS, own, HBM) / 4),
            Stop("back", rows * 8 / 4e6, 2e-5),
        ]
        seen.append(circulate(stops, groups).turn_s)
    refused = rng.random((200_000, 4)) >= 0.7
    tokens = np.where(refused.any(axis=1), refused.argmax(axis=1), 4) + 1
    assert one_of(m.tokens_per_s) == pytest.approx(3 * batch * tokens.mean() / min(seen), rel=0.01)


@LAW
@given(
    values=make.chip_values(),
    layout=make.deployment_values(),
    other=make.deployment_values(),
    context=make.contexts(),
    length=st.integers(1, 8),
)
def test_drafts_that_are_never_accepted_are_never_faster_than_none(
    values: dict[str, float],
    layout: dict[str, float],
    other: dict[str, float],
    context: Context,
    length: int,
) -> None:
    own = make.chips(values)
    d = make.deployments(**layout)
    assume(not make.hybrid(Designs.of(own, d)))  # what lies where is chosen for other passes
    plain = replace(context, workload=replace(context.workload, speculation=None, serving="decode-only"))
    draft = Speculation(length=length, acceptance=0.0, cost=0.0, llm=pairs.small(context.llm))
    context = replace(plain, workload=replace(plain.workload, speculation=draft))
    two = evaluate(pairs.system(verify=(own, d), draft=(own, make.deployments(**other))), context)
    one = evaluate(Designs.of(own, d), plain)
    assert one_of(two.tpot_s) >= one_of(one.tpot_s) * (1 - ROUNDING)


@LAW
@given(system=pairs.designs(("draft", "verify")), context=make.contexts(), more=st.floats(0.0, 1.0))
def test_more_drafted_tokens_that_are_accepted_never_slow(
    system: Designs, context: Context, more: float
) -> None:
    context = pairs.serving(context, ("draft", "verify"))
    draft = context.workload.speculation
    assert draft is not None
    better = replace(draft, acceptance=draft.acceptance + more * (1.0 - draft.acceptance))
    after = replace(context, workload=replace(context.workload, speculation=better))
    assert one_of(evaluate(system, after).tpot_s) <= one_of(evaluate(system, context).tpot_s) * (1 + ROUNDING)

"""Two pools of unlike chips against an event simulation that knows station times only.

Without chance the closed forms are exact; where arrivals or lengths are random, 5 % is what is claimed.
"""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from simulation.events import two_pools
from simulation.stations import (
    Stop,
    by_chance_through_pools,
    circulate,
    last_layer_arrives,
)

from objectives.api import Speculation
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.pools.attention_ffn import SplitToken, split_token
from objectives.equations.pools.crossing import Message
from objectives.equations.pools.draft_verify import drafted_token
from objectives.equations.pools.prefill_decode import fed_replicas, kv_under_prefill
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools

CLAIM = 0.05
EXACT = 1e-9
TIMES = st.one_of(st.sampled_from([0.1, 0.5, 1.0, 2.0]), st.floats(0.01, 3.0))
DELAYS = st.one_of(st.just(0.0), st.floats(0.0, 2.0))


def message(busy_s: float, delay_s: float) -> Message:
    return Message(seconds=busy_s + delay_s, busy_s=busy_s)


def around(layers: int, a: float, f: float, out: Message, back: Message, head: float) -> list[Stop]:
    """A token: all layers, with the head in front of the first."""
    layer = [
        Stop("attention", a),
        Stop("out", float(out.busy_s), float(out.seconds - out.busy_s)),
        Stop("ffn", f),
        Stop("back", float(back.busy_s), float(back.seconds - back.busy_s)),
    ]
    first = [Stop("attention", a + head), *layer[1:]]
    return [*first, *layer * (layers - 1)]


def token(
    layers: int, count: int, a: float, f: float, out: Message, back: Message, head: float
) -> SplitToken:
    return split_token(float(layers), float(count), a, f, out, back, head)


@LAW
@given(
    layers=st.integers(1, 5),
    count=st.integers(1, 5),
    a=TIMES,
    f=TIMES,
    out=st.builds(message, TIMES, DELAYS),
    back=st.builds(message, TIMES, DELAYS),
    head=st.one_of(st.just(0.0), st.floats(0.0, 6.0)),
)
def test_a_token_through_both_pools_takes_what_the_events_take(
    layers: int, count: int, a: float, f: float, out: Message, back: Message, head: float
) -> None:
    seen = circulate(around(layers, a, f, out, back, head), count)
    took = token(layers, count, a, f, out, back, head)
    # counted after 60 turns, when the times repeat themselves
    assert took.seconds == pytest.approx(seen.turn_s, rel=1e-6)
    # services that the window cuts are up to one of each micro-batch in 60 turns
    assert took.attention_busy == pytest.approx(seen.busy["attention"], rel=CLAIM)
    assert took.ffn_busy == pytest.approx(seen.busy["ffn"], rel=CLAIM)


@pytest.mark.parametrize("head", [0.0, 5.0, 40.0])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_deep_network_with_a_head_agrees_with_the_events(count: int, head: float) -> None:
    # times in units of 10 us, alike to 61 layers of a large network
    out, back = message(3.0, 1.0), message(6.0, 1.0)
    seen = circulate(around(61, 20.0, 25.0, out, back, head), count, turns=12)
    assert token(61, count, 20.0, 25.0, out, back, head).seconds == pytest.approx(seen.turn_s, rel=1e-6)


@pytest.mark.parametrize(("crossing", "count"), [(0.0, 2), (0.4, 3), (0.5, 3), (0.8, 4)])
def test_the_events_give_the_published_time_of_one_global_batch(crossing: float, count: int) -> None:
    # MegaScale-Infer, arXiv 2504.02263, equation 5: (T_a + T_e + 2 T_c) + T_f (m L - 1)
    layers = 32
    link = message(crossing, 0.0)
    seen = circulate(around(layers, 1.0, 1.0, link, link, 0.0), count, turns=4)
    assert seen.first_s == pytest.approx(2.0 + 2.0 * crossing + count * layers - 1.0, rel=EXACT)
    # and equation 4: a batch that follows another one takes m T_f L
    assert seen.turn_s == pytest.approx(count * layers, rel=EXACT)


@LAW
@given(
    layers=st.integers(1, 80),
    prefill_s=st.floats(0.0, 10.0),
    bytes_s=st.floats(0.0, 10.0),
    latency_s=st.floats(0.0, 0.1),
)
def test_kv_cache_under_prefill_arrives_when_its_last_layer_does(
    layers: int, prefill_s: float, bytes_s: float, latency_s: float
) -> None:
    sent = kv_under_prefill(AlphaBeta(latency_s=latency_s, s_per_byte=1.0), bytes_s, float(layers), prefill_s)
    seen = last_layer_arrives(layers, prefill_s, bytes_s, latency_s)
    assert sent.seconds == pytest.approx(seen, rel=EXACT, abs=1e-9)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize(("step", "verify", "link"), [(1.0, 4.0, 0.5), (2.0, 4.0, 0.5), (0.25, 6.0, 3.0)])
def test_rounds_of_drafts_take_what_the_events_take(
    groups: int, step: float, verify: float, link: float
) -> None:
    draft = Speculation(length=4, acceptance=0.7, cost=0.0)
    way = message(link, 0.5)
    stops = [
        Stop("draft", 4 * step),
        Stop("there", link, 0.5),
        Stop("verify", verify),
        Stop("back", link, 0.5),
    ]
    seen = circulate(stops, groups)
    took = drafted_token(draft, step, verify, way, way, float(groups))
    assert took.draft_busy == pytest.approx(seen.busy["draft"], rel=CLAIM)
    assert took.verify_busy == pytest.approx(seen.busy["verify"], rel=CLAIM)
    # tokens of 100,000 rounds, each accepted by chance until the first that is not
    rng = np.random.default_rng(3)
    refused = rng.random((100_000, 4)) >= 0.7
    tokens = np.where(refused.any(axis=1), refused.argmax(axis=1), 4) + 1
    assert took.seconds == pytest.approx(seen.turn_s / float(tokens.mean()), rel=0.02)


def test_matched_pools_of_unlike_chips_agree_with_a_closed_loop() -> None:
    # three decode replicas of 48 slots; one replica of other chips prefills in 1.2 steps
    pool = PrefillPool(pass_s=1.2, prompts=1.0, send_s=0.0, load=0.8, joined=1.0)
    slots = DecodePool(batch=48.0, step_s=1.0, osl=256.0, replicas=3.0, receive_s=0.0)
    both = matched_pools(pool, slots, 6.0, whole=False)
    seen, busy = two_pools(stages=1, slots=48, decoders=3, prefillers=1, turns=256, pass_s=1.0,
                           prompt_s=1.2, transfer_s=6.0, spare=3)  # fmt: skip
    assert both.tokens_per_s == pytest.approx(seen.tokens_per_s, rel=CLAIM)
    assert both.tpot_s == pytest.approx(seen.tpot_s, rel=CLAIM)
    assert both.prefill_replicas * pool.load == pytest.approx(busy, rel=CLAIM)


@pytest.mark.parametrize(("stages", "stage_s"), [(1, 0.9), (4, 0.3), (1, 0.15)])
def test_pools_that_match_keep_up_with_random_arrivals(stages: int, stage_s: float) -> None:
    # decode in a layout of its own: two replicas of 64 slots; 85 % of what both can serve arrives
    pool = PrefillPool(pass_s=stage_s, prompts=1.0, send_s=0.0, load=0.8, joined=1.0)
    slots = DecodePool(batch=64.0, step_s=0.2, osl=128.0, replicas=2.0, receive_s=0.0)
    exposed, share = 1.5, 0.85
    both = matched_pools(pool, slots, exposed, whole=True)
    seen = by_chance_through_pools(requests_per_s=share * both.tokens_per_s / 128.0,
                                   prefillers=int(both.prefill_replicas), stages=stages, stage_s=stage_s,
                                   exposed_s=exposed, slots=128, step_s=0.2, turns=128)  # fmt: skip
    assert seen.prefill_busy == pytest.approx(share * both.prefill_busy, rel=CLAIM)
    assert both.prefill_busy <= pool.load
    # Little: slots are held for the share of their time that arrives
    assert seen.slots_held == pytest.approx(share * 128.0, rel=CLAIM)
    # the pool as if it were one server is an upper bound of the wait
    assert seen.wait_s <= both.queue_s


def test_one_prefill_replica_at_its_load_waits_as_pollaczek_and_khinchine_say() -> None:
    pool = PrefillPool(pass_s=1.0, prompts=1.0, send_s=0.0, load=0.7, joined=1.0)
    # a decode pool that asks for 0.7 requests a second: fed by exactly one replica
    slots = DecodePool(batch=float(fed_replicas(pool, 1.0, 0.01, whole=False)), step_s=1.0, osl=100.0,
                       replicas=1.0, receive_s=0.0)  # fmt: skip
    both = matched_pools(pool, slots, 0.0, whole=False)
    assert both.prefill_replicas == pytest.approx(1.0, rel=EXACT)
    seen = by_chance_through_pools(requests_per_s=0.7, prefillers=1, stages=1, stage_s=1.0, exposed_s=0.0,
                                   slots=200, step_s=1.0, turns=100)  # fmt: skip
    assert both.queue_s == pytest.approx(seen.wait_s, rel=0.1)  # a queue of 40,000 random arrivals

"""Prefill | decode with unlike pools: by hand, KV cache under prefill, rates that match, laws."""

from dataclasses import replace

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.pools.crossing import message
from objectives.equations.pools.prefill_decode import fed_replicas, kv_under_prefill
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools

EXACT = 1e-9
TIMES = st.floats(1e-4, 10.0)
MAYBE = st.one_of(st.just(0.0), TIMES)
LINE = AlphaBeta(latency_s=0.0, s_per_byte=1.0)


def prefill(pass_s: float = 0.2, prompts: float = 1.0, send_s: float = 0.0, load: float = 0.8) -> PrefillPool:
    return PrefillPool(pass_s=pass_s, prompts=prompts, send_s=send_s, load=load, joined=1.0)


def decode(
    batch: float = 50.0, step_s: float = 0.02, receive_s: float = 0.0, many: float = 2.0
) -> DecodePool:
    return DecodePool(batch=batch, step_s=step_s, osl=100.0, replicas=many, receive_s=receive_s)


PREFILL = st.builds(prefill, TIMES, st.floats(1.0, 32.0), MAYBE, st.floats(0.05, 0.95))
DECODE = st.builds(decode, st.floats(1.0, 512.0), TIMES, MAYBE, st.floats(1.0, 64.0))


def test_two_decode_replicas_ask_for_as_many_prefill_replicas_as_arithmetic_says() -> None:
    # 100 slots, 2 s a request and 0.5 s of KV cache on its way: 40 requests/s of 0.2 s: 8 busy, 10 for 80 %
    both = matched_pools(prefill(), decode(), 0.5, whole=False)
    assert both.tokens_per_s == pytest.approx(4000.0, rel=EXACT)
    assert both.tpot_s == 0.02
    assert both.prefill_replicas == pytest.approx(10.0, rel=EXACT)
    # M/D/1 at 0.8: twice a pass
    assert both.queue_s == pytest.approx(0.4, rel=EXACT)


def test_a_system_has_whole_replicas_that_are_busy_for_less() -> None:
    both = matched_pools(prefill(pass_s=0.21), decode(), 0.5, whole=True)
    assert both.prefill_replicas == 11.0  # 8.4 busy ones, 10.5 for 80 %
    assert both.prefill_busy == pytest.approx(8.4 / 11, rel=EXACT)


def test_replicas_that_share_experts_come_together() -> None:
    both = matched_pools(replace(prefill(), joined=4.0), decode(), 0.5, whole=True)
    assert both.prefill_replicas == 12.0


def test_links_that_send_more_slowly_than_prompts_are_computed_need_more_replicas() -> None:
    # two prompts of 0.3 s of sending each behind a pass of 0.2 s: 0.3 s a prompt
    both = matched_pools(prefill(prompts=2.0, send_s=0.3), decode(), 0.5, whole=False)
    assert both.prefill_replicas == pytest.approx(40 * 0.3 / 0.8, rel=EXACT)
    # prompts wait for sending too: M/D/1 at 0.8 is twice the 0.6 s of a pass
    assert both.queue_s == pytest.approx(1.2, rel=EXACT)


def test_a_decode_pool_that_receives_too_slowly_waits() -> None:
    # 50 requests of 60 ms for 100 tokens: 30 ms a token; steps and the way of KV cache take 20 + 5 ms
    both = matched_pools(prefill(), decode(receive_s=0.06), 0.5, whole=False)
    assert both.behind_s == pytest.approx(0.005, rel=EXACT)
    assert both.tpot_s == pytest.approx(0.025, rel=EXACT)
    assert both.tokens_per_s == pytest.approx(2 * 50 / 0.03, rel=EXACT)


def test_prompts_that_take_no_time_need_no_pool() -> None:
    both = matched_pools(prefill(pass_s=0.0), decode(), 0.0, whole=True)
    assert (both.prefill_replicas, both.prefill_busy, both.queue_s) == (0.0, 0.0, 0.0)


def test_one_layer_is_sent_after_its_prefill() -> None:
    assert kv_under_prefill(LINE, 0.3, 1.0, 5.0) == message(LINE, 0.3)


@LAW
@given(size=MAYBE, layers=st.integers(1, 100), prefill_s=MAYBE, latency=MAYBE, less=st.floats(0.0, 1.0))
def test_sending_under_the_prefill_never_takes_longer_than_after_it(
    size: float, layers: int, prefill_s: float, latency: float, less: float
) -> None:
    line = AlphaBeta(latency_s=latency, s_per_byte=1.0)
    under = kv_under_prefill(line, size, float(layers), prefill_s)
    assert under.seconds <= message(line, size).seconds * (1 + EXACT)
    # never below the latency and the share of the last layer, nor faster than the link in the time since the
    # first layer
    assert under.seconds >= (latency + size / layers) * (1 - EXACT)
    assert under.seconds + prefill_s >= (latency + size) * (1 - EXACT)
    assert under.busy_s == size
    faster = AlphaBeta(latency_s=latency * less, s_per_byte=less)
    assert kv_under_prefill(faster, size, float(layers), prefill_s).seconds <= under.seconds * (1 + EXACT)


@LAW
@given(pool=PREFILL, slots=DECODE, exposed=MAYBE)
def test_both_pools_serve_the_same_requests(pool: PrefillPool, slots: DecodePool, exposed: float) -> None:
    both = matched_pools(pool, slots, exposed, whole=False)
    # what the prefill pool can feed at its load is the decode pool again
    each = both.tokens_per_s / slots.osl / slots.replicas
    assert fed_replicas(pool, both.prefill_replicas, each, whole=False) == pytest.approx(
        slots.replicas, rel=EXACT
    )
    assert both.prefill_busy == pytest.approx(pool.load, rel=EXACT)
    # Little: slots hold what is under way
    held = both.tokens_per_s / slots.osl * (slots.osl * both.tpot_s + exposed)
    assert held == pytest.approx(slots.batch * slots.replicas, rel=EXACT)


@LAW
@given(pool=PREFILL, slots=DECODE, exposed=MAYBE)
def test_whole_replicas_are_never_fewer_and_never_busier(
    pool: PrefillPool, slots: DecodePool, exposed: float
) -> None:
    real, whole = (matched_pools(pool, slots, exposed, whole=w) for w in (False, True))
    assert real.prefill_replicas <= whole.prefill_replicas < real.prefill_replicas + 1.0
    assert whole.prefill_busy <= pool.load * (1 + EXACT)
    assert whole.tokens_per_s == real.tokens_per_s


@LAW
@given(pool=PREFILL, slots=DECODE, exposed=MAYBE, less=st.floats(0.0, 1.0))
def test_a_faster_link_never_lowers_throughput_nor_holds_a_slot_for_longer(
    pool: PrefillPool, slots: DecodePool, exposed: float, less: float
) -> None:
    here = matched_pools(pool, slots, exposed, whole=False)
    faster = matched_pools(
        replace(pool, send_s=pool.send_s * less),
        replace(slots, receive_s=slots.receive_s * less),
        exposed * less,
        whole=False,
    )
    assert faster.tokens_per_s >= here.tokens_per_s * (1 - EXACT)
    # a slot that is free sooner asks sooner, so that a wait for the link may grow; what a slot is held for
    # in all never does
    stay, faster_stay = here.tpot_s + exposed / slots.osl, faster.tpot_s + exposed * less / slots.osl
    assert faster_stay <= stay * (1 + EXACT)
    # a request needs no more of the prefill pool
    needs = [b.prefill_replicas / b.tokens_per_s for b in (faster, here)]
    assert needs[0] <= needs[1] * (1 + EXACT)


def test_a_batch_equals_its_rows() -> None:
    passes, steps = np.array([[0.1], [0.4]]), np.array([0.01, 0.02, 0.05])
    all_of = matched_pools(prefill(passes), decode(step_s=steps), 0.3, whole=True)  # type: ignore[arg-type]
    assert all_of.prefill_replicas.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            alone = matched_pools(
                prefill(float(passes[i, 0])), decode(step_s=float(steps[j])), 0.3, whole=True
            )
            assert all_of.prefill_replicas[i, j] == alone.prefill_replicas

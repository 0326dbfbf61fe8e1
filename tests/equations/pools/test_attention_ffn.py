"""Attention | FFN: by hand, published conditions and rates, and laws."""

from dataclasses import fields

import array_api_strict
import numpy as np
import pytest
from factories import LAW
from hypothesis import assume, given
from hypothesis import strategies as st

from objectives.equations.pools.attention_ffn import (
    SplitToken,
    best_count,
    ffn_rows,
    micro_batches_that_hide,
    replicas_that_match,
    split_token,
)
from objectives.equations.pools.crossing import Message
from objectives.equations.serving.queueing import throughput

EXACT = 1e-9
TIMES = st.floats(1e-6, 1e-2)
MAYBE = st.one_of(st.just(0.0), TIMES)
COUNTS = st.integers(1, 6)
LAYERS = st.integers(1, 100)
MESSAGES = st.builds(lambda busy, delay: Message(seconds=busy + delay, busy_s=busy), MAYBE, MAYBE)
NOW = Message(seconds=0.0, busy_s=0.0)


def of(busy_s: float) -> Message:
    return Message(seconds=busy_s, busy_s=busy_s)


def test_one_micro_batch_takes_the_sum_of_its_parts() -> None:
    took = split_token(60.0, 1.0, 100e-6, 50e-6, of(20e-6), of(30e-6), 400e-6)
    assert took.seconds == pytest.approx(60 * 200e-6 + 400e-6, rel=EXACT)
    assert took.wait_s == 0.0
    # attention works 100 of 200 us and the head; FFN 50 of 200 us
    assert took.attention_busy == pytest.approx((60 * 100e-6 + 400e-6) / 12.4e-3, rel=EXACT)
    assert took.ffn_busy == pytest.approx(60 * 50e-6 / 12.4e-3, rel=EXACT)


def test_micro_batches_beyond_those_that_hide_queue_at_the_slowest_station() -> None:
    # a layer alone takes 200 us, attention 100 us: two fill it, three wait for it 100 us a layer
    two, three = (split_token(60.0, m, 100e-6, 50e-6, of(20e-6), of(30e-6), 0.0) for m in (2.0, 3.0))
    assert two.seconds == pytest.approx(60 * 200e-6, rel=EXACT)
    assert two.attention_busy == pytest.approx(1.0, rel=EXACT)
    assert three.seconds == pytest.approx(60 * 300e-6, rel=EXACT)
    assert three.wait_s == pytest.approx(60 * 100e-6, rel=EXACT)


def test_a_slow_link_is_the_station_that_all_wait_for() -> None:
    took = split_token(10.0, 3.0, 1.0, 1.0, of(2.0), of(0.5), 0.0)
    assert took.seconds == pytest.approx(10 * 3 * 2.0, rel=EXACT)
    assert took.ffn_busy == pytest.approx(0.5, rel=EXACT)


def test_latency_is_hidden_by_more_micro_batches_and_bytes_are_not() -> None:
    latency, size = Message(seconds=2.0, busy_s=0.0), of(2.0)
    hidden = split_token(10.0, 6.0, 1.0, 1.0, latency, latency, 0.0)
    assert hidden.attention_busy == pytest.approx(1.0, rel=EXACT)
    sent = split_token(10.0, 6.0, 1.0, 1.0, size, size, 0.0)
    assert sent.attention_busy == pytest.approx(0.5, rel=EXACT)


def test_the_head_of_each_micro_batch_delays_all_that_share_a_busy_attention_pool() -> None:
    # attention is never idle: 3 micro-batches x (10 layers x 1 s + 2 s)
    took = split_token(10.0, 3.0, 1.0, 0.5, NOW, NOW, 2.0)
    assert took.seconds == pytest.approx(3 * (10 * 1.0 + 2.0), rel=EXACT)
    assert took.attention_busy == pytest.approx(1.0, rel=EXACT)


@pytest.mark.parametrize(("crossing", "wanted"), [(0.0, 2), (0.1, 3), (0.5, 3), (0.51, 4), (1.0, 4)])
def test_as_many_micro_batches_hide_crossings_as_published(crossing: float, wanted: int) -> None:
    # MegaScale-Infer, equation 3: m >= 2 (1 + T_c / T_f); three for T_c < T_f / 2, else four
    assert micro_batches_that_hide(2.0 + 2.0 * crossing, 1.0) == wanted
    full, one_less = (
        split_token(32.0, float(m), 1.0, 1.0, of(crossing), of(crossing), 0.0) for m in (wanted, wanted - 1)
    )
    assert full.ffn_busy == pytest.approx(1.0, rel=EXACT)
    assert one_less.ffn_busy < 1.0 - 1e-3


@pytest.mark.parametrize("gain", [1.10, 1.28, 1.38])
def test_published_gains_of_micro_batches_are_those_of_a_link_that_three_hide(gain: float) -> None:
    # MegaScale-Infer, figure 14: from one to two micro-batches about 1.9 times the throughput, from two to
    # three 1.10, 1.28 and 1.38 times for three LLMs. With equal pools the second is 1 + T_c / T_f
    ratio = gain - 1.0
    one, two, three = (
        throughput(m, split_token(32.0, m, 1.0, 1.0, of(ratio), of(ratio), 0.0).seconds, 1.0)
        for m in (1.0, 2.0, 3.0)
    )
    assert two / one == pytest.approx(1.9, rel=0.06)
    assert three / two == pytest.approx(gain, rel=EXACT)
    # the authors' condition for three micro-batches holds for each
    assert ratio < 0.5
    # beyond three little is left: what the authors see as well
    four = throughput(4.0, split_token(32.0, 4.0, 1.0, 1.0, of(ratio), of(ratio), 0.0).seconds, 1.0)
    assert four / three == pytest.approx(1.0, rel=EXACT)


def test_the_published_rate_of_step_3_is_that_of_its_micro_batches() -> None:
    # Step-3, arXiv 2507.19427, table 8: 4,039 token/s a GPU on 32 GPUs, two instances of eight for attention
    # and two for FFN, in 50 ms; three micro-batches of 128 rows an attention GPU (StepMesh, table 1)
    third = 50e-3 / 61 / 3
    took = split_token(61.0, 3.0, third, third, of(third / 3), of(third * 2 / 3), 0.0)
    assert took.seconds == pytest.approx(50e-3, rel=EXACT)
    assert (took.attention_busy, took.ffn_busy) == (pytest.approx(1.0), pytest.approx(1.0))
    # the published one is a peak in at most 50 ms
    assert throughput(3 * 128.0, took.seconds, 16.0) / 32 == pytest.approx(4039, rel=0.06)


def test_the_ffn_of_step_3_has_the_same_rows_whatever_attention_needs() -> None:
    # ibid., table 8: 2A2F, 3A2F and 4A2F on 32, 40 and 48 GPUs: 4,039, 3,321 and 2,643 token/s a GPU
    rows = [
        ffn_rows(rate * gpus * 50e-3 / attention, attention, 2.0)
        for rate, gpus, attention in ((4039, 32, 2.0), (3321, 40, 3.0), (2643, 48, 4.0))
    ]
    assert max(rows) / min(rows) < 1.05


def test_replicas_that_match_keep_both_pools_busy() -> None:
    attention, rows, fixed, each = 240e-6, 32.0, 60e-6, 0.9e-6
    ratio = replicas_that_match(attention, fixed, each, rows)
    assert ratio == pytest.approx(6.25, rel=EXACT)
    ffn = fixed + each * ffn_rows(rows, ratio, 1.0)
    took = split_token(40.0, 2.0, attention, ffn, NOW, NOW, 0.0)
    assert (took.attention_busy, took.ffn_busy) == (pytest.approx(1.0), pytest.approx(1.0))


def test_an_ffn_slower_than_attention_without_any_row_matches_no_replica() -> None:
    assert replicas_that_match(50e-6, 60e-6, 1e-6, 8.0) == 0.0


def test_the_fewest_of_the_fastest_micro_batches_are_chosen_for_each_design() -> None:
    chosen = best_count([np.array([3.0, 1.0, 5.0]), np.array([2.0, 1.0, 4.0]), np.array([2.0, 2.0, 3.0])])
    assert chosen.count.tolist() == [2.0, 1.0, 3.0]
    assert chosen.seconds.tolist() == [2.0, 1.0, 3.0]


@LAW
@given(layers=LAYERS, count=COUNTS, a=TIMES, f=TIMES, out=MESSAGES, back=MESSAGES, head=MAYBE)
def test_parts_sum_and_no_pool_works_more_than_all_of_the_time(
    layers: int, count: int, a: float, f: float, out: Message, back: Message, head: float
) -> None:
    took = split_token(float(layers), float(count), a, f, out, back, head)
    alone = layers * (a + f + out.seconds + back.seconds) + head
    assert took.seconds - took.wait_s == pytest.approx(alone, rel=EXACT)
    assert took.wait_s >= 0.0
    assert 0.0 < took.attention_busy <= 1 + EXACT
    assert 0.0 < took.ffn_busy <= 1 + EXACT
    # without a head a layer takes max(s, m M); the head adds at most its own time for each micro-batch
    layer = max(alone - head, count * layers * max(a, f, out.busy_s, back.busy_s))
    assert layer * (1 - EXACT) <= took.seconds <= (layer + count * head) * (1 + EXACT)


@LAW
@given(
    layers=LAYERS, count=COUNTS, a=TIMES, f=TIMES, out=MESSAGES, back=MESSAGES, head=MAYBE,
    less=st.floats(0.0, 1.0),
)  # fmt: skip
def test_nothing_that_is_faster_slows_a_token(
    layers: int, count: int, a: float, f: float, out: Message, back: Message, head: float, less: float
) -> None:
    def faster(m: Message) -> Message:
        return Message(seconds=m.seconds * less, busy_s=m.busy_s * less)

    here = split_token(float(layers), float(count), a, f, out, back, head).seconds * (1 + EXACT)
    for x in (
        (a, f, faster(out), back, head),
        (a, f, out, faster(back), head),
        (a * less, f, out, back, head),
        (a, f * less, out, back, head),
        (a, f, out, back, head * less),
    ):
        assert split_token(float(layers), float(count), *x).seconds <= here


@LAW
@given(layers=LAYERS, count=COUNTS, a=TIMES, f=TIMES, out=MESSAGES, back=MESSAGES, head=MAYBE)
def test_one_more_micro_batch_of_the_same_rows_never_lowers_throughput_nor_shortens_a_token(
    layers: int, count: int, a: float, f: float, out: Message, back: Message, head: float
) -> None:
    few, many = (split_token(float(layers), float(m), a, f, out, back, head) for m in (count, count + 1))
    assert many.seconds >= few.seconds * (1 - EXACT)
    assert throughput(count + 1.0, many.seconds, 1.0) >= throughput(count, few.seconds, 1.0) * (1 - EXACT)


WORK = st.floats(1e-6, 1e-2)


@LAW
@given(
    attention=WORK, ffn=WORK, chips=st.floats(2.0, 1e3), count=st.integers(2, 6), split=st.floats(0.05, 0.95)
)
def test_equal_chips_and_a_link_without_time_lose_nothing_where_rates_match(
    attention: float, ffn: float, chips: float, count: int, split: float
) -> None:
    # work in chip-seconds of a micro-batch and layer, in proportion to rows: one pool of all chips does m of
    # them in m (A + F) / n. A pair split as the work is takes the same, any other split longer
    def pair(share: float) -> SplitToken:
        times = attention / (share * chips), ffn / ((1.0 - share) * chips)
        return split_token(50.0, float(count), *times, NOW, NOW, 0.0)

    one_pool = 50 * count * (attention + ffn) / chips
    matched = pair(attention / (attention + ffn))
    assert matched.seconds == pytest.approx(one_pool, rel=EXACT)
    assert pair(split).seconds >= one_pool * (1 - EXACT)


@LAW
@given(
    rows=st.integers(1, 64), replicas=st.integers(2, 16), weights=WORK, row=st.floats(1e-8, 1e-4),
    kv=st.floats(1e-8, 1e-3), count=st.integers(2, 4),
)  # fmt: skip
def test_a_pair_of_equal_chips_gains_where_it_reads_the_weights_of_an_ffn_less_often(
    rows: int, replicas: int, weights: float, row: float, kv: float, count: int
) -> None:
    # `replicas` chips that each hold the LLM against as many chips of which those for FFN serve the rows of
    # all others: W + c rows for an FFN. Both pools at the same rate: T_f of n_f replicas = T_a of n_a
    alone = kv * rows + weights + row * rows
    attention = kv * rows
    each = replicas_that_match(attention, weights, row, float(rows))
    assume(each >= 1.0)
    fleet = replicas * each / (1.0 + each)  # attention replicas
    took = split_token(1.0, float(count), attention, weights + row * rows * each, NOW, NOW, 0.0)
    pair = throughput(float(count * rows), took.seconds, fleet)
    assert pair >= throughput(float(rows), alone, float(replicas)) * (1 - EXACT)


def test_the_strict_namespace_and_plain_numbers_give_what_numpy_gives() -> None:
    count, a = np.array([[1.0], [2.0], [3.0]]), np.array([1e-4, 3e-4])
    f, busy, head = np.array([2e-4, 1e-4]), np.array([5e-5, 4e-4]), np.array([1e-4, 2e-3])

    def took(*x: object) -> SplitToken:
        count, a, f, busy, head = x
        link = Message(seconds=busy + 1e-5, busy_s=busy)  # type: ignore[operator]
        return split_token(61.0, count, a, f, link, link, head)

    numpy = took(count, a, f, busy, head)
    theirs = took(*(array_api_strict.asarray(x) for x in (count, a, f, busy, head)))
    assert numpy.seconds.shape == (3, 2)
    for field in fields(SplitToken):
        left = np.broadcast_to(getattr(numpy, field.name), (3, 2))
        right = np.broadcast_to(np.asarray(getattr(theirs, field.name)), (3, 2))
        assert left == pytest.approx(right, rel=1e-15)
    for i in range(3):
        for j in range(2):
            plain = took(*(float(x) for x in (count[i, 0], a[j], f[j], busy[j], head[j])))
            assert numpy.seconds[i, j] == pytest.approx(plain.seconds, rel=1e-15)

"""The link between two pools: by hand, published bytes and seconds, and laws."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.pools.crossing import activation_bytes, crossing, message

COUNTS = st.floats(1.0, 1e3)
WIDTHS = st.floats(1e6, 1e13)
SECONDS = st.floats(0.0, 1e-3)
BYTES = st.floats(0.0, 1e12)
MORE = st.floats(1.0, 100.0)


def test_the_side_with_less_bandwidth_in_total_sets_the_pace() -> None:
    # 8 chips of 50 GB/s against 72 of 10 GB/s: 400 GB/s; 4 GB take 10 ms, and 3 us of latency
    assert crossing(8.0, 50e9, 72.0, 10e9, 3e-6).seconds(4e9) == pytest.approx(0.010003, rel=1e-12)
    # 32 of the slow ones give 320 GB/s
    assert crossing(8.0, 50e9, 32.0, 10e9, 0.0).seconds(3.2e9) == pytest.approx(0.01, rel=1e-12)


def test_a_stated_link_caps_what_each_chip_gives() -> None:
    # 25 GB/s a chip: 200 GB/s and 320 GB/s
    assert crossing(8.0, 50e9, 32.0, 10e9, 0.0, 25e9).seconds(2e9) == pytest.approx(0.01, rel=1e-12)
    assert crossing(8.0, 50e9, 32.0, 10e9, 0.0, 1e15) == crossing(8.0, 50e9, 32.0, 10e9, 0.0)


def test_rows_that_cross_take_the_published_seconds() -> None:
    # StepMesh, table 1: 128 rows of each of two attention GPUs, 7,168 wide, at 161.3 Gbit/s:
    # out in 8 bits 91 us, back in 16 bits 182 us, together 273 us
    link = crossing(2.0, 161.3e9 / 8, 1.0, 161.3e9 / 8, 0.0)
    out, back = (message(link, activation_bytes(2 * 128.0, 7168.0, size)) for size in (1.0, 2.0))
    assert out.seconds == pytest.approx(91e-6, abs=0.5e-6)
    assert back.seconds == pytest.approx(182e-6, abs=0.5e-6)
    assert out.seconds + back.seconds == pytest.approx(273e-6, abs=0.5e-6)


def test_experts_on_several_nodes_get_a_copy_each() -> None:
    assert activation_bytes(64.0, 4096.0, 2.0, 4.0) == 4 * 64 * 4096 * 2


def test_latency_delays_a_message_and_keeps_no_link_busy() -> None:
    sent = message(AlphaBeta(latency_s=5e-6, s_per_byte=1e-9), 1e3)
    assert (sent.seconds, sent.busy_s) == (pytest.approx(6e-6), pytest.approx(1e-6))


@LAW
@given(a=COUNTS, b=COUNTS, wide=WIDTHS, other=WIDTHS, latency=SECONDS, size=BYTES)
def test_both_sides_are_alike_and_the_time_is_never_below_that_of_either(
    a: float, b: float, wide: float, other: float, latency: float, size: float
) -> None:
    took = crossing(a, wide, b, other, latency).seconds(size)
    assert took == crossing(b, other, a, wide, latency).seconds(size)
    assert took >= size / (a * wide) * (1 - 1e-12)
    assert took >= size / (b * other) * (1 - 1e-12)
    assert took >= latency


@LAW
@given(
    a=COUNTS, b=COUNTS, wide=WIDTHS, other=WIDTHS, link=WIDTHS, latency=SECONDS, size=BYTES,
    more=st.tuples(MORE, MORE, MORE, MORE, MORE),
)  # fmt: skip
def test_more_chips_or_a_faster_link_never_slow_a_message(
    a: float, b: float, wide: float, other: float, link: float, latency: float, size: float,
    more: tuple[float, float, float, float, float],
) -> None:  # fmt: skip
    here = crossing(a, wide, b, other, latency, link).seconds(size)
    for at in range(5):
        x = [m if at == i else 1.0 for i, m in enumerate(more)]
        there = crossing(a * x[0], wide * x[1], b * x[2], other * x[3], latency, link * x[4]).seconds(size)
        assert there <= here * (1 + 1e-12)


def test_a_batch_equals_its_rows() -> None:
    chips, wide = np.array([[1.0], [8.0]]), np.array([1e9, 5e9, 1e12])
    all_of = crossing(chips, wide, 4.0, 2e9, 1e-6, 3e9).seconds(1e6)
    assert all_of.shape == (2, 3)
    for i, n in enumerate(chips[:, 0]):
        for j, w in enumerate(wide):
            alone = crossing(float(n), float(w), 4.0, 2e9, 1e-6, 3e9).seconds(1e6)
            assert all_of[i, j] == pytest.approx(alone, rel=1e-15)

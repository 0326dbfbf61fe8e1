"""Pipelines by hand: micro-batches, the slowest stage, bubbles."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.step.pipeline import PipelineTime, micro_batches, pipeline_time, slowest_stage

EXACT = 1e-12  # rounding of a few floating-point operations


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def full_turn(
    layers: int, pp: float, layer: float, head: float, hop: float, fixed: float, count: float
) -> PipelineTime:
    walk = layers * layer + head + pp * (hop + fixed)
    stage = slowest_stage(layers, a(pp), a(layer), a(head), a(hop + fixed))
    return pipeline_time(a(walk), stage, a(count))


@pytest.mark.parametrize(
    ("batch", "pp", "rows", "count"),
    [(128, 1, 128, 1), (128, 4, 32, 4), (5, 4, 2, 3), (1, 80, 1, 1), (3, 8, 1, 3), (9, 8, 2, 5)],
)
def test_micro_batches_are_as_many_as_stages_or_sequences(batch: int, pp: int, rows: int, count: int) -> None:
    micro = micro_batches(a(batch), a(pp))
    assert (micro.rows, micro.count) == (rows, count)


@LAW
@given(batch=st.integers(1, 10_000), pp=st.integers(1, 500))
def test_micro_batches_hold_every_sequence_and_never_outnumber_stages(batch: int, pp: int) -> None:
    micro = micro_batches(a(batch), a(pp))
    assert micro.rows * micro.count >= batch
    assert micro.rows * (micro.count - 1) < batch  # none is empty
    assert 1 <= micro.count <= pp


def test_one_stage_takes_its_layers_its_head_and_its_fixed_time() -> None:
    # one chip alone has no hop: 80 layers of 10 us, 7 us of head, 3 us of host
    turned = full_turn(80, 1, 10e-6, 7e-6, 0.0, 3e-6, 1)
    assert turned.seconds == pytest.approx(810e-6, rel=EXACT)
    assert turned.wait_s() == 0.0


def test_a_full_pipeline_waits_for_its_slowest_stage() -> None:
    # 80 layers over 3 stages: 27, 27, 26 and a head of half a layer; three micro-batches
    turned = full_turn(80, 3, 10e-6, 5e-6, 1e-6, 2e-6, 3)
    assert turned.seconds == pytest.approx(3 * (27 * 10e-6 + 3e-6), rel=EXACT)
    assert turned.wait_s() == pytest.approx(
        3 * 273e-6 - (80 * 10e-6 + 5e-6 + 3 * 3e-6), rel=1e-9
    )  # a difference


def test_a_heavy_head_makes_the_last_stage_the_slowest() -> None:
    turned = full_turn(80, 3, 10e-6, 25e-6, 1e-6, 2e-6, 3)
    assert turned.seconds == pytest.approx(3 * (26 * 10e-6 + 25e-6 + 3e-6), rel=EXACT)


def test_a_single_sequence_walks_and_never_waits() -> None:
    turned = full_turn(80, 80, 10e-6, 5e-6, 1e-6, 0.0, 1)
    assert turned.seconds == turned.latency_s == pytest.approx(80 * 10e-6 + 5e-6 + 80e-6, rel=EXACT)


@LAW
@given(
    layers=st.integers(1, 200),
    pp=st.integers(1, 100),
    layer=st.floats(1e-7, 1e-2),
    head=st.floats(0.0, 1e-2),
    hop=st.floats(0.0, 1e-3),
    fixed=st.floats(0.0, 1e-3),
    count=st.integers(1, 100),
)
def test_a_turn_is_never_below_the_walk_nor_below_any_stage_times_its_visits(
    layers: int, pp: int, layer: float, head: float, hop: float, fixed: float, count: int
) -> None:
    count = min(count, pp)
    turned = full_turn(layers, pp, layer, head, hop, fixed, count)
    assert turned.seconds >= turned.latency_s
    # layers dealt out one by one from the first stage on; the last stage also runs the head
    dealt = [layers // pp + (stage < layers % pp) for stage in range(pp)]
    stages = [n * layer + (head if i == pp - 1 else 0.0) + hop + fixed for i, n in enumerate(dealt)]
    assert turned.seconds >= count * max(stages) * (1 - EXACT)
    assert turned.seconds <= max(float(turned.latency_s[0]), count * max(stages)) * (1 + EXACT)
    assert turned.wait_s() >= 0.0

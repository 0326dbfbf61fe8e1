"""How requests share a replica, by hand."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.serving import (
    prefill_stall,
    queue,
    steady_throughput,
    throughput,
    wait_for_prompts,
)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_fifteen_other_prefills_of_a_second_stall_two_thousand_tokens_by_seven_milliseconds() -> None:
    assert prefill_stall(a(16), a(1.0), a(0.0), 2000.0) == pytest.approx(7.5e-3, rel=1e-12)  # rounding


def test_prompts_that_were_waited_for_stall_no_token() -> None:
    assert prefill_stall(a(16), a(1.0), a(15.0), 2000.0) == 0.0
    assert prefill_stall(a(16), a(1.0), a(9.0), 2000.0) == pytest.approx(3e-3, rel=1e-12)  # rounding


def test_without_a_prompt_or_without_others_nothing_stalls() -> None:
    assert prefill_stall(a(16), a(0.0), a(0.0), 2000.0) == 0.0
    assert prefill_stall(a(1), a(1.0), a(0.0), 2000.0) == 0.0


def test_throughput_is_sequences_over_time_per_token_over_all_replicas() -> None:
    assert throughput(a(32), a(0.02), a(3)) == pytest.approx(4800.0, rel=1e-12)  # rounding


@LAW
@given(
    batch=st.integers(1, 1024),
    osl=st.integers(1, 4096),
    step=st.floats(1e-6, 1.0),
    prefill=st.floats(0.0, 100.0),
)
def test_stalls_give_the_aggregate_throughput_of_a_steady_state(
    batch: int, osl: int, step: float, prefill: float
) -> None:
    # B requests of OSL tokens take OSL steps and B prefills: B OSL / (OSL t_step + B t_prefill)
    expected = batch * osl / (osl * step + batch * prefill)
    found = steady_throughput(a(batch), a(step), a(prefill), float(osl), a(1))
    assert found == pytest.approx(expected, rel=1e-12)  # rounding


@LAW
@given(batch=st.integers(1, 1024), osl=st.integers(1, 4096), step=st.floats(1e-4, 1.0),
       prefill=st.floats(1e-4, 10.0), burst=st.floats(0.0, 1.0))  # fmt: skip
def test_a_request_stays_for_its_steps_and_everybodys_prompt_however_users_arrive(
    batch: int, osl: int, step: float, prefill: float, burst: float
) -> None:
    waited = wait_for_prompts(a(batch), a(prefill), a(burst))
    stall = prefill_stall(a(batch), a(prefill), waited, float(osl))
    assert stall >= -1e-12 * batch * prefill
    stay = waited + prefill + osl * (step + stall)
    assert stay == pytest.approx(osl * step + batch * prefill, rel=1e-9)  # rounding


def test_an_article_speed_is_its_batch_times_its_user_speed() -> None:
    assert throughput(a(128), a(1 / 500), a(1)) == pytest.approx(64_000.0, rel=1e-12)  # rounding


def wait(users: float, prefill: float, step: float, burst: float) -> np.ndarray:
    return np.asarray(queue(wait_for_prompts(a(users), a(prefill), a(burst)), a(step)))


def test_a_lone_user_waits_for_half_a_step() -> None:
    assert wait(1, 10.0, 0.02, 1.0) == pytest.approx(0.01, rel=1e-12)  # rounding


def test_users_that_arrive_by_chance_wait_for_half_a_step() -> None:
    assert wait(64, 0.3, 0.02, 0.0) == pytest.approx(0.01, rel=1e-12)  # rounding


def test_of_five_that_arrive_together_the_mean_waits_for_two_prompts() -> None:
    # served one after the other they wait for 0, 1, 2, 3 and 4 prompts of 0.3 s
    mean = (0 + 1 + 2 + 3 + 4) / 5 * 0.3
    assert wait(5, 0.3, 0.02, 1.0) == pytest.approx(0.01 + mean, rel=1e-12)  # rounding


@LAW
@given(batch=st.integers(1, 1024), prefill=st.floats(1e-4, 10.0), step=st.floats(1e-4, 1.0),
       burst=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))  # fmt: skip
def test_a_queue_grows_with_the_burst_and_with_the_batch(
    batch: int, prefill: float, step: float, burst: float, more: float
) -> None:
    low, high = sorted((burst, more))
    base = wait(batch, prefill, step, low)
    assert base >= step / 2
    assert wait(batch, prefill, step, high) >= base
    assert wait(batch + 1, prefill, step, low) >= base
    assert base <= step / 2 + (batch - 1) * prefill / 2 * (1 + 1e-12)  # rounding

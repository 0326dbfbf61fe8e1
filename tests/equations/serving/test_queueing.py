"""How requests share a replica, by hand."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.serving.queueing import queue, stalled, throughput, wait_for_prompts
from objectives.equations.step.pipeline import micro_batches, turns_behind_prompts


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def stay(batch: float, pp: float, turns: float, turn: float, prompt: float) -> np.ndarray:
    count = micro_batches(a(batch), a(pp)).count
    found = turns_behind_prompts(a(batch), count, turns, a(turn), a(prompt), a(pp * prompt))
    return np.asarray(found)


def test_fifteen_other_prefills_of_a_second_stall_two_thousand_tokens_by_seven_milliseconds() -> None:
    alone = 2000.0 * 0.02 + 1.0
    assert stalled(stay(16, 1, 2000.0, 0.02, 1.0), a(alone), 2000.0) == pytest.approx(7.5e-3, rel=1e-9)


def test_prompts_that_were_waited_for_stall_no_token() -> None:
    alone = 2000.0 * 0.02 + 1.0 + 9.0
    assert stalled(stay(16, 1, 2000.0, 0.02, 1.0), a(alone), 2000.0) == pytest.approx(3e-3, rel=1e-9)


def test_one_sequence_stays_for_its_steps_and_the_walk_of_its_prompt() -> None:
    # 40 stages of 0.4 s and 1,000 tokens of 2 ms: 18 s
    assert stay(1, 40, 1000.0, 2e-3, 0.4) == pytest.approx(18.0, rel=1e-9)


def test_of_two_micro_batches_one_crawls_behind_the_prompts_of_the_other() -> None:
    # two stages, two sequences, two turns of 2 s, prompts of 10 s a stage. By hand: a pass ends one with
    # the chance 1/2. From one leading prompt to the next one pass crawls (half of a prompt right
    # behind) and two are free: J = 20 + 10/2, C = J + 2 x 1; 3/2 prompts in 27 s: a slot turns over in 36 s
    assert stay(2, 2, 2.0, 2.0, 10.0) == pytest.approx(2 * 27.0 / 1.5, rel=1e-12)


def test_throughput_is_sequences_over_time_per_token_over_all_replicas() -> None:
    assert throughput(a(32), a(0.02), a(3)) == pytest.approx(4800.0, rel=1e-12)  # rounding


@LAW
@given(
    batch=st.integers(1, 1024),
    osl=st.integers(1, 4096),
    step=st.floats(1e-4, 1.0),
    prefill=st.floats(1e-4, 10.0),
    burst=st.floats(0.0, 1.0),
)
def test_on_one_stage_a_request_stays_for_its_steps_and_everybodys_prompt(
    batch: int, osl: int, step: float, prefill: float, burst: float
) -> None:
    # B requests of OSL tokens take OSL steps and B prefills, however users arrive
    found = stay(batch, 1, float(osl), step, prefill)
    assert found == pytest.approx(osl * step + batch * prefill, rel=1e-9)  # rounding
    waited = wait_for_prompts(a(batch), a(prefill), a(burst))
    stall = stalled(found, osl * step + prefill + waited, float(osl))
    assert stall >= -1e-9 * found


@LAW
@given(
    batch=st.integers(1, 1024),
    pp=st.integers(1, 100),
    osl=st.integers(1, 4096),
    stage=st.floats(1e-6, 1.0),
    prefill=st.floats(0.0, 10.0),
    more=st.floats(1.0, 2.0),
)
def test_behind_prompts_no_request_is_faster_than_the_stages_and_none_gains_by_slower_ones(
    batch: int, pp: int, osl: int, stage: float, prefill: float, more: float
) -> None:
    turn = max(pp, float(micro_batches(a(batch), a(pp)).count[0])) * stage
    found = stay(batch, pp, float(osl), turn, prefill)
    assert found >= (osl * turn + batch * prefill) * (1 - 1e-9)
    assert stay(batch, pp, float(osl), turn, prefill * more) >= found * (1 - 1e-9)
    assert stay(batch, pp, float(osl), turn * more, prefill) >= found * (1 - 1e-9)
    assert stay(batch, pp, float(osl), turn, 0.0) == pytest.approx(osl * turn, rel=1e-9)


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
@given(
    batch=st.integers(1, 1024),
    prefill=st.floats(1e-4, 10.0),
    step=st.floats(1e-4, 1.0),
    burst=st.floats(0.0, 1.0),
    more=st.floats(0.0, 1.0),
)
def test_a_queue_grows_with_the_burst_and_with_the_batch(
    batch: int, prefill: float, step: float, burst: float, more: float
) -> None:
    low, high = sorted((burst, more))
    base = wait(batch, prefill, step, low)
    assert base >= step / 2
    assert wait(batch, prefill, step, high) >= base
    assert wait(batch + 1, prefill, step, low) >= base
    assert base <= step / 2 + (batch - 1) * prefill / 2 * (1 + 1e-12)  # rounding

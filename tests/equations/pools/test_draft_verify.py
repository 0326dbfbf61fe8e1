"""Draft | verify: by hand, the published speed-up, and laws."""

from dataclasses import replace

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Speculation
from objectives.equations.pools.crossing import Message
from objectives.equations.pools.draft_verify import drafted_token, token_bytes
from objectives.equations.serving.queueing import throughput

EXACT = 1e-9
NOW = Message(seconds=0.0, busy_s=0.0)
TIMES = st.floats(1e-6, 1e-1)
MAYBE = st.one_of(st.just(0.0), TIMES)
MESSAGES = st.builds(lambda busy, delay: Message(seconds=busy + delay, busy_s=busy), MAYBE, MAYBE)
DRAFTS = st.builds(Speculation, length=st.integers(1, 12), acceptance=st.floats(0.0, 1.0), cost=st.just(0.0))


def draft(length: int = 4, acceptance: float = 0.5) -> Speculation:
    return Speculation(length=length, acceptance=acceptance, cost=0.0)


def test_a_round_is_its_steps_its_crossings_and_its_pass() -> None:
    # 4 x 1 ms, 0.3 ms, 6 ms, 0.2 ms for 1 + 1/2 + 1/4 + 1/8 + 1/16 tokens
    there, back = Message(seconds=0.3e-3, busy_s=0.1e-3), Message(seconds=0.2e-3, busy_s=0.1e-3)
    took = drafted_token(draft(), 1e-3, 6e-3, there, back)
    assert took.seconds == pytest.approx(10.5e-3 / 1.9375, rel=EXACT)
    assert took.wait_s == 0.0
    assert took.verify_busy == pytest.approx(6 / 10.5, rel=EXACT)
    assert took.draft_busy == pytest.approx(4 / 10.5, rel=EXACT)


def test_two_groups_of_unequal_pools_wait_for_the_slower_one() -> None:
    took = drafted_token(draft(acceptance=1.0), 1e-3, 6e-3, NOW, NOW, 2.0)
    assert took.seconds == pytest.approx(12e-3 / 5, rel=EXACT)
    assert took.wait_s == pytest.approx(2e-3 / 5, rel=EXACT)
    assert (took.verify_busy, took.draft_busy) == (pytest.approx(1.0), pytest.approx(4 / 6))


@pytest.mark.parametrize(("acceptance", "length", "cost"), [(0.6, 2, 0.1), (0.75, 7, 0.02), (0.9, 10, 0.05)])
def test_without_a_link_the_gain_is_the_published_one(acceptance: float, length: int, cost: float) -> None:
    # Leviathan et al., theorem 3.8: (1 - a^(k+1)) / ((1 - a) (k c + 1)), a pass taking a plain step
    gain = (1 - acceptance ** (length + 1)) / ((1 - acceptance) * (length * cost + 1))
    took = drafted_token(draft(length, acceptance), cost, 1.0, NOW, NOW)
    assert 1.0 / took.seconds == pytest.approx(gain, rel=EXACT)


def test_numbers_of_tokens_are_few_bytes() -> None:
    # 256 sequences, 4 tokens of 4 B: 4 KiB
    assert token_bytes(256.0, 4.0, 4.0) == 4096.0


@LAW
@given(s=DRAFTS, step=TIMES, verify=TIMES, there=MESSAGES, back=MESSAGES, groups=st.integers(1, 4))
def test_parts_are_those_of_a_round_and_no_pool_works_more_than_all_of_the_time(
    s: Speculation, step: float, verify: float, there: Message, back: Message, groups: int
) -> None:
    took = drafted_token(s, step, verify, there, back, float(groups))
    assert took.wait_s >= 0.0
    assert 0.0 < took.draft_busy <= 1 + EXACT
    assert 0.0 < took.verify_busy <= 1 + EXACT
    # a round gives one token at least and k + 1 at most
    alone = s.length * step + verify + there.seconds + back.seconds
    longest = max(alone, groups * max(s.length * step, verify, there.busy_s, back.busy_s))
    assert longest / (s.length + 1) * (1 - EXACT) <= took.seconds <= longest * (1 + EXACT)


@LAW
@given(s=DRAFTS, step=TIMES, verify=TIMES, there=MESSAGES, back=MESSAGES, groups=st.integers(1, 4))
def test_one_more_group_never_lowers_throughput_nor_shortens_a_token(
    s: Speculation, step: float, verify: float, there: Message, back: Message, groups: int
) -> None:
    few, many = (drafted_token(s, step, verify, there, back, float(g)) for g in (groups, groups + 1))
    assert many.seconds >= few.seconds * (1 - EXACT)
    assert throughput(groups + 1.0, many.seconds, 1.0) >= throughput(groups, few.seconds, 1.0) * (1 - EXACT)


@LAW
@given(
    s=DRAFTS, step=TIMES, verify=TIMES, there=MESSAGES, back=MESSAGES, groups=st.integers(1, 4),
    less=st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_faster_link_draft_or_pass_and_a_better_draft_never_slow_a_token(
    s: Speculation, step: float, verify: float, there: Message, back: Message, groups: int, less: float
) -> None:
    def faster(m: Message) -> Message:
        return Message(seconds=m.seconds * less, busy_s=m.busy_s * less)

    here = drafted_token(s, step, verify, there, back, float(groups)).seconds * (1 + EXACT)
    better = replace(s, acceptance=s.acceptance + (1.0 - s.acceptance) * less)
    for x in (
        (s, step, verify, faster(there), back),
        (s, step, verify, there, faster(back)),
        (s, step * less, verify, there, back),
        (s, step, verify * less, there, back),
        (better, step, verify, there, back),
    ):
        assert drafted_token(*x, float(groups)).seconds <= here


@LAW
@given(s=DRAFTS, step=TIMES, verify=TIMES)
def test_a_pair_with_a_link_without_time_is_never_worse_than_one_pool_that_takes_turns(
    s: Speculation, step: float, verify: float
) -> None:
    # one pool drafts and verifies for one group, then for the other: two rounds for a token of each
    one_pool = 2.0 * drafted_token(s, step, verify, NOW, NOW).seconds
    assert drafted_token(s, step, verify, NOW, NOW, 2.0).seconds <= one_pool * (1 + EXACT)


def test_a_batch_equals_its_rows() -> None:
    step, verify = np.array([[1e-3], [2e-3]]), np.array([3e-3, 9e-3])
    all_of = drafted_token(draft(), step, verify, NOW, NOW, 2.0).seconds
    assert all_of.shape == (2, 2)
    for i in range(2):
        for j in range(2):
            alone = drafted_token(draft(), float(step[i, 0]), float(verify[j]), NOW, NOW, 2.0).seconds
            assert all_of[i, j] == pytest.approx(alone, rel=1e-15)

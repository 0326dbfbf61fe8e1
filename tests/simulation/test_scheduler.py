"""The scheduler against a second one in plain Python, and by hand."""

import numpy as np
import pytest
from made_up_times import A_CONTEXT, A_SEQUENCE, A_TOKEN, FIXED, linear, rules, sent, serve, times
from plain_scheduler import Request, chunked

from dse.simulate.policies import FREE_PROMPTS, PROMPTS_FIRST, STATIC


def _traffic(seed: int, n: int, rate: float) -> tuple[list[float], list[int], list[int]]:
    rng = np.random.default_rng(seed)
    arrival = np.cumsum(rng.exponential(1.0 / rate, n))
    isl = np.maximum(rng.lognormal(6.0, 1.0, n).astype(int), 1)
    osl = np.maximum(rng.lognormal(4.0, 0.8, n).astype(int), 1)
    return arrival.tolist(), isl.tolist(), osl.tolist()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("rate", "slots", "budget", "blocks"),
    [(1.0, 64, 2048, 10**6), (6.0, 8, 512, 10**6), (60.0, 64, 1024, 700), (60.0, 64, 2048, 2000)],
)
def test_chunks_are_served_as_the_plain_scheduler_serves_them(seed, rate, slots, budget, blocks):
    arrival, isl, osl = _traffic(seed, 120, rate)
    # none is larger than all room
    isl = [min(i, 6_000) for i in isl]
    plain = [Request(a, i, o) for a, i, o in zip(arrival, isl, osl, strict=True)]
    chunked(plain, linear, slots=slots, budget=budget, room=blocks)
    served, _ = serve(sent(arrival, isl, osl), rules(slots=slots, budget=budget, room=float(blocks * 16)))
    assert served.evicted.tolist() == [r.evictions for r in plain]
    np.testing.assert_allclose(served.first_s, [r.first for r in plain], rtol=1e-9)
    np.testing.assert_allclose(served.last_s, [r.last for r in plain], rtol=1e-9)


def test_little_room_evicts_someone():
    arrival, isl, osl = _traffic(3, 120, 60.0)
    served, _ = serve(sent(arrival, np.minimum(isl, 6_000), osl), rules(budget=1024, room=700.0 * 16))
    assert served.evicted.sum() > 0


def test_two_requests_by_hand_in_chunks():
    """A prompt of 3,000 in chunks of 2,048; a second request joins when the iteration under way ends."""
    served, _ = serve(sent([0.0, 0.1], [3000, 100], [3, 2]), rules())
    first = FIXED + A_TOKEN * 2048
    # what is left of the first prompt, and all of the second
    second = first + FIXED + A_TOKEN * (952 + 100)
    both = second + FIXED + 2 * A_SEQUENCE + A_CONTEXT * (3001 + 101)
    last = both + FIXED + A_SEQUENCE + A_CONTEXT * 3002
    np.testing.assert_allclose(served.first_s, [second, second], rtol=1e-12)
    np.testing.assert_allclose(served.last_s, [last, both], rtol=1e-12)


def test_two_requests_by_hand_with_prompts_first():
    """The second prompt goes before the next step of the first request."""
    served, _ = serve(sent([0.0, 0.1], [1000, 100], [2, 2]), rules(policy=PROMPTS_FIRST))
    one = FIXED + A_TOKEN * 1000
    two = one + FIXED + A_TOKEN * 100
    end = two + FIXED + 2 * A_SEQUENCE + A_CONTEXT * (1001 + 101)
    np.testing.assert_allclose(served.first_s, [one, two], rtol=1e-12)
    np.testing.assert_allclose(served.last_s, [end, end], rtol=1e-12)


def test_a_static_batch_waits_for_its_last_request():
    served, _ = serve(sent([0.0, 0.0, 0.001], [100, 100, 100], [2, 3, 1]), rules(policy=STATIC))
    prompts = FIXED + A_TOKEN * 200
    step = prompts + FIXED + 2 * A_SEQUENCE + A_CONTEXT * 202
    end = step + FIXED + A_SEQUENCE + A_CONTEXT * 102
    np.testing.assert_allclose(served.last_s[:2], [step, end], rtol=1e-12)
    np.testing.assert_allclose(served.first_s[2], end + FIXED + A_TOKEN * 100, rtol=1e-12)


def test_free_prompts_cost_a_step():
    served, _ = serve(sent([0.0], [1000], [2]), rules(policy=FREE_PROMPTS))
    first = FIXED + A_SEQUENCE + A_CONTEXT * 1000
    np.testing.assert_allclose(served.first_s, [first], rtol=1e-12)
    np.testing.assert_allclose(served.last_s, [first + FIXED + A_SEQUENCE + A_CONTEXT * 1001], rtol=1e-12)


def test_a_request_that_fits_nowhere_is_refused_and_holds_up_nobody():
    served, _ = serve(sent([0.0, 0.0], [5000, 100], [1, 1]), rules(room=1600.0))
    assert served.replica.tolist() == [-1, 0]
    assert np.isnan(served.last_s[0])
    assert served.last_s[1] == pytest.approx(FIXED + A_TOKEN * 100)


def test_replicas_that_step_together_wait_for_the_slowest():
    """Two requests in turn on two replicas: apart the short one ends sooner."""
    requests = sent([0.0, 0.0], [2000, 10], [1, 1])
    apart, _ = serve(requests, rules(), replicas=2)
    together, _ = serve(requests, rules(together=2), replicas=2)
    assert apart.last_s[1] == pytest.approx(FIXED + A_TOKEN * 10)
    assert together.last_s[1] == pytest.approx(FIXED + A_TOKEN * 2000)


def test_the_least_loaded_replica_gets_the_next_request():
    requests = sent([0.0, 0.0, 0.001, 0.002], [2000, 10, 10, 10], [200, 1, 1, 1])
    served, _ = serve(requests, rules(router=1), replicas=2)
    assert served.replica.tolist()[0] != served.replica.tolist()[1]
    assert served.replica.tolist()[2] == served.replica.tolist()[1]


def test_micro_batches_follow_each_other_through_a_pipeline():
    """Four stages: a micro-batch enters when the first one is free, and overtakes none."""
    slow = times()._replace(stage=times().seconds / 4.0)
    served, _ = serve(sent([0.0, 0.0], [1000, 10], [1, 1]), rules(lanes=2), replicas=2, made=slow)
    first, second = FIXED + A_TOKEN * 1000, FIXED + A_TOKEN * 10
    # the short prompt is behind the long one, and leaves a stage later
    np.testing.assert_allclose(served.last_s, [first, first + second / 4.0], rtol=1e-12)


def test_chunks_of_one_prompt_are_in_a_pipeline_at_once():
    slow = times()._replace(stage=times().seconds / 4.0)
    served, _ = serve(sent([0.0], [4096], [1]), rules(lanes=2), replicas=2, made=slow)
    chunk = FIXED + A_TOKEN * 2048
    np.testing.assert_allclose(served.first_s, [chunk + chunk / 4.0], rtol=1e-12)


def _shared(arrival, isl, osl, blocks):
    """Requests whose prompts begin with the blocks that are named, of 32 tokens each."""
    made = sent(arrival, isl, osl)
    begins = np.cumsum([0, *map(len, blocks)]).astype(np.int64)
    return made._replace(ids=np.array([b for each in blocks for b in each], dtype=np.int64), begins=begins)


def test_a_prompt_finds_the_blocks_that_another_has_computed():
    """The second request shares 64 of 100 tokens; the third comes while the first is in its prompt."""
    requests = _shared([0.0, 1.0, 0.001], [100, 100, 100], [1, 1, 1], [[0, 1, 2], [0, 1, 3], [4, 1, 2]])
    order = np.argsort(requests.arrival_s)
    assert order.tolist() == [0, 2, 1]
    requests = _shared([0.0, 0.001, 1.0], [100, 100, 100], [1, 1, 1], [[0, 1, 2], [0, 1, 2], [0, 1, 3]])
    served, _ = serve(requests, rules(found_again=True, shared=32, all_blocks=1000))
    # the second arrives when the first is under way, and begins when that has ended
    assert served.cached.tolist() == [0, 96, 64]
    assert served.first_s[2] - 1.0 == pytest.approx(FIXED + A_TOKEN * 36)


def test_blocks_are_forgotten_once_others_have_used_them():
    """Room for 20 blocks of 16 tokens: a prompt of 300 tokens in between uses 19 of them."""
    requests = _shared([0.0, 1.0, 2.0], [96, 300, 96], [1, 1, 1], [[0, 1, 2], [], [0, 1, 2]])
    served, _ = serve(requests, rules(found_again=True, shared=32, all_blocks=20, room=320.0))
    assert served.cached.tolist() == [0, 0, 0]
    # of 40 blocks 25 were used since: the first tokens are there
    served, _ = serve(requests, rules(found_again=True, shared=32, all_blocks=40, room=640.0))
    assert served.cached.tolist() == [0, 0, 95]


def test_blocks_outlive_an_answer_that_goes_on():
    """While the first request decodes, its blocks stay, whatever others use."""
    requests = _shared([0.0, 0.5, 0.7], [96, 100, 96], [2000, 1, 1], [[0, 1, 2], [], [0, 1, 2]])
    served, _ = serve(requests, rules(found_again=True, shared=32, all_blocks=8))
    assert served.cached[2] == 95

"""Simulated waits against queues whose waits are known, and laws that hold for every queue."""

import numpy as np
import pytest
from made_up_times import A_TOKEN, FIXED, rules, sent, serve

from dse.simulate.policies import CHUNKED, FREE_PROMPTS, PROMPTS_FIRST


def _poisson(rate: float, n: int, seed: int = 1) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1.0 / rate, n))


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_prompts_of_one_length_wait_as_in_an_m_d_1_queue(load):
    """Pollaczek-Khinchine: rho s / (2 (1 - rho)), Kleinrock 1975, equation 5.64."""
    n, isl = 60_000, 500
    service = FIXED + A_TOKEN * isl
    arrival = _poisson(load / service, n)
    served, _ = serve(sent(arrival, [isl] * n, [1] * n), rules(policy=PROMPTS_FIRST, slots=1))
    wait = float((served.started_s - arrival)[n // 10 :].mean())
    assert wait == pytest.approx(load * service / (2.0 * (1.0 - load)), rel=0.06)


def test_prompts_of_random_lengths_wait_as_in_an_m_g_1_queue():
    """Pollaczek-Khinchine: rate E[s^2] / (2 (1 - rho)), Kleinrock 1975, equation 5.62."""
    n, load = 80_000, 0.6
    isl = np.maximum(np.random.default_rng(2).exponential(400.0, n), 1).astype(int)
    service = FIXED + A_TOKEN * isl
    rate = load / service.mean()
    arrival = _poisson(rate, n)
    served, _ = serve(sent(arrival, isl, [1] * n), rules(policy=PROMPTS_FIRST, slots=1))
    wait = float((served.started_s - arrival)[n // 10 :].mean())
    assert wait == pytest.approx(rate * (service**2).mean() / (2.0 * (1.0 - load)), rel=0.08)


@pytest.mark.parametrize("policy", [CHUNKED, PROMPTS_FIRST, FREE_PROMPTS])
def test_littles_law_holds(policy):
    """Requests that run, over time, are the sum of the times for which each runs (Little 1961)."""
    rng, n = np.random.default_rng(3), 4_000
    requests = sent(_poisson(20.0, n), rng.integers(50, 800, n), rng.integers(2, 60, n))
    served, seen = serve(requests, rules(policy=policy, slots=32))
    in_slots = float((served.last_s - served.started_s).sum())
    assert float(seen.running.sum()) == pytest.approx(in_slots, rel=1e-9)


def test_every_token_comes_out_once():
    rng, n = np.random.default_rng(4), 2_000
    isl, osl = rng.integers(1, 3_000, n), rng.integers(1, 60, n)
    served, seen = serve(sent(_poisson(5.0, n), isl, osl), rules(slots=16))
    assert served.made.tolist() == osl.tolist()
    assert float(seen.output.sum()) == pytest.approx(float(osl.sum()))
    assert float(seen.prompt.sum()) == pytest.approx(float(isl.sum()))
    assert (served.first_s > served.started_s).all()
    assert (served.last_s >= served.first_s).all()


def test_more_load_makes_latencies_longer():
    rng, n = np.random.default_rng(5), 4_000
    isl, osl = rng.integers(50, 800, n), rng.integers(2, 60, n)
    gaps = rng.exponential(1.0, n)
    ttft, tpot = [], []
    for rate in (2.0, 5.0, 8.0):
        requests = sent(np.cumsum(gaps / rate), isl, osl)
        served, _ = serve(requests, rules())
        ttft.append(float((served.first_s - requests.arrival_s).mean()))
        tpot.append(float(((served.last_s - served.first_s) / (osl - 1)).mean()))
    assert ttft == sorted(ttft)
    assert tpot == sorted(tpot)


def test_two_replicas_at_twice_the_load_serve_as_one_at_the_load():
    """In turns to each: both see every second request."""
    rng, n = np.random.default_rng(6), 1_000
    isl, osl = rng.integers(50, 800, n), rng.integers(2, 60, n)
    arrival = _poisson(4.0, n)
    one, _ = serve(sent(arrival, isl, osl), rules())
    two, _ = serve(sent(np.repeat(arrival, 2), np.repeat(isl, 2), np.repeat(osl, 2)), rules(), replicas=2)
    np.testing.assert_allclose(two.last_s[::2], one.last_s, rtol=1e-12)
    np.testing.assert_allclose(two.last_s[1::2], one.last_s, rtol=1e-12)

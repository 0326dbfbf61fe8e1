"""Compiled loops earn their place: the same requests in plain Python take twenty times as long and more."""

from time import perf_counter

import numpy as np
import pytest
from made_up_times import linear, rules, sent, serve
from plain_scheduler import Request, chunked


@pytest.mark.slow
def test_the_simulation_is_twenty_times_as_fast_as_the_same_in_python():
    rng, n = np.random.default_rng(0), 40_000
    isl = np.maximum(rng.lognormal(6.0, 1.0, n), 1).astype(int)
    osl = np.maximum(rng.lognormal(4.5, 0.8, n), 1).astype(int)
    arrival = np.cumsum(rng.exponential(0.3, n))
    serve(sent(arrival[:10], isl[:10], osl[:10]), rules())  # compiles
    begun = perf_counter()
    serve(sent(arrival, isl, osl), rules(slots=64))
    each = (perf_counter() - begun) / n
    few = 200
    plain = [Request(float(arrival[k]), int(isl[k]), int(osl[k])) for k in range(few)]
    begun = perf_counter()
    chunked(plain, linear, slots=64, budget=2048, room=10**6)
    assert (perf_counter() - begun) / few > 20.0 * each

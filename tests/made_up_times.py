"""Simulations with made-up seconds of an iteration, for tests: linear in what it carries."""

from collections.abc import Sequence

import numpy as np

from dse.simulate.events import advance
from dse.simulate.policies import CHUNKED
from dse.simulate.run import idle_replicas, nothing_seen, unserved
from dse.simulate.state import Observed, Rules, Sent, Served, Times

FIXED, A_SEQUENCE, A_TOKEN, A_CONTEXT = 0.004, 2e-4, 1.5e-4, 1e-8
"""Seconds of an iteration, of each sequence, of each prompt token, of each token that a sequence sees."""


def linear(sequences: float, context: float, prompt: float, seen: float) -> float:
    """Seconds of an iteration."""
    return FIXED + A_SEQUENCE * sequences + A_CONTEXT * sequences * context + A_TOKEN * prompt + 0.0 * seen


def times(slots: int = 512, longest: float = 40_000.0, prompt: float = 40_000.0) -> Times:
    """Its grid: exact between points, since it is linear in each direction."""
    axes = ([0.0, 1.0, float(slots)], [0.0, longest], [0.0, 1.0, prompt], [0.0, longest])
    grid = np.array(
        [[[[linear(*p) for p in _with(a, b, c, axes[3])] for c in axes[2]] for b in axes[1]] for a in axes[0]]
    )
    return Times(
        sequences=np.array(axes[0]),
        context=np.array(axes[1]),
        prompt=np.array(axes[2]),
        seen=np.array(axes[3]),
        seconds=grid,
        stage=grid,
        length=np.array([0.0, 1.0, longest]),
        # one byte for each token
        kept=np.array([0.0, 1.0, longest]),
    )


def _with(a: float, b: float, c: float, seen: Sequence[float]) -> list[tuple[float, float, float, float]]:
    return [(a, b, c, d) for d in seen]


def rules(**changed: float) -> Rules:
    """One replica that serves in chunks, with room for all."""
    given = {
        "policy": CHUNKED, "router": 0, "together": 1, "lanes": 1, "slots": 64, "budget": 2048, "block": 16,
        "room": 1e12, "found_again": False, "all_blocks": 10**9, "shared": 0,
    }  # fmt: skip
    return Rules(**{**given, **changed})


def sent(arrival: Sequence[float], isl: Sequence[int], osl: Sequence[int]) -> Sent:
    """Requests that no cache knows."""
    n = len(arrival)
    return Sent(
        arrival_s=np.asarray(arrival, dtype=np.float64),
        isl=np.asarray(isl, dtype=np.int64),
        osl=np.asarray(osl, dtype=np.int64),
        found=np.zeros(n, dtype=np.int64),
        ids=np.zeros(0, dtype=np.int64),
        begins=np.zeros(n + 1, dtype=np.int64),
    )


def serve(
    requests: Sent, how: Rules, replicas: int = 1, made: Times | None = None
) -> tuple[Served, Observed]:
    """Run it to the end."""
    kinds = int(requests.ids.max()) + 1 if requests.ids.size else 0
    state, served = idle_replicas(replicas, how, kinds), unserved(requests)
    width = max(float(requests.arrival_s[-1]) / 256, 1e-3)
    seen = nothing_seen(256, width)
    while not advance(state, requests, served, made or times(), how, seen, 10_000):
        pass
    return served, seen

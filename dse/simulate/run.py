"""Run a simulation: requests through the replicas of a design, in slices between which a caller may look."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.errors import spec_error
from dse.simulate.design import Simulated
from dse.simulate.events import advance
from dse.simulate.policies import FREE_PROMPTS, OF_SERVING, ONLY_PROMPTS
from dse.simulate.state import Observed, Replicas, Rules, Sent, Served, Whole
from dse.traffic.requests import Requests

ROUTERS = ("round-robin", "least-loaded")
"""Names of routers, in the order in which `Rules.router` counts them."""
BLOCK = 16
"""Tokens of a block of KV cache, the default of vLLM (docs.vllm.ai, `block_size`)."""

_SLICE = 20_000
"""Iterations between two reports of progress."""
_INTERVALS = 512
"""Intervals of time in which a simulation is observed."""

Report = Callable[[int, int], None]
"""Takes requests that are finished, and all of them."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the requests of one run."""

    sent: Sent
    served: Served
    observed: Observed
    iterations: int
    replicas: int
    slots: int


def run(
    design: Simulated,
    requests: Requests,
    *,
    router: str = "round-robin",
    report: Report | None = None,
) -> Outcome:
    """Serve all requests, and say what became of each.

    Args:
        design: the design.
        requests: what arrives.
        router: which replica a request goes to, one of `ROUTERS`.
        report: told of progress, a few times a second.

    Returns:
        Times of each request, and what was observed.
    """
    stack = design.setup.chips.stack
    overhead = float(np.asarray(stack.request_overhead_s).reshape(-1)[0])
    work = design.setup.context.workload
    hit = 0.0 if work.prefix is None else work.prefix.hit
    sent = Sent(
        arrival_s=np.asarray(requests.arrival_s, dtype=np.float64) + overhead,
        isl=np.asarray(requests.isl, dtype=np.int64),
        osl=np.asarray(requests.osl, dtype=np.int64),
        found=np.asarray(np.floor(hit * requests.isl), dtype=np.int64),
    )
    policy = OF_SERVING.get(work.serving)
    if policy is None:
        known = ", ".join(OF_SERVING)
        raise spec_error(
            "--serving", f"expected one of {known}, got {work.serving}, which cannot be simulated yet"
        )
    outcome = _served(design, sent, policy, design.layout.dp, ROUTERS.index(router), report)
    # the overhead of a request is part of its TTFT
    arrived = sent._replace(arrival_s=np.asarray(requests.arrival_s, dtype=np.float64))
    return Outcome(**{**vars(outcome), "sent": arrived})


def _served(
    design: Simulated, sent: Sent, policy: int, replicas: int, router: int, report: Report | None
) -> Outcome:
    """All requests through replicas of one kind."""
    rules = Rules(
        policy=policy,
        router=router,
        together=design.together,
        slots=design.slots,
        budget=design.budget,
        block=BLOCK,
        room=design.room,
        found_again=policy not in (FREE_PROMPTS, ONLY_PROMPTS),
        all_blocks=int(design.room_tokens // BLOCK),
    )
    state, served = _replicas(replicas, rules), _unserved(sent)
    # about as wide as the arrivals are long; doubled where it goes on
    width = max(float(sent.arrival_s[-1]) / _INTERVALS, 1e-6)
    observed = Observed(*(np.zeros(_INTERVALS) for _ in range(6)), width_s=np.array([width]))
    done = False
    while not done:
        done = advance(state, sent, served, design.times, rules, observed, _SLICE)
        if report is not None:
            report(int(state.progress[1]), sent.arrival_s.size)
    return Outcome(
        sent=sent,
        served=served,
        observed=observed,
        iterations=int(state.progress[2]),
        replicas=replicas,
        slots=design.slots,
    )


def _replicas(count: int, rules: Rules) -> Replicas:
    """Replicas that have nothing to do."""

    def whole(value: int = 0) -> Whole:
        return np.full(count, value, dtype=np.int64)

    return Replicas(
        running=np.zeros((count, rules.slots), dtype=np.int64),
        count=whole(),
        head=whole(-1),
        tail=whole(-1),
        waiting=whole(),
        blocks=whole(),
        freed=whole(),
        used=whole(),
        prompt=whole(),
        ready_s=np.full(count // rules.together, np.inf),
        free_s=np.zeros(count // rules.together),
        progress=np.array([0, 0, 0, -1], dtype=np.int64),
    )


def _unserved(sent: Sent) -> Served:
    """Requests of which none has been served."""
    n = sent.arrival_s.size

    def whole(value: int = 0) -> Whole:
        return np.full(n, value, dtype=np.int64)

    return Served(
        started_s=np.full(n, np.nan),
        first_s=np.full(n, np.nan),
        last_s=np.full(n, np.nan),
        evicted=whole(),
        replica=whole(-1),
        target=sent.isl.copy(),
        done=whole(),
        made=whole(),
        blocks=whole(),
        due=whole(),
        behind=whole(-1),
        dropped=whole(-1),
    )

"""Run a simulation: requests through the replicas of a design, in slices between which a caller may look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

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
class PoolUse:
    """What replicas of one kind did."""

    replicas: int
    busy_s: float
    """Time in which they ran iterations, summed over replicas, of pipelines over their micro-batches [s]."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the requests of one run."""

    sent: Sent
    served: Served
    observed: Observed
    """Over time; of two pools that which decodes."""
    iterations: int
    pools: Mapping[str, PoolUse]


def run(
    design: Simulated,
    requests: Requests,
    *,
    router: str = "least-loaded",
    report: Report | None = None,
) -> Outcome:
    """Serve all requests, and say what became of each.

    Args:
        design: the design.
        requests: what arrives.
        router: which replica a request goes to, one of `ROUTERS`.
        report: takes how many requests are finished, a few times a second.

    Returns:
        Times of each request, and what was observed.
    """
    overhead = float(np.asarray(design.setup.chips.stack.request_overhead_s).reshape(-1)[0])
    work = design.setup.context.workload
    hit = 0.0 if work.prefix is None else work.prefix.hit
    arrival, blocks = np.asarray(requests.arrival_s, dtype=np.float64), requests.blocks
    # numbered from 0 on, so that each has a place in an array
    ids = np.zeros(0, dtype=np.int64) if blocks is None else np.unique(blocks.ids, return_inverse=True)[1]
    sent = Sent(
        # what it takes before the scheduler sees a request is part of its TTFT
        arrival_s=arrival + overhead,
        isl=np.asarray(requests.isl, dtype=np.int64),
        osl=np.asarray(requests.osl, dtype=np.int64),
        found=np.asarray(np.floor(hit * requests.isl), dtype=np.int64),
        ids=ids,
        begins=np.zeros(arrival.size + 1, dtype=np.int64) if blocks is None else blocks.starts,
    )
    shared = 0 if blocks is None else blocks.tokens
    way = ROUTERS.index(router)
    if work.serving in OF_SERVING:
        one = _served(design, sent, OF_SERVING[work.serving], design.layout.dp, way, report, shared)
        pools = {"both": _use(one, design.layout.dp * design.layout.pp)}
        found = (one.served, one.observed, one.iterations)
    else:
        found, pools = _two_pools(design, sent, way, report, shared)
    served, observed, iterations = found
    return Outcome(
        sent=sent._replace(arrival_s=arrival),
        served=served,
        observed=observed,
        iterations=iterations,
        pools=pools,
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Requests through replicas of one kind."""

    served: Served
    observed: Observed
    iterations: int


def _use(one: _Run, replicas: int) -> PoolUse:
    return PoolUse(replicas=replicas, busy_s=float(one.observed.busy_s.sum()))


def _two_pools(
    design: Simulated, sent: Sent, router: int, report: Report | None, shared: int
) -> tuple[tuple[Served, Observed, int], dict[str, PoolUse]]:
    """Prompts through replicas that prefill, KV cache over the network, the rest through the others."""
    layout = design.layout
    prompts = sent._replace(osl=np.ones_like(sent.osl))
    first = _served(design, prompts, ONLY_PROMPTS, layout.prefill, router, report, shared)
    there_s = first.served.first_s + design.transfer_s(sent.isl)
    # in the order in which KV cache arrives; what is refused, or has its one token already, goes nowhere
    more = np.flatnonzero(np.isfinite(there_s) & (sent.osl > 1))
    order = more[np.argsort(there_s[more], kind="stable")]
    merged = first.served._replace(
        first_s=there_s, last_s=there_s.copy(), evicted=first.served.evicted.copy()
    )
    uses = {"prefill": _use(first, layout.prefill * layout.pp), "decode": PoolUse(replicas=1, busy_s=0.0)}
    if order.size == 0:
        return (merged, first.observed, first.iterations), uses
    rest = Sent(
        arrival_s=there_s[order],
        isl=sent.isl[order],
        osl=sent.osl[order] - 1,
        found=np.zeros_like(order),
        # all of a prompt is sent, whatever is there already
        ids=np.zeros(0, dtype=np.int64),
        begins=np.zeros(order.size + 1, dtype=np.int64),
    )
    second = _served(design, rest, FREE_PROMPTS, layout.dp, router, report, 0)
    merged.last_s[order] = second.served.last_s
    merged.evicted[order] += second.served.evicted
    merged.replica[order] = second.served.replica
    uses["decode"] = _use(second, layout.dp * layout.pp)
    return (merged, second.observed, first.iterations + second.iterations), uses


def _served(
    design: Simulated,
    sent: Sent,
    policy: int,
    replicas: int,
    router: int,
    report: Report | None,
    shared: int,
) -> _Run:
    """All requests through replicas of one kind."""
    lanes = design.layout.pp
    rules = Rules(
        policy=policy,
        router=router,
        together=design.together,
        lanes=lanes,
        slots=-(-design.slots // lanes),
        budget=design.budget,
        block=BLOCK,
        # micro-batches share what there is
        room=design.room / lanes,
        found_again=policy != FREE_PROMPTS,
        all_blocks=int(design.room_tokens / lanes // BLOCK),
        shared=shared,
    )
    kinds = int(sent.ids.max()) + 1 if sent.ids.size else 0
    state, served = idle_replicas(replicas * lanes, rules, kinds), unserved(sent)
    # about as wide as the arrivals are long; doubled where it goes on
    width = max(float(sent.arrival_s[-1]) / _INTERVALS, 1e-6)
    observed = nothing_seen(_INTERVALS, width)
    done = False
    while not done:
        done = advance(state, sent, served, design.times, rules, observed, _SLICE)
        if report is not None:
            report(int(state.progress[1]), sent.arrival_s.size)
    return _Run(served=served, observed=observed, iterations=int(state.progress[2]))


def nothing_seen(intervals: int, width_s: float) -> Observed:
    """Sums of nothing."""
    return Observed(
        busy_s=np.zeros(intervals),
        running=np.zeros(intervals),
        waiting=np.zeros(intervals),
        held=np.zeros(intervals),
        prompt=np.zeros(intervals),
        output=np.zeros(intervals),
        width_s=np.array([width_s]),
    )


def idle_replicas(count: int, rules: Rules, blocks: int = 0) -> Replicas:
    """Replicas that have nothing to do, and hold none of so many blocks that prompts share."""

    def whole(value: int = 0) -> Whole:
        return np.full(count, value, dtype=np.int64)

    return Replicas(
        running=np.zeros((count, rules.slots), dtype=np.int64),
        active=whole(),
        head=whole(-1),
        tail=whole(-1),
        waiting=whole(),
        blocks=whole(),
        freed=whole(),
        used=whole(),
        held_by=np.zeros((count, blocks), dtype=np.int64),
        freed_at=np.full((count, blocks), -1, dtype=np.int64),
        prompt=whole(),
        ready_s=np.full(count // rules.together, np.inf),
        free_s=np.zeros(count // rules.together),
        entrance_s=np.zeros(count // rules.lanes),
        exit_s=np.zeros(count // rules.lanes),
        progress=np.array([0, 0, 0, -1], dtype=np.int64),
    )


def unserved(sent: Sent) -> Served:
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
        cached=whole(-1),
        shown=whole(),
        dropped=whole(-1),
    )

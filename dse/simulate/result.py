"""What a simulation found: percentiles of latency, goodput, load, and how it went over time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from dse.simulate.design import Simulated
from dse.simulate.run import Outcome, PoolUse
from dse.simulate.state import Floats

_SHARES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One latency over all requests [s]."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Latencies of single requests; arrays of shape (finished,) [s]."""

    ttft: Floats
    tpot: Floats
    """NaN for a request of one token, which has none."""
    end_to_end: Floats


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An interval of time, means over it."""

    time_s: float
    """Where it begins [s]."""
    running: float
    """Requests that run, of all replicas that are at work [1]."""
    waiting: float
    kv_share: float
    """Share of the room for KV cache that is in use [1]."""
    prompt_tokens_per_s: float
    output_tokens_per_s: float


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What a simulation of one design found, in SI."""

    chip: str
    llm: str
    stack: str
    label: str
    serving: str
    precision: dict[str, str]
    deployment: dict[str, int]
    router: str
    chips: int
    requests: int
    refused: int
    """Requests whose KV cache fits on no replica."""
    prefix_share: float
    """Share of all prompt tokens that a cache had already [1]."""
    evictions: int
    """Times that KV cache was dropped for want of room and computed again."""
    duration_s: float
    """From the first arrival to the last token [s]."""
    requests_per_s: float
    tokens_per_s: float
    """Output tokens a second over that time [token/s]."""
    utilisation: float
    """Share of the time that replicas run iterations [1]."""
    pools: dict[str, float]
    """The same of each pool, where there are several [1]."""
    room_tokens: float
    """Tokens whose KV cache a replica has room for [token]."""
    ttft_s: Spread
    tpot_s: Spread | None
    """None where no request has a second token."""
    end_to_end_s: Spread
    targets: dict[str, float]
    goodput: float | None
    """Share of the requests within all targets [1]; None without targets."""
    iterations: int
    timeline: tuple[Moment, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def latencies(o: Outcome) -> Latencies:
    """Latencies of the requests that were served."""
    served = np.isfinite(o.served.last_s)
    osl = o.sent.osl[served]
    first, last = o.served.first_s[served], o.served.last_s[served]
    with np.errstate(divide="ignore", invalid="ignore"):
        tpot = np.where(osl > 1, (last - first) / (osl - 1), np.nan)
    arrival = o.sent.arrival_s[served]
    return Latencies(ttft=first - arrival, tpot=tpot, end_to_end=last - arrival)


def spread(seconds: Floats) -> Spread | None:
    """Mean and percentiles, between ranks by a line; None where there is none."""
    known = seconds[np.isfinite(seconds)]
    if known.size == 0:
        return None
    found = np.percentile(known, list(_SHARES.values()))
    return Spread(mean=float(known.mean()), **dict(zip(_SHARES, map(float, found), strict=True)))


def goodput(found: Latencies, targets: dict[str, float], requests: int) -> float | None:
    """Share of all requests that meet each target [1]; a request that is refused meets none."""
    if not targets:
        return None
    met = np.ones(found.ttft.shape, dtype=bool)
    for name, limit in targets.items():
        seconds: Floats = getattr(found, name)
        # a request without a second token misses no target of the time between tokens
        met &= ~(seconds > limit)
    return float(met.sum()) / requests


def moments(o: Outcome) -> tuple[Moment, ...]:
    """How it went over time, up to the last interval in which something ran."""
    seen, width = o.observed, float(o.observed.width_s[0])
    last = int(np.flatnonzero(seen.busy_s)[-1]) + 1 if seen.busy_s.any() else 0
    busy = np.maximum(seen.busy_s, 1e-12)
    # replicas at work at once on average; sums over replicas are wanted
    at_work = seen.busy_s / width
    return tuple(
        Moment(
            time_s=k * width,
            running=float(seen.running[k] / busy[k] * max(at_work[k], 1.0)),
            waiting=float(seen.waiting[k] / busy[k] * max(at_work[k], 1.0)),
            kv_share=float(seen.held[k] / busy[k]),
            prompt_tokens_per_s=float(seen.prompt[k] / width),
            output_tokens_per_s=float(seen.output[k] / width),
        )
        for k in range(last)
    )


def _busy(uses: Sequence[PoolUse], duration_s: float) -> float:
    """Share of the time that replicas run iterations [1]."""
    return sum(use.busy_s for use in uses) / (duration_s * sum(use.replicas for use in uses))


def simulation(
    design: Simulated, o: Outcome, *, router: str, targets: dict[str, float], notes: tuple[str, ...]
) -> Simulation:
    """The result of one run."""
    found, subject = latencies(o), design.subject
    ends = o.served.last_s[np.isfinite(o.served.last_s)]
    duration = float(ends.max() - o.sent.arrival_s[0]) if ends.size else 0.0
    ttft, end_to_end = spread(found.ttft), spread(found.end_to_end)
    if ttft is None or end_to_end is None:
        raise ValueError("no request could be served")
    served = int(ends.size)
    n = int(o.sent.arrival_s.size)
    tokens = float(o.sent.osl[np.isfinite(o.served.last_s)].sum())
    return Simulation(
        chip=subject.chip.name,
        llm=subject.llm.name,
        stack=subject.stack.name,
        label=subject.stack.estimate,
        serving=subject.context.workload.serving,
        precision=subject.precision.model_dump(),
        deployment={
            "batch": design.slots,
            **{f.name: getattr(design.layout, f.name) for f in fields(design.layout)},
        },
        router=router,
        chips=design.layout.chips,
        requests=n,
        refused=n - served,
        prefix_share=float(np.maximum(o.served.cached, 0).sum() / max(o.sent.isl.sum(), 1)),
        evictions=int(o.served.evicted.sum()),
        duration_s=duration,
        requests_per_s=served / duration,
        tokens_per_s=tokens / duration,
        utilisation=_busy(list(o.pools.values()), duration),
        pools={name: _busy([use], duration) for name, use in o.pools.items()} if len(o.pools) > 1 else {},
        room_tokens=design.room_tokens,
        ttft_s=ttft,
        tpot_s=spread(found.tpot),
        end_to_end_s=end_to_end,
        targets=targets,
        goodput=goodput(found, targets, n),
        iterations=o.iterations,
        timeline=moments(o),
        notes=notes,
    )

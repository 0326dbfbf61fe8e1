"""The fewest replicas of a design that serve a rate of requests within targets, found by simulation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from dse.decide.fleet.target import Target, missed
from dse.simulate.design import Simulated
from dse.simulate.result import Latencies, latencies
from dse.simulate.run import Outcome, run
from dse.simulate.state import Served
from dse.traffic.profile import Profile
from dse.traffic.requests import Requests
from dse.traffic.sample import sample

REQUESTS = 3_000
"""Requests of a simulation at least, so that 30 are beyond a p99."""
OF_EACH = 150
"""Requests of each replica at least."""
MOST = 32
"""Replicas that are simulated at most; of a larger fleet as many as these, at their share of the load."""
WARM_UP = 0.15
"""Share of the requests that come first and are not counted, since they find replicas empty."""
FULL = 0.98
"""Share of its capacity that a replica may be loaded with: beyond, queues grow as long as one looks."""
LIGHT = 0.02
"""Load at which no request waits, as a share of capacity."""
ROUTER = "least-loaded"


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A design with as many replicas as it needs."""

    design: Simulated
    replicas: int
    capacity: float
    """Requests a second that a replica serves where requests never end [1/s]."""
    found: Latencies
    """Latencies at the load."""
    running: float
    """Requests that run in a replica, the mean [1]."""
    simulated: int
    """Replicas that were simulated."""


@dataclass(frozen=True, kw_only=True)
class TooSlow:
    """A design that misses a target however few requests there are."""

    binds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """What a design is sized for."""

    profile: Profile
    rate: float
    """Requests a second of all replicas [1/s]."""
    targets: Sequence[Target]
    seed: int = 0

    def capacity(self, design: Simulated) -> float:
        """Requests a second of one replica that always has some waiting [1/s]."""
        together, slots = design.together, design.slots
        n = max(6 * min(slots, 256) * together, 600)
        drawn = sample(self.profile, 1.0, n=n, seed=self.seed)
        at_once = replace(drawn, arrival_s=np.zeros(n))
        done = np.sort(self._run(design, at_once, together).served.last_s)
        done = done[np.isfinite(done)]
        # the middle, where slots are neither filling nor emptying
        low, high = int(0.3 * done.size), int(0.7 * done.size)
        return float((high - low) / (done[high] - done[low])) / together

    def at(self, design: Simulated, replicas: int, rate: float) -> tuple[Latencies, Outcome, int]:
        """Latencies of requests at a rate over some replicas, without those that come first."""
        some = min(replicas, max(MOST // design.together, 1) * design.together)
        share = some / replicas
        n = max(REQUESTS, OF_EACH * some)
        drawn = sample(self.profile, rate * share, n=n, seed=self.seed)
        outcome = self._run(design, drawn, some)
        late = int(WARM_UP * n)
        counted = replace(
            outcome,
            sent=outcome.sent._replace(
                arrival_s=outcome.sent.arrival_s[late:],
                isl=outcome.sent.isl[late:],
                osl=outcome.sent.osl[late:],
            ),
            served=Served(**{name: a[late:] for name, a in outcome.served._asdict().items()}),
        )
        return latencies(counted), outcome, some

    def _run(self, design: Simulated, requests: Requests, replicas: int) -> Outcome:
        layout = replace(design.layout, dp=replicas)
        return run(replace(design, layout=layout), requests, router=ROUTER)

    def least(self, design: Simulated, capacity: float) -> int:
        """Replicas that carry the load at all, whole groups of those that step together."""
        return ceil(self.rate / (FULL * capacity * design.together)) * design.together

    def size(self, design: Simulated, capacity: float) -> Sized | TooSlow:
        """The fewest replicas that meet the targets: twice as many until they do, then halves of the gap."""
        light = self.at(design, design.together, LIGHT * capacity * design.together)[0]
        if slow := missed(self.targets, light):
            return TooSlow(binds=slow)
        group = design.together
        low, high = self.least(design, capacity) - group, self.least(design, capacity)
        found = self._sized(design, capacity, high)
        while found is None:
            low, high = high, high + max(ceil(0.15 * high / group), 1) * group
            found = self._sized(design, capacity, high)
        # `low` misses, `high` meets them
        while high - low > group:
            middle = (low + high) // 2 // group * group
            better = self._sized(design, capacity, middle)
            low, high, found = (low, middle, better) if better else (middle, high, found)
        return found

    def _sized(self, design: Simulated, capacity: float, replicas: int) -> Sized | None:
        """The design with so many replicas; None where a target is missed."""
        found, outcome, some = self.at(design, replicas, self.rate)
        if missed(self.targets, found):
            return None
        seen = outcome.observed
        span = float(outcome.served.last_s[np.isfinite(outcome.served.last_s)].max())
        return Sized(
            design=design,
            replicas=replicas,
            capacity=capacity,
            found=found,
            running=float(seen.running.sum()) / (span * some),
            simulated=some,
        )

    def binds(self, sized: Sized) -> tuple[str, ...]:
        """What one replica, or one group, less would miss."""
        fewer = sized.replicas - sized.design.together
        if fewer * sized.capacity * FULL < self.rate:
            return ("throughput",)
        return missed(self.targets, self.at(sized.design, fewer, self.rate)[0]) or ("throughput",)

"""An event simulation of two pools: jobs that circulate, layers that send what is done, random arrivals.

It knows times of stations as numbers and nothing of the equations that it is held against.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from simulation.events import Line, lengths


@dataclass(frozen=True)
class Stop:
    """One visit of a job to a station, which serves one job at a time in the order in which they come."""

    station: str
    busy_s: float
    delay_s: float = 0.0
    """Time on the way to the next stop that keeps no station busy [s]."""


@dataclass(frozen=True)
class Circled:
    """What jobs that circulate come to."""

    turn_s: float
    """Of one job through all its stops, on average [s]."""
    first_s: float
    """When all jobs have made their first turn, from a start at rest [s]."""
    busy: dict[str, float]
    """Share of the time that each station serves [1]."""


def circulate(stops: Sequence[Stop], jobs: int, turns: int = 120) -> Circled:
    """Jobs make turns through the stops, as many as there are, all at the first stop at the start."""
    free = dict.fromkeys((stop.station for stop in stops), 0.0)
    served: dict[str, list[tuple[float, float]]] = {name: [] for name in free}
    ends: list[list[float]] = [[] for _ in range(jobs)]
    # who came first is served first: the second number tells those of one moment apart
    coming = [(0.0, j, j, 0) for j in range(jobs)]
    count = jobs
    while min(len(e) for e in ends) < turns:
        at, _, job, place = heapq.heappop(coming)
        if place == len(stops):
            ends[job].append(at)
            place = 0
        stop = stops[place]
        free[stop.station] = max(at, free[stop.station]) + stop.busy_s
        served[stop.station].append((free[stop.station], stop.busy_s))
        heapq.heappush(coming, (free[stop.station] + stop.delay_s, count, job, place + 1))
        count += 1
    half = turns // 2
    since, until = ends[0][half - 1], ends[0][turns - 1]
    busy = {
        name: sum(took for end, took in all_of if since < end <= until) / (until - since)
        for name, all_of in served.items()
    }
    return Circled(turn_s=(until - since) / (turns - half), first_s=max(e[0] for e in ends), busy=busy)


def last_layer_arrives(layers: int, prefill_s: float, bytes_s: float, latency_s: float) -> float:
    """Seconds from the end of a prefill to the last byte of its KV cache, each layer sent when computed."""
    link = 0.0
    for layer in range(1, layers + 1):
        link = max(link, prefill_s * layer / layers) + bytes_s / layers
    return link + latency_s - prefill_s


@dataclass(frozen=True)
class Served:
    """Means of two pools with random arrivals."""

    prefill_busy: float
    """Share of the time that the slowest stage of a prefill replica works [1]."""
    wait_s: float
    """Of a prompt before its prefill [s]."""
    slots_held: float
    """Decode slots that are held, on average [1]."""


def by_chance_through_pools(
    *, requests_per_s: float, prefillers: int, stages: int, stage_s: float, exposed_s: float,
    slots: int, step_s: float, turns: int, requests: int = 40_000,
) -> Served:  # fmt: skip
    """Random (Poisson) arrivals to the line that is free first, then to a slot of the other pool."""
    rng = np.random.default_rng(5)
    length = lengths(turns, 5)
    lines, free = [Line(stages) for _ in range(prefillers)], [0.0] * slots
    at = waited = busy = held = 0.0
    for _ in range(requests):
        at += rng.exponential(1.0 / requests_per_s)
        line = min(lines, key=lambda one: one.free[0])
        waited += max(float(line.free[0]) - at, 0.0)
        done = line.passes(at, stage_s)
        busy += stage_s
        # the slot is taken when the prompt is done, and KV cache travels into it
        start = max(done, heapq.heappop(free))
        stay = exposed_s + next(length) * step_s
        held += stay
        heapq.heappush(free, start + stay)
    return Served(prefill_busy=busy / (prefillers * at), wait_s=waited / requests, slots_held=held / at)

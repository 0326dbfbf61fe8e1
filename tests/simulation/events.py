"""An event simulation of serving: stages as servers, prompts, chunks and micro-batches as jobs.

It knows stage times as numbers and nothing of the equations that it is held against. All stages take the
same time for one job, serve jobs in the order in which they come to the first one, and one at a time.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Seen:
    """Means of a run."""

    tokens_per_s: float
    tpot_s: float
    ttft_s: float
    """From the moment at which a slot is free for a request to the end of its prompt [s]."""


class Line:
    """Stages in a row; a job leaves one when it is done there and the next is free."""

    def __init__(self, stages: int) -> None:
        self._up = np.arange(stages, dtype=float)
        self.free = np.zeros(stages)

    def passes(self, ready: float, stage_s: float) -> float:
        """Send a job through all stages; when it leaves the last one."""
        # leaves stage j at the latest, over i <= j, of the moment that i is free + (j - i + 1) of its stages
        starts = self.free - self._up * stage_s
        starts[0] = max(starts[0], ready)
        self.free = np.maximum.accumulate(starts) + (self._up + 1.0) * stage_s
        return float(self.free[-1])


def lengths(mean: int, seed: int) -> Iterator[int]:
    """Output lengths of the given mean, exponentially distributed; every 64 of them have it exactly."""
    rng = np.random.default_rng(seed)
    some = -np.log(1.0 - (np.arange(64) + 0.5) / 64) * mean
    some = np.maximum(np.round(some * mean / some.mean()), 1.0)
    while True:
        yield from (int(x) for x in rng.permutation(some))


@dataclass
class Slots:
    """Closed loop: each of B slots has its next request at once; a micro-batch is a fixed set of slots."""

    slots: int
    stages: int
    turns: int
    seed: int = 1
    waiting: int = 400
    """Requests that are counted, after as many as there are slots."""
    ready: list[tuple[float, int, int]] = field(default_factory=list)
    """Passes of decode and whole prompts that want to start: when, decode after prompts, micro-batch."""

    def __post_init__(self) -> None:
        rows = -(-self.slots // self.stages)
        self.count = -(-self.slots // rows)
        self.length = lengths(self.turns, self.seed)
        self.line = Line(self.stages)
        self.left = [
            [next(self.length) for _ in range(min(rows, self.slots - i * rows))] for i in range(self.count)
        ]
        self.prefilled: list[list[float]] = [[] for _ in range(self.count)]
        self.idle: set[int] = set()
        self.ready = [(0.0, 1, i) for i in range(self.count)]
        self.done = self.tokens = 0
        self.since = (0.0, 0)
        self.first: list[float] = []
        self.now = 0.0

    def over(self) -> bool:
        """Whether enough requests are done."""
        return self.done >= self.slots + self.waiting

    def prompt_ends(self, i: int, at: float, asked: float) -> None:
        """A prompt of micro-batch `i` is done: its slot decodes with the next pass."""
        heapq.heappush(self.prefilled[i], at)
        if self.done >= self.slots:
            self.first.append(at - asked)
        if i in self.idle:
            self.idle.discard(i)
            heapq.heappush(self.ready, (at, 1, i))

    def joins(self, i: int, at: float) -> bool:
        """Slots whose prompts are done join micro-batch `i`; whether it has anything to decode."""
        while self.prefilled[i] and self.prefilled[i][0] <= at:
            heapq.heappop(self.prefilled[i])
            self.left[i].append(next(self.length))
        if self.left[i]:
            return True
        if self.prefilled[i]:
            heapq.heappush(self.ready, (self.prefilled[i][0], 1, i))
        else:
            self.idle.add(i)
        return False

    def decodes(self, i: int, at: float, stage_s: float) -> tuple[float, int]:
        """A pass of micro-batch `i`; when it ends, and how many of its requests do."""
        self.now = out = self.line.passes(at, stage_s)
        self.tokens += len(self.left[i])
        going = [n - 1 for n in self.left[i] if n > 1]
        ended, self.left[i] = len(self.left[i]) - len(going), going
        for _ in range(ended):
            self.done += 1
            if self.done == self.slots:
                self.since = (out, self.tokens)
        heapq.heappush(self.ready, (out, 1, i))
        return out, ended

    def seen(self) -> Seen:
        """The means since as many requests were done as there are slots."""
        rate = (self.tokens - self.since[1]) / (self.now - self.since[0])
        first = float(np.mean(self.first))
        # slots that do not wait for their prompt decode
        return Seen(tokens_per_s=rate, tpot_s=self.slots / rate - first / self.turns, ttft_s=first)


def whole_prompts(
    *, stages: int, slots: int, turns: int, pass_s: float, prompt_s: float, requests: int = 400
) -> Seen:
    """Prompts and passes of decode in one line, in the order in which they come."""
    s = Slots(slots, stages, turns, waiting=requests)
    while not s.over():
        at, decode, i = heapq.heappop(s.ready)
        if not decode:
            s.prompt_ends(i, s.line.passes(at, prompt_s), at)
        elif s.joins(i, at):
            out, ended = s.decodes(i, at, pass_s)
            for _ in range(ended):
                heapq.heappush(s.ready, (out, 0, i))
    return s.seen()


def in_chunks(
    *, stages: int, slots: int, turns: int, pass_s: float, mixed_s: float, chunk_s: float, pieces: int,
    requests: int = 400,
) -> Seen:  # fmt: skip
    """A chunk rides with the next pass of decode, and goes by itself where none comes meanwhile."""
    s = Slots(slots, stages, turns, waiting=requests)
    queue: list[list[float]] = []  # asked, pieces left, micro-batch; the oldest first

    def served(out: float) -> None:
        queue[0][1] -= 1
        if queue[0][1] == 0:
            asked, _, i = queue.pop(0)
            s.prompt_ends(int(i), out, asked)

    while not s.over():
        ready = s.ready[0][0] if s.ready else np.inf
        if queue:
            start = max(s.line.free[0], queue[0][0])
            if start + chunk_s <= ready:
                served(s.line.passes(queue[0][0], chunk_s))
                continue
        at, _, i = heapq.heappop(s.ready)
        if not s.joins(i, at):
            continue
        rides = bool(queue) and queue[0][0] <= max(at, s.line.free[0])
        out, ended = s.decodes(i, at, mixed_s if rides else pass_s)
        if rides:
            served(out)
        queue += [[out, pieces, i] for _ in range(ended)]
    return s.seen()


def two_pools(
    *, stages: int, slots: int, decoders: int, prefillers: int, turns: int, pass_s: float, prompt_s: float,
    transfer_s: float, spare: int, requests: int = 2000,
) -> tuple[Seen, float]:  # fmt: skip
    """Prompts go to the prefill line that is free first, and their KV cache into a slot of the other pool.

    `spare` requests more than slots are under way. Also the share of the time that prefill is busy.
    """
    turn_s = max(stages, min(slots, stages)) * pass_s
    length = lengths(turns, 1)
    pools = [Line(stages) for _ in range(prefillers)]
    free = [0.0] * (decoders * slots)
    asked = [(0.0, i) for i in range(len(free) + spare)]
    busy = tokens = first = 0.0
    since, start, n, held = 0.0, 0.0, 0, 0.0
    while n < len(free) + spare + requests:
        at, who = heapq.heappop(asked)
        pool = min(pools, key=lambda p: p.free[0])
        filled = pool.passes(at, prompt_s)
        start = max(filled, heapq.heappop(free))
        size = next(length)
        end = start + transfer_s + size * turn_s
        heapq.heappush(free, end)
        heapq.heappush(asked, (end, who))
        n += 1
        if n == len(free) + spare:
            since = start
        elif n > len(free) + spare:
            busy, tokens, first, held = (
                busy + prompt_s,
                tokens + size,
                first + filled - at,
                held + size * turn_s,
            )
    time = start - since
    seen = Seen(tokens_per_s=tokens / time, tpot_s=held / tokens, ttft_s=first / requests + transfer_s)
    return seen, busy / (prefillers * time)


def by_chance(
    *, turns: int, pass_s: float, prompt_s: float, requests_per_s: float, requests: int = 4000, seed: int = 1
) -> float:
    """Mean TTFT of one stage with random (Poisson) arrivals, prompts first, slots without end [s]."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1.0 / requests_per_s, requests))
    length = lengths(turns, seed)
    now, i, first, going = 0.0, 0, 0.0, list[int]()
    while i < requests:
        if not going and arrivals[i] > now:
            now = arrivals[i]
        if arrivals[i] <= now:
            now += prompt_s
            first += now - arrivals[i]
            going.append(next(length))
            i += 1
        else:
            now += pass_s
            going = [n - 1 for n in going if n > 1]
    return float(first / requests)

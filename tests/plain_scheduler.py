"""Continuous batching a second time, in plain lists and dictionaries: slow, and easy to read.

It shares nothing with the simulation that it is held against but the seconds of an iteration, which it takes
as a function.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Seconds = Callable[[int, float, int, float], float]
"""Of sequences that decode, their mean context, tokens of prompts, tokens that each of these sees."""


@dataclass
class Request:
    arrival: float
    isl: int
    osl: int
    known: int = 0
    """Tokens whose KV cache is there."""
    out: int = 0
    first: float = -1.0
    last: float = -1.0
    evictions: int = 0
    decodes: bool = False
    """Whether its prompt is there, so that a step gives a token."""

    @property
    def wanted(self) -> int:
        """Tokens that must be known before the next one comes out."""
        return self.isl + self.out

    def blocks(self, more: int = 0) -> int:
        return -(-(self.known + more) // 16)


def chunked(requests: list[Request], seconds: Seconds, *, slots: int, budget: int, room: int) -> None:
    """One replica that mixes chunks of prompts into steps of decode; `room` is in blocks of 16 tokens."""
    coming, waiting, running = deque(requests), deque[Request](), list[Request]()
    now = 0.0
    while coming or waiting or running:
        if not waiting and not running:
            now = max(now, coming[0].arrival)
        while coming and coming[0].arrival <= now:
            waiting.append(coming.popleft())
        left, evicted, chosen = budget, False, list[tuple[Request, int, bool]]()
        k = 0
        while k < len(running):
            one = running[k]
            prompt = not one.decodes
            tokens = min(one.wanted - one.known, left) if prompt else 1
            if tokens:
                while (
                    sum(r.blocks() for r in running[k + 1 :]) + _planned(chosen) + one.blocks(tokens) > room
                ):
                    victim = running.pop()
                    victim.known, victim.decodes, evicted = 0, False, True
                    victim.evictions += 1
                    waiting.appendleft(victim)
                    if victim is one:
                        break
                if one in running:
                    chosen.append((one, tokens, prompt))
                    left -= tokens
            elif one in running:
                chosen.append((one, 0, True))
            k += 1
        while not evicted and waiting and len(running) < slots and left > 0:
            one = waiting[0]
            if _planned(chosen) + -(-one.wanted // 16) > room:
                break
            waiting.popleft()
            running.append(one)
            tokens = min(one.wanted, left)
            chosen.append((one, tokens, True))
            left -= tokens
        steps = [r for r, n, prompt in chosen if n and not prompt]
        chunks = [(r, n) for r, n, prompt in chosen if n and prompt]
        tokens = sum(n for _, n in chunks)
        context = sum(r.known + 1 for r in steps) / len(steps) if steps else 0.0
        sees = sum(n * (r.known + n / 2) for r, n in chunks) / tokens if tokens else 0.0
        now += seconds(len(steps), context, tokens, sees)
        for one, n, prompt in chosen:
            one.known += n
            if n and (not prompt or one.known >= one.wanted):
                one.out, one.decodes = one.out + 1, True
                if one.out == 1:
                    one.first = now
                if one.out == one.osl:
                    one.last = now
                    running.remove(one)


def _planned(chosen: list[tuple[Request, int, bool]]) -> int:
    return sum(r.blocks(n) for r, n, _ in chosen)

"""Requests drawn from traffic, the same ones for the same seed."""

from math import isfinite
from typing import Final

import numpy as np

from dse.errors import spec_error
from dse.traffic.profile import Profile, rate_of
from dse.traffic.requests import PrefixBlocks, Requests

MOST: Final = 50_000_000
"""Requests that are drawn at once; each takes 24 bytes and more."""


def sample(
    traffic: Profile,
    rate: float | None = None,
    *,
    n: int | None = None,
    duration_s: float | None = None,
    seed: int = 0,
) -> Requests:
    """Requests at a rate [1/s], `n` of them or those of a time from midnight on; raises `SpecError`.

    Left out, the rate is that of the traffic. Where arrivals and lengths are those of one trace, its requests
    are sent as they are, with their blocks of prefixes, at gaps that the rate scales; after its end they come
    again, with new prefixes.
    """
    found = rate_of(traffic, rate)
    if (n is None) == (duration_s is None):
        raise spec_error("", f"expected either n or duration_s, got {'neither' if n is None else 'both'}")
    if n is not None and not 1 <= n <= MOST:
        raise spec_error("", f"n: expected 1 to {MOST:,} requests, got {n:,}")
    if duration_s is not None and not (isfinite(duration_s) and 0 < duration_s * found <= MOST / 2):
        most = MOST / 2 / found
        raise spec_error(
            "", f"duration_s: expected more than 0 s and at most {most:,.0f} s, got {duration_s:g}"
        )
    # streams of their own: other lengths at the same times, and the same lengths at other times
    times, lengths = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    if n is not None:
        arrival = traffic.arrivals.first(n, found, times)
    else:
        arrival = traffic.arrivals.until(duration_s or 0.0, found, times)
    if traffic.trace is not None:
        return _again(traffic.trace, arrival)
    isl, osl = traffic.lengths.draw(arrival.size, lengths)
    return Requests(arrival_s=arrival, isl=isl, osl=osl)


def _again(trace: Requests, arrival: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Requests:
    """The requests of a trace in their order, as often as there are arrivals for."""
    passes, rows = np.divmod(np.arange(arrival.size), trace.isl.size)
    blocks = None
    if trace.blocks is not None:
        of, starts = trace.blocks, trace.blocks.starts
        count = np.diff(starts)[rows]
        ends = np.cumsum(count)
        # place of each id in the trace: its place in its request, and where that begins there
        place = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - count, count)
        ids = of.ids[place + np.repeat(starts[rows], count)]
        # a second pass over a trace would find all of its own prompts
        apart = int(np.ptp(of.ids)) + 1 if of.ids.size else 0
        blocks = PrefixBlocks(
            ids=ids + np.repeat(passes, count) * apart,
            starts=np.concatenate([[0], ends]).astype(np.int64),
            tokens=of.tokens,
        )
    return Requests(arrival_s=arrival, isl=trace.isl[rows], osl=trace.osl[rows], blocks=blocks)

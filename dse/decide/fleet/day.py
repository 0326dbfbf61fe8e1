"""Replicas hour by hour: as many as the load of each hour needs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from dse.decide.fleet.dollars import MONTH_S, dollars
from dse.decide.fleet.sizing import Sized, Sizing

LEVELS = 8
"""Levels of load that are sized; an hour gets the replicas of the next level above it."""
_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Day:
    """A fleet that follows the load over the day."""

    replicas: tuple[int, ...]
    """In each hour from midnight on, spare ones among them."""
    per_month: float
    """What they cost [USD], where replicas that are switched off cost nothing."""
    rate: float
    """Requests a second, the mean over the day [1/s]."""


def day(sized: Sized, sizing: Sizing, hours: Sequence[float], spare: int) -> Day:
    """The same design with as many replicas each hour as it needs; the rate of `sizing` is that of the peak.

    Args:
        sized: the design at the peak.
        sizing: what it is sized for.
        hours: relative rate of each hour.
        spare: replicas beyond those that are needed, in every hour.

    Returns:
        Replicas by hour, and dollars.
    """
    peak = max(hours)
    level = [max(ceil(hour / peak * LEVELS - 1e-9), 1) for hour in hours]
    replicas: dict[int, int] = {LEVELS: sized.replicas}
    usd: dict[int, float] = {}
    for each in sorted(set(level)):
        there = replace(sizing, rate=sizing.rate * each / LEVELS)
        found = sized if each == LEVELS else there.size(sized.design, sized.capacity)
        if isinstance(found, Sized):
            replicas[each] = found.replicas
        count = replicas.get(each, sized.replicas) + spare
        running = (found if isinstance(found, Sized) else sized).running
        usd[each] = dollars(sized.design, count, running, there.rate).per_hour
    return Day(
        replicas=tuple(replicas.get(each, sized.replicas) + spare for each in level),
        per_month=sum(usd[each] for each in level) / len(hours) * MONTH_S / _HOUR_S,
        rate=sizing.rate * sum(hours) / len(hours) / peak,
    )

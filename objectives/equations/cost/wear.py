"""Memories that wear: writes in the life of a system against those that each byte sustains."""

from collections.abc import Mapping

from objectives.api import Chips, Economy, Workload
from objectives.arrays import Array, inverse, where
from objectives.memories import MEMORIES

SECONDS_OF_A_DAY = 86400.0


def wear_excess(
    chips: Chips, workload: Workload, economy: Economy, written_per_s: Mapping[str, Array]
) -> dict[str, Array]:
    """Writes of a byte in the life of a system beyond what it sustains, by memory [1]; feasible where <= 0.

    weight updates a day x days of its life + bytes written a second x seconds of it / bytes - endurance.

    Args:
        chips: chips, for the endurance of their memories.
        workload: how often weights are replaced in a day.
        economy: life of the system.
        written_per_s: what else is written on each chip, prefixes of prompts, by memory [B/s].

    Returns:
        Excess by name of a constraint; empty where nothing wears. ROM sustains no update at all.

    Domain:
        All bytes are written in turn, as controllers level wear; the time of writing is not counted.

    Limits:
        Never above 0 where nothing is written.

    Source:
        By definition of endurance.

    Examples:
        By hand: two updates a day for 1,000 days against 3,000 writes.

        >>> from types import SimpleNamespace
        >>> from objectives.chips import Memory
        >>> flash = Memory(name="flash", bytes=1e12, bandwidth=1e12, w=40.0, endurance=3000.0)
        >>> chips, life = SimpleNamespace(further=(flash,)), SimpleNamespace(lifetime_s=1000 * 86400.0)
        >>> wear_excess(chips, SimpleNamespace(weight_updates=2.0), life, {})
        {'flash_wear': -1000.0}

        A terabyte of prefixes each day besides is one more write of each byte a day.

        >>> wear_excess(chips, SimpleNamespace(weight_updates=2.0), life, {"flash": 1e12 / 86400.0})
        {'flash_wear': 0.0}
    """
    writes = workload.weight_updates * (economy.lifetime_s / SECONDS_OF_A_DAY)
    found = {}
    for m in chips.further:
        most = 0.0 if MEMORIES[m.name].fixed else m.endurance
        if most is None:
            continue
        own = writes
        if (rate := written_per_s.get(m.name)) is not None:
            own = writes + rate * economy.lifetime_s * inverse(m.bytes)
        found[f"{m.name}_wear"] = where(m.bytes > 0.0, own - most, 0.0 * m.bytes)
    return found

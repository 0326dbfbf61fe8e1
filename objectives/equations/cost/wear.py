"""Memories that wear: writes in the life of a system against those that each byte sustains."""

from objectives.api import Chips, Economy, Workload
from objectives.arrays import Array, where
from objectives.memories import MEMORIES

SECONDS_OF_A_DAY = 86400.0


def wear_excess(chips: Chips, workload: Workload, economy: Economy) -> dict[str, Array]:
    """Writes of a byte in the life of a system beyond what it sustains, by memory [1]; feasible where <= 0.

    weight updates a day x days of its life - endurance.

    Args:
        chips: chips, for the endurance of their memories.
        workload: how often weights are replaced in a day.
        economy: life of the system.

    Returns:
        Excess by name of a constraint; empty where nothing wears. ROM sustains no update at all.

    Domain:
        All bytes are written in turn, as controllers level wear; the time of writing is not counted.

    Limits:
        Never above 0 where weights are never replaced.

    Source:
        By definition of endurance.

    Examples:
        By hand: two updates a day for 1,000 days against 3,000 writes.

        >>> from types import SimpleNamespace
        >>> from objectives.chips import Memory
        >>> flash = Memory(name="flash", bytes=1e12, bandwidth=1e12, w=40.0, endurance=3000.0)
        >>> wear_excess(SimpleNamespace(further=(flash,)), SimpleNamespace(weight_updates=2.0),
        ...             SimpleNamespace(lifetime_s=1000 * 86400.0))
        {'flash_wear': -1000.0}
    """
    writes = workload.weight_updates * (economy.lifetime_s / SECONDS_OF_A_DAY)
    found = {}
    for m in chips.further:
        most = 0.0 if MEMORIES[m.name].fixed else m.endurance
        if most is not None:
            found[f"{m.name}_wear"] = where(m.bytes > 0.0, writes - most, 0.0 * m.bytes)
    return found

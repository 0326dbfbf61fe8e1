"""Joules of a token: what the chips draw at rest, what its work costs, what servers and buildings add."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

from objectives.api import Chips, Economy
from objectives.arrays import Array
from objectives.equations.chip.operator_time import Group
from objectives.equations.chip.placement import inverse


@dataclass(frozen=True, kw_only=True)
class Busy:
    """Chip-seconds at the full rate of each resource [s]; sums and multiples of it are work as well."""

    compute: Array
    sram: Array
    dram: Array
    link: Array

    def times(self, factor: Array) -> "Busy":
        """As much work `factor` times."""
        return Busy(
            compute=self.compute * factor, sram=self.sram * factor, dram=self.dram * factor,
            link=self.link * factor,
        )  # fmt: skip

    def plus(self, other: "Busy") -> "Busy":
        """Both together."""
        return Busy(
            compute=self.compute + other.compute, sram=self.sram + other.sram, dram=self.dram + other.dram,
            link=self.link + other.link,
        )  # fmt: skip


def busy(
    chips: Chips, matrices: Iterable[tuple[Group, float]], cores: Iterable[tuple[Group, float]], sent: Array
) -> Busy:  # fmt: skip
    """Work of one pass on one chip [s]: what its groups take, were every resource sustained at its full rate.

    Parameters: groups of weight matrices and of attention cores, each with how often it runs; bytes that the
    chip sends in collectives [B].
    Domain: waiting, overheads and latencies are no work.
    """
    kinds = (
        (matrices, chips.compute_efficiency, chips.dram_efficiency),
        (cores, chips.core_efficiency, chips.kv_efficiency),
    )
    taken = [
        (
            group.compute * (times * sustained),
            group.sram * (times * chips.sram_efficiency),
            group.dram * (times * read),
        )
        for groups, sustained, read in kinds
        for group, times in groups
    ]
    compute, sram, dram = (reduce(add, resource) for resource in zip(*taken, strict=True))
    return Busy(compute=compute, sram=sram, dram=dram, link=sent * inverse(chips.link_bandwidth))


def drawn_per_token(
    chips: Chips, busy: Busy | None, count: Array, tokens_per_s: Array, economy: Economy, optics_w: Array
) -> dict[str, Array]:
    """Energy that chips draw for each output token by part [J], broadcast shape.

    Maths: static = n P_static / (u X), optics likewise; each resource: seconds at full rate for one token x
    its power.
    Parameters: work of one output token, None where a cost model does not count it and chips draw their board
    power all the time; chips n [1]; throughput X [token/s]; optics of one chip [W]. In the hours that are not
    used, u of all, chips rest.
    Domain: no sleep states, no clocks that follow the load; energy beyond the scale-up domain is not counted.
    Limits: at least what chips at rest draw; the work does not depend on how fast it is done.
    """
    each = 1.0 / tokens_per_s
    if busy is None:
        parts = {"busy": count * chips.power_w * each}
    else:
        parts = {
            "static": count * (chips.static_w / economy.utilisation) * each,
            "compute": busy.compute * chips.compute_w,
            "sram": busy.sram * chips.sram_w,
            "dram": busy.dram * chips.dram_w,
            "link": busy.link * chips.link_w,
        }
    return {**parts, "optics": count * (optics_w / economy.utilisation) * each}


def metered(economy: Economy, drawn: Array) -> Array:
    """Energy at the meter [J] of what chips draw [J]: x overhead of servers x PUE of the building."""
    return drawn * (economy.power_overhead * economy.pue)


def metered_parts(economy: Economy, drawn: dict[str, Array]) -> dict[str, Array]:
    """The same by part [J]; they sum to it.

    server: what chips draw x (overhead - 1); building: what servers draw x (PUE - 1).
    """
    chips = reduce(add, drawn.values())
    return {
        **drawn,
        "server": chips * (economy.power_overhead - 1.0),
        "building": chips * (economy.power_overhead * (economy.pue - 1.0)),
    }

"""Joules of a token: what the chips draw at rest, what its work costs, what servers and buildings add."""

from collections.abc import Iterable
from dataclasses import dataclass

from objectives.api import Chips, Economy
from objectives.arrays import Array
from objectives.equations.placement import inverse
from objectives.equations.roofline import Group


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
    chips: Chips, matrices: Iterable[tuple[Group, float]], cores: Iterable[tuple[Group, float]], sent: Array,
    streamed: Array,
) -> Busy:  # fmt: skip
    """Work of one pass on one chip [s]: what its groups take, were every resource sustained at its full rate.

    Parameters: groups of weight matrices and of attention cores, each with how often it runs; bytes that the
    chip sends in collectives [B]; seconds that activations stream through DRAM between the groups [s].
    Domain: waiting, overheads and latencies are no work.
    """
    nothing = 0.0 * sent
    compute, sram, dram = nothing, nothing, streamed * chips.dram_efficiency
    for groups, sustained, read in (
        (matrices, chips.compute_efficiency, chips.dram_efficiency),
        (cores, chips.core_efficiency, chips.kv_efficiency),
    ):
        for group, times in groups:
            compute = compute + group.compute * (times * sustained)
            sram = sram + group.sram * (times * chips.sram_efficiency)
            dram = dram + group.dram * (times * read)
    return Busy(compute=compute, sram=sram, dram=dram, link=sent * inverse(chips.link_bandwidth))


def energy_per_token(
    chips: Chips, busy: Busy | None, count: Array, tokens_per_s: Array, economy: Economy, optics_w: Array
) -> dict[str, Array]:
    """Energy at the meter for each output token by part [J], broadcast shape; the sum is the total.

    Maths: static = n P_static / (u X), optics likewise; each resource: seconds at full rate for one token x
    its power; server: all of these x (overhead - 1); building: what servers draw x (PUE - 1).
    Parameters: work of one output token, None where a cost model does not count it and chips draw their board
    power all the time; chips n [1]; throughput X [token/s]; optics of one chip [W]. In the hours that are not
    used, u of all, chips rest.
    Domain: no sleep states, no clocks that follow the load; energy beyond the scale-up domain is not counted.
    Limits: at least what chips at rest draw; the work does not depend on how fast it is done.
    """
    each = 1.0 / tokens_per_s
    optics = count * optics_w * (each / economy.utilisation)
    if busy is None:
        parts = {"busy": count * chips.power_w * each}
    else:
        parts = {
            "static": count * chips.static_w * (each / economy.utilisation),
            "compute": busy.compute * chips.compute_w,
            "sram": busy.sram * chips.sram_w,
            "dram": busy.dram * chips.dram_w,
            "link": busy.link * chips.link_w,
        }
    parts["optics"] = optics + 0.0 * each
    drawn = sum(parts.values())
    served = drawn * economy.power_overhead
    return {**parts, "server": served - drawn, "building": served * (economy.pue - 1.0)}

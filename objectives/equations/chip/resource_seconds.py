"""How long one chip keeps each of its resources at full rate: what energy is counted from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from objectives.api import Chips
from objectives.arrays import Array, inverse
from objectives.equations.chip.memory_streams import plus, times
from objectives.equations.chip.operator_time import OperatorTime
from objectives.memories import MEMORIES


@dataclass(frozen=True, kw_only=True)
class ResourceSeconds:
    """Chip-seconds at the full rate of each resource [s]; sums and multiples of it are such seconds too."""

    compute_s: Array
    sram_s: Array
    dram_s: Array
    link_s: Array
    further_s: Mapping[str, Array] | None = None
    """Of memories beyond SRAM and DRAM, by name; None for chips without such."""

    def times(self, factor: Array) -> "ResourceSeconds":
        """`factor` times as much."""
        return ResourceSeconds(
            compute_s=self.compute_s * factor,
            sram_s=self.sram_s * factor,
            dram_s=self.dram_s * factor,
            link_s=self.link_s * factor,
            further_s=times(self.further_s, factor),
        )

    def plus(self, other: "ResourceSeconds") -> "ResourceSeconds":
        """Both together."""
        return ResourceSeconds(
            compute_s=self.compute_s + other.compute_s,
            sram_s=self.sram_s + other.sram_s,
            dram_s=self.dram_s + other.dram_s,
            link_s=self.link_s + other.link_s,
            further_s=plus(self.further_s, other.further_s),
        )


Repeated = Iterable[tuple[OperatorTime, float]]
"""Operators, each with how often it runs."""


def resource_seconds(
    chips: Chips,
    matrices: Repeated,
    experts: Repeated,
    cores: Repeated,
    core_efficiency: Array,
    sent_bytes: Array,
) -> ResourceSeconds:
    """What operators take of every resource of one chip, were it sustained at its full rate [chip-second].

    Seconds of the operator x the share of the full rate that it sustains; bytes over link bandwidth.

    Args:
        chips: chips, for efficiencies and link bandwidth.
        matrices: operators of weight matrices, each with how often it runs.
        experts: operators of routed experts likewise.
        cores: attention cores likewise.
        core_efficiency: share of the matrix peak that these sustain [1].
        sent_bytes: what the chip sends in collectives [B].

    Returns:
        Seconds by resource, shapes broadcast [s].

    Domain:
        Waiting, overheads and latencies keep no resource busy.

    Limits:
        0 for operators that take no time.

    Source:
        Utilisation law, Lazowska et al., Quantitative System Performance (1984), section 3.2.

    Examples:
        By hand: 4 layers of 2 s of DRAM at half of its bandwidth are 4 s at full rate.

        >>> from objectives.chips import chips_with
        >>> chip = chips_with(compute_efficiency=1.0, sram_efficiency=1.0, expert_efficiency=1.0,
        ...                        dram_efficiency=0.5, kv_efficiency=1.0, link_bandwidth=1.0)
        >>> read = OperatorTime(compute_s=1.0, sram_s=0.0, dram_s=2.0)
        >>> resource_seconds(chip, [(read, 4.0)], [], [], 1.0, 0.0).dram_s
        4.0
    """
    # KV cache streams at a sustained share of its own, so attention cores are counted apart from weights
    kinds = (
        (matrices, chips.stack.compute_efficiency, chips.stack.dram_efficiency),
        # grouped products stream at a share of what one matrix does
        (
            experts,
            chips.stack.compute_efficiency,
            chips.stack.dram_efficiency * chips.stack.expert_efficiency,
        ),
        (cores, core_efficiency, chips.stack.kv_efficiency),
    )
    taken = [
        (
            # numbers and columns of the chips first: only one product is as large as the whole grid
            operator.compute_s * (n * sustained),
            operator.sram_s * (n * chips.stack.sram_efficiency),
            operator.dram_s * (n * read),
        )
        for operators, sustained, read in kinds
        for operator, n in operators
    ]
    compute, sram, dram = (reduce(add, resource) for resource in zip(*taken, strict=True))
    # at the raw link bandwidth: energy is paid for bytes, not for the time that efficiency loses
    link = sent_bytes * inverse(chips.links.link_bandwidth)
    further = None
    for operators, _, read in kinds:
        for operator, n in operators:
            further = plus(further, _at_full_rate(chips, operator, n, read))
    return ResourceSeconds(compute_s=compute, sram_s=sram, dram_s=dram, link_s=link, further_s=further)


def _at_full_rate(chips: Chips, operator: OperatorTime, n: float, read: Array) -> dict[str, Array] | None:
    """Seconds of further memories at their full rate [s]."""
    if operator.further_s is None:
        return None
    sustained = {"sram": chips.stack.sram_efficiency, "dram": read}
    return {m: s * (n * sustained[MEMORIES[m].like]) for m, s in operator.further_s.items()}

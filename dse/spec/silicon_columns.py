"""Silicon of a chip to the columns that cost models read: watts, violations, dollars."""

from types import MappingProxyType
from typing import Any

from dse.spec.chip import ChipSpec
from dse.spec.problems import SpecError
from dse.spec.silicon import Silicon, chip_silicon
from dse.spec.technology import TechnologySpec
from objectives.arrays import Array, namespace

WATTS = ("static_w", "compute_w", "sram_w", "dram_w", "link_w")
ONE_DIE = MappingProxyType({"dies": 1.0, "die_bandwidth": 0.0, "die_latency": 0.0})
EXCESS = ("area_excess_m2", "dram_stacks_excess", "link_excess", "cooling_excess_w")


def watt_columns(made: Silicon) -> dict[str, Array]:
    """Power at rest and of each resource at full rate [W]; what joins dies works for DRAM, else for links."""
    full = made.full_power
    joining = full["die_to_die"]
    for_dram = namespace(joining).where(made.blueprint.dram_bandwidth > 0.0, joining, 0.0 * joining)
    return {
        "static_w": full["static"],
        "compute_w": full["compute"],
        "sram_w": full["sram"] + _loading(made),
        "dram_w": full["dram"] + for_dram,
        "link_w": full["link"] + (joining - for_dram),
    }


def _loading(made: Silicon) -> Array:
    """Power of the path into the matrix units, were it as wide as the SRAM [W]: bytes cost what they cost."""
    b, energy = made.blueprint, made.technology.energy
    full = b.sram_bandwidth * energy.load_joules_per_byte
    return namespace(full).where(b.weight_load + 0.0 * full > 0.0, full, 0.0 * full)


def excess_columns(made: Silicon) -> dict[str, Array]:
    """What keeps the chip from being made."""
    plan = made.plan
    return {
        "area_excess_m2": plan.area_excess_m2,
        "dram_stacks_excess": plan.stacks_excess,
        "link_excess": plan.link_excess,
        "cooling_excess_w": made.cooling_excess_w,
    }


def package_columns(made: Silicon) -> dict[str, Array]:
    """What the compute dies of a package pay to act as one chip."""
    b, layout = made.blueprint, made.technology.layout
    zero = 0.0 * (b.dies + b.dram_bandwidth + b.link_bandwidth)
    owned = (b.dram_bandwidth + b.link_bandwidth) * layout.die_to_die_share
    each = owned / b.dies if b.die_bandwidth is None else b.die_bandwidth
    return {
        "dies": zero + b.dies,
        "die_bandwidth": zero + each,
        "die_latency": zero + layout.die_to_die_hop_s,
    }


def as_made(chip: ChipSpec) -> dict[str, float]:
    """`package_columns` of a chip that exists: one die, or the two halves of a wafer, whose sums cross it."""
    across = chip.die.crossing.value if chip.die.wafer_scale and chip.die.crossing else None
    return dict(ONE_DIE) if across is None else {**ONE_DIE, "dies": 2.0, "die_latency": across}


def chip_package(chip: ChipSpec, technology: TechnologySpec) -> dict[str, float]:
    """`package_columns` of one chip.

    One die for a chip that exists: what its dies pay is in the fixed times of the stacks that were fitted to
    it. Only the way across a wafer is long enough to be told from software.
    """
    if not chip.hypothetical:
        return as_made(chip)
    made = chip_silicon(chip, technology, priced=False)
    return {name: _first(column) for name, column in package_columns(made).items()}


def chip_power(chip: ChipSpec, technology: TechnologySpec) -> dict[str, float]:
    """`power_w` and the watts by resource of one chip [W].

    Where the board power is published, the derived watts are scaled so that they add up to it at full load:
    the shares are ours, the total is the maker's. Where a file says too little of its silicon, the chip is
    taken to draw its board power all the time. Raises `SpecError` when neither is known.
    """
    known = chip.power.value
    try:
        made = chip_silicon(chip, technology, priced=False)
    except SpecError:
        if known is None:
            raise
        return {"power_w": known, **dict.fromkeys(WATTS, 0.0), "static_w": known}
    derived = float(made.power_w[0])
    scale = 1.0 if known is None or derived == 0.0 else known / derived
    watts = {name: scale * _first(column) for name, column in watt_columns(made).items()}
    return {"power_w": derived if known is None else known, **watts}


def chip_excess(chip: ChipSpec, technology: TechnologySpec) -> dict[str, float]:
    """Violations of one chip; a chip that exists has been built."""
    if not chip.hypothetical:
        return dict.fromkeys(EXCESS, 0.0)
    made = chip_silicon(chip, technology, priced=False)
    return {name: _first(column) for name, column in excess_columns(made).items()}


def _first(column: Any) -> float:
    return float(column.reshape(-1)[0])

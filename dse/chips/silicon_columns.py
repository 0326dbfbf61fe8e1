"""Silicon of a chip to the columns that cost models read: watts, violations, dollars."""

from collections.abc import Mapping
from types import MappingProxyType

from dse.chips.silicon import Foundry, Silicon, build_of
from dse.errors import SpecError
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.chip_memories import OFF_CHIP
from objectives.arrays import Array, namespace, zeros_like
from objectives.equations.fabrication.memories import owned_bandwidth
from objectives.parts import PEAKS_OF_PARTS

WATTS = ("static_w", "compute_w", "sram_w", "dram_w", "link_w")
# a bandwidth of 0 is no limit: nothing leaves a single die
ONE_DIE = MappingProxyType({"dies": 1.0, "die_bandwidth": 0.0, "die_latency": 0.0})
EXCESS = (
    "area_excess_m2",
    "dram_stacks_excess",
    "link_excess",
    "cooling_excess_w",
    "power_density_excess",
)
BONDED = "bonded_excess_m2"
"""Another one, of chips with memories beyond SRAM and DRAM alone."""
RATES = ("peak_flops", "attention_flops", "weight_load_bandwidth", "sram_bandwidth", *PEAKS_OF_PARTS.values())
"""Columns of rates that follow the clock of the cores."""
CLOCKED_WATTS = ("compute_w", "sram_w")
"""Columns of watts that fall with it, by the curve of the technology."""


def watt_columns(made: Silicon, full: Mapping[str, Array]) -> dict[str, Array]:
    """Power at rest and of each resource at full rate [W]; what joins dies works for DRAM, else for links.

    `full` is the power by part that `made` draws at its own clock, or at the nominal one.
    """
    # one owner for each watt: die-to-die PHYs carry DRAM traffic where there is DRAM
    joining = full["die_to_die"]
    for_dram = namespace(joining).where(made.blueprint.dram_bandwidth > 0.0, joining, 0.0)
    return {
        "static_w": full["static"],
        "compute_w": full["compute"],
        "sram_w": full["sram"] + _loading(made, full),
        "dram_w": full["dram"] + for_dram,
        "link_w": full["link"] + (joining - for_dram),
        **{f"{m.name}_w": full[m.name] for m in made.technology.memories},
    }


def _loading(made: Silicon, full: Mapping[str, Array]) -> Array:
    """Power of the path into the matrix units, were it as wide as the SRAM [W]: bytes cost what they cost."""
    b = made.blueprint
    # a path of no width has no watts to scale
    some = b.weight_load + zeros_like(full["load"]) > 0.0
    width = namespace(some).where(some, b.weight_load, 1.0)
    return namespace(some).where(some, b.sram_bandwidth / width * full["load"], 0.0)


def excess_columns(made: Silicon) -> dict[str, Array]:
    """What keeps the chip from being made."""
    plan = made.plan
    bonded = plan.bonded_excess_m2
    return {
        **({} if bonded is None else {BONDED: bonded}),
        "area_excess_m2": plan.area_excess_m2,
        "dram_stacks_excess": plan.stacks_excess,
        "link_excess": plan.link_excess,
        "cooling_excess_w": made.cooling_excess_w,
        "power_density_excess": made.power_density_excess,
    }


def at_clock(columns: Mapping[str, Array], clock_share: Array, dynamic_share: Array) -> dict[str, Array]:
    """Chip columns at a clock: rates are `clock_share`, their watts `dynamic_share` of the nominal ones."""
    shares = dict.fromkeys(RATES, clock_share) | dict.fromkeys(CLOCKED_WATTS, dynamic_share)
    return {n: a * shares[n] if n in shares else a for n, a in columns.items()}


def package_columns(made: Silicon) -> dict[str, Array]:
    """What the compute dies of a package pay to act as one chip."""
    b, layout = made.blueprint, made.technology.layout
    # a sum of all three has the shape of the batch, whichever of them varies
    zero = zeros_like(b.dies + b.dram_bandwidth + b.link_bandwidth)
    owned = owned_bandwidth(b, made.technology) * layout.die_to_die_share
    # what a die owns may be wanted by any other, see `package.die_to_die_bandwidth`
    each = owned / b.dies if b.die_bandwidth is None else b.die_bandwidth
    return {
        "dies": zero + b.dies,
        "die_bandwidth": zero + each,
        "die_latency": zero + layout.die_to_die_hop_s,
    }


def as_made(chip: ChipSpec) -> dict[str, float]:
    """`package_columns` of a chip that exists: one die, or the two halves of a wafer, whose sums cross it."""
    # a crossing that is not published costs nothing
    across = chip.die.crossing.value if chip.die.wafer_scale and chip.die.crossing else None
    return dict(ONE_DIE) if across is None else {**ONE_DIE, "dies": 2.0, "die_latency": across}


def chip_made(chip: ChipSpec, foundry: Foundry, *, priced: bool = False) -> Silicon | None:
    """Silicon of one chip; None for a chip that exists and whose file says too little of its silicon.

    `priced`: its price follows from it, so that there must be silicon. Raises `SpecError` where there is none
    and neither the power of the chip is known.
    """
    try:
        return foundry.silicon(chip, priced=priced)
    except SpecError:
        if _is_needed(chip, priced):
            raise
        return None


def check_made(chip: ChipSpec, foundry: Foundry, *, priced: bool) -> None:
    """Raise `SpecError` where `chip_made` does."""
    try:
        foundry.check(chip, build_of(chip, priced=priced))
    except SpecError:
        if _is_needed(chip, priced):
            raise


def _is_needed(chip: ChipSpec, priced: bool) -> bool:
    """Whether a chip is nothing without silicon: no power, no price, or no chip yet."""
    return priced or chip.hypothetical or chip.power.value is None


def chip_package(chip: ChipSpec, made: Silicon | None) -> dict[str, float]:
    """`package_columns` of one chip.

    One die for a chip that exists: what its dies pay is in the fixed times of the stacks that were fitted to
    it. Only the way across a wafer is long enough to be distinguished from software.
    """
    if not chip.hypothetical or made is None:
        return as_made(chip)
    return {name: _first(column) for name, column in package_columns(made).items()}


def chip_power(chip: ChipSpec, made: Silicon | None) -> dict[str, float]:
    """`power_w` and the watts by resource of one chip [W].

    Where the board power is published, the derived watts are scaled so that they add up to it at full load:
    the shares are ours, the total is the maker's. Without silicon the chip is taken to draw its board power
    all the time.
    """
    known = chip.power.value
    if made is None:
        board = known or 0.0
        # its own memories draw theirs within the board power, all the time
        own = {f"{m.name}_w": 0.0 for m in chip.memories if m.kind not in OFF_CHIP}
        return {"power_w": board, **dict.fromkeys(WATTS, 0.0), "static_w": board, **own}
    derived = float(made.power_w[0])
    # a derived power of 0 has no shares that could be scaled to the published one
    scale = 1.0 if known is None or derived == 0.0 else known / derived
    watts = {name: scale * _first(column) for name, column in watt_columns(made, made.full_power).items()}
    return {"power_w": derived if known is None else known, **watts}


def chip_excess(chip: ChipSpec, made: Silicon | None) -> dict[str, float]:
    """Violations of one chip; a chip that exists has been built."""
    if not chip.hypothetical or made is None:
        return dict.fromkeys(EXCESS, 0.0)
    return {name: _first(column) for name, column in excess_columns(made).items()}


def _first(column: Array) -> float:
    return float(column.reshape(-1)[0])

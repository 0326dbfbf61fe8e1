"""Constants of silicon as the equations want them, and what an architect sets.

Areas, dies, power, yields and dollars are in the other files of this folder. Every number comes in through
these frozen structs, in SI. A field is a plain number, or an array that broadcasts against the designs: one
value for each design where a node is searched, one for each draw where constants are uncertain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from objectives.arrays import Array, namespace

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Node:
    """What one process node costs in dollars, area and joules."""

    wafer_usd: Array
    """Processed wafer [USD]."""
    defects_per_m2: Array
    transistors_per_m2: Array
    """Effective logic density of controllers [1/m2]."""
    scratchpad_m2_per_byte: Array
    """Software-managed SRAM at the reference bandwidth, banks and wiring included [m2/B]."""
    cache_m2_per_byte: Array | None
    """Cache with tags, controllers and slice logic [m2/B]; None when none is published."""
    matrix_m2_per_flops: Array
    """Area of matrix units and what feeds them, for each fp16 FLOP/s [m2/(FLOP/s)]."""
    vector_m2_per_flops: Array
    """Area of vector units with register files, L1 and control, for each fp32 FLOP/s [m2/(FLOP/s)]."""
    link_m2_per_bandwidth: Array
    """Link PHY and controller per one-way bandwidth [m2/(B/s)]."""
    matrix_joules_per_flop: Array
    """Dynamic energy of one fp16 matrix FLOP [J/FLOP]."""
    vector_joules_per_flop: Array
    """Dynamic energy of one fp32 vector FLOP, instruction and operands included [J/FLOP]."""
    sram_joules_per_byte: Array
    static_w_per_m2: Array
    nre_usd: Array
    """Masks, design and software of one chip, once [USD]."""


@dataclass(frozen=True, kw_only=True)
class DramDevice:
    """One stack, device or DIMM of a DRAM generation; `NO_DRAM` where a chip has none."""

    on_interposer: Array
    """1 for HBM, which needs a 2.5D package; 0 for DRAM on the board."""
    bytes_each: Array
    bandwidth_each: Array
    usd_per_byte: Array
    phy_m2: Array
    controller_transistors: Array
    joules_per_byte: Array
    most_per_die: Array = 0.0
    """Devices that one die drives over the board [1]; of HBM the edges of the dies decide."""


NO_DRAM = DramDevice(
    on_interposer=0.0,
    bytes_each=0.0,
    bandwidth_each=0.0,
    usd_per_byte=0.0,
    phy_m2=0.0,
    controller_transistors=0.0,
    joules_per_byte=0.0,
)
"""A device of nothing."""


@dataclass(frozen=True, kw_only=True)
class MemoryDevice:
    """One unit of a memory beyond SRAM and DRAM."""

    name: str
    """One of `objectives.memories.FURTHER`."""
    bytes_each: Array
    bandwidth_each: Array
    """Of reads [B/s]."""
    joules_per_byte: Array
    """Of a byte read, in the unit [J/B]."""
    way_joules_per_byte: Array
    """Of the same byte in PHY, controller and transport on the die [J/B]."""
    usd_per_byte: Array
    """0 for what is paid with the area of a die."""
    die_m2: Array = 0.0
    """Area of one unit on the compute die, as ROM has it [m2]."""
    bonded_m2: Array = 0.0
    """Area of one unit on top of the compute dies [m2]."""
    phy_m2: Array = 0.0
    controller_transistors: Array = 0.0
    on_interposer: float = 0.0
    """1 where it takes the place of an HBM stack, else 0."""
    most_per_die: Array = 0.0
    """Units that one die drives on the board [1]; 0 where nothing of the board limits them."""
    bonded: bool = False
    """Whether it is bonded onto the compute dies."""
    on_die: bool = False
    """Whether its heat leaves through the compute dies: what is bonded onto them or part of them."""
    attach_yield: Array = 1.0
    """Yield of bonding one unit [1]."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How areas add up on a die, at any node."""

    uncore_share: Array
    """Share of the die in network-on-chip and the rest, in [0, 1)."""
    sram_c0: Array
    sram_c1: Array
    sram_reference_per_s: Array
    """Bandwidth per byte at which the SRAM density of a node is quoted [1/s]."""
    sram_limit_per_s: Array
    """Bandwidth per byte beyond which SRAM turns into register files [1/s]."""
    host_lanes: Array
    host_lane_m2: Array
    link_bandwidth_per_edge: Array
    """One-way bandwidth that leaves through a metre of free die edge [B/s/m]."""
    die_to_die_share: Array
    """One-way bandwidth between dies, over that of the DRAM and links that a die owns [1]."""
    die_to_die_hop_s: Array
    """From one die to its neighbour, PHYs included [s]."""
    load_ports: Array
    """Area of a byte a second into the matrix units over that of one out of SRAM [1]."""
    stacks_per_die: Array
    """HBM stacks around a single die [1]."""
    stacks_per_joined_die: Array
    """HBM stacks around a die that has another one at its side [1]."""
    stack_edge_m: Array
    """Die edge that one HBM stack takes [m]."""


@dataclass(frozen=True, kw_only=True)
class Wafer:
    """How dies are cut from a wafer and which of them work."""

    diameter_m: Array
    edge_m: Array
    scribe_m: Array
    reticle_m2: Array
    clustering: Array
    """Shape parameter of the negative binomial [1]."""
    sram_repairable: Array
    """Share of SRAM area whose defects are repaired, in [0, 1]."""
    # plain numbers: they count the terms of a binomial sum, which all designs share
    cores: int
    spare_cores: int
    law: str = "negative-binomial"
    """Yield of an area without redundancy: `negative-binomial`, or its rival `murphy`."""
    whole: bool = False
    """True where one die is the wafer."""
    whole_m2: Array = 0.0
    """Largest die that a wafer can be [m2]."""
    whole_yield: Array = 1.0
    whole_package_usd: Array = 0.0
    """What makes a working system of a wafer: package, power, cooling, I/O [USD]."""


@dataclass(frozen=True, kw_only=True)
class PackageClass:
    """What joins the dies of a package, and what its parts are placed on."""

    silicon_usd_per_m2: Array
    """Interposer under dies and stacks [USD/m2]; 0 for an organic substrate."""
    part_yield: Array
    """Share of attachments of one die or stack that succeed, in (0, 1]."""
    m2_per_bandwidth: Array
    """Area of die-to-die PHYs per one-way bandwidth [m2/(B/s)]."""
    bandwidth_per_edge: Array
    """One-way die-to-die bandwidth that crosses a metre of die edge [B/s/m]."""
    joules_per_byte: Array


@dataclass(frozen=True, kw_only=True)
class Package:
    """Dollars and yields of packaging, test and board."""

    organic: PackageClass
    interposer: PackageClass
    """Silicon under all dies and stacks."""
    bridge: PackageClass
    """Pieces of silicon under the edges of dies that are side by side."""
    interposer_factor: Array
    """Interposer area over the area of dies and stacks [1]."""
    stack_footprint_m2: Array
    attach_usd: Array
    attach_usd_each: Array
    substrate_usd: Array
    flip_chip_usd: Array
    test_usd: Array
    board_usd: Array
    board_usd_per_watt: Array


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Joules outside the core, at any node."""

    sram_activity: Array
    """Share of the SRAM bandwidth in use at thermal design power, in [0, 1]."""
    dram_system_joules_per_byte: Array
    """PHY, controller and on-die transport, next to the device's own energy [J/B]."""
    link_joules_per_byte: Array
    load_joules_per_byte: Array
    """Of a weight on its way from SRAM into a matrix unit [J/B]."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How the power of cores falls with their clock: g(s) = s^a down to the least clock."""

    exponent: Array
    """a of P ~ f V(f)^2 ~ f^a [1]."""
    least_share: Array
    """Least clock over the nominal one [1], at the least voltage."""


@dataclass(frozen=True, kw_only=True)
class Technology:
    """Everything that a chip on one node with one DRAM generation is made of."""

    node: Node
    io_node: Node
    """Node of the I/O dies; that of the compute dies where there are none."""
    dram: DramDevice
    layout: Layout
    wafer: Wafer
    package: Package
    energy: Energy
    cooling_w: Array
    """Power that the class of cooling carries away from one package [W]."""
    heat_w_per_m2: Array | None = None
    """Power that it carries away from a square metre of a die [W/m2]; None where no limit is known."""
    under_stack: Array | None = None
    """Share of that beneath memory bonded onto the die [1]; None where none can be."""
    clock: Clock | None = None
    """Curve along which chips that are too hot run slower; None for chips that run at their nominal clock."""
    memories: tuple[MemoryDevice, ...] = ()
    """One unit of each memory beyond SRAM and DRAM."""


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What an architect sets, for one package; arrays that broadcast against each other."""

    peak_flops: Array
    """Dense fp16-equivalent matrix peak of the cores in use [FLOP/s], see `area.equivalent_peak`."""
    vector_flops: Array
    """fp32 peak of their vector units [FLOP/s]."""
    enabled_share: Array
    """Cores in use over cores on the dies, in (0, 1]."""
    sram_bytes: Array
    """Software-managed SRAM on the compute dies [B]."""
    sram_bandwidth: Array
    cache_bytes: Array | None
    """Hardware-managed cache on the compute dies, L1 left out [B]; None without one."""
    io_cache_bytes: Array | None
    """Cache on the I/O dies [B]."""
    stacks: Array
    """DRAM stacks, devices or DIMMs [1]."""
    dram_bytes: Array
    dram_bandwidth: Array
    link_bandwidth: Array
    """One way, all links together [B/s]."""
    dies: Array
    """Compute dies that share the work evenly [1]."""
    io_dies: Array
    """I/O dies beneath or next to them that carry DRAM and link PHYs [1]; 0 for none."""
    die_bandwidth: Array | None = None
    """One-way bandwidth of a compute die to the others of its package [B/s]; None for the usual share."""
    weight_load: Array = 0.0
    """Rate at which stationary weights enter the matrix units, all of them together [B/s]; 0 where the cores
    have no such path."""
    package: Array | None = None
    """Code of the package class that was named, see `package.PACKAGES`; None for what it needs."""
    memory_units: tuple[Array, ...] = ()
    """Units of each further memory, in the order of `Technology.memories` [1]."""


def pick(options: Sequence[T], index: Array) -> T:
    """The struct whose every number is that of `options[index]`, one for each design.

    Numbers that all options share stay plain. A None in any option represents all: what one node lacks is
    unknown of a batch that may contain it.

    Args:
        options: structs of one class.
        index: whole numbers, an array or a plain one [1].

    Returns:
        A struct of that class, each number of the shape of `index`.

    Domain:
        Structs of numbers, words that are equal in all options, and further structs.

    Limits:
        The option itself where there is one.

    Source:
        A table.

    Examples:
        By hand: the second and the first of two classes of packages.

        >>> import numpy as np
        >>> two = [PackageClass(silicon_usd_per_m2=usd, part_yield=0.99, m2_per_bandwidth=0.0,
        ...                     bandwidth_per_edge=1.0, joules_per_byte=0.0) for usd in (1.0, 2.0)]
        >>> found = pick(two, np.array([1.0, 0.0]))
        >>> found.silicon_usd_per_m2.tolist(), found.part_yield
        ([2.0, 1.0], 0.99)
    """
    kind: Any = type(options[0])
    found: dict[str, Any] = {}
    for f in fields(kind):
        values = [getattr(o, f.name) for o in options]
        found[f.name] = pick(values, index) if is_dataclass(values[0]) else _pick_number(values, index)
    chosen: T = kind(**found)
    return chosen


def _pick_number(values: Sequence[Any], index: Array) -> Any:
    """The number of each design; plain where all options share it, None where one lacks it."""
    if any(v is None for v in values):
        return None
    first = values[0]
    # arrays are compared by identity only: the truth of an array comparison is undefined
    if isinstance(first, str) or all(v is first or (_plain(v) and v == first) for v in values):
        return first
    xp = namespace(index)
    # an index may have a dtype of whole numbers, which would cut off fractions
    out = xp.zeros_like(index, dtype=xp.float64) + first
    for i, value in enumerate(values[1:], start=1):
        out = xp.where(index == i, value, out)
    return out


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, bool))

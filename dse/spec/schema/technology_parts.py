"""Sections of the technology file: nodes, areas, wafers, DRAM, links, energy, packages, margins."""

from typing import Annotated, Literal

from pydantic import Field

from dse.spec.schema.base import (
    AtLeastOne,
    Ratio,
    Sourced,
    SourcedArea,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedEnergyPerByte,
    SourcedNumber,
    SourcedRatio,
    SourcedSeconds,
    SourcedShare,
    SourcedUsd,
    Spec,
    unit,
)
from dse.spec.schema.chip import MatrixUnit, PeakFormat

SourcedMetres = Sourced[Annotated[float, unit("m")]]
SourcedPerArea = Sourced[Annotated[float, unit("1/m2")]]
SourcedAreaPerByte = Sourced[Annotated[float, unit("m2/B")]]
SourcedAreaPerBandwidth = Sourced[Annotated[float, unit("m2*s/B")]]
SourcedPerSecond = Sourced[Annotated[float, unit("1/s")]]
SourcedFlopsPerArea = Sourced[Annotated[float, unit("FLOP/s/m2")]]
SourcedEnergyPerFlop = Sourced[Annotated[float, unit("J/FLOP")]]
SourcedUsdPerWatt = Sourced[Annotated[float, unit("USD/W")]]
SourcedUsdPerBandwidth = Sourced[Annotated[float, unit("USD*s/B")]]
SourcedUsdPerArea = Sourced[Annotated[float, unit("USD/m2")]]
SourcedUsdPerByte = Sourced[Annotated[float, unit("USD/B")]]
SourcedWattsPerArea = Sourced[Annotated[float, unit("W/m2")]]


class NodeSpec(Spec):
    """One process node."""

    covers: str
    """Makers' names of the processes meant."""
    wafer_cost: SourcedUsd
    """A processed 300 mm wafer."""
    defect_density: SourcedPerArea
    """Defects per area."""
    logic_density: SourcedPerArea
    """Transistors per area of a controller."""
    scratchpad_area: SourcedAreaPerByte
    """SRAM managed by software, per byte, at the reference bandwidth of `sram_law`."""
    cache_area: SourcedAreaPerByte
    """Cache per byte, with tags, controllers and slice logic; null: caches have no price on this node."""
    matrix_density: SourcedFlopsPerArea
    """Dense fp16 matrix peak per area of matrix units and what feeds them."""
    vector_density: SourcedFlopsPerArea
    """fp32 vector peak per area of everything else in a core."""
    matrix_energy: SourcedEnergyPerFlop
    """Dynamic energy of one fp16 matrix FLOP."""
    vector_energy: SourcedEnergyPerFlop
    """Dynamic energy of one fp32 vector FLOP, instruction and operands included."""
    sram_energy: SourcedEnergyPerByte
    """Energy of a byte read from SRAM."""
    static_power: SourcedWattsPerArea
    """Power per area at rest."""
    nre: SourcedUsd
    """Masks, design, verification and software of one chip."""
    link_phy: str
    """Key of `io.links`."""


class AreaSpec(Spec):
    """How areas add up."""

    uncore_share: SourcedRatio
    """Share of a die in network-on-chip and the rest."""
    vector_share: SourcedShare
    """fp32 vector peak over fp16 matrix peak of a chip that quotes none."""
    spare_cores: SourcedRatio
    """Share of the cores on a die that may fail."""
    code_share: SourcedShare
    """Share of software-managed SRAM that holds code and buffers, and no tensors."""
    load_ports: SourcedNumber
    """Area of a byte a second into the matrix units over that of a byte a second out of SRAM."""
    format_area: dict[PeakFormat, SourcedRatio]
    """Area of an op/s in that of an fp16 op/s; a format left out costs no area."""


class FormatSpec(Spec):
    """A number format that a matrix unit may have in addition to fp16."""

    nodes: tuple[str, ...]
    """Nodes on which a chip of the catalog has it, and those that follow them."""
    counted: tuple[str, ...] = ()
    """Nodes whose `matrix_density` was read off dies that have it."""
    peak: dict[MatrixUnit, SourcedNumber]
    """Peak over the fp16 peak, by kind of unit."""
    extra: SourcedShare
    """Area and power that a matrix unit takes more for having it, as a share of the unit without."""


class SramLaw(Spec):
    """What SRAM bandwidth costs in area."""

    note: str
    """The law and where its anchors come from."""
    c0: SourcedNumber
    """Share of the SRAM area that does not depend on bandwidth."""
    c1: SourcedNumber
    """Share of the SRAM area that grows with bandwidth, at the reference."""
    reference: SourcedPerSecond
    """Bandwidth per byte at which the SRAM area of a node is quoted."""
    limit: SourcedPerSecond
    """Bandwidth per byte beyond which the law does not hold."""


class WaferSpec(Spec):
    """How dies are cut and which of them work."""

    clustering: SourcedNumber
    """Shape parameter of the negative binomial yield."""
    edge_exclusion: SourcedMetres
    """Width of the unused edge of a wafer."""
    scribe: SourcedMetres
    """Width of the cut between dies."""
    wafer_diameter: SourcedMetres
    """Diameter of a wafer."""
    reticle: SourcedArea
    """Largest die that can be exposed at once."""
    sram_repairable: SourcedRatio
    """Share of the SRAM area whose defects are repaired."""
    wafer_scale_area: SourcedArea
    """Largest die that a wafer can be."""
    wafer_scale_yield: SourcedRatio
    """Yield of a wafer-scale die with its redundancy."""
    wafer_scale_package: SourcedUsd
    """Package, power delivery and cooling of a wafer-scale system."""
    cores: SourcedCount
    """Cores of a die, of which some may fail."""


class DramSpec(Spec):
    """One stack, device or DIMM of a DRAM generation."""

    packaging: Literal["2.5d", "board"]
    """`2.5d` for HBM on the package, `board` for devices next to it."""
    capacity: SourcedBytes
    """Bytes of one stack, device or DIMM."""
    bandwidth: SourcedBandwidth
    """Bandwidth of the same."""
    cost: SourcedUsdPerByte
    """Price of a byte."""
    phy_area: SourcedArea
    """Area of its PHY on the die."""
    controller_transistors: SourcedNumber
    """Transistors of its controller on the die."""
    energy: SourcedEnergyPerByte
    """Energy of a byte read from the device, without PHY and controller."""
    most_per_die: SourcedCount | None = None
    """Devices that one die drives over the board; left out for HBM, of which the edges of dies decide."""
    # left out at their default, so that a question stored before the keys existed is still the same one
    kind: Literal["hbm", "gddr", "lpddr", "ddr"] | None = Field(default=None, exclude_if=lambda v: v is None)
    """Family of the generation."""
    latency: SourcedSeconds | None = Field(default=None, exclude_if=lambda v: v is None)
    """From the request of a core to the first byte; unknown when left out."""
    write_bandwidth: SourcedBandwidth | None = Field(default=None, exclude_if=lambda v: v is None)
    """Bandwidth of writes; that of reads when left out."""
    write_energy: SourcedEnergyPerByte | None = Field(default=None, exclude_if=lambda v: v is None)
    """Energy of a byte written; that of reads when left out."""


class HbmSpec(Spec):
    """How many stacks fit around a die."""

    stacks_per_die: SourcedCount
    """HBM stacks around a die without neighbours."""
    stacks_per_joined_die: SourcedCount
    """HBM stacks around a die that has another die at one side."""
    shoreline: SourcedMetres
    """Die edge of one stack."""
    footprint: SourcedArea
    """Interposer area of one stack."""


class IoSpec(Spec):
    """Links and the host port."""

    links: dict[str, SourcedAreaPerBandwidth]
    """Area of a link PHY per one-way bandwidth, by kind of link."""
    host_lane: SourcedArea
    """Area of one PCIe lane."""
    host_lanes: SourcedCount
    """PCIe lanes of a chip."""
    shoreline: Sourced[Annotated[float, unit("B/s/m")]]
    """One-way bandwidth per free die edge."""


class PackageClassSpec(Spec):
    """What one class of packages carries between dies, and how well parts are attached to it."""

    part_yield: SourcedRatio
    """Yield of attaching one die or stack."""
    phy_area: SourcedAreaPerBandwidth
    """Area of die-to-die PHYs per one-way bandwidth."""
    shoreline: Sourced[Annotated[float, unit("B/s/m")]]
    """One-way bandwidth per die edge."""
    energy: SourcedEnergyPerByte
    """Energy of a byte between dies."""


class DieToDieSpec(Spec):
    """What joins the dies of a package."""

    share: SourcedNumber
    """One-way bandwidth of a die to its neighbours, over that of its own DRAM and links."""
    hop: SourcedSeconds
    """Latency from one die to its neighbour."""
    organic: PackageClassSpec
    """Dies on an organic substrate."""
    interposer: PackageClassSpec
    """Dies on one silicon interposer."""
    bridge: PackageClassSpec
    """Dies joined by silicon bridges under their edges."""


class EnergySpec(Spec):
    """Energy outside the core."""

    sram_activity: SourcedRatio
    """Share of the SRAM bandwidth in use at thermal design power."""
    dram_system: SourcedEnergyPerByte
    """Energy of PHY, controller and transport on the die, per byte from DRAM."""
    link: SourcedEnergyPerByte
    """Energy of a byte over a link."""
    load: SourcedEnergyPerByte
    """Energy of a byte of weights from SRAM into a matrix unit."""


class PackageSpec(Spec):
    """Packaging, test and board."""

    interposer_cost: SourcedUsdPerArea
    """Silicon interposer per area."""
    bridge_cost: SourcedUsdPerArea
    """Interposer with bridges between compute dies."""
    interposer_factor: SourcedNumber
    """Area of the interposer over the area of dies and stacks."""
    attach_cost: SourcedUsd
    """Fixed cost of attaching parts to a package."""
    attach_cost_each: SourcedUsd
    """Cost of attaching one die or stack."""
    substrate_cost: SourcedUsd
    """Substrate of a 2.5D package."""
    flip_chip_cost: SourcedUsd
    """Substrate and assembly of a package without interposer."""
    test_cost: SourcedUsd
    """Test of a package."""
    board_cost: SourcedUsd
    """Board of a chip without its power supply."""
    board_cost_per_watt: SourcedUsdPerWatt
    """Power supply on the board, per watt."""


class ThermalSpec(Spec):
    """How much heat leaves through a square metre of a die."""

    density: dict[str, SourcedWattsPerArea]
    """Power per area that a die may draw, by class of cooling."""
    under_stack: SourcedRatio
    """Share of that which a die may draw with DRAM stacked between it and its cooling."""


class ClockSpec(Spec):
    """How the power of cores falls with their clock, along whose curve a chip that is too hot runs slower."""

    exponent: Sourced[AtLeastOne]
    """a of P ~ f V(f)^2 ~ f^a."""
    least_share: SourcedRatio
    """Least clock over the nominal one."""


class SystemSpec(Spec):
    """What surrounds a chip: server, rack, links, network."""

    host: SourcedUsd
    """CPUs, DRAM, SSD, board and assembly of one server."""
    host_nic: SourcedUsd
    """What joins one server to its users."""
    chips_per_host: SourcedCount
    """Chips that one server drives."""
    chassis: SourcedUsd
    """Chassis of one server."""
    cold_plates: SourcedUsdPerWatt
    """Cold plates, per watt of a chip."""
    coolant_units: SourcedUsdPerWatt
    """Coolant distribution, per watt."""
    power_shelves: SourcedUsdPerWatt
    """Power shelves of the rack, per watt."""
    switched_link: SourcedUsdPerBandwidth
    """Scale-up switches, per one-way bandwidth of a chip."""
    board_link: SourcedUsdPerBandwidth
    """Share of the board per scale-up bandwidth."""
    copper_link: SourcedUsdPerBandwidth
    """Cables and connectors inside a rack, for each end of a link that leaves its board."""
    optical_link: SourcedUsdPerBandwidth
    """Transceivers and fibres, for each end of a link that leaves its rack."""
    optics_energy: SourcedEnergyPerByte
    """Energy of a byte in a transceiver, each way, in addition to the SerDes of the chip."""
    chips_per_board: SourcedCount
    """Chips on one board."""
    chips_per_rack: SourcedCount
    """Chips in one rack."""
    nic: SourcedUsdPerBandwidth
    """Scale-out NIC, per one-way bandwidth."""
    fabric: SourcedUsdPerBandwidth
    """Scale-out switches and optics."""


class EconomicsSpec(Spec):
    """Between cost and price."""

    volume: dict[str, SourcedCount]
    """Chips that share the one-off cost, by kind of seller."""
    gross_margin: dict[str, Sourced[Ratio]]
    """(price - unit cost) / price, by kind of seller."""

"""Sections of the technology file: nodes, areas, wafers, DRAM, links, energy, packages, margins."""

from typing import Annotated, Literal

from dse.spec.base import (
    Ratio,
    Sourced,
    SourcedArea,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedNumber,
    SourcedRatio,
    SourcedSeconds,
    SourcedShare,
    SourcedUsd,
    Spec,
    unit,
)
from dse.spec.chip import MatrixUnit, PeakFormat

SourcedMetres = Sourced[Annotated[float, unit("m")]]
SourcedPerArea = Sourced[Annotated[float, unit("1/m2")]]
SourcedAreaPerByte = Sourced[Annotated[float, unit("m2/B")]]
SourcedAreaPerBandwidth = Sourced[Annotated[float, unit("m2*s/B")]]
SourcedEnergyPerByte = Sourced[Annotated[float, unit("J/B")]]
SourcedPerSecond = Sourced[Annotated[float, unit("1/s")]]
SourcedFlopsPerArea = Sourced[Annotated[float, unit("FLOP/s/m2")]]
SourcedEnergyPerFlop = Sourced[Annotated[float, unit("J/FLOP")]]
SourcedUsdPerWatt = Sourced[Annotated[float, unit("USD/W")]]
SourcedUsdPerBandwidth = Sourced[Annotated[float, unit("USD*s/B")]]
SourcedUsdPerArea = Sourced[Annotated[float, unit("USD/m2")]]


class NodeSpec(Spec):
    """One process node."""

    covers: str
    """Makers' names of the processes meant."""
    wafer_cost: SourcedUsd
    """A processed 300 mm wafer."""
    defect_density: SourcedPerArea
    logic_density: SourcedPerArea
    """Transistors per area of a controller."""
    scratchpad_area: SourcedAreaPerByte
    """At the reference bandwidth of `sram_law`."""
    cache_area: SourcedAreaPerByte
    """Tags, controllers and slice logic included; null leaves caches without a price on this node."""
    matrix_density: SourcedFlopsPerArea
    """Dense fp16 matrix peak per area of matrix units and what feeds them."""
    vector_density: SourcedFlopsPerArea
    """fp32 vector peak per area of everything else in a core."""
    matrix_energy: SourcedEnergyPerFlop
    vector_energy: SourcedEnergyPerFlop
    sram_energy: SourcedEnergyPerByte
    static_power: Sourced[Annotated[float, unit("W/m2")]]
    nre: SourcedUsd
    """Masks, design, verification and software of one chip."""
    link_phy: str
    """Key of `io.links`."""


class AreaSpec(Spec):
    """How areas add up."""

    uncore_share: SourcedRatio
    vector_share: SourcedShare
    """fp32 vector peak over fp16 matrix peak of a chip that quotes none."""
    spare_cores: SourcedRatio
    """Share of the cores on a die that may fail."""
    code_share: SourcedShare
    """Share of SRAM managed by software that no tensor can lie in."""
    load_ports: SourcedNumber
    """Area of a byte a second into the matrix units over that of a byte a second out of SRAM."""
    format_area: dict[PeakFormat, SourcedRatio]
    """Area of an op/s in that of an fp16 op/s; a format left out costs nothing beside the others."""


class FormatSpec(Spec):
    """A number format that a matrix unit may have beside fp16."""

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
    c0: SourcedNumber
    c1: SourcedNumber
    reference: SourcedPerSecond
    limit: SourcedPerSecond


class WaferSpec(Spec):
    """How dies are cut and which of them work."""

    clustering: SourcedNumber
    edge_exclusion: SourcedMetres
    scribe: SourcedMetres
    wafer_diameter: SourcedMetres
    reticle: SourcedArea
    sram_repairable: SourcedRatio
    wafer_scale_area: SourcedArea
    wafer_scale_yield: SourcedRatio
    wafer_scale_package: SourcedUsd
    """What makes a system of a working wafer."""
    cores: SourcedCount


class DramSpec(Spec):
    """One stack, device or DIMM of a DRAM generation."""

    packaging: Literal["2.5d", "board"]
    capacity: SourcedBytes
    bandwidth: SourcedBandwidth
    cost: Sourced[Annotated[float, unit("USD/B")]]
    phy_area: SourcedArea
    controller_transistors: SourcedNumber
    energy: SourcedEnergyPerByte
    """Of the device alone."""
    most_per_die: SourcedCount | None = None
    """Devices that one die drives over the board; left out for HBM, of which the edges of dies decide."""


class HbmSpec(Spec):
    """How many stacks fit around a die."""

    stacks_per_die: SourcedCount
    stacks_per_joined_die: SourcedCount
    """Where another die takes a side."""
    shoreline: SourcedMetres
    """Die edge of one stack."""
    footprint: SourcedArea
    """Interposer area of one stack."""


class IoSpec(Spec):
    """Links and the host port."""

    links: dict[str, SourcedAreaPerBandwidth]
    host_lane: SourcedArea
    host_lanes: SourcedCount
    shoreline: Sourced[Annotated[float, unit("B/s/m")]]
    """One-way bandwidth per free die edge."""


class PackageClassSpec(Spec):
    """What one class of packages carries between dies, and how well parts are attached to it."""

    part_yield: SourcedRatio
    """Of one die or stack that is attached."""
    phy_area: SourcedAreaPerBandwidth
    shoreline: Sourced[Annotated[float, unit("B/s/m")]]
    """One-way bandwidth per die edge."""
    energy: SourcedEnergyPerByte


class DieToDieSpec(Spec):
    """What joins the dies of a package."""

    share: SourcedNumber
    """One-way bandwidth of a die to its neighbours, over that of its own DRAM and links."""
    hop: SourcedSeconds
    """Latency from one die to its neighbour."""
    organic: PackageClassSpec
    interposer: PackageClassSpec
    bridge: PackageClassSpec


class EnergySpec(Spec):
    """Energy outside the core."""

    sram_activity: SourcedRatio
    dram_system: SourcedEnergyPerByte
    link: SourcedEnergyPerByte
    load: SourcedEnergyPerByte
    """Of a weight on its way from SRAM into a matrix unit."""


class PackageSpec(Spec):
    """Packaging, test and board."""

    interposer_cost: SourcedUsdPerArea
    bridge_cost: SourcedUsdPerArea
    """Interposer with bridges between compute dies."""
    interposer_factor: SourcedNumber
    attach_cost: SourcedUsd
    attach_cost_each: SourcedUsd
    substrate_cost: SourcedUsd
    flip_chip_cost: SourcedUsd
    test_cost: SourcedUsd
    board_cost: SourcedUsd
    board_cost_per_watt: SourcedUsdPerWatt


class SystemSpec(Spec):
    """What stands around a chip: server, rack, links, network."""

    host: SourcedUsd
    """CPUs, DRAM, SSD, board and assembly of one server."""
    host_nic: SourcedUsd
    """What joins one server to its users."""
    chips_per_host: SourcedCount
    chassis: SourcedUsd
    cold_plates: SourcedUsdPerWatt
    coolant_units: SourcedUsdPerWatt
    power_shelves: SourcedUsdPerWatt
    switched_link: SourcedUsdPerBandwidth
    """Scale-up switches, per one-way bandwidth of a chip."""
    board_link: SourcedUsdPerBandwidth
    """The board under every scale-up link."""
    copper_link: SourcedUsdPerBandwidth
    """Cables and connectors inside a rack, for each end of a link that leaves its board."""
    optical_link: SourcedUsdPerBandwidth
    """Transceivers and fibres, for each end of a link that leaves its rack."""
    optics_energy: SourcedEnergyPerByte
    """Of a transceiver, each way, beside the SerDes of the chip."""
    chips_per_board: SourcedCount
    chips_per_rack: SourcedCount
    nic: SourcedUsdPerBandwidth
    fabric: SourcedUsdPerBandwidth
    """Scale-out switches and optics."""


class EconomicsSpec(Spec):
    """Between cost and price."""

    volume: dict[str, SourcedCount]
    """Chips that share the one-off cost, by kind of seller."""
    gross_margin: dict[str, Sourced[Ratio]]
    """(price - unit cost) / price, likewise."""

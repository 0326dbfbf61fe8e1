"""What a chip is: the specification that a chip architect sets, each number with its source.

A number that the file leaves out is unknown. A study that needs it names it and refuses the chip.
"""

from collections.abc import Hashable, Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from dse.spec.schema.base import (
    Aliases,
    FileName,
    Notes,
    Size,
    Sourced,
    SourcedArea,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedFlops,
    SourcedRatio,
    SourcedRent,
    SourcedSeconds,
    SourcedShare,
    SourcedTokensPerSecond,
    SourcedUsd,
    SourcedWatts,
    Spec,
    Title,
    unknown,
)
from dse.spec.schema.chip_memories import MemoryList, in_keys, list_or_keys, places, short_form

PeakFormat = Literal["fp32", "fp16", "fp8", "int8", "fp4"]
"""Formats that a matrix peak is quoted in; `fp16` is fp16 or bf16 with fp32 accumulation."""

PackageClass = Literal["organic", "interposer", "bridge"]

PriceBasis = Literal["list", "street", "maker-cost", "system", "system-share", "rent"]
"""What a listed price is a price of; `dse.chips.price_basis` says each in words."""

MatrixUnit = Literal["tensor-core", "systolic", "dataflow"]
"""Kind of matrix unit, which decides the ratios of its peaks by format (technology file, `formats`)."""

ChipClass = Literal["datacentre-gpu", "consumer-gpu", "soc", "systolic", "dataflow-sram", "fpga"]


class Sram(Spec):
    """On-chip SRAM that tensors can live in, register files excluded."""

    use: Literal["scratchpad", "cache"]
    """`scratchpad`: software pins tensors; `cache`: nothing survives from one decode step to the next."""
    capacity: SourcedBytes = unknown(SourcedBytes)
    """Bytes of all SRAM of the package that tensors can occupy."""
    bandwidth: SourcedBandwidth = unknown(SourcedBandwidth)
    """Read bandwidth of all SRAM of the package together."""
    managed: Literal["software", "hardware"] | None = None
    """Who fills it: without tags and controllers a byte takes a quarter of the area. Software for a
    scratchpad, hardware for a cache, unless said otherwise: a compiler may stage tiles in what keeps nothing
    between steps."""
    last_level: SourcedBytes | None = None
    """Cache on the compute dies that is no part of a core, spare parts included; all of `capacity` when left
    out."""
    weight_load: SourcedBandwidth | None = None
    """Rate at which stationary weights enter the matrix units, where that is slower than the SRAM."""


class Dram(Spec):
    """DRAM of the chip, on the package or on the board."""

    generation: str
    """HBM2e, HBM3, HBM3e, HBM4, GDDR6X, LPDDR5X, DDR4, ..."""
    capacity: SourcedBytes = unknown(SourcedBytes)
    """Bytes of all DRAM that software can hold: what the driver reports where that is published, else what
    the devices hold. Devices hold whole GiB, so the "80 GB" of a maker are written "80 GiB"; "80 GB" here is
    80e9 bytes."""
    bandwidth: SourcedBandwidth = unknown(SourcedBandwidth)
    """Bandwidth of all DRAM of the chip."""
    stacks: SourcedCount | None = None
    """Number of stacks, devices or DIMMs; from the capacity when left out."""


class Link(Spec):
    """Scale-up links of one chip."""

    technology: str
    """Name of the link, such as NVLink4."""
    bandwidth: SourcedBandwidth = unknown(SourcedBandwidth)
    """One way, all links of the chip together."""
    network: str
    """Name of a network in the catalog."""


class IoDie(Spec):
    """I/O dies next to or beneath the compute dies; they carry DRAM and link PHYs."""

    process: Sourced[str]
    """Node of the I/O dies, as `die.process`."""
    area: SourcedArea
    """Area of one I/O die."""
    count: SourcedCount
    """Number of I/O dies."""
    cache: SourcedBytes
    """Last-level cache on all of them together."""


class Die(Spec):
    """Silicon of one package."""

    process: Sourced[str]
    """Key of a node in the technology file (n16, n12, n7, n5, n3, n2), or the maker's own words."""
    area: SourcedArea = unknown(SourcedArea)
    """Area of one compute die."""
    count: SourcedCount = unknown(SourcedCount)
    """Number of compute dies in the package."""
    joined: SourcedBandwidth | None = None
    """One way, of one compute die to the others of its package; the technology file's share when left out."""
    package: PackageClass | None = None
    """Class of the package; what its dies need when left out: bridges where several compute dies are side by
    side, silicon where there is HBM, else an organic substrate."""
    enabled: SourcedRatio | None = None
    """Cores in use over cores on the dies; as usual on the technology's node when left out."""
    io: IoDie | None = None
    """I/O dies of the package; left out when there are none."""
    wafer_scale: bool = False
    """True where one die is the wafer."""
    crossing: SourcedSeconds | None = None
    """Time of a vector from one edge to the other over the mesh of a wafer, which sums cross twice: half of
    each axis to the middle, and back. On a die within the reticle it is below 0.2 us and left out."""


class DerivedFrom(Spec):
    """What a proposed chip was taken from."""

    study: str
    """Study, and its case behind a slash."""
    trial: Size
    """Number of the trial on the front of that study."""
    chip: str
    """Its name on the front of the study."""
    # pydantic copies such a default for each spec
    targets: dict[str, str] = Field(default={})
    """Objective to the limit that it was proposed for."""


class ChipSpec(Spec):
    """A chip, real or hypothetical."""

    model_config = ConfigDict(json_schema_extra=list_or_keys)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: object) -> object:
        """Entries `sram` and `dram` of `memories` under their keys."""
        return short_form(data)

    @classmethod
    def places(cls, data: Mapping[str, object]) -> Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]:
        """Where the file has what the spec has in another place."""
        return places(data)

    @classmethod
    def in_keys(cls, data: object) -> object:
        """A file as plain data, with everything in the place that the spec has it in."""
        return in_keys(data)

    kind: Literal["chip"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    vendor: str
    """Who makes it, or `hypothetical`."""
    hypothetical: bool = False
    """True for a chip that does not exist: what its file leaves open follows from its silicon."""
    released: Annotated[int, Field(ge=1900, le=9999)] | None = None
    """Year in which it came to market."""
    chip_class: ChipClass = Field(alias="class")
    """Class of hardware that shares its software; stacks are fitted per class."""
    # left out at its default, so that a question stored before the key existed is still the same one
    architecture: FileName | None = Field(default=None, exclude_if=lambda v: v is None)
    """Name of its architecture in the catalog, whose shifts the numbers of its stack take."""
    stack: str
    """Name of the software stack that drives it unless a study says otherwise."""
    peak: dict[PeakFormat, SourcedFlops]
    """Dense matrix peaks; sparse figures never belong here."""
    # left out at its default, so that a question stored before the key existed is still the same one
    matrix_unit: MatrixUnit | None = Field(default=None, exclude_if=lambda v: v is None)
    """Kind of unit whose other formats follow from the peaks that the file gives, as far as the node has
    them; left out, the chip has the formats of its file and no others."""
    sram: Sram
    """SRAM on the chip, here or in `memories`."""
    dram: Dram | None
    """DRAM of the chip, here or in `memories`; null for a chip with SRAM only."""
    memories: MemoryList
    """Memories of the chip, the fastest first. `sram` and `dram` are entries of it, or keys of their own,
    which is the same."""
    link: Link
    """Links to other chips."""
    die: Die
    """Dies and package."""
    power: SourcedWatts = unknown(SourcedWatts)
    """Board or module power when busy."""
    cooling: str = "liquid"
    """Class of cooling in the technology file: `air`, `liquid` or `wafer`. It bounds the power of a
    hypothetical chip. A chip on the market has the class that it is sold with; liquid where that is not
    published."""
    # left out at its default, so that a question stored before the key existed is still the same one
    clock: Literal["nominal", "scaled"] = Field(default="nominal", exclude_if=lambda v: v == "nominal")
    """`scaled`: a hypothetical chip beyond its cooling, or beyond the power density of a die, runs at a
    slower clock (`cooling`, `thermal` and `clock` of the technology file). `nominal`: it is infeasible."""
    price: SourcedUsd = unknown(SourcedUsd)
    """Listed price, dated; low and high carry a published range."""
    price_basis: PriceBasis | None = Field(default=None, exclude_if=lambda v: v is None)
    """What it is a price of: a card's list price, a street price, what it costs the company that has it
    made, a system's price or a share of it."""
    unit_cost: SourcedUsd = unknown(SourcedUsd)
    """Published cost of making it."""
    host: SourcedUsd = unknown(SourcedUsd)
    """Share of host, chassis, NICs and cooling that one chip carries."""
    rent: SourcedRent | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rent of one chip in a cloud under a contract of three years, its share of the server included, dated.
    The price method rent takes it where no list of rents has another; other terms are in such a list."""
    gross_margin: SourcedShare | None = Field(default=None, exclude_if=lambda v: v is None)
    """Gross margin that its price has over its unit cost, in the place of a listed price or of a seller's
    margin. A question sets it; files state prices."""
    derived_from: DerivedFrom | None = Field(default=None, exclude_if=lambda v: v is None)
    """Study and trial that proposed it; only a proposal has it."""
    claimed_user_speed: SourcedTokensPerSecond | None = None
    """Speed per user that its maker or a third party claims; only the `napkin` cost model reads it."""
    notes: Notes = None

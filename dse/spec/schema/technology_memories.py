"""Memories that a chip may have next to SRAM and DRAM devices, and all of them seen alike."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dse.spec.schema.base import (
    Sourced,
    SourcedArea,
    SourcedBandwidth,
    SourcedBytes,
    SourcedEnergyPerByte,
    SourcedNumber,
    SourcedRatio,
    SourcedSeconds,
    Spec,
)
from dse.spec.schema.technology_parts import (
    DramSpec,
    HbmSpec,
    SourcedAreaPerByte,
    SourcedMetres,
    SourcedUsdPerByte,
)

MemoryKind = Literal[
    "stacked-sram", "stacked-dram", "hbm", "gddr", "lpddr", "ddr", "flash", "host", "pooled", "rom"
]
"""`stacked-*`: bonded onto a die; `host`: the DRAM of the server; `pooled`: shared over a network or CXL."""

Holds = Literal["all", "weights"]
"""What may lie in a memory: `weights` where it is written rarely, or never."""


class MemorySpec(Spec):
    """One unit of a memory: a bonded die, a stack, a module, the ROM of a die.

    A number that is left out is that of `device`; without one it does not apply. null is unknown.
    """

    kind: MemoryKind
    """What it is."""
    holds: Holds
    """What may lie in it."""
    device: str | None = None
    """DRAM generation that it is made of, or whose PHY and place on the package it has."""
    capacity: SourcedBytes | None = None
    """Bytes of one unit."""
    read_bandwidth: SourcedBandwidth | None = None
    """Bandwidth of reads of one unit."""
    write_bandwidth: SourcedBandwidth | None = None
    """Bandwidth of writes of one unit; that of reads when left out."""
    latency: SourcedSeconds | None = None
    """From the request to the first byte."""
    read_energy: SourcedEnergyPerByte | None = None
    """Energy of a byte read from the device, without PHY and controller on the die."""
    write_energy: SourcedEnergyPerByte | None = None
    """Energy of a byte written; that of reads when left out."""
    area: SourcedAreaPerByte | None = None
    """Silicon of a byte: of the bonded die, or of ROM on the compute die."""
    edge: SourcedMetres | None = None
    """Die edge that one unit takes."""
    footprint: SourcedArea | None = None
    """Area on the package that one unit takes."""
    phy_area: SourcedArea | None = None
    """Area of its PHY on the die."""
    attach_yield: SourcedRatio | None = None
    """Yield of attaching one unit."""
    cost: SourcedUsdPerByte | None = None
    """Price of a byte."""
    endurance: SourcedNumber | None = None
    """Times that each byte can be written."""

    @model_validator(mode="after")
    def _possible(self) -> "MemorySpec":
        """What a kind of memory can hold, and what wears."""
        if self.kind in ("rom", "flash") and self.holds != "weights":
            raise ValueError(f"holds: expected weights in {self.kind}, got {self.holds}")
        if self.endurance is not None and self.kind != "flash":
            raise ValueError(f"endurance: expected none for {self.kind}, which does not wear, got one")
        return self

    def number(self, name: str) -> Sourced[float] | None:
        """The leaf of a number; writes are as reads where the file gives one number for both."""
        found: Sourced[float] | None = getattr(self, name)
        as_reads = {"write_bandwidth": "read_bandwidth", "write_energy": "read_energy"}
        if found is None and name in as_reads and self.kind != "rom":
            return self.number(as_reads[name])
        return found

    def nulls(self, wanted: tuple[str, ...]) -> Iterator[str]:
        """Those of the wanted numbers that are unknown, or that this memory does not have."""
        for name in wanted:
            leaf = self.number(name)
            if leaf is None or leaf.value is None:
                yield name


NUMBERS = tuple(n for n in MemorySpec.model_fields if n not in ("kind", "holds", "device"))
"""Numbers of a memory."""


def of_device(device: DramSpec, hbm: HbmSpec, attach_yield: SourcedRatio) -> dict[str, object]:
    """What a DRAM generation says of a memory that is made of it; the place of HBM is that of every stack."""
    stack = device.packaging == "2.5d"
    return {
        "capacity": device.capacity,
        "read_bandwidth": device.bandwidth,
        "write_bandwidth": device.write_bandwidth,
        "latency": device.latency,
        "read_energy": device.energy,
        "write_energy": device.write_energy,
        "edge": hbm.shoreline if stack else None,
        "footprint": hbm.footprint if stack else None,
        "phy_area": device.phy_area,
        "attach_yield": attach_yield if stack else None,
        "cost": device.cost,
    }


def with_device(memory: MemorySpec, given: Mapping[str, object]) -> MemorySpec:
    """The memory with what it leaves out taken from `given`; a null stays unknown."""
    return memory.model_copy(update={n: leaf for n, leaf in given.items() if getattr(memory, n) is None})


Memories = Annotated[dict[str, MemorySpec], Field(exclude_if=lambda v: not v)]
"""Left out where there are none, so that a question stored before the key existed is still the same one."""

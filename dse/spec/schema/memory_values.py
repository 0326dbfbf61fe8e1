"""From memories of a technology file to the constants of one unit that the equations want."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from dse.errors import Problem, SpecError
from dse.spec.schema.base import Leaf
from dse.spec.schema.build import MemoryBuild
from dse.spec.schema.technology_memories import MemorySpec
from dse.spec.schema.technology_parts import DramSpec
from dse.spec.schema.technology_values import Value
from objectives.arrays import Array
from objectives.equations.fabrication.technology import MemoryDevice

OF_DEVICE = {"read_bandwidth": "bandwidth", "read_energy": "energy", "write_energy": "write_energy"}
"""Numbers of a memory that a DRAM generation has under another name."""
WANTED: Mapping[str, tuple[str, ...]] = {
    "rom": ("area",),
    "stacked_sram": ("area", "attach_yield"),
    "stacked_dram": ("area", "attach_yield", "write_bandwidth"),
    "lpddr": ("write_bandwidth",),
    "ddr": ("write_bandwidth",),
    "flash": ("latency", "endurance"),
    "host": ("write_bandwidth", "latency"),
    "pooled": ("write_bandwidth", "latency"),
}
"""What must be known of each memory besides its size, bandwidth, energy and price."""


class Technology(Protocol):
    """Sections of a `TechnologySpec` that memories are read from."""

    @property
    def dram(self) -> Mapping[str, DramSpec]:
        """DRAM generations by name."""

    @property
    def memories(self) -> Mapping[str, MemorySpec]:
        """Memories by name."""

    def memory(self, name: str, where: str = "", wanted: tuple[str, ...] = ()) -> MemorySpec:
        """A memory with all that it shares with a device."""


def memory_problems(spec: Technology, build: MemoryBuild, where: str, *, priced: bool) -> Iterator[Problem]:
    """Why a memory cannot be derived: an unknown name, another kind, and each null that is needed."""
    try:
        found = spec.memory(build.device, where)
        if found.kind.replace("-", "_") == build.name:
            # again, since numbers of another kind of memory are not worth a word
            spec.memory(build.device, where, _wanted(build, priced=priced))
            return
    except SpecError as error:
        yield from error.problems
        return
    what = f"expected a device of kind {build.name.replace('_', '-')}, got {build.device}"
    yield Problem(where, f"memories: {what}, which is {found.kind}")


def _wanted(build: MemoryBuild, *, priced: bool) -> tuple[str, ...]:
    """Numbers of the technology that a memory cannot do without."""
    own = {
        "capacity": build.bytes_each,
        "read_bandwidth": build.bandwidth_each,
        "read_energy": build.joules_per_byte,
        "cost": build.usd_per_byte if priced else 0.0,
    }
    # what a chip file says of its memory is not asked of the technology again
    named = ("area", "attach_yield") if build.bytes_each is not None else WANTED[build.name]
    also = [n for n in WANTED[build.name] if n in named]
    return (*(name for name, value in own.items() if value is None), *also)


class MemoryNumbers:
    """Numbers of one memory, through a function that may choose or draw them."""

    def __init__(self, spec: Technology, name: str, value: Value) -> None:
        self._spec, self._name, self._value = spec, name, value
        self._found = spec.memory(name)

    @property
    def device(self) -> str | None:
        """The DRAM generation that it is, or that it shares numbers with."""
        own = self._spec.memories.get(self._name)
        return self._name if own is None else own.device

    def __call__(self, number: str) -> Array:
        """A number, in SI; 0 where it does not apply to this memory."""
        leaf: Leaf | None = self._found.number(number)
        if leaf is None or leaf.value is None:
            return 0.0
        own = self._spec.memories.get(self._name)
        if own is not None and own.number(number) is not None:
            return self._value(f"memories.{self._name}.{number}", leaf)
        # its place around the dies is that of HBM, which no sample varies apart
        if number in ("edge", "footprint", "attach_yield"):
            return leaf.value
        return self._value(f"dram.{self.device}.{OF_DEVICE.get(number, number)}", leaf)

    @property
    def controller_transistors(self) -> Array:
        """Transistors of its controller on the die; 0 without one."""
        device = self.device
        if device is None or device not in self._spec.dram:
            return 0.0
        return self._value(
            f"dram.{device}.controller_transistors", self._spec.dram[device].controller_transistors
        )

    @property
    def most_per_die(self) -> Array:
        """Units that one die drives on the board; 0 for what is not on the board."""
        device = self._spec.dram.get(self.device or "")
        if device is None or device.most_per_die is None or self._found.kind in ("host", "pooled"):
            return 0.0
        return self._value(f"dram.{self.device}.most_per_die", device.most_per_die)

    @property
    def on_interposer(self) -> float:
        """1 where it takes the place of an HBM stack, else 0."""
        return 1.0 if self._found.footprint is not None else 0.0


def memory_device(
    spec: Technology, build: MemoryBuild, way_joules: Array, value: Value, *, priced: bool
) -> MemoryDevice:
    """One unit of a memory; every null that it needs has been refused.

    `way_joules` is the energy of a byte in PHY, controller and transport, for memories that
    are not bonded onto the dies.
    """
    of, name = MemoryNumbers(spec, build.device, value), build.name
    size = of("capacity") if build.bytes_each is None else build.bytes_each
    bonded, rom = name.startswith("stacked"), name == "rom"
    way, joules = (0.0 if bonded or rom else way_joules), build.joules_per_byte
    if joules is None:
        joules = of("read_energy")
    else:
        # the file of a chip says what a byte takes in all
        way = min(way, joules)
        joules = joules - way
    usd = of("cost") if build.usd_per_byte is None else build.usd_per_byte
    silicon = size * of("area")
    return MemoryDevice(
        name=name,
        bytes_each=size,
        bandwidth_each=of("read_bandwidth") if build.bandwidth_each is None else build.bandwidth_each,
        joules_per_byte=joules,
        way_joules_per_byte=way,
        usd_per_byte=usd if priced else 0.0,
        die_m2=silicon if rom else 0.0,
        bonded_m2=silicon if bonded else 0.0,
        phy_m2=0.0 if bonded or rom else of("phy_area"),
        controller_transistors=0.0 if bonded or rom else of.controller_transistors,
        on_interposer=of.on_interposer,
        most_per_die=of.most_per_die,
        bonded=bonded,
        on_die=bonded or rom,
        attach_yield=of("attach_yield") if bonded else 1.0,
    )

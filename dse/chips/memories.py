"""Memories of a chip beyond SRAM and DRAM: columns, what must be known of them, and what they are made as."""

from collections.abc import Iterator, Mapping, Sequence

from dse.errors import Problem
from dse.spec.schema.base import Sourced
from dse.spec.schema.build import MemoryBuild
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.chip_memories import FAR, OFF_CHIP, FurtherMemory, SearchedMemory
from dse.spec.schema.memory_values import MemoryNumbers, memory_device, memory_problems
from dse.spec.schema.space import BranchSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.technology_values import Value
from dse.spec.schema.workload import WorkloadSpec
from objectives.arrays import Array, zeros_like
from objectives.equations.fabrication.technology import MemoryDevice
from objectives.memories import MEMORIES


def _number(leaf: Sourced[float] | None) -> float:
    return 0.0 if leaf is None or leaf.value is None else leaf.value


def memory_columns(chip: ChipSpec) -> dict[str, float]:
    """Columns of the further memories of a chip, of which nothing needed is unknown."""
    found: dict[str, float] = {}
    for m in chip.memories:
        rate = _number(m.bandwidth)
        known = {
            "bytes": _number(m.capacity),
            "bandwidth": rate,
            "w": rate * _number(m.energy),
            "write_bandwidth": _write_bandwidth(m),
            "latency": _number(m.latency),
            "endurance": _number(m.endurance),
        }
        found |= {f"{m.name}_{c}": known[c] for c in MEMORIES[m.name].columns}
    return found


def _write_bandwidth(m: FurtherMemory) -> float:
    """Bandwidth of writes [B/s]; 0 of flash that does not say it, which then keeps no prefixes."""
    if m.write_bandwidth is None:
        return 0.0 if m.kind == "flash" else _number(m.bandwidth)
    return _number(m.write_bandwidth)


def speed_unknowns(chip: ChipSpec) -> Iterator[tuple[str, float | None]]:
    """Numbers that any question of speed needs of further memories, by name, those that must be above 0."""
    for m in chip.memories:
        yield f"memories.{m.kind}.capacity", m.capacity.value
        yield f"memories.{m.kind}.bandwidth", m.bandwidth.value
        if m.write_bandwidth is not None:
            yield f"memories.{m.kind}.write_bandwidth", m.write_bandwidth.value
        if m.kind in FAR:
            yield f"memories.{m.kind}.latency", None if m.latency is None else m.latency.value
        if m.kind == "flash":
            yield f"memories.{m.kind}.endurance", None if m.endurance is None else m.endurance.value


def cost_unknowns(chip: ChipSpec) -> Iterator[tuple[str, float | None]]:
    """Numbers that dollars and joules need of further memories, by name."""
    for m in chip.memories:
        yield f"memories.{m.kind}.energy", m.energy.value
        yield f"memories.{m.kind}.price", m.price.value


def without_streams(chip: ChipSpec) -> Iterator[Problem]:
    """That a chip with further memories has neither scratchpad nor DRAM, through which activations stream."""
    if chip.memories and chip.sram.use == "cache" and chip.dram is None:
        what = "memories: expected sram as a scratchpad, or dram, next to further memories, got neither"
        yield Problem(f"chips/{chip.name}", what)


def unkept(
    chip: str,
    memories: Sequence[FurtherMemory | SearchedMemory],
    kept: Sequence[WorkloadSpec],
    technology: TechnologySpec,
) -> Iterator[Problem]:
    """Prefix caches of workloads in a memory that a chip, or a branch, does not list, or cannot write."""
    own = [m.kind for m in memories if not MEMORIES[m.name].fixed]
    for work in kept:
        tier = None if work.prefix_cache is None else work.prefix_cache.kept_in
        if tier is None:
            continue
        if tier in own:
            yield from _unwritten(chip, next(m for m in memories if m.kind == tier), work, technology)
            continue
        known = ["dram", *own]
        listed = f"{', '.join(known[:-1])} or {known[-1]}" if own else "dram"
        apart = ", or host or pooled with a bandwidth and a cost"
        what = f"prefix_cache.tier of {work.name}: expected {listed} of this chip{apart}, got {tier}"
        yield Problem(chip, what)


def _unwritten(
    chip: str, memory: FurtherMemory | SearchedMemory, work: WorkloadSpec, technology: TechnologySpec
) -> Iterator[Problem]:
    """Flash that keeps prefixes and whose bandwidth of writes nobody says."""
    if memory.kind != "flash":
        return
    if isinstance(memory, FurtherMemory):
        rate = None if memory.write_bandwidth is None else memory.write_bandwidth.value
    else:
        leaf = technology.memory(memory.device).number("write_bandwidth")
        rate = None if leaf is None else leaf.value
    if not rate:
        of = "" if isinstance(memory, FurtherMemory) else f" of {memory.device} in {technology.name}"
        what = f"expected a known value above 0 B/s{of}, since {work.name} keeps prefixes in it"
        yield Problem(chip, f"memories.flash.write_bandwidth: {what}, got {'none' if rate is None else rate}")


def own_builds(chip: ChipSpec) -> tuple[MemoryBuild, ...]:
    """What further memories of a chip file are made as; those without a device are refused elsewhere."""
    return tuple(_own_build(m) for m in chip.memories if m.kind not in OFF_CHIP and m.device is not None)


def _own_build(m: FurtherMemory) -> MemoryBuild:
    """One unit of a memory of a chip file, whose numbers replace those of the technology."""
    units = float((m.units and m.units.value) or 1)
    size = _number(m.capacity)
    return MemoryBuild(
        name=m.name,
        device=str(m.device),
        bytes_each=size / units,
        bandwidth_each=_number(m.bandwidth) / units,
        joules_per_byte=_number(m.energy),
        # a memory of no size has no price of a byte
        usd_per_byte=_number(m.price) / size if size else 0.0,
    )


def unmade(chip: ChipSpec) -> Iterator[str]:
    """What the silicon of a chip needs of its further memories and its file lacks, by name."""
    for m in chip.memories:
        if m.kind in OFF_CHIP:
            continue
        if m.device is None:
            yield f"memories.{m.kind}.device"
        if m.units is None or not m.units.value:
            yield f"memories.{m.kind}.units"
        for name in ("capacity", "bandwidth", "energy"):
            if getattr(m, name).value is None:
                yield f"memories.{m.kind}.{name}"


def unpriced(chip: ChipSpec) -> Iterator[str]:
    """Prices of further memories that the unit cost of a chip needs and its file lacks, by name."""
    yield from (
        f"memories.{m.kind}.price" for m in chip.memories if m.price.value is None and m.kind not in OFF_CHIP
    )


def given_away(chip: ChipSpec) -> Iterator[str]:
    """Further memories that would cost nothing in a unit cost, by name; ROM is paid with the die."""
    yield from (
        f"memories.{m.kind}.price"
        for m in chip.memories
        if m.price.value == 0.0 and m.capacity.value and m.kind not in (*OFF_CHIP, "rom")
    )


def units_of(chip: ChipSpec) -> tuple[float, ...]:
    """Units of the further memories that are part of a chip, in the order of `own_builds`."""
    made = (m for m in chip.memories if m.kind not in OFF_CHIP and m.device is not None)
    return tuple(float((m.units and m.units.value) or 1) for m in made)


def added_dollars(chip: ChipSpec, *, made: bool) -> dict[str, float]:
    """Price of further memories that is added to that of the chip [USD], by memory.

    `made`: the price of the chip follows from its silicon, which has all but host and pooled memory.
    """
    return {m.name: _number(m.price) for m in chip.memories if not made or m.kind in OFF_CHIP}


def added_watts(chip: ChipSpec) -> float:
    """Power of host and pooled memory, which that of the chip leaves out [W]."""
    return sum(_number(m.bandwidth) * _number(m.energy) for m in chip.memories if m.kind in OFF_CHIP)


def searched_builds(memories: Sequence[SearchedMemory]) -> tuple[MemoryBuild, ...]:
    """What the memories of a branch are made as, those that are part of a chip."""
    return tuple(MemoryBuild(name=m.name, device=m.device) for m in memories if m.kind not in OFF_CHIP)


def unlisted(spec: BranchSpec, template: ChipSpec) -> Iterator[str]:
    """What keeps a branch from having the memories of its list, or from having none."""
    if template.memories and not spec.memories:
        yield f"memories: expected a list of those of the template {template.name}, got none"
    stacks = spec.parameters.get("dram_stacks")
    # a search would find chips without stacks, whose activations stream through nothing
    without = stacks is None or min((stacks.low, *stacks.numbers)) == 0.0
    if spec.memories and without and template.sram.use == "cache":
        got = "neither" if stacks is None else "no stacks in some"
        what = "expected a scratchpad in the template, or DRAM in every chip, next to further memories"
        yield f"memories: {what}, got {got}"


def off_chip(
    memories: Sequence[SearchedMemory], technology: TechnologySpec, value: Value, where: str, *, priced: bool
) -> tuple[tuple[MemoryDevice, ...], list[Problem]]:
    """One unit of each memory of a branch that is no part of a chip, and why there is none."""
    found, problems = [], []
    for m in memories:
        if m.kind not in OFF_CHIP:
            continue
        build = MemoryBuild(name=m.name, device=m.device)
        lacks = list(memory_problems(technology, build, where, priced=priced))
        problems += lacks
        if not lacks:
            found.append(memory_device(technology, build, 0.0, value, priced=priced))
    return tuple(found), problems


def searched_columns(
    memories: Sequence[SearchedMemory],
    values: Mapping[str, Array],
    devices: Mapping[str, MemoryDevice],
    technology: TechnologySpec,
    value: Value,
) -> dict[str, Array]:
    """Columns of the further memories of a branch but for watts, for numbers of their units."""
    found: dict[str, Array] = {}
    for m in memories:
        units, device = values[m.parameter], devices[m.name]
        numbers = MemoryNumbers(technology, m.device, value)
        # all modules that are no part of the chip lie behind one port of it
        streams = (units > 0.0) * 1.0 if m.kind in OFF_CHIP else units
        rate = streams * device.bandwidth_each
        writes = streams * numbers("write_bandwidth")
        known = {
            "bytes": units * device.bytes_each,
            "bandwidth": rate,
            "write_bandwidth": writes,
            "latency": numbers("latency") + zeros_like(units),
            "endurance": numbers("endurance") + zeros_like(units),
        }
        found |= {f"{m.name}_{c}": known[c] for c in MEMORIES[m.name].columns if c != "w"}
    return found


def off_chip_watts(device: MemoryDevice, columns: Mapping[str, Array]) -> Array:
    """Power of a memory that is no part of a chip at its full bandwidth [W]."""
    return columns[f"{device.name}_bandwidth"] * device.joules_per_byte


def off_chip_dollars(device: MemoryDevice, columns: Mapping[str, Array]) -> Array:
    """Its price [USD]."""
    return columns[f"{device.name}_bytes"] * device.usd_per_byte

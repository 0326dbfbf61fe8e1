"""Area, unit cost and power of a chip from what its architect sets: one path for real and hypothetical."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dse.chips.formats import unit_size, with_formats
from dse.chips.memories import given_away, own_builds, units_of, unmade, unpriced
from dse.errors import Problem, SpecError
from dse.spec.schema.base import Sourced
from dse.spec.schema.build import Build
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.technology_values import Constants, Value, middle
from dse.spec.yaml.units import pretty
from objectives.arrays import Array, zeros_like
from objectives.equations.fabrication.area import equivalent_peak
from objectives.equations.fabrication.dies import Plan, die_plan
from objectives.equations.fabrication.package import PACKAGES
from objectives.equations.fabrication.power import full_power, thermal_design_power
from objectives.equations.fabrication.technology import Blueprint, Technology
from objectives.equations.fabrication.thermal import Heat, slowed, within_cooling
from objectives.equations.fabrication.unit_cost import die_yield, unit_cost


@dataclass(frozen=True, kw_only=True)
class Silicon:
    """What follows for every design of a batch; all arrays broadcast to one shape."""

    blueprint: Blueprint
    technology: Technology
    plan: Plan
    """Which silicon is on which die, and what cannot be made."""
    nominal_power: Mapping[str, Array]
    """Power at rest and of each resource at its full rate and the nominal clock [W]."""
    power_parts: Mapping[str, Array]
    """Thermal design power by part [W]: static, compute, sram, load, dram, link, die_to_die."""
    power_w: Array
    """Their sum [W]."""
    heat: Heat
    """Clock at which it stays within its cooling, and what no slower clock removes."""

    @property
    def area_parts(self) -> dict[str, Array]:
        """Area of all dies of the package by part [m2]."""
        return self.plan.area_parts

    @property
    def area_m2(self) -> Array:
        """Their sum [m2]."""
        return self.plan.compute.total_m2 + self.plan.io.total_m2

    @property
    def nominal_parts(self) -> dict[str, Array]:
        """Thermal design power by part at the nominal clock [W]."""
        return thermal_design_power(dict(self.nominal_power), self.technology)

    @property
    def full_power(self) -> dict[str, Array]:
        """Power at rest and of each resource at its full rate, at the clock that it runs at [W]."""
        return slowed(self.nominal_power, self.heat.dynamic_share)

    @property
    def clock_share(self) -> Array:
        """Clock over the nominal one [1]: below 1 where the chip would be too hot."""
        return self.heat.clock_share

    @property
    def cooling_excess_w(self) -> Array:
        """Power beyond what the class of cooling sheds [W]; feasible where <= 0."""
        return self.heat.cooling_excess_w

    @property
    def power_density_excess(self) -> Array:
        """Power density of the compute dies beyond what their cooling carries away [W/m2]."""
        return self.heat.density_excess

    @property
    def yields(self) -> dict[str, Array]:
        """Share of compute dies and of I/O dies that can be sold [1]."""
        t, plan = self.technology, self.plan
        return {
            "compute": die_yield(plan.compute, node=t.node, wafer=t.wafer),
            "io": die_yield(plan.io, node=t.io_node, wafer=t.wafer),
        }

    def unit_cost_parts(self, power_w: Array | None = None) -> dict[str, Array]:
        """Unit cost by part [USD]: compute_dies, io_dies, dram, package, assembly_loss, test, board.

        `power_w` replaces the derived power where a published one is known [W].
        """
        power = self.power_w if power_w is None else power_w
        return unit_cost(self.blueprint, self.plan, power, self.technology)

    def unit_cost_usd(self, power_w: Array | None = None) -> Array:
        """Their sum [USD]."""
        return sum(self.unit_cost_parts(power_w).values())


def derive(blueprint: Blueprint, technology: Technology) -> Silicon:
    """Silicon of a batch of packages; the arrays of both broadcast against each other."""
    plan = die_plan(blueprint, technology)
    full = full_power(blueprint, plan, technology)
    nominal = thermal_design_power(full, technology)
    heat = within_cooling(nominal, blueprint, plan, technology)
    parts = slowed(nominal, heat.dynamic_share)
    return Silicon(
        blueprint=blueprint,
        technology=technology,
        plan=plan,
        nominal_power=full,
        power_parts=parts,
        power_w=sum(parts.values()),
        heat=heat,
    )


@dataclass(frozen=True)
class Foundry:
    """A technology that many chips are made of: what it says of a build is worked out once."""

    technology: TechnologySpec
    value: Value = middle
    """Number of each leaf, see `TechnologySpec.resolve`."""
    # a memo: it is no part of what a foundry is, so it makes no two of them differ
    _clean: set[Build] = field(default_factory=set, repr=False, compare=False)

    @cached_property
    def _constants(self) -> Constants:
        return Constants(self.technology, self.value)

    def problems(self, build: Build, where: str) -> list[Problem]:
        """As `TechnologySpec.problems`."""
        if build in self._clean:
            return []
        # constants that all builds share are checked with the first build only
        found = list(self.technology.problems(build, where, shared=not self._clean))
        # problems name the place that asked, so a build that has some is checked again for the next place
        if not found:
            self._clean.add(build)
        return found

    def constants(self, build: Build) -> Technology:
        """As `TechnologySpec.constants`."""
        return self._constants.of(build)

    def silicon(
        self, chip: ChipSpec, *, priced: bool = True, yield_law: str = "negative-binomial"
    ) -> Silicon:
        """See `chip_silicon`."""
        build = build_of(chip, priced=priced)
        if yield_law != build.yield_law:
            build = build.model_copy(update={"yield_law": yield_law})
        self.check(chip, build)
        return derive(blueprint_of(chip, self.technology), self.constants(build))

    def check(self, chip: ChipSpec, build: Build) -> None:
        """Raise `SpecError` naming each unknown that the silicon of a chip needs."""
        # of the technology and of the chip in one error
        problems = [*self.problems(build, _where(chip)), *_chip_problems(chip, self.technology)]
        if build.priced:
            problems += [_unknown(chip, name) for name in unpriced(chip)]
            above = "expected above 0 USD where the cost of a chip is that of its parts, got 0 USD"
            problems += [Problem(_where(chip), f"{name}: {above}") for name in given_away(chip)]
        if problems:
            raise SpecError(problems)


def chip_silicon(
    chip: ChipSpec,
    technology: TechnologySpec,
    *,
    priced: bool = True,
    yield_law: str = "negative-binomial",
) -> Silicon:
    """Silicon of one chip, every array of shape (1,), from its file but for its published area.

    `priced`: its dollars are needed too; a chip with DRAM of unknown price still has an area.
    Domain: caches are counted at last-level density, L1 too where the chip's file does not separate it.
    SRAM that a compiler manages and whose speed is not published is taken at the reference bandwidth.
    Raises `SpecError` naming each unknown that is needed.
    """
    return Foundry(technology).silicon(chip, priced=priced, yield_law=yield_law)


def chip_unit_cost(chip: ChipSpec, technology: TechnologySpec) -> dict[str, float]:
    """Unit cost of a chip by part [USD], at its published power where that is known."""
    made = chip_silicon(chip, technology)
    power = None if chip.power.value is None else zeros_like(made.power_w) + chip.power.value
    return {name: float(part[0]) for name, part in made.unit_cost_parts(power).items()}


def build_of(chip: ChipSpec, *, priced: bool = True) -> Build:
    """What decides which constants a chip is made of."""
    io = chip.die.io
    return Build(
        node=str(chip.die.process.value),
        generation=None if chip.dram is None else chip.dram.generation,
        io_node=None if io is None else str(io.process.value),
        cooling=chip.cooling,
        hypothetical=chip.hypothetical,
        scaled=chip.hypothetical and chip.clock == "scaled",
        wafer_scale=chip.die.wafer_scale,
        # a node without a published cache density still makes chips without a cache
        cache=not managed_by_software(chip),
        io_cache=io is not None and bool(io.cache.value),
        priced=priced,
        stacked=any(m.kind.startswith("stacked") for m in chip.memories),
        memories=own_builds(chip),
    )


def managed_by_software(chip: ChipSpec) -> bool:
    """Whether the SRAM of a chip has no tags and controllers."""
    return (chip.sram.managed or ("software" if chip.sram.use == "scratchpad" else "hardware")) == "software"


def fp16_equivalent(chip: ChipSpec, technology: TechnologySpec) -> float:
    """fp16 peak that takes as much die area and power as the chip's matrix units [FLOP/s].

    The largest over formats of peak times area per op, times what its further formats take in addition.
    Raises `SpecError` when no such peak is known.
    """
    chip = with_formats(chip, technology)
    return _largest_peak(chip, technology) * unit_size(chip, technology)


def _largest_peak(chip: ChipSpec, technology: TechnologySpec) -> float:
    """The largest over formats of peak times area per op [FLOP/s]."""
    shares = technology.format_area()
    peaks: dict[str, Array] = {
        name: np.asarray([leaf.value]) for name, leaf in chip.peak.items() if leaf.value is not None
    }
    if not set(peaks) & set(shares):
        raise SpecError([_no_peak(chip, shares)])
    return float(equivalent_peak(peaks, shares)[0])


def vector_peak(chip: ChipSpec, technology: TechnologySpec) -> float:
    """fp32 peak of the vector units [FLOP/s]; the usual share of fp16 where a chip quotes none."""
    fp32, fp16 = chip.peak.get("fp32"), chip.peak.get("fp16")
    if fp32 is not None and fp32.value is not None:
        return fp32.value
    # without an fp16 peak the largest of the others, brought to the area of fp16
    matrix = fp16.value if fp16 is not None and fp16.value else _largest_peak(chip, technology)
    return matrix * (technology.area.vector_share.value or 0.0)


def blueprint_of(chip: ChipSpec, technology: TechnologySpec) -> Blueprint:
    """What the file of a chip says of its silicon, every array of shape (1,)."""

    def one(value: float | None) -> Array:
        # nulls that matter were refused by `_chip_problems`; of the others a chip has none
        return np.asarray([value or 0.0], dtype=float)

    # one unit serves all formats, so it is as large as its costliest format needs
    equivalent, software, die = fp16_equivalent(chip, technology), managed_by_software(chip), chip.die
    sram = chip.sram.capacity.value or 0.0
    # `last_level` leaves out what is part of a core, where the file separates the two
    cache = sram if chip.sram.last_level is None else chip.sram.last_level.value
    stacks = chip.dram.stacks.value if chip.dram and chip.dram.stacks else 0.0
    bandwidth = chip.sram.bandwidth.value
    if bandwidth is None:
        bandwidth = sram * (technology.sram_law.reference.value or 0.0)
    spare = technology.area.spare_cores.value or 0.0  # chips are sold with a few cores off, for yield
    return Blueprint(
        peak_flops=one(equivalent),
        vector_flops=one(vector_peak(chip, technology)),
        enabled_share=one(1.0 - spare if die.enabled is None else die.enabled.value),
        sram_bytes=one(sram if software else 0.0),
        sram_bandwidth=one(bandwidth if software else 0.0),
        # None, not 0: no cache density of the node is read then
        cache_bytes=None if software else one(cache),
        io_cache_bytes=None if die.io is None or not die.io.cache.value else one(die.io.cache.value),
        stacks=one(stacks),
        dram_bytes=one(chip.dram.capacity.value if chip.dram else 0.0),
        dram_bandwidth=one(chip.dram.bandwidth.value if chip.dram else 0.0),
        link_bandwidth=one(chip.link.bandwidth.value),
        dies=one(die.count.value),
        io_dies=one(0.0 if die.io is None else die.io.count.value),
        die_bandwidth=None if die.joined is None or die.joined.value is None else one(die.joined.value),
        weight_load=one(chip.sram.weight_load.value if chip.sram.weight_load else 0.0),
        package=None if die.package is None else one(float(PACKAGES.index(die.package))),
        memory_units=tuple(one(n) for n in units_of(chip)),
    )


def _chip_problems(chip: ChipSpec, technology: TechnologySpec) -> Iterator[Problem]:
    """Each fact that silicon needs and the file of a chip lacks, or contradicts."""
    where, dram = _where(chip), chip.dram
    needed: dict[str, Sourced[float] | Sourced[int] | None] = {
        "sram.capacity": chip.sram.capacity,
        "link.bandwidth": chip.link.bandwidth,
        "die.count": chip.die.count,
    }
    if chip.sram.use == "scratchpad":
        needed["sram.bandwidth"] = chip.sram.bandwidth
    # the cache on the die is the last level, so the sum of all levels may stay unknown
    elif not managed_by_software(chip) and chip.sram.last_level is not None:
        # in front, where `sram.capacity` was
        needed = {"sram.last_level": chip.sram.last_level, **needed}
        del needed["sram.capacity"]
    if dram is not None:
        needed |= {
            "dram.capacity": dram.capacity,
            "dram.bandwidth": dram.bandwidth,
            "dram.stacks": dram.stacks,
        }
    if chip.die.io is not None:
        needed |= {"die.io.count": chip.die.io.count, "die.io.cache": chip.die.io.cache}
    for name, leaf in needed.items():
        if leaf is None or leaf.value is None:
            yield _unknown(chip, name)
    yield from (_unknown(chip, name) for name in unmade(chip))
    if chip.die.count.value == 0:
        yield Problem(where, "expected a die.count of at least 1, got 0")
    if dram is not None and dram.stacks is not None and None not in (dram.stacks.value, dram.capacity.value):
        stacks, size = dram.stacks.value or 0, dram.capacity.value or 0.0
        if (stacks > 0) != (size > 0.0):  # dollars and area would follow stacks, bytes would not
            what = f"{pretty(size, 'B')} of it in {stacks} stacks or devices"
            yield Problem(where, f"expected a dram.capacity in as many dram.stacks as hold it, got {what}")
    shares = technology.format_area()
    if not any(leaf.value is not None for name, leaf in chip.peak.items() if name in shares):
        yield _no_peak(chip, shares)


def _no_peak(chip: ChipSpec, shares: Mapping[str, float]) -> Problem:
    known = ", ".join(name for name, leaf in chip.peak.items() if leaf.value is not None)
    return Problem(_where(chip), f"expected a peak in {', '.join(shares)}, got {known or 'none'}")


def _unknown(chip: ChipSpec, name: str) -> Problem:
    return Problem(_where(chip), f"expected a known {name}, got null")


def _where(chip: ChipSpec) -> str:
    return f"chips/{chip.name}: silicon"

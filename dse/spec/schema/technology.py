"""The technology file: what nodes, DRAM generations, links, packages and systems cost."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field, model_validator

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.schema.base import Aliases, FileName, Notes, Sourced, SourcedWatts, Spec, Title
from dse.spec.schema.build import Build
from dse.spec.schema.chip import PeakFormat
from dse.spec.schema.technology_memories import (
    NUMBERS,
    Memories,
    MemorySpec,
    of_device,
    with_device,
)
from dse.spec.schema.technology_parts import (
    AreaSpec,
    ClockSpec,
    DieToDieSpec,
    DramSpec,
    EconomicsSpec,
    EnergySpec,
    FormatSpec,
    HbmSpec,
    IoSpec,
    NodeSpec,
    PackageSpec,
    SramLaw,
    SystemSpec,
    ThermalSpec,
    WaferSpec,
)
from dse.spec.schema.technology_values import Constants, Value, middle
from objectives.arrays import Array
from objectives.equations.fabrication.technology import Technology, pick


class TechnologySpec(Spec):
    """Everything that chips are made of, at one date."""

    kind: Literal["technology"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    nodes: dict[str, NodeSpec] = Field(min_length=1)
    """Process nodes by key, such as n5."""
    area: AreaSpec
    """How areas add up on a die."""
    formats: dict[PeakFormat, FormatSpec] = Field(default={})
    """Number formats that a matrix unit may have in addition to fp16."""
    sram_law: SramLaw
    """Area of SRAM as a function of its bandwidth."""
    wafer: WaferSpec
    """Wafer, reticle and yield."""
    dram: dict[str, DramSpec]
    """DRAM generations by name, such as HBM3e."""
    memories: Memories = Field(default={})
    """Memories other than DRAM devices by name, such as HBF; what they share with a device is in `dram`."""
    hbm: HbmSpec
    """How many HBM stacks fit around a die."""
    io: IoSpec
    """Links and the host port."""
    die_to_die: DieToDieSpec
    """What joins the dies of a package."""
    energy: EnergySpec
    """Energy outside the cores."""
    package: PackageSpec
    """Packaging, test and board."""
    cooling: dict[str, SourcedWatts]
    """Power that one package can shed, by class of cooling."""
    # left out at its default, so that a question stored before the key existed is still the same one
    thermal: ThermalSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Power per area that a die may draw; left out, only the power of the package is limited."""
    clock: ClockSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Curve along which a hypothetical chip that is too hot runs slower; left out, it cannot be made."""
    system: SystemSpec
    """Servers, racks, links and network around a chip."""
    economics: EconomicsSpec
    """From cost to price."""
    notes: Notes = None

    @model_validator(mode="after")
    def _links(self) -> "TechnologySpec":
        """Names in one section that another must have: PHYs of links, fp16, sellers."""
        for name, node in self.nodes.items():
            if node.link_phy not in self.io.links:
                raise ValueError(f"nodes.{name}.link_phy: {_unknown('link', node.link_phy, self.io.links)}")
        if "fp16" not in self.area.format_area:
            raise ValueError("area.format_area: expected fp16, which the others are measured in, got none")
        for name, memory in self.memories.items():
            if name in self.dram:
                raise ValueError(f"memories.{name}: expected a name that dram does not have, got one of both")
            if memory.device is not None and memory.device not in self.dram:
                raise ValueError(f"memories.{name}.device: {_unknown('device', memory.device, self.dram)}")
        # a price by margin needs both numbers of its seller
        if set(self.economics.volume) != set(self.economics.gross_margin):
            sellers = ", ".join(self.economics.gross_margin)
            got = ", ".join(self.economics.volume)
            raise ValueError(f"economics.volume: expected the sellers of gross_margin, {sellers}, got {got}")
        return self

    def problems(self, build: Build, where: str, *, shared: bool = True) -> Iterator[Problem]:
        """Why a chip of `build` cannot be derived, one problem for each unknown name and needed null.

        Without `shared` what every build needs is left out.
        """
        if shared:
            yield from _nulls(self, _SHARED, where)
        for node in (build.node, build.io_node):
            if node is None:
                continue
            if node not in self.nodes:
                yield Problem(where, _unknown("node", node, self.nodes))
            else:
                yield from _nulls(self.nodes[node], _NODE_NEEDS, where, f"nodes.{node}.")
        # caches are priced on some nodes only; a null matters where the dies carry one
        # a set, because both kinds of die may be on one node
        for node in {build.node if build.cache else None, build.io_node if build.io_cache else None}:
            if node in self.nodes and self.nodes[node].cache_area.value is None:
                yield _null(where, f"nodes.{node}.cache_area")
        yield from self._dram_problems(build, where)
        if build.cooling not in self.cooling:
            yield Problem(where, _unknown("class of cooling", build.cooling, self.cooling))
        elif build.hypothetical:
            yield from self._heat_problems(build, where)

    def _heat_problems(self, build: Build, where: str) -> Iterator[Problem]:
        """Limits of heat and the curve of the clock, which only chips that do not exist need."""
        if self.thermal is not None:
            if build.cooling not in self.thermal.density:
                known = self.thermal.density
                yield Problem(where, _unknown("class of cooling in thermal.density", build.cooling, known))
            else:
                yield from _nulls(self.thermal.density, [build.cooling], where, "thermal.density.")
            if build.stacked:
                yield from _nulls(self.thermal, ["under_stack"], where, "thermal.")
        if build.scaled and self.clock is not None:
            yield from _nulls(self.clock, ClockSpec.model_fields, where, "clock.")

    def _dram_problems(self, build: Build, where: str) -> Iterator[Problem]:
        generation = build.generation
        if generation is None:
            return
        if generation not in self.dram:
            yield Problem(where, _unknown("dram generation", generation, self.dram))
            return
        # dollars are needed only where the chip is priced by its silicon
        fields = [f for f in _DRAM_NEEDS if build.priced or f != "cost"]
        yield from _nulls(self.dram[generation], fields, where, f"dram.{generation}.")

    def memory(self, name: str, where: str = "", wanted: Sequence[str] = ()) -> MemorySpec:
        """A DRAM generation or another memory by name, with everything that it shares with a device.

        `wanted` are numbers that must be known, such as `read_bandwidth`. Raises `SpecError` for an unknown
        name, with the nearest, and for each of these that is null.
        """
        if odd := [n for n in wanted if n not in NUMBERS]:
            raise SpecError([Problem(where, _unknown("number of a memory", n, NUMBERS)) for n in odd])
        found, device = self.memories.get(name), name
        if found is None:
            kind = self.dram[name].kind if name in self.dram else None
            if kind is None:
                raise spec_error(where, _unknown("memory", name, [*self.memories, *self._kinds()]))
            found = MemorySpec(kind=kind, holds="all")
        elif found.device is not None:
            device = found.device
        if device in self.dram:
            attached = self.die_to_die.interposer.part_yield
            found = with_device(found, of_device(self.dram[device], self.hbm, attached))
        section = "memories" if name in self.memories else "dram"
        nulls = [_null(where, f"{section}.{name}.{number}") for number in found.nulls(tuple(wanted))]
        if nulls:
            raise SpecError(nulls)
        return found

    def _kinds(self) -> list[str]:
        """DRAM generations whose family is known."""
        return [name for name, device in self.dram.items() if device.kind is not None]

    def resolve(
        self, build: Build | str, generation: str | None = None, where: str = "", value: Value = middle
    ) -> Technology:
        """Constants in SI of chips of `build`, or of the plain chips on a node named so.

        `value` chooses the number of each leaf by its path, such as `nodes.n5.wafer_cost`: give a function
        that returns samples to carry uncertainty through every equation. Raises `SpecError` with every
        unknown name and every null that such chips need.
        """
        if isinstance(build, str):
            build = Build(node=build, generation=generation)
        problems = list(self.problems(build, where))
        if problems:
            raise SpecError(problems)
        return self.constants(build, value)

    def constants(self, build: Build, value: Value = middle) -> Technology:
        """As `resolve`, of a build that has no `problems`."""
        return Constants(self, value).of(build)

    def choose(
        self, builds: Sequence[Build], index: Array, where: str = "", value: Value = middle
    ) -> Technology:
        """Constants of the build that each design of a batch has: `builds[index]`."""
        return pick([self.resolve(build, where=where, value=value) for build in builds], index)

    def format_area(self) -> dict[str, float]:
        """Area of an op/s in each format, in that of an fp16 op/s [1]."""
        return {name: float(leaf.value or 0.0) for name, leaf in self.area.format_area.items()}


_SHARED = ("area", "formats", "sram_law", "wafer", "hbm", "io", "die_to_die", "energy", "package", "cooling")
_DRAM_OPTIONAL = ("kind", "latency", "write_bandwidth", "write_energy")
_DRAM_NEEDS = [f for f in DramSpec.model_fields if f not in _DRAM_OPTIONAL]
_NODE_NEEDS = [name for name in NodeSpec.model_fields if name != "cache_area"]


def node_named(technology: TechnologySpec, text: str) -> str:
    """Key of the node that people call `text`: n5, N5, 5nm, 5 nm, 4nm; `SpecError` with the nearest."""
    # 5nm, 5 nm, N5 and n5 all become 5
    wanted = re.sub(r"\s|nm|^n", "", text.strip().lower())
    for key, node in technology.nodes.items():
        # makers call variants of a node by other numbers: 4N is of n5
        if wanted in {*re.findall(r"\d+", node.covers), key.removeprefix("n")}:
            return key
    raise spec_error("--node", _unknown("node", text, technology.nodes))


def _unknown(what: str, got: str | None, known: Iterable[str]) -> str:
    return f"expected a {what} that the technology file knows, got {got!r}; {nearest(str(got), known)}"


def _null(where: str, path: str) -> Problem:
    return Problem(where, f"expected a known {path} in the technology file, got null")


def _nulls(spec: object, names: Iterable[str], where: str, prefix: str = "") -> Iterator[Problem]:
    """A problem for every null leaf in the named fields of `spec`, at any depth."""
    for name in names:
        field = spec[name] if isinstance(spec, dict) else getattr(spec, name)
        # before `Spec`, which a number with its source is too
        if isinstance(field, Sourced):
            if field.value is None:
                yield _null(where, f"{prefix}{name}")
        elif isinstance(field, dict):
            yield from _nulls(field, field, where, f"{prefix}{name}.")
        elif isinstance(field, Spec):
            yield from _nulls(field, type(field).model_fields, where, f"{prefix}{name}.")

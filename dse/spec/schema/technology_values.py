"""From the leaves of a technology file to the constants that the equations want."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Protocol

from dse.spec.schema.base import Leaf, Sourced
from dse.spec.schema.build import Build
from dse.spec.schema.technology_parts import (
    AreaSpec,
    ClockSpec,
    DramSpec,
    NodeSpec,
    ThermalSpec,
    WaferSpec,
)
from objectives.arrays import Array
from objectives.equations.fabrication import technology

Value = Callable[[str, Leaf], Array]
"""The number to use for a sourced value, given its dotted path: its value, an end of its range, or an array
of random samples."""


def middle(path: str, leaf: Leaf) -> Array:  # noqa: ARG001 - other functions choose by the path
    """The value that the sources agree on, between the ends of its range."""
    return leaf.value


class Technology(Protocol):
    """The sections of a `TechnologySpec` that decide more than numbers."""

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """Process nodes by key."""

    @property
    def dram(self) -> Mapping[str, DramSpec]:
        """DRAM generations by name."""

    @property
    def wafer(self) -> WaferSpec:
        """Wafer and yield."""

    @property
    def area(self) -> AreaSpec:
        """How areas add up on a die."""

    @property
    def thermal(self) -> ThermalSpec | None:
        """Power per area that a die may draw."""

    @property
    def clock(self) -> ClockSpec | None:
        """How the power of cores falls with their clock."""

    def devices(self, build: Build, value: Value) -> tuple[technology.MemoryDevice, ...]:
        """One unit of each memory beyond SRAM and DRAM."""


class Values:
    """Numbers of a technology file by dotted path, through a function that may choose or draw them."""

    def __init__(self, spec: Technology, value: Value) -> None:
        self.spec, self._value = spec, value

    def __call__(self, path: str) -> Array:
        """The number at `path`, such as `nodes.n5.wafer_cost`."""
        return self._value(path, self._leaf(path))

    def known(self, path: str) -> Array | None:
        """As a call; None where it is not published."""
        found = self._leaf(path)
        return None if found.value is None else self._value(path, found)

    def _leaf(self, path: str) -> Leaf:
        """The sourced value at a dotted path."""
        found: object = self.spec
        for name in path.split("."):
            found = found[name] if isinstance(found, Mapping) else getattr(found, name)
        if not isinstance(found, Sourced):
            raise LookupError(f"{path} is no number of a technology file")
        return found


class Constants:
    """Constants of one technology; each part is worked out once, however many chips are made of it."""

    def __init__(self, spec: Technology, value: Value) -> None:
        v = Values(spec, value)
        self._v, self._spec, self._value = v, spec, value
        # caches of the instance: those of methods would keep every instance and its samples alive
        self._node = cache(lambda name: _node(spec, name, v))
        self._dram = cache(lambda generation, priced: _dram(spec, generation, priced, v))
        self._wafer = cache(lambda law, whole: _wafer(law, whole, v))
        self._layout = cache(lambda: _layout(v))
        self._package = cache(lambda: _package(v))
        self._energy = cache(lambda: _energy(v))

    def of(self, build: Build) -> technology.Technology:
        """Constants of chips of `build`; every null that they need has been refused."""
        generation = build.generation
        return technology.Technology(
            node=self._node(build.node),
            # without I/O dies the equations leave out what is theirs, so any node will do
            io_node=self._node(build.io_node or build.node),
            dram=technology.NO_DRAM if generation is None else self._dram(generation, build.priced),
            layout=self._layout(),
            wafer=self._wafer(build.yield_law, build.wafer_scale),
            package=self._package(),
            energy=self._energy(),
            cooling_w=self._v(f"cooling.{build.cooling}"),
            heat_w_per_m2=_heat(build, self._v) if build.hypothetical else None,
            under_stack=self._v("thermal.under_stack") if _is_hot(build, self._v) else None,
            clock=_clock(self._v) if build.scaled else None,
            memories=self._spec.devices(build, self._value) if build.memories else (),
        )


def _heat(build: Build, v: Values) -> Array | None:
    """Power that a square metre of a die may draw [W/m2]; None where the file has no limit."""
    if v.spec.thermal is None:
        return None
    return v(f"thermal.density.{build.cooling}")


def _is_hot(build: Build, v: Values) -> bool:
    """Whether memory may be bonded onto the dies of chips whose heat is limited."""
    return build.hypothetical and build.stacked and v.spec.thermal is not None


def _clock(v: Values) -> technology.Clock | None:
    """Curve of power over clock; None where the file has none."""
    if v.spec.clock is None:
        return None
    return technology.Clock(exponent=v("clock.exponent"), least_share=v("clock.least_share"))


def _node(spec: Technology, name: str, v: Values) -> technology.Node:
    """Costs, densities and energies of one node."""
    at = f"nodes.{name}."
    return technology.Node(
        wafer_usd=v(at + "wafer_cost"),
        defects_per_m2=v(at + "defect_density"),
        transistors_per_m2=v(at + "logic_density"),
        scratchpad_m2_per_byte=v(at + "scratchpad_area"),
        cache_m2_per_byte=v.known(at + "cache_area"),
        # the file has throughput per area; the equations add areas
        matrix_m2_per_flops=1.0 / v(at + "matrix_density"),
        vector_m2_per_flops=1.0 / v(at + "vector_density"),
        link_m2_per_bandwidth=v(f"io.links.{spec.nodes[name].link_phy}"),
        matrix_joules_per_flop=v(at + "matrix_energy"),
        vector_joules_per_flop=v(at + "vector_energy"),
        sram_joules_per_byte=v(at + "sram_energy"),
        static_w_per_m2=v(at + "static_power"),
        nre_usd=v(at + "nre"),
    )


def _dram(spec: Technology, generation: str, priced: bool, v: Values) -> technology.DramDevice:
    """One stack or device of a generation; without `priced` its dollars are 0."""
    at = f"dram.{generation}."
    return technology.DramDevice(
        # a number, not a bool: the equations multiply with it
        on_interposer=1.0 if spec.dram[generation].packaging == "2.5d" else 0.0,
        bytes_each=v(at + "capacity"),
        bandwidth_each=v(at + "bandwidth"),
        usd_per_byte=v(at + "cost") if priced else 0.0,
        phy_m2=v(at + "phy_area"),
        controller_transistors=v(at + "controller_transistors"),
        joules_per_byte=v(at + "energy"),
        # 0 for HBM, which the edges of dies limit instead
        most_per_die=0.0 if spec.dram[generation].most_per_die is None else v(at + "most_per_die"),
    )


def _energy(v: Values) -> technology.Energy:
    return technology.Energy(
        sram_activity=v("energy.sram_activity"),
        dram_system_joules_per_byte=v("energy.dram_system"),
        link_joules_per_byte=v("energy.link"),
        load_joules_per_byte=v("energy.load"),
    )


def _layout(v: Values) -> technology.Layout:
    """What shares a die with the cores, and what its edges carry."""
    return technology.Layout(
        uncore_share=v("area.uncore_share"),
        sram_c0=v("sram_law.c0"),
        sram_c1=v("sram_law.c1"),
        sram_reference_per_s=v("sram_law.reference"),
        sram_limit_per_s=v("sram_law.limit"),
        host_lanes=v("io.host_lanes"),
        host_lane_m2=v("io.host_lane"),
        link_bandwidth_per_edge=v("io.shoreline"),
        die_to_die_share=v("die_to_die.share"),
        die_to_die_hop_s=v("die_to_die.hop"),
        load_ports=v("area.load_ports"),
        stacks_per_die=v("hbm.stacks_per_die"),
        stacks_per_joined_die=v("hbm.stacks_per_joined_die"),
        stack_edge_m=v("hbm.shoreline"),
    )


def _wafer(law: str, whole: bool, v: Values) -> technology.Wafer:
    """Wafer, reticle and yield; `whole` where one die is the wafer."""
    # a count is not sampled: half a core cannot fail
    cores = int(v("wafer.cores"))
    return technology.Wafer(
        diameter_m=v("wafer.wafer_diameter"),
        edge_m=v("wafer.edge_exclusion"),
        scribe_m=v("wafer.scribe"),
        reticle_m2=v("wafer.reticle"),
        clustering=v("wafer.clustering"),
        sram_repairable=v("wafer.sram_repairable"),
        cores=cores,
        spare_cores=spare_cores(v),
        law=law,
        whole=whole,
        whole_m2=v("wafer.wafer_scale_area"),
        whole_yield=v("wafer.wafer_scale_yield"),
        whole_package_usd=v("wafer.wafer_scale_package"),
    )


def spare_cores(v: Values) -> int:
    """Whole cores that may fail: a count is not sampled, so it is that of the file."""
    return round((v.spec.wafer.cores.value or 0) * (v.spec.area.spare_cores.value or 0.0))


def _package(v: Values) -> technology.Package:
    """Cost of assembly, test and board, and the three classes of package."""
    return technology.Package(
        # no silicon under its dies, so no dollars per area of it
        organic=_class("organic", 0.0, v),
        interposer=_class("interposer", v("package.interposer_cost"), v),
        bridge=_class("bridge", v("package.bridge_cost"), v),
        interposer_factor=v("package.interposer_factor"),
        stack_footprint_m2=v("hbm.footprint"),
        attach_usd=v("package.attach_cost"),
        attach_usd_each=v("package.attach_cost_each"),
        substrate_usd=v("package.substrate_cost"),
        flip_chip_usd=v("package.flip_chip_cost"),
        test_usd=v("package.test_cost"),
        board_usd=v("package.board_cost"),
        board_usd_per_watt=v("package.board_cost_per_watt"),
    )


def _class(name: str, silicon_usd_per_m2: Array, v: Values) -> technology.PackageClass:
    at = f"die_to_die.{name}."
    return technology.PackageClass(
        silicon_usd_per_m2=silicon_usd_per_m2,
        part_yield=v(at + "part_yield"),
        m2_per_bandwidth=v(at + "phy_area"),
        bandwidth_per_edge=v(at + "shoreline"),
        joules_per_byte=v(at + "energy"),
    )

"""The die plan of a package: which silicon is on which die, and what cannot be made."""

from dataclasses import dataclass

from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.fabrication.area import (
    cache_area,
    cache_density,
    core_area,
    die_to_die_area,
    dram_phy_area,
    link_area,
    load_area,
    sram_area,
    uncore_area,
)
from objectives.equations.fabrication.bonded import bonded_excess, memory_area
from objectives.equations.fabrication.edge_limits import hbm_stacks_limit, link_bandwidth_limit
from objectives.equations.fabrication.memories import board_units_excess, interposer_units, summed
from objectives.equations.fabrication.package import chosen, die_to_die_bandwidth, package_code
from objectives.equations.fabrication.technology import Blueprint, Layout, Node, PackageClass, Technology


@dataclass(frozen=True, kw_only=True)
class DieGroup:
    """All dies of one kind in a package, by part [m2]: their sum is the area of all of them together."""

    count: Array
    """Dies [1]; 0 where a package has none of the kind."""
    core: Array
    """Matrix and vector units, and the path on which weights enter them."""
    sram: Array
    """Software-managed."""
    cache: Array
    dram_phy: Array
    link: Array
    die_to_die: Array
    uncore: Array
    rom: Array | None = None
    """None for packages without further memories."""

    def parts(self) -> dict[str, Array]:
        """Area of all dies by part [m2]."""
        names = ("core", "sram", "cache", "dram_phy", "link", "die_to_die", "uncore", "rom")
        return {name: area for name in names if (area := getattr(self, name)) is not None}

    @property
    def total_m2(self) -> Array:
        """Area of all dies together [m2]."""
        return self.repaired_m2 + self.core + self.other_m2

    @property
    def repaired_m2(self) -> Array:
        """SRAM of both kinds [m2], which repairs most of its defects."""
        return self.sram + self.cache

    @property
    def other_m2(self) -> Array:
        """What neither repairs itself nor can be switched off [m2]."""
        other = self.dram_phy + self.link + self.die_to_die + self.uncore
        return other if self.rom is None else other + self.rom

    @property
    def each_m2(self) -> Array:
        """Area of one die [m2]; 0 where there is none."""
        return self.total_m2 / maximum(self.count, 1.0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The dies of a package and how far they are beyond what can be made."""

    compute: DieGroup
    io: DieGroup
    package: Array
    """Code of the package class, see `package.PACKAGES`."""
    joined: PackageClass
    """What that class carries, costs and yields."""
    die_to_die_bandwidth: Array
    """One way, all dies together [B/s]."""
    area_excess_m2: Array
    """Area of the largest die beyond the reticle, or beyond the wafer for wafer scale [m2]."""
    stacks_excess: Array
    """HBM stacks beyond those that fit [1]."""
    link_excess: Array
    """One-way link bandwidth beyond what the free die edge carries [B/s]."""
    bonded_excess_m2: Array | None = None
    """Area of memory bonded onto the compute dies beyond theirs [m2]; None without further memories."""

    @property
    def area_parts(self) -> dict[str, Array]:
        """Area of all dies by part [m2]; their sum is the silicon of the package."""
        io = self.io.parts()
        return {name: part + io.get(name, 0.0) for name, part in self.compute.parts().items()}


def die_plan(blueprint: Blueprint, technology: Technology) -> Plan:
    """Areas of all dies and the limits they meet.

    Work, SRAM and PHYs are shared evenly by the compute dies. Where there are I/O dies, those carry DRAM and
    link PHYs and their own cache on their own node, and the compute dies carry cores, SRAM and their own
    cache; both pay for the connection between them.

    Args:
        blueprint: what an architect sets.
        technology: constants of nodes, DRAM, wafer and packages.

    Returns:
        Areas by part, package class and excesses, shapes broadcast.

    Domain:
        Up to one reticle a die, or the whole wafer; HBM around the dies that carry its PHYs.

    Limits:
        One die pays no die-to-die area; every area grows with every part.

    Source:
        Assembled from `area` and `package`; `dse validate silicon` reports the errors of real dies.

    Examples:
        By hand and against real dies, in tests/equations/fabrication/test_silicon.py.
    """
    b, t = blueprint, technology
    joined, code = die_to_die_bandwidth(b, t), package_code(b, t)
    between = chosen(t.package, code)
    # the shape of the whole batch; parts that depend on fewer columns are broadcast to it by `zero +`
    zero = zeros_like(b.peak_flops + b.sram_bytes + b.stacks + b.link_bandwidth + joined + b.dies + b.io_dies)
    for units in b.memory_units:
        zero = zero + zeros_like(units)
    rom = memory_area(b, t, zero)
    has_io = zero + b.io_dies > 0.0
    # on both nodes, as each design of a batch has I/O dies or not
    phys, io_phys = (_phys(b, node, t) for node in (t.node, t.io_node))
    # a crossing has a PHY at both ends: I/O dies, where there are some, pay the same area again
    crossing = zero + die_to_die_area(joined, between)
    compute = _group(
        zero + b.dies,
        {
            "core": zero
            + core_area(b.peak_flops, b.vector_flops, enabled_share=b.enabled_share, node=t.node)
            + load_area(b.weight_load, m2_per_byte=t.node.scratchpad_m2_per_byte, layout=t.layout),
            "sram": zero
            + sram_area(
                b.sram_bytes, b.sram_bandwidth, m2_per_byte=t.node.scratchpad_m2_per_byte, layout=t.layout
            ),
            "cache": zero + _cache(b.cache_bytes, t.node),
            # PHYs that leave the package move to the I/O dies where there are some
            **{name: where(has_io, zero, zero + area) for name, area in phys.items()},
            "die_to_die": crossing,
            **({} if rom is None else {"rom": rom}),
        },
        t.layout,
    )
    io = _group(
        zero + b.io_dies,
        {
            "core": zero,
            "sram": zero,
            "cache": where(has_io, zero + _cache(b.io_cache_bytes, t.io_node), zero),
            **{name: where(has_io, zero + area, zero) for name, area in io_phys.items()},
            "die_to_die": where(has_io, crossing, zero),
        },
        t.layout,
    )
    return _limits(compute, io, joined, (code, between), b, t)


def _phys(b: Blueprint, node: Node, t: Technology) -> dict[str, Array]:
    """PHYs that leave the package, on `node` [m2]."""
    return {
        "dram_phy": dram_phy_area(
            b.stacks,
            # a PHY is as large on every node, its controller is not
            phy_m2=t.dram.phy_m2,
            controller_transistors=t.dram.controller_transistors,
            transistors_per_m2=node.transistors_per_m2,
        )
        + summed(b, t, lambda m: m.phy_m2 + m.controller_transistors / node.transistors_per_m2),
        "link": link_area(
            b.link_bandwidth,
            m2_per_bandwidth=node.link_m2_per_bandwidth,
            host_lanes=t.layout.host_lanes,
            host_lane_m2=t.layout.host_lane_m2,
        ),
    }


def _cache(size: Array | None, node: Node) -> Array:
    return 0.0 if size is None else cache_area(size, m2_per_byte=cache_density(node))


def _group(count: Array, parts: dict[str, Array], layout: Layout) -> DieGroup:
    # last, since the uncore is a share of the whole die: it grows with every other part
    joined = uncore_area(sum(parts.values()), uncore_share=layout.uncore_share)
    return DieGroup(count=count, **parts, uncore=joined)


def _limits(
    compute: DieGroup,
    io: DieGroup,
    joined: Array,
    package: tuple[Array, PackageClass],
    b: Blueprint,
    t: Technology,
) -> Plan:
    """The plan of a package with how far it is beyond reticle, die edges and free link edge."""
    has_io = io.count > 0.0
    largest = maximum(compute.each_m2, io.each_m2)
    # a die of wafer scale crosses the borders of reticles
    most = t.wafer.whole_m2 if t.wafer.whole else t.wafer.reticle_m2
    # HBM and links line the dies that carry their PHYs: the I/O dies, where there are some
    edge = where(has_io, io.each_m2, compute.each_m2)
    dies = where(has_io, io.count, compute.count)
    zero, interposer = zeros_like(edge), t.dram.on_interposer
    hbm_stacks = interposer * hbm_stacks_limit(edge, dies, t.layout)
    # HBM is limited by die edge, DRAM on the board by what one die drives
    stacks = hbm_stacks + (1.0 - interposer) * (dies * t.dram.most_per_die)
    around = b.stacks * interposer + interposer_units(b, t) + zero
    limit = link_bandwidth_limit(edge, dies, around, joined, package[1], t.layout)
    excess = b.stacks + zero - stacks
    if b.memory_units:
        # what stands around the dies shares their edges, whatever hangs on the board
        excess = maximum(excess, around - hbm_stacks_limit(edge, dies, t.layout))
        excess = maximum(excess, board_units_excess(b, t, dies))
    return Plan(
        compute=compute,
        io=io,
        package=package[0] + zero,
        joined=package[1],
        die_to_die_bandwidth=joined,
        area_excess_m2=largest - most,
        stacks_excess=excess,
        link_excess=b.link_bandwidth - limit,
        bonded_excess_m2=bonded_excess(b, t, compute.total_m2) if b.memory_units else None,
    )

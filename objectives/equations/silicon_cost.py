"""Dollars of a package: dies, DRAM, packaging, assembly loss, test, board."""

from objectives.arrays import Array, namespace
from objectives.equations.silicon import Blueprint, Node, Package, Technology, Wafer
from objectives.equations.silicon_dies import DieGroup, Plan
from objectives.equations.silicon_yield import gross_dies_per_wafer, harvested_yield


def die_yield(group: DieGroup, *, node: Node, wafer: Wafer) -> Array:
    """Share of the dies of a group that can be sold [1], in (0, 1].

    Beyond the reticle the design cannot be made; it goes on as A / reticle dies of reticle size, so that
    yield and cost stay finite and keep their order. A whole wafer yields what it yields, whatever its area.
    """
    core, sram, other = _made(group, wafer)
    if wafer.whole:
        return 0.0 * core + wafer.whole_yield
    return harvested_yield(core, sram, other, node=node, wafer=wafer)


def group_cost(group: DieGroup, *, node: Node, wafer: Wafer) -> Array:
    """Cost of all working dies of a group [USD]; 0 where it has none.

    Maths: dies x wafer price / (dies per wafer x harvested yield). A whole wafer: wafer price / its yield.
    Domain: one type a wafer; masks and design are not in it.
    Limits: grows with the area; proportional to the wafer price; continuous at the reticle, see `die_yield`.
    Source: the standard cost model, e.g. Feng and Ma, "Chiplet Actuary", DAC 2022. H100: about 347 USD with a
    16,500 USD wafer; analysts say 300.
    """
    if wafer.whole:
        return group.count * (node.wafer_usd / wafer.whole_yield) + 0.0 * group.core
    area = sum(_made(group, wafer))
    gross = gross_dies_per_wafer(
        area, diameter_m=wafer.diameter_m, edge_m=wafer.edge_m, scribe_m=wafer.scribe_m
    )
    sold = gross * die_yield(group, node=node, wafer=wafer)
    return group.count * _reticles(group, wafer) * (node.wafer_usd / sold)


def _reticles(group: DieGroup, wafer: Wafer) -> Array:
    xp = namespace(group.core)
    return xp.maximum(group.each_m2 / wafer.reticle_m2, xp.ones_like(group.core))


def _made(group: DieGroup, wafer: Wafer) -> tuple[Array, Array, Array]:
    """Cores, SRAM and the rest of one die as it leaves the stepper [m2]."""
    xp = namespace(group.core)
    dies = xp.maximum(group.count, xp.ones_like(group.count)) * _reticles(group, wafer)
    return group.core / dies, group.repaired_m2 / dies, group.other_m2 / dies


def package_cost(plan: Plan, hbm_stacks: Array, package: Package) -> Array:
    """Cost of the package [USD], broadcast shape: an organic substrate without HBM, 2.5D with it.

    Maths, n dies that touch the package and m stacks: without HBM, flip-chip + (n - 1) attach each. With it,
    interposer price x f (A + m A_stack) + attach + (n + m) attach each + substrate, at the price of an
    interposer with bridges where several compute dies lie side by side. Compute dies on top of I/O dies cost
    an attachment each, and no interposer of their own.
    Domain: CoWoS-S and CoWoS-L class; organic multi-chip modules.
    Limits: jumps at the first stack and at the second die; else grows with area, dies and stacks.
    Source: shape fitted to H100, whose CoWoS is put at 723 to 750 USD (technology file).
    """
    compute, io = plan.compute, plan.io
    xp = namespace(compute.core, hbm_stacks)
    placed = compute.count + io.count + hbm_stacks
    on_top = io.count > 0.0
    footprint = xp.where(on_top, io.total_m2, compute.total_m2)
    interposer = package.interposer_factor * (footprint + hbm_stacks * package.stack_footprint_m2)
    bridges = (compute.count > 1.0) & (io.count == 0.0)
    zero = 0.0 * interposer
    each = xp.where(bridges, zero + package.bridge_usd_per_m2, zero + package.interposer_usd_per_m2)
    stacked = (
        interposer * each + placed * package.attach_usd_each + (package.attach_usd + package.substrate_usd)
    )
    organic = package.flip_chip_usd + (placed - 1.0) * package.attach_usd_each + zero
    return xp.where(hbm_stacks > 0.0, stacked, organic)


def package_yield(plan: Plan, hbm_stacks: Array, package: Package) -> Array:
    """Share of packages that survive assembly [1], in (0, 1], broadcast shape.

    That of a 2.5D package, with or without bridges, as published; each die on an organic substrate by itself.
    """
    xp = namespace(plan.compute.core, hbm_stacks)
    zero = 0.0 * (plan.compute.count + hbm_stacks)
    bridges = (plan.compute.count > 1.0) & (plan.io.count == 0.0)
    stacked = xp.where(bridges, zero + package.bridge_yield, zero + package.interposer_yield)
    organic = (zero + package.flip_chip_yield) ** (plan.compute.count + plan.io.count)
    return xp.where(hbm_stacks > 0.0, stacked, organic)


def unit_cost(blueprint: Blueprint, plan: Plan, power_w: Array, technology: Technology) -> dict[str, Array]:
    """What a chip on its module costs to make, by part [USD], broadcast shape. Their sum is the total.

    Maths: compute dies; I/O dies; dram = bytes x price; package; loss = (dies + dram + package)
    (1 / Y_package - 1), since a failed assembly takes all with it; test; board = fixed + power x price per
    watt.
    Domain: high volume, no masks, design, software or margin. Low and high constants together move it by -40
    to +90 %. DRAM prices moved by 2 to 3 times in a year: keep the date. A whole wafer is counted without the
    packaging of its system.
    Limits: without DRAM no DRAM dollars and an organic package; proportional to all dollar constants.
    Source: errors against published figures are told by `dse validate silicon`.
    """
    t, package = technology, technology.package
    hbm = blueprint.stacks * t.dram.on_interposer + 0.0 * plan.compute.core
    compute = group_cost(plan.compute, node=t.node, wafer=t.wafer)
    io = group_cost(plan.io, node=t.io_node, wafer=t.wafer)
    dram = blueprint.dram_bytes * t.dram.usd_per_byte + 0.0 * compute
    packaging = package_cost(plan, hbm, package)
    lost = 1.0 / package_yield(plan, hbm, package) - 1.0
    return {
        "compute_dies": compute,
        "io_dies": io,
        "dram": dram,
        "package": packaging,
        "assembly_loss": (compute + io + dram + packaging) * lost,
        "test": 0.0 * compute + package.test_usd,
        "board": package.board_usd + power_w * package.board_usd_per_watt + 0.0 * compute,
    }

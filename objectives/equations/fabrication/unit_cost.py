"""Dollars of a package: dies, DRAM, packaging, assembly loss, test, board."""

from objectives.arrays import Array, namespace
from objectives.equations.fabrication.dies import DieGroup, Plan
from objectives.equations.fabrication.technology import Blueprint, Node, Package, Technology, Wafer
from objectives.equations.fabrication.yields import gross_dies_per_wafer, harvested_yield


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
    """Cost of the package [USD], broadcast shape: an organic substrate, or silicon on one.

    Maths, n dies that touch the package and m stacks: organic, flip-chip + (n - 1) attach each. On silicon,
    its price by class x f (A + m A_stack) + attach + (n + m) attach each + substrate. Compute dies on top of
    I/O dies cost an attachment each, and no silicon of their own.
    Domain: CoWoS-S and CoWoS-L class; organic multi-chip modules.
    Limits: jumps where the class changes; else grows with area, dies and stacks.
    Source: shape fitted to H100, whose CoWoS is put at 723 to 750 USD (technology file).
    """
    compute, io = plan.compute, plan.io
    xp = namespace(compute.core, hbm_stacks)
    placed = compute.count + io.count + hbm_stacks
    on_top = io.count > 0.0
    footprint = xp.where(on_top, io.total_m2, compute.total_m2)
    interposer = package.interposer_factor * (footprint + hbm_stacks * package.stack_footprint_m2)
    on_silicon = (
        interposer * plan.joined.silicon_usd_per_m2
        + placed * package.attach_usd_each
        + (package.attach_usd + package.substrate_usd)
    )
    organic = package.flip_chip_usd + (placed - 1.0) * package.attach_usd_each + 0.0 * interposer
    return xp.where(plan.package > 0.0, on_silicon, organic)


def package_yield(plan: Plan, hbm_stacks: Array) -> Array:
    """Share of packages that survive assembly [1], in (0, 1], broadcast shape.

    Maths: y^(n + m), for n dies and m stacks that are attached one by one, y by the class of the package.
    Compute dies on I/O dies are attached before, see `bonding_yield`.
    Domain: known good dies and stacks, attachments that fail independently. Limits: falls with every part.
    Source: 0.99 for each die (Feng and Ma, "Chiplet Actuary", DAC 2022).
    """
    xp = namespace(plan.io.count)
    dies = xp.where(plan.io.count > 0.0, plan.io.count, plan.compute.count)
    return plan.joined.part_yield ** (dies + hbm_stacks)


def bonding_yield(plan: Plan) -> Array:
    """Share of sets of I/O dies that survive the attachment of their compute dies [1], in (0, 1].

    Maths: y^n, for n compute dies on I/O dies; 1 without. What fails takes its dies with it but no DRAM: the
    set is tested before it is placed beside stacks.
    """
    xp = namespace(plan.io.count)
    bonded = xp.where(plan.io.count > 0.0, plan.compute.count, 0.0 * plan.io.count)
    return plan.joined.part_yield**bonded


def unit_cost(blueprint: Blueprint, plan: Plan, power_w: Array, technology: Technology) -> dict[str, Array]:
    """What a chip on its module costs to make, by part [USD], broadcast shape. Their sum is the total.

    Maths: compute dies; I/O dies; dram = bytes x price; package; loss = dies (1 / Y_bonding - 1) and
    (dies + that + dram + package) (1 / Y_package - 1), since a failed assembly takes all with it; test;
    board = fixed + power x price per watt.
    Domain: high volume, no masks, design, software or margin. Low and high constants together move it by -40
    to +90 %. DRAM prices moved by 2 to 3 times in a year: keep the date. A whole wafer pays for what makes a
    system of it, and nothing is assembled that could be lost.
    Limits: without DRAM no DRAM dollars; proportional to all dollar constants.
    Source: errors against published figures are told by `dse validate silicon`.
    """
    t, package = technology, technology.package
    hbm = blueprint.stacks * t.dram.on_interposer + 0.0 * plan.compute.core
    compute = group_cost(plan.compute, node=t.node, wafer=t.wafer)
    io = group_cost(plan.io, node=t.io_node, wafer=t.wafer)
    dram = blueprint.dram_bytes * t.dram.usd_per_byte + 0.0 * compute
    if t.wafer.whole:
        packaging = plan.compute.count * t.wafer.whole_package_usd + 0.0 * compute
        bonding = lost = 0.0 * compute
    else:
        packaging = package_cost(plan, hbm, package)
        bonding = (compute + io) * (1.0 / bonding_yield(plan) - 1.0)
        lost = 1.0 / package_yield(plan, hbm) - 1.0
    return {
        "compute_dies": compute,
        "io_dies": io,
        "dram": dram,
        "package": packaging,
        "assembly_loss": bonding + (compute + io + bonding + dram + packaging) * lost,
        "test": 0.0 * compute + package.test_usd,
        "board": package.board_usd + power_w * package.board_usd_per_watt + 0.0 * compute,
    }

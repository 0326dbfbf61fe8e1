"""Dollars of a package: dies, DRAM, packaging, assembly loss, test, board."""

from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.fabrication.bonded import bond_yield, bonded_units
from objectives.equations.fabrication.dies import DieGroup, Plan
from objectives.equations.fabrication.memories import interposer_units, memory_dollars
from objectives.equations.fabrication.technology import Blueprint, Node, Package, Technology, Wafer
from objectives.equations.fabrication.yields import gross_dies_per_wafer, harvested_yield


def die_yield(group: DieGroup, *, node: Node, wafer: Wafer) -> Array:
    """Share of the dies of a group that can be sold [1], in (0, 1].

    `yields.harvested_yield` of one die. Beyond the reticle the design cannot be made; it counts as
    A / reticle dies of reticle size, so that yield and cost stay finite and keep their order.

    Args:
        group: dies of one kind, by part.
        node: defects.
        wafer: law of yield, reticle, cores.

    Returns:
        Share, broadcast shape [1].

    Domain:
        One type of die a wafer.

    Limits:
        A whole wafer yields what it yields, whatever its area.

    Source:
        As `yields.harvested_yield`.

    Examples:
        By hand, in tests/equations/fabrication/test_silicon.py: H100, 79 %.
    """
    core, sram, other = _die_parts(group, wafer)
    if wafer.whole:
        return zeros_like(core) + wafer.whole_yield
    return harvested_yield(core, sram, other, node=node, wafer=wafer)


def group_cost(group: DieGroup, *, node: Node, wafer: Wafer) -> Array:
    """Cost of all working dies of a group [USD]; 0 where it has none.

    dies x wafer price / (dies per wafer x harvested yield). A whole wafer: wafer price / its yield.

    Args:
        group: dies of one kind, by part.
        node: wafer price and defects.
        wafer: size, scribe lines, law of yield, reticle, cores.

    Returns:
        Dollars, broadcast shape [USD].

    Domain:
        One type of die a wafer; masks and design are not in it.

    Limits:
        Grows with the area; proportional to the wafer price; continuous at the reticle, see `die_yield`.

    Source:
        The standard cost model, e.g. Feng and Ma, "Chiplet Actuary", DAC 2022.

    Examples:
        By hand, in tests/equations/fabrication/test_silicon.py: H100, about 347 USD with a wafer of 16,500
        USD, where analysts say 300 USD.
    """
    if wafer.whole:
        return group.count * (node.wafer_usd / wafer.whole_yield) + zeros_like(group.core)
    area = sum(_die_parts(group, wafer))
    # of one die, at most of the size of a reticle, where the formula holds
    gross = gross_dies_per_wafer(
        area, diameter_m=wafer.diameter_m, edge_m=wafer.edge_m, scribe_m=wafer.scribe_m
    )
    sold = gross * die_yield(group, node=node, wafer=wafer)
    # beyond the reticle as many dies of its size, so that cost stays continuous
    return group.count * _reticles(group, wafer) * (node.wafer_usd / sold)


def _reticles(group: DieGroup, wafer: Wafer) -> Array:
    return maximum(group.each_m2 / wafer.reticle_m2, 1.0)


def _die_parts(group: DieGroup, wafer: Wafer) -> tuple[Array, Array, Array]:
    """Cores, SRAM and the rest of one die as it leaves the stepper [m2]."""
    # of a kind without dies every part is 0, whatever the divisor
    dies = maximum(group.count, 1.0) * _reticles(group, wafer)
    return group.core / dies, group.repaired_m2 / dies, group.other_m2 / dies


def package_cost(plan: Plan, hbm_stacks: Array, package: Package) -> Array:
    """Cost of the package: an organic substrate, or silicon on one [USD].

    With n dies that touch the package and m stacks: organic, flip-chip + (n - 1) attach each. On silicon, its
    price by class x f (A + m A_stack) + attach + (n + m) attach each + substrate. Compute dies on top of I/O
    dies cost an attachment each, and no silicon of their own.

    Args:
        plan: dies and class of the package.
        hbm_stacks: HBM stacks m [1].
        package: dollars and areas of packaging.

    Returns:
        Dollars, broadcast shape [USD].

    Domain:
        CoWoS-S and CoWoS-L class; organic multi-chip modules.

    Limits:
        Jumps where the class changes; else grows with area, dies and stacks.

    Source:
        Shape fitted to H100, whose CoWoS is put at 723 to 750 USD (technology file).

    Examples:
        By hand, in tests/equations/fabrication/test_package.py.
    """
    compute, io = plan.compute, plan.io
    placed = compute.count + io.count + hbm_stacks
    # only dies that touch the silicon take room on it; those on I/O dies are above
    footprint = where(io.count > 0.0, io.total_m2, compute.total_m2)
    # the factor is room around dies and stacks
    interposer = package.interposer_factor * (footprint + hbm_stacks * package.stack_footprint_m2)
    on_silicon = (
        interposer * plan.joined.silicon_usd_per_m2
        + placed * package.attach_usd_each
        + (package.attach_usd + package.substrate_usd)
    )
    # the flip-chip price includes the first die, so n dies and m stacks add n + m - 1 attachments
    organic = package.flip_chip_usd + (placed - 1.0) * package.attach_usd_each + zeros_like(interposer)
    return where(plan.package > 0.0, on_silicon, organic)


def package_yield(plan: Plan, hbm_stacks: Array) -> Array:
    """Share of packages that survive assembly [1], in (0, 1].

    y^(n + m), for n dies and m stacks that are attached one by one, y by the class of the package. Compute
    dies on I/O dies are attached before, see `bonding_yield`.

    Args:
        plan: dies and class of the package.
        hbm_stacks: HBM stacks m [1].

    Returns:
        Share, broadcast shape [1].

    Domain:
        Known good dies and stacks, attachments that fail independently.

    Limits:
        Falls with every part.

    Source:
        0.99 for each die (Feng and Ma, "Chiplet Actuary", DAC 2022).

    Examples:
        By hand: a die and five stacks at 0.99 each.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> one, none = SimpleNamespace(count=np.array([1.0])), SimpleNamespace(count=np.array([0.0]))
        >>> plan = SimpleNamespace(io=none, compute=one, joined=SimpleNamespace(part_yield=0.99))
        >>> round(float(package_yield(plan, np.array([5.0]))[0]), 4)
        0.9415
    """
    # compute dies on I/O dies were attached before: their losses are in `bonding_yield`
    dies = where(plan.io.count > 0.0, plan.io.count, plan.compute.count)
    return plan.joined.part_yield ** (dies + hbm_stacks)


def bonding_yield(plan: Plan) -> Array:
    """Share of sets of I/O dies that survive the attachment of their compute dies [1], in (0, 1].

    y^n, for n compute dies on I/O dies; 1 without. What fails takes its dies with it but no DRAM: the set is
    tested before it is placed next to stacks.

    Args:
        plan: dies and class of the package.

    Returns:
        Share, broadcast shape [1].

    Domain:
        Attachments that fail independently.

    Limits:
        1 without I/O dies.

    Source:
        As `package_yield`.

    Examples:
        By hand: eight compute dies on I/O dies, as in MI300X, at 0.99 each.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> eight, four = SimpleNamespace(count=np.array([8.0])), SimpleNamespace(count=np.array([4.0]))
        >>> plan = SimpleNamespace(io=four, compute=eight, joined=SimpleNamespace(part_yield=0.99))
        >>> round(float(bonding_yield(plan)[0]), 4)
        0.9227
    """
    return plan.joined.part_yield ** where(plan.io.count > 0.0, plan.compute.count, 0.0)


def unit_cost(blueprint: Blueprint, plan: Plan, power_w: Array, technology: Technology) -> dict[str, Array]:
    """What a chip on its module costs to make, by part [USD]. Their sum is the total.

    Compute dies; I/O dies; dram and each further memory: bytes x price; package, with an attachment for each
    unit that is bonded onto a die; loss = dies
    (1 / Y_bonding - 1) and (dies + that + memories + package) (1 / Y_package - 1), since a failed assembly
    takes all with it; test; board = fixed + power x price per watt.

    Args:
        blueprint: DRAM and stacks.
        plan: dies and class of the package.
        power_w: thermal design power [W].
        technology: prices and yields.

    Returns:
        Dollars by part, broadcast shape [USD].

    Domain:
        High volume, no masks, design, software or margin. Low and high constants together change it by -40 to
        +90 %. DRAM prices changed by 2 to 3 times in a year: keep the date. A whole wafer pays for what makes
        a system of it, and nothing is assembled that could be lost.

    Limits:
        Without DRAM no DRAM dollars; proportional to all dollar constants.

    Source:
        Feng and Ma, "Chiplet Actuary", DAC 2022; `dse validate silicon` reports errors against published
        figures.

    Examples:
        By hand, in tests/equations/fabrication/test_silicon.py.
    """
    t, package = technology, technology.package
    zero = zeros_like(plan.compute.core)
    hbm = blueprint.stacks * t.dram.on_interposer + zero
    if blueprint.memory_units:
        hbm = hbm + interposer_units(blueprint, t)
    compute = group_cost(plan.compute, node=t.node, wafer=t.wafer)
    io = group_cost(plan.io, node=t.io_node, wafer=t.wafer)
    # prices may have axes that areas lack, such as one of draws
    zero = zero + zeros_like(compute)
    dram = blueprint.dram_bytes * t.dram.usd_per_byte + zero
    further = {name: usd + zero for name, usd in memory_dollars(blueprint, t).items()}
    if t.wafer.whole:
        packaging = plan.compute.count * t.wafer.whole_package_usd + zero
        bonding = lost = zero
    else:
        packaging = package_cost(plan, hbm, package)
        # dies of the sets that fail at bonding; they are lost before any DRAM is at risk
        bonding = (compute + io) * (1.0 / bonding_yield(plan) - 1.0)
        lost = 1.0 / package_yield(plan, hbm) - 1.0
    if further:
        # to place a unit on a die costs what it costs next to one; the bond itself has no published price
        packaging = packaging + bonded_units(blueprint, t) * package.attach_usd_each
        # what fails under a bond takes die and memory with it
        bonded = sum((further[m.name] for m in t.memories if m.bonded), start=zero)
        bonding = bonding + (compute + bonded) * (1.0 / bond_yield(blueprint, t) - 1.0)
    at_risk = compute + io + bonding + dram
    for usd in further.values():
        at_risk = at_risk + usd
    return {
        "compute_dies": compute,
        "io_dies": io,
        "dram": dram,
        **further,
        "package": packaging,
        # the last assembly takes all with it, the dies that bonding cost included
        "assembly_loss": bonding + (at_risk + packaging) * lost,
        "test": zero + package.test_usd,
        "board": package.board_usd + power_w * package.board_usd_per_watt + zero,
    }

"""Watts of a chip: what it draws at rest, and for each operation and byte."""

from objectives.arrays import Array, zeros_like
from objectives.equations.fabrication.dies import Plan
from objectives.equations.fabrication.memories import memory_watts
from objectives.equations.fabrication.technology import Blueprint, Technology


def full_power(blueprint: Blueprint, plan: Plan, technology: Technology) -> dict[str, Array]:
    """Power at rest and of each resource at its full rate [W].

    static: A w; compute: F e_matrix + V e_vector; sram: B_sram e_sram; load (weights into matrix units):
    B_load e_load; dram: B_dram (e_device + e_system); link: 2 B_link e_link; die_to_die: 2 B_joined e_joined,
    by the class of the package; further memories: `memories.memory_watts`. Links count both ways. Matrix
    units at full rate draw the same in every number format, so a FLOP costs compute / peak: half as much in
    fp8 as in fp16 where the fp8 peak is twice as high.

    Args:
        blueprint: rates of the chip.
        plan: areas of its dies.
        technology: joules of operations and bytes, watts at rest.

    Returns:
        Watts by part, broadcast shape [W].

    Domain:
        Nominal voltage and clock. Caches: the energy of reading them is in that of a FLOP.

    Limits:
        0 for a chip of nothing; linear in each rate.

    Source:
        Energies of bytes as published (technology file); of FLOP fitted, see there.

    Examples:
        By hand, in tests/equations/fabrication/test_silicon.py.
    """
    node, io, energy = technology.node, technology.io_node, technology.energy
    dram_joules = technology.dram.joules_per_byte + energy.dram_system_joules_per_byte
    return {
        # each node leaks at its own rate
        "static": plan.compute.total_m2 * node.static_w_per_m2 + plan.io.total_m2 * io.static_w_per_m2,
        "compute": blueprint.peak_flops * node.matrix_joules_per_flop
        + blueprint.vector_flops * node.vector_joules_per_flop,
        "sram": blueprint.sram_bandwidth * node.sram_joules_per_byte,
        # a plain 0 on chips without this path, and readers of parts index columns
        "load": blueprint.weight_load * energy.load_joules_per_byte + zeros_like(blueprint.peak_flops),
        "dram": blueprint.dram_bandwidth * dram_joules,
        # bandwidths are one way, and at full rate both ways draw power
        "link": blueprint.link_bandwidth * (2.0 * energy.link_joules_per_byte),
        "die_to_die": plan.die_to_die_bandwidth * (2.0 * plan.joined.joules_per_byte),
        **memory_watts(blueprint, technology),
    }


def thermal_design_power(full: dict[str, Array], technology: Technology) -> dict[str, Array]:
    """Thermal design power by part [W]; their sum is the total.

    All resources at full rate, SRAM at the share a of its bandwidth that is in use then.

    Args:
        full: power of each resource at its full rate [W].
        technology: share a.

    Returns:
        Watts by part, broadcast shape [W].

    Domain:
        Chips that are sold to run at their peaks. A card that is capped below them, such as an L4 of 72 W,
        draws less than this.

    Limits:
        The full rate at a = 1.

    Source:
        Jouppi et al., "Ten Lessons From Three Generations Shaped Google's TPUv4i", ISCA 2021, for the form;
        `dse validate silicon` reports errors.

    Examples:
        By hand: half of 40 W of SRAM.

        >>> from types import SimpleNamespace
        >>> half = SimpleNamespace(energy=SimpleNamespace(sram_activity=0.5))
        >>> thermal_design_power({"compute": 300.0, "sram": 40.0}, half)
        {'compute': 300.0, 'sram': 20.0}
    """
    # the other resources are sold to run at their peaks; SRAM has bandwidth to spare then
    return {**full, "sram": full["sram"] * technology.energy.sram_activity}

"""Watts of a chip: what it draws at rest, and for each operation and byte."""

from objectives.arrays import Array
from objectives.equations.fabrication.dies import Plan
from objectives.equations.fabrication.technology import Blueprint, Technology


def full_power(blueprint: Blueprint, plan: Plan, technology: Technology) -> dict[str, Array]:
    """Power at rest and of each resource at its full rate [W].

    Parts: static, compute, sram, load (weights into matrix units), dram, link, die_to_die.

    Maths: A w; F e_matrix + V e_vector; B_sram e_sram; B_load e_load; B_dram (e_device + e_system);
    2 B_link e_link; 2 B_joined e_joined, the last by the class of the package. Links count both ways. Matrix
    units at full rate draw the same in every number format, so a FLOP costs compute / peak: half as much in
    fp8 as in fp16 where the fp8 peak is twice as high.
    Domain: nominal voltage and clock. Caches: the energy of reading them is in that of a FLOP.
    Limits: 0 for a chip of nothing; linear in each rate.
    Source: energies of bytes as published (technology file); of FLOP fitted, see there.
    """
    node, io, energy = technology.node, technology.io_node, technology.energy
    return {
        "static": plan.compute.total_m2 * node.static_w_per_m2 + plan.io.total_m2 * io.static_w_per_m2,
        "compute": blueprint.peak_flops * node.matrix_joules_per_flop
        + blueprint.vector_flops * node.vector_joules_per_flop,
        "sram": blueprint.sram_bandwidth * node.sram_joules_per_byte,
        "load": blueprint.weight_load * energy.load_joules_per_byte + 0.0 * blueprint.peak_flops,
        "dram": blueprint.dram_bandwidth
        * (technology.dram.joules_per_byte + energy.dram_system_joules_per_byte),
        "link": blueprint.link_bandwidth * (2.0 * energy.link_joules_per_byte),
        "die_to_die": plan.die_to_die_bandwidth * (2.0 * plan.joined.joules_per_byte),
    }


def thermal_design_power(full: dict[str, Array], technology: Technology) -> dict[str, Array]:
    """Thermal design power by part [W]; their sum is the total.

    Maths: all resources at full rate, SRAM at the share a of its bandwidth that is in use then.
    Domain: chips that are sold to run at their peaks. A card that is capped below them, such as an L4 of
    72 W, draws less than this.
    Source: Jouppi et al., "Ten Lessons From Three Generations Shaped Google's TPUv4i", ISCA 2021, for the
    form; errors are told by `dse validate silicon`.
    """
    return {**full, "sram": full["sram"] * technology.energy.sram_activity}

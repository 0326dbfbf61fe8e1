"""Memories on top of the compute dies or in them: area, and yield of what is bonded."""

from functools import reduce
from operator import mul

from objectives.arrays import Array, where
from objectives.equations.fabrication.memories import summed
from objectives.equations.fabrication.technology import Blueprint, Technology


def bonded_excess(blueprint: Blueprint, technology: Technology, compute_m2: Array) -> Array:
    """Area of memory bonded onto the compute dies beyond the area beneath it [m2]; feasible where <= 0.

    sum_m n_m A_m - A.

    Args:
        blueprint: units n of each further memory [1].
        technology: bonded area A_m of one unit [m2].
        compute_m2: area A of all compute dies [m2].

    Returns:
        Area, shapes broadcast [m2].

    Domain:
        One layer: a unit of several dies is as large as one of them.

    Limits:
        Minus the area of the dies without such memories.

    Source:
        Geometry.

    Examples:
        By hand: three units of 36 mm2 on a die of 100 mm2.

        >>> from types import SimpleNamespace
        >>> chip = SimpleNamespace(memory_units=(3.0,))
        >>> tech = SimpleNamespace(memories=(SimpleNamespace(bonded_m2=36e-6),))
        >>> round(bonded_excess(chip, tech, 100e-6) * 1e6, 9)
        8.0
    """
    return summed(blueprint, technology, lambda unit: unit.bonded_m2) - compute_m2


def bonded_units(blueprint: Blueprint, technology: Technology) -> Array:
    """Units of memory that are bonded onto the compute dies [1].

    sum_m n_m, over the memories that are bonded.

    Args:
        blueprint: units n of each further memory [1].
        technology: which of them are bonded.

    Returns:
        Units, shapes broadcast [1]; a plain 0 without further memories.

    Domain:
        A unit is placed as one piece, however many dies it has.

    Limits:
        0 without bonded memories.

    Source:
        A sum.

    Examples:
        By hand: two units on the die, three beside it.

        >>> from types import SimpleNamespace
        >>> on, off = SimpleNamespace(bonded=True), SimpleNamespace(bonded=False)
        >>> bonded_units(SimpleNamespace(memory_units=(2.0, 3.0)), SimpleNamespace(memories=(on, off)))
        2.0
    """
    return summed(blueprint, technology, lambda unit: 1.0 if unit.bonded else 0.0)


def heat_limit(blueprint: Blueprint, technology: Technology) -> Array | None:
    """Power that a square metre of the compute dies may draw [W/m2].

    q, and s q where memory is bonded onto the dies.

    Args:
        blueprint: units of each further memory [1].
        technology: limit q of a die alone [W/m2], share s of it beneath a stack [1].

    Returns:
        Limit, shapes broadcast [W/m2]; None where none is known.

    Domain:
        One unit covers a die as many do: what is beneath it is the hottest part.

    Limits:
        q for no units.

    Source:
        Share: technology file, `thermal.under_stack`.

    Examples:
        By hand: 1.1 W/mm2, a third of it beneath a stack.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> tech = SimpleNamespace(heat_w_per_m2=1.1e6, under_stack=0.35,
        ...                        memories=(SimpleNamespace(bonded=True),))
        >>> found = heat_limit(SimpleNamespace(memory_units=(np.array([0.0, 2.0]),)), tech)
        >>> [round(float(x)) for x in found]
        [1100000, 385000]
    """
    alone = technology.heat_w_per_m2
    if alone is None or technology.under_stack is None or not blueprint.memory_units:
        return alone
    return where(bonded_units(blueprint, technology) > 0.0, alone * technology.under_stack, alone)


def bond_yield(blueprint: Blueprint, technology: Technology) -> Array:
    """Share of dies that survive the bonding of memory onto them [1], in (0, 1].

    prod_m y_m^n_m, over the memories that are bonded.

    Args:
        blueprint: units n of each further memory [1].
        technology: yield y of bonding one unit [1].

    Returns:
        Share, shapes broadcast [1].

    Domain:
        Known good dies, bonds that fail independently.

    Limits:
        1 without bonded memories; falls with every unit.

    Source:
        As `unit_cost.package_yield`.

    Examples:
        By hand: two units at 0.9.

        >>> from types import SimpleNamespace
        >>> unit = SimpleNamespace(bonded=True, attach_yield=0.9)
        >>> found = bond_yield(SimpleNamespace(memory_units=(2.0,)), SimpleNamespace(memories=(unit,)))
        >>> round(found, 9)
        0.81
    """
    factors = [
        m.attach_yield**n
        for n, m in zip(blueprint.memory_units, technology.memories, strict=True)
        if m.bonded
    ]
    return reduce(mul, factors, 1.0)


def memory_area(blueprint: Blueprint, technology: Technology, zero: Array) -> Array | None:
    """Area of ROM on the compute dies [m2]; None without further memories.

    n A.

    Args:
        blueprint: units n of each further memory [1].
        technology: area A of one unit on the die [m2].
        zero: zeros of the shape of the batch [m2].

    Returns:
        Area, shape of `zero` [m2].

    Domain:
        ROM alone; PHYs of the others are with those of DRAM.

    Limits:
        0 for no units.

    Source:
        Size times area of a byte.

    Examples:
        By hand: two units of 10 mm2.

        >>> from types import SimpleNamespace
        >>> rom = SimpleNamespace(die_m2=10e-6)
        >>> memory_area(SimpleNamespace(memory_units=(2.0,)), SimpleNamespace(memories=(rom,)), 0.0)
        2e-05
    """
    if not blueprint.memory_units:
        return None
    return zero + summed(blueprint, technology, lambda unit: unit.die_m2)

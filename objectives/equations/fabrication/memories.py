"""Memories beyond SRAM and DRAM devices as parts of a package: places, bandwidth, watts, heat, dollars."""

from collections.abc import Callable
from functools import reduce
from math import inf
from operator import add

from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.fabrication.technology import Blueprint, MemoryDevice, Technology


def summed(blueprint: Blueprint, technology: Technology, each: Callable[[MemoryDevice], Array]) -> Array:
    """Sum over further memories of units x a number of one unit [unit of the number].

    sum_m n_m x_m.

    Args:
        blueprint: units n of each further memory [1].
        technology: constants of one unit, in the same order.
        each: number x of one unit, such as its bytes.

    Returns:
        The sum, shapes broadcast; a plain 0 without further memories.

    Domain:
        Units that are alike.

    Limits:
        0 for no units.

    Source:
        A sum.

    Examples:
        By hand: two units of 3 B and one of 4 B.

        >>> from types import SimpleNamespace
        >>> chip = SimpleNamespace(memory_units=(2.0, 1.0))
        >>> tech = SimpleNamespace(memories=(SimpleNamespace(size=3.0), SimpleNamespace(size=4.0)))
        >>> summed(chip, tech, lambda unit: unit.size)
        10.0
    """
    parts = [n * each(m) for n, m in zip(blueprint.memory_units, technology.memories, strict=True)]
    return reduce(add, parts, 0.0)


def interposer_units(blueprint: Blueprint, technology: Technology) -> Array:
    """Units of further memories that stand around the dies, each in the place of an HBM stack [1].

    Args:
        blueprint: units of each further memory [1].
        technology: which of them stand on an interposer.

    Returns:
        Units, shapes broadcast [1].

    Domain:
        Units of the footprint of an HBM stack, as high-bandwidth flash is made.

    Limits:
        0 without such memories.

    Source:
        High-bandwidth flash is made for the place of an HBM stack (technology file, HBF).

    Examples:
        By hand: two of three units stand on silicon.

        >>> from types import SimpleNamespace
        >>> chip = SimpleNamespace(memory_units=(2.0, 1.0))
        >>> on, off = SimpleNamespace(on_interposer=1.0), SimpleNamespace(on_interposer=0.0)
        >>> interposer_units(chip, SimpleNamespace(memories=(on, off)))
        2.0
    """
    return summed(blueprint, technology, lambda unit: unit.on_interposer)


def memory_watts(blueprint: Blueprint, technology: Technology) -> dict[str, Array]:
    """Power of each further memory at its full read bandwidth, its PHY and transport included [W].

    n B (e_unit + e_way).

    Args:
        blueprint: units n of each further memory [1].
        technology: read bandwidth B and energies of a byte of one unit.

    Returns:
        Watts by memory, shapes broadcast [W]; empty without further memories.

    Domain:
        Reads; refresh is in the energy of a byte.

    Limits:
        0 for no units.

    Source:
        By definition of the energy of a byte.

    Examples:
        By hand: two units of 1 TB/s at 10 pJ and 2 pJ for each byte.

        >>> from types import SimpleNamespace
        >>> unit = SimpleNamespace(name="flash", bandwidth_each=1e12, joules_per_byte=10e-12,
        ...                        way_joules_per_byte=2e-12)
        >>> found = memory_watts(SimpleNamespace(memory_units=(2.0,)), SimpleNamespace(memories=(unit,)))
        >>> {name: round(watts, 9) for name, watts in found.items()}
        {'flash': 24.0}
    """
    return {
        m.name: n * (m.bandwidth_each * (m.joules_per_byte + m.way_joules_per_byte))
        for n, m in zip(blueprint.memory_units, technology.memories, strict=True)
    }


def memory_heat(blueprint: Blueprint, technology: Technology) -> Array:
    """Of that, what leaves through the compute dies [W].

    n B e_way of units beside them, n B (e_unit + e_way) of those on them or in them.

    Args:
        blueprint: units n of each further memory [1].
        technology: read bandwidth B and energies of a byte of one unit.

    Returns:
        Watts, shapes broadcast [W]; a plain 0 without further memories.

    Domain:
        Heat of what is bonded onto a die leaves on the same way as that of the die.

    Limits:
        0 for no units.

    Source:
        Conservation of energy.

    Examples:
        By hand: a unit beside the die leaves it 2 W, one on top of it all of its 12 W.

        >>> from types import SimpleNamespace
        >>> def unit(on_die):
        ...     return SimpleNamespace(bandwidth_each=1e12, joules_per_byte=10e-12,
        ...                            way_joules_per_byte=2e-12, on_die=on_die)
        >>> chip, both = SimpleNamespace(memory_units=(1.0, 1.0)), (unit(False), unit(True))
        >>> round(memory_heat(chip, SimpleNamespace(memories=both)), 9)
        14.0
    """
    return summed(
        blueprint,
        technology,
        lambda m: m.bandwidth_each * (m.way_joules_per_byte + (m.joules_per_byte if m.on_die else 0.0)),
    )


def memory_dollars(blueprint: Blueprint, technology: Technology) -> dict[str, Array]:
    """Dollars of the units of each further memory [USD].

    n C p.

    Args:
        blueprint: units n of each further memory [1].
        technology: bytes C of one unit and price p of a byte.

    Returns:
        Dollars by memory, shapes broadcast [USD]; empty without further memories.

    Domain:
        What is on a compute die is paid with its area.

    Limits:
        0 for no units.

    Source:
        Size times price.

    Examples:
        By hand: two units of 512 GB at 1 USD/GB.

        >>> from types import SimpleNamespace
        >>> unit = SimpleNamespace(name="flash", bytes_each=512e9, usd_per_byte=1e-9)
        >>> memory_dollars(SimpleNamespace(memory_units=(2.0,)), SimpleNamespace(memories=(unit,)))
        {'flash': 1024.0}
    """
    return {
        m.name: n * (m.bytes_each * m.usd_per_byte)
        for n, m in zip(blueprint.memory_units, technology.memories, strict=True)
    }


def owned_bandwidth(blueprint: Blueprint, technology: Technology) -> Array:
    """Bandwidth of all memories and links of a package, which its dies share [B/s].

    B_dram + B_link + sum_m n_m B_m.

    Args:
        blueprint: DRAM, links and units n of further memories.
        technology: read bandwidth B_m of one unit [B/s].

    Returns:
        Bandwidth, shapes broadcast [B/s].

    Domain:
        Weights in ROM stay on the die that multiplies them.

    Limits:
        DRAM and links without further memories.

    Source:
        As `package.die_to_die_bandwidth`.

    Examples:
        By hand: 3 TB/s of DRAM, 1 TB/s of links and two units of 1 TB/s.

        >>> from types import SimpleNamespace
        >>> chip = SimpleNamespace(dram_bandwidth=3e12, link_bandwidth=1e12, memory_units=(2.0,))
        >>> flash = SimpleNamespace(name="flash", bandwidth_each=1e12)
        >>> owned_bandwidth(chip, SimpleNamespace(memories=(flash,)))
        6000000000000.0
    """
    owned = blueprint.dram_bandwidth + blueprint.link_bandwidth
    if not blueprint.memory_units:
        return owned
    more = summed(blueprint, technology, lambda m: 0.0 if m.name == "rom" else m.bandwidth_each)
    return owned + more + zeros_like(owned)


def board_units_excess(blueprint: Blueprint, technology: Technology, dies: Array) -> Array:
    """Units of memory on the board beyond those that the dies drive [1]; feasible where <= 0.

    (sum_m n_m / most_m - dies) x max_m most_m, over DRAM and further memories that a die drives on the board:
    each kind takes its share of the pins of a die.

    Args:
        blueprint: units n of DRAM and of each further memory [1].
        technology: units that one die drives of each, if nothing else hangs on it [1].
        dies: dies that carry PHYs [1].

    Returns:
        Units, shapes broadcast [1].

    Domain:
        Buses that share the pins of a die.

    Limits:
        That of one kind where nothing else is on the board; minus infinity for no units of further memories.

    Source:
        `most_per_die` of the technology file.

    Examples:
        By hand: eight devices of DRAM, of which a die drives eight, and four of another, of which it drives
        16: a quarter of a die too much, or four of these.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> chip = SimpleNamespace(stacks=8.0, memory_units=(np.array([0.0, 4.0]),))
        >>> dram = SimpleNamespace(on_interposer=0.0, most_per_die=8.0)
        >>> tech = SimpleNamespace(dram=dram, memories=(SimpleNamespace(most_per_die=16.0),))
        >>> [float(x) for x in board_units_excess(chip, tech, 1.0)]
        [-inf, 4.0]
    """
    dram = technology.dram
    further = [(n, m.most_per_die) for n, m in zip(blueprint.memory_units, technology.memories, strict=True)]
    driven = [*further, (blueprint.stacks * (1.0 - dram.on_interposer), dram.most_per_die)]
    # a memory that no die limits takes no share of its pins
    used = [n * where(most > 0.0, 1.0 / where(most > 0.0, most, 1.0), 0.0) for n, most in driven]
    beyond = (reduce(add, used) - dies) * reduce(maximum, [most for _, most in driven])
    # DRAM alone has a limit of its own
    some = reduce(add, [n * most for n, most in further]) > 0.0
    return where(some, beyond, -inf)

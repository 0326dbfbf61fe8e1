"""Packages by class: organic substrate, silicon interposer, bridges; what each carries, costs and yields."""

from dataclasses import fields
from typing import Final

from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.fabrication.memories import interposer_units, owned_bandwidth
from objectives.equations.fabrication.technology import Blueprint, Package, PackageClass, Technology

PACKAGES: Final = ("organic", "interposer", "bridge")
"""Classes of packages in the order of their codes."""


def package_code(blueprint: Blueprint, technology: Technology) -> Array:
    """Class of each package by its place in `PACKAGES` [1].

    What was named, or what the dies need: bridges where several compute dies are side by side, silicon where
    there is HBM or compute dies are on I/O dies, else an organic substrate. HBM takes silicon whatever was
    named: an organic substrate has not the wires for it.

    Args:
        blueprint: dies, stacks and the class that was named.
        technology: whether the DRAM needs an interposer.

    Returns:
        Code, broadcast shape [1].

    Domain:
        One class for all connections of a package.

    Limits:
        0 for one die without HBM.

    Source:
        Packages as sold: H100 (CoWoS-S), B200 (CoWoS-L), EPYC (organic).

    Examples:
        Published: H100, one die with HBM, is on a silicon interposer (NVIDIA H100 whitepaper, 2022).

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> h100 = SimpleNamespace(stacks=np.array([5.0]), dies=np.array([1.0]), io_dies=np.array([0.0]),
        ...                        package=None, memory_units=())
        >>> hbm = SimpleNamespace(dram=SimpleNamespace(on_interposer=1.0))
        >>> PACKAGES[int(package_code(h100, hbm)[0])]
        'interposer'
    """
    b = blueprint
    hbm = b.stacks * technology.dram.on_interposer
    if b.memory_units:
        hbm = hbm + interposer_units(b, technology)
    zero = zeros_like(b.dies + b.io_dies + hbm)
    needed = where(hbm + zero > 0.0, 1.0, zero)
    if b.package is not None:
        # by the order of the codes the maximum lifts organic to silicon for HBM and leaves bridges as named
        return maximum(zero + b.package, needed)
    on_top = b.io_dies + zero > 0.0
    # compute dies on I/O dies meet through those, so they need no bridge between each other
    side_by_side = (b.dies + zero > 1.0) & ~on_top
    return where(side_by_side, 2.0, where(on_top, 1.0, needed))


def chosen(package: Package, code: Array) -> PackageClass:
    """The constants of each package's own class.

    Args:
        package: constants of all classes.
        code: class of each package, see `PACKAGES` [1].

    Returns:
        Constants, each of the shape of `code`.

    Domain:
        Codes of `PACKAGES`.

    Limits:
        One class for one code.

    Source:
        A table.

    Examples:
        By hand: a bridge for a code of 2.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> def of(usd):
        ...     return PackageClass(silicon_usd_per_m2=usd, part_yield=0.99, m2_per_bandwidth=0.0,
        ...                         bandwidth_per_edge=1.0, joules_per_byte=0.0)
        >>> classes = SimpleNamespace(organic=of(0.0), interposer=of(1.0), bridge=of(2.0))
        >>> chosen(classes, np.array([2.0])).silicon_usd_per_m2.tolist()
        [2.0]
    """
    zero = zeros_like(code)

    def of(name: str) -> Array:
        organic, interposer, bridge = (
            zero + getattr(c, name) for c in (package.organic, package.interposer, package.bridge)
        )
        # codes are floats in a column, so they are separated half-way between
        return where(code > 1.5, bridge, where(code > 0.5, interposer, organic))

    return PackageClass(**{f.name: of(f.name) for f in fields(PackageClass)})


def die_to_die_bandwidth(blueprint: Blueprint, technology: Technology) -> Array:
    """One-way bandwidth between the dies of a package, all dies together [B/s].

    dies x what an architect gives each, else share x (memories + B_link): every byte that a die owns may be
    wanted by another.

    Args:
        blueprint: dies, DRAM, links, and the bandwidth that was given.
        technology: the usual share.

    Returns:
        Bandwidth, broadcast shape [B/s].

    Domain:
        Dies that share every operation.

    Limits:
        0 for one die.

    Source:
        NVIDIA Blackwell architecture brief (2024): two dies joined by 10 TB/s both ways.

    Examples:
        Published: B200 joins two dies by 10 TB/s both ways, 5 TB/s each (ibid.).

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> b200 = SimpleNamespace(dies=np.array([2.0]), io_dies=np.array([0.0]), die_bandwidth=5e12,
        ...                        dram_bandwidth=8e12, link_bandwidth=0.9e12, memory_units=())
        >>> usual = SimpleNamespace(layout=SimpleNamespace(die_to_die_share=1.0))
        >>> float(die_to_die_bandwidth(b200, usual)[0]) == 2 * 5e12
        True
    """
    given = blueprint.die_bandwidth
    owned = owned_bandwidth(blueprint, technology)
    joined = owned * technology.layout.die_to_die_share if given is None else given * blueprint.dies
    return where(blueprint.dies + blueprint.io_dies > 1.0, joined, 0.0)

"""Packages by class: organic substrate, silicon interposer, bridges; what each carries, costs and yields."""

from dataclasses import fields
from typing import Final

from objectives.arrays import Array, namespace
from objectives.equations.fabrication.technology import Blueprint, Package, PackageClass, Technology

PACKAGES: Final = ("organic", "interposer", "bridge")
"""Classes of packages in the order of their codes."""


def package_code(blueprint: Blueprint, technology: Technology) -> Array:
    """Class of each package by its place in `PACKAGES` [1], broadcast shape.

    What was named, or what the dies need: bridges where several compute dies lie side by side, silicon where
    there is HBM or compute dies lie on I/O dies, else an organic substrate. HBM takes silicon whatever was
    named: an organic substrate has not the wires for it.
    """
    b = blueprint
    hbm = b.stacks * technology.dram.on_interposer
    zero = 0.0 * (b.dies + b.io_dies + hbm)
    xp = namespace(zero)
    needed = xp.where(hbm + zero > 0.0, zero + 1.0, zero)
    if b.package is not None:
        return xp.maximum(zero + b.package, needed)
    on_top = b.io_dies + zero > 0.0
    beside = (b.dies + zero > 1.0) & ~on_top
    return xp.where(beside, zero + 2.0, xp.where(on_top, zero + 1.0, needed))


def chosen(package: Package, code: Array) -> PackageClass:
    """The constants of each package's own class, shape of `code` [1]."""
    xp = namespace(code)
    zero = 0.0 * code

    def of(name: str) -> Array:
        organic, interposer, bridge = (
            zero + getattr(c, name) for c in (package.organic, package.interposer, package.bridge)
        )
        return xp.where(code > 1.5, bridge, xp.where(code > 0.5, interposer, organic))

    return PackageClass(**{f.name: of(f.name) for f in fields(PackageClass)})


def die_to_die_bandwidth(blueprint: Blueprint, technology: Technology) -> Array:
    """One-way bandwidth between the dies of a package, all dies together [B/s]; 0 for one die.

    Maths: dies x what an architect gives each, else share x (B_dram + B_link): every byte that a die owns may
    be wanted by another.
    Source: B200 joins two dies by 5 TB/s one way, each with 4.45 TB/s of DRAM and links.
    """
    given = blueprint.die_bandwidth
    owned = blueprint.dram_bandwidth + blueprint.link_bandwidth
    joined = owned * technology.layout.die_to_die_share if given is None else given * blueprint.dies
    xp = namespace(joined, blueprint.dies)
    none = 0.0 * (joined * blueprint.dies)
    return xp.where(blueprint.dies + blueprint.io_dies > 1.0, joined + none, none)

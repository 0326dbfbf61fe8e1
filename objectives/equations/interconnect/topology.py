"""Topologies of a scale-up domain, and what a compact block of a torus has of its links."""

from types import MappingProxyType
from typing import Final

from objectives.arrays import Array, maximum, namespace, where

TOPOLOGIES: Final = MappingProxyType(
    {"switch": 0, "ring": 1, "torus2d": 2, "torus3d": 3, "dragonfly": 4, "fat-tree": 5}
)
"""Code of each topology in `Links.link_topology`."""


def torus_reach(n: Array, axes: float) -> Array:
    """Hops to the farthest chip of a compact block of a torus [1].

    Half of every axis of n^(1/axes) chips: axes n^(1/axes) / 2; of two chips an axis, as many axes as it
    takes, log2 n, up to 2^axes chips in all.

    Args:
        n: chips of the block [1].
        axes: axes of the torus [1].

    Returns:
        Hops, shape of `n` [1].

    Domain:
        Blocks with equal axes and wrap-around links.

    Limits:
        0 for one chip; grows as n^(1/axes).

    Source:
        Dally & Towles, Principles and Practices of Interconnection Networks (2004), chapter 5: diameter of a
        k-ary n-cube with even k, n k / 2.

    Examples:
        By hand: four hops on each of the two axes of eight chips.

        >>> import numpy as np
        >>> float(torus_reach(np.array([64.0]), 2.0)[0])
        8.0
    """
    xp = namespace(n)
    # the branches meet at 2^axes chips, where both are `axes` hops
    return xp.where(n <= 2.0**axes, xp.log2(n), axes * n ** (1.0 / axes) / 2.0)


def torus_idle(n: Array, axes: float) -> Array:
    """How many times as many links a chip of a torus has as a block of n chips can use [1].

    Two chips share one axis, four two: axes / min(axes, log2 n). Both links of an axis of two join them, as
    in a slice with wrap-around.

    Args:
        n: chips of the block [1].
        axes: axes of the torus [1].

    Returns:
        Ratio of at least 1, shape of `n` [1].

    Domain:
        Blocks of 2^m chips; others are between.

    Limits:
        1 for 2^axes chips and more, and for one, which sends nothing.

    Source:
        Counted from the axes of a block.

    Examples:
        By hand: two chips use one axis of three.

        >>> import numpy as np
        >>> float(torus_idle(np.array([2.0]), 3.0)[0])
        3.0
    """
    # the floor of two chips keeps log2 above 0 for one chip, which sends nothing
    used = namespace(n).log2(maximum(n, 2.0))
    return where(n > 1.0, maximum(axes / used, 1.0), 1.0)

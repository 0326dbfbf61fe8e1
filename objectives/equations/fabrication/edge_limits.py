"""What fits around a die: HBM stacks and links along its edge."""

from objectives.arrays import Array, maximum, minimum, where, zeros_like
from objectives.equations.fabrication.technology import Layout, PackageClass


def hbm_stacks_limit(die_m2: Array, dies: Array, layout: Layout) -> Array:
    """HBM stacks that fit around the dies that carry them, a real number [1].

    n min(n_max, 4 sqrt(A) / w), w the edge of one stack, n_max smaller where a die has another at its side.

    Args:
        die_m2: area A of one die [m2].
        dies: dies n that carry PHYs [1].
        layout: edge w of a stack, n_max of single and of joined dies.

    Returns:
        Stacks, broadcast shape [1].

    Domain:
        Square dies up to the reticle.

    Limits:
        Proportional to the edge of small dies; n_max for large ones.

    Source:
        Two long edges with three stacks each, four for each of two dies (technology file).

    Examples:
        Published: H100, a die of 814 mm2, has six sites (NVIDIA H100 whitepaper, 2022).

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> sites = SimpleNamespace(stack_edge_m=0.011, stacks_per_die=6.0, stacks_per_joined_die=4.0)
        >>> float(hbm_stacks_limit(np.array([814e-6]), np.array([1.0]), sites)[0])
        6.0
    """
    # the perimeter limits small dies, the cap large ones, of which HBM takes two edges
    room = 4.0 * die_m2**0.5 / layout.stack_edge_m
    alone = zeros_like(room + dies) + layout.stacks_per_die
    return dies * minimum(room, where(dies > 1.0, layout.stacks_per_joined_die, alone))


def link_bandwidth_limit(
    die_m2: Array, dies: Array, hbm_stacks: Array, die_to_die: Array, joined: PackageClass, layout: Layout
) -> Array:
    """One-way bandwidth that fits the die edges which HBM and neighbours leave free [B/s].

    d max(0, n 4 sqrt(A) - stacks w - B_joined / d_joined).

    Args:
        die_m2: area A of one die [m2].
        dies: dies n that carry PHYs [1].
        hbm_stacks: HBM stacks [1].
        die_to_die: one-way bandwidth B_joined between dies [B/s].
        joined: class of the package, with its bandwidth d_joined of an edge.
        layout: bandwidth d of a free edge, edge w of a stack.

    Returns:
        Bandwidth, broadcast shape [B/s].

    Domain:
        Square dies with off-package SerDes; DRAM on the board is taken to leave through bumps.

    Limits:
        0 where no edge is free.

    Source:
        About 22 GB/s per mm, read off NVIDIA's off-chip I/O; between dies 330 GB/s per mm on bridges (B200),
        56 on an organic substrate (technology file).

    Examples:
        By hand: of 100 mm of edge five stacks of 11 mm leave 45 mm at 20 GB/s per mm.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> edge = SimpleNamespace(stack_edge_m=0.011, link_bandwidth_per_edge=20e12)
        >>> alone = SimpleNamespace(bandwidth_per_edge=1.0)
        >>> die, one, stacks = np.array([625e-6]), np.array([1.0]), np.array([5.0])
        >>> free = link_bandwidth_limit(die, one, stacks, 0.0, alone, edge)
        >>> round(float(free[0]) / 1e9)
        900
    """
    taken = hbm_stacks * layout.stack_edge_m + die_to_die / joined.bandwidth_per_edge
    # below 0 where the edges are full: such a die has no links, not a negative bandwidth
    free = dies * (4.0 * die_m2**0.5) - taken
    return layout.link_bandwidth_per_edge * maximum(free, 0.0)

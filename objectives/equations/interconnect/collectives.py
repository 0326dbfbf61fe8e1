"""All-reduce and all-gather as straight lines in the bytes they carry: latency + bytes x seconds per byte.

Every topology offers two algorithms, one with few messages and one with few bytes; the better of the two is
taken at each size. Symbols: n chips, V bytes of the result, W one-way bandwidth of a chip over all its links,
a latency of a hop, o software time of a collective.
"""

from dataclasses import dataclass

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, inverse, maximum, minimum, where, zeros_like
from objectives.equations.interconnect.alpha_beta import AlphaBeta, Collective
from objectives.equations.interconnect.topology import TOPOLOGIES, torus_idle, torus_reach


@dataclass(frozen=True, kw_only=True)
class Collectives:
    """What the chips of one tensor-parallel group can do together."""

    all_reduce: Collective
    all_gather: AlphaBeta
    """One phase of the all-reduce of few bytes, without in-network reduction: (n-1)/n V / W."""
    package: AlphaBeta
    """All-reduce over the dies of each chip, which comes before and after that over the chips."""


def collectives(chips: Chips, n: Array) -> Collectives:
    """All-reduce and all-gather over the chips of one tensor-parallel group [s].

    Few bytes: 2 (n-1)/n V / W in two phases of the hops that the topology needs. Few messages: (n-1) V / W
    in one. With in-network reduction V / W in one. Beyond `link_domain` both are hierarchical: reduce-scatter
    inside, all-reduce of the shards across, all-gather inside.

    Args:
        chips: chips, for links, topology and domains.
        n: chips of the group [1].

    Returns:
        Collectives as alpha-beta lines, shapes broadcast.

    Domain:
        n >= 1; the group is laid out compactly.

    Limits:
        0 for one chip; 2 V / W for many chips of a ring and large messages.

    Source:
        Thakur, Rabenseifner & Gropp, IJHPCA 2005; Chan et al., CCPE 2007; torus, jax-ml scaling book;
        dragonfly, Kim, Dally, Scott & Abts, ISCA 2008, and Abts et al., ISCA 2022.

    Examples:
        Published: bus bandwidth is bytes over time x 2 (n-1)/n for an all-reduce and x (n-1)/n for an
        all-gather (NVIDIA nccl-tests, doc/PERFORMANCE.md), so that large ones on a ring of eight take 1.75
        and 0.875 V / W.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> def of(value):
        ...     return np.array([value])
        >>> ring = chips_with(
        ...     link_bandwidth=of(1.0), link_efficiency=of(1.0), link_latency=of(0.0), link_domain=of(8.0),
        ...     link_topology=of(TOPOLOGIES["ring"]), link_group=of(8.0), link_local_share=of(1.0),
        ...     link_global_share=of(1.0), in_network_reduction=of(0.0), scale_out_latency=of(0.0),
        ...     scale_out_bandwidth=of(0.0), collective_overhead_s=of(0.0), dies=of(1.0),
        ...     die_latency=of(0.0), die_bandwidth=of(0.0))
        >>> found = collectives(ring, of(8.0))
        >>> float(found.all_reduce.seconds(1.0)[0]), float(found.all_gather.seconds(1.0)[0])
        (1.75, 0.875)
    """
    inside = minimum(n, chips.links.link_domain)
    short, long, gather = _inside(chips, inside)
    domains = ceil_div(n, chips.links.link_domain)
    # what crosses domains: two phases of latency, and the shard of each chip there and back
    out_a = where(domains > 1.0, 2.0 * chips.links.scale_out_latency, 0.0)
    out_w = 2.0 * (domains - 1.0) / domains / inside * inverse(chips.links.scale_out_bandwidth)
    # no phase inside a domain of one chip, and no software where there is no second chip at all
    near = where(inside > 1.0, 1.0, zeros_like(inside))
    far = where(n > 1.0, 1.0, zeros_like(n))

    # `out_a` and `out_w` hold both phases of an all-reduce; an all-gather crosses domains once
    def total(line: AlphaBeta, phases: float) -> AlphaBeta:
        latency = chips.stack.collective_overhead_s * far + line.latency_s * near + out_a * (phases / 2.0)
        return AlphaBeta(latency_s=latency, s_per_byte=line.s_per_byte * near + out_w * (phases / 2.0))

    reduce = Collective(few_messages=total(short, 2.0), few_bytes=total(long, 2.0))
    return Collectives(all_reduce=reduce, all_gather=total(gather, 1.0), package=all_reduce_over_dies(chips))


def all_reduce_over_dies(chips: Chips) -> AlphaBeta:
    """All-reduce over the D compute dies of one package [s].

    A reduce-scatter before the chips send what they have and an all-gather after: 2 (D-1)/D V / B on every
    die, and twice the ceil(D / 2) hops across two rows of dies. No software starts it: the dies run one
    kernel.

    Args:
        chips: chips, for their dies and the links between them.

    Returns:
        An alpha-beta line, shapes of the chip columns.

    Domain:
        Dies share every matrix and every head evenly, so that only sums cross between them; each reads its
        own DRAM and SRAM.

    Limits:
        0 for one die.

    Source:
        Patarasuk & Yuan, JPDC 2009, the bound on bytes.

    Examples:
        By hand: two dies send half of 1 GB each way over 1 GB/s, in 2 hops of 10 ns.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> two = chips_with(dies=np.array([2.0]), die_latency=np.array([10e-9]),
        ...                       die_bandwidth=np.array([1e9]))
        >>> float(all_reduce_over_dies(two).seconds(1e9)[0])
        1.00000002
    """
    # ceil(1 / 2) is a hop, and a single die has none to make
    hops = where(chips.compute.dies <= 1.0, 0.0, ceil_div(chips.compute.dies, 2.0))
    return AlphaBeta(
        latency_s=2.0 * hops * chips.compute.die_latency,
        s_per_byte=2.0
        * (chips.compute.dies - 1.0)
        / chips.compute.dies
        * inverse(chips.compute.die_bandwidth),
    )


def _inside(chips: Chips, n: Array) -> tuple[AlphaBeta, AlphaBeta, AlphaBeta]:
    """All-reduce of few messages, of few bytes, and all-gather, in one domain without software time."""
    a = chips.links.link_latency
    w = inverse(chips.links.link_bandwidth * chips.stack.link_efficiency)
    # reduce-scatter and all-gather, the least bytes without in-network reduction (Patarasuk & Yuan 2009)
    ring = 2.0 * (n - 1.0) / n * w
    # a switch, and the start for all others: every chip sends to every other, once, or twice its shard
    short_a, short_w, long_a, long_w = a + zeros_like(n), (n - 1.0) * w, 2.0 * a + zeros_like(n), ring

    def choose(name: str, sa: Array, sw: Array, la: Array, lw: Array) -> None:
        nonlocal short_a, short_w, long_a, long_w
        here = chips.links.link_topology == TOPOLOGIES[name]
        short_a, short_w = where(here, sa, short_a), where(here, sw, short_w)
        long_a, long_w = where(here, la, long_a), where(here, lw, long_w)

    # few messages go both ways round, so the farthest chip is half-way; few bytes take n - 1 hops, twice
    choose("ring", ceil_div(n - 1.0, 2.0) * a, (n - 1.0) * w, 2.0 * (n - 1.0) * a, ring)
    for name, axes in (("torus2d", 2.0), ("torus3d", 3.0)):
        reach, slow = torus_reach(n, axes), torus_idle(n, axes)
        choose(name, reach * a, (n - 1.0) * w * slow, 2.0 * reach * a, ring * slow)
    choose("dragonfly", *_dragonfly(chips, n, a, w))
    far = where(n > chips.links.link_group, 2.0, zeros_like(n) + 1.0)  # up to the spine and down again
    up = where(n > chips.links.link_group, w / chips.links.link_global_share, w)
    choose("fat-tree", far * a, (n - 1.0) * up, 2.0 * far * a, 2.0 * (n - 1.0) / n * up)
    # taken before in-network reduction replaces the lines: switches that sum do not shorten a gather
    gather = AlphaBeta(latency_s=long_a / 2.0, s_per_byte=long_w / 2.0)
    # switches add up on the way: V bytes leave each chip once, however many chips there are
    reduced = (chips.links.in_network_reduction > 0.0) & (n > 1.0)

    def in_network(latency: Array, per_byte: Array) -> AlphaBeta:
        return AlphaBeta(latency_s=where(reduced, a, latency), s_per_byte=where(reduced, w, per_byte))

    return in_network(short_a, short_w), in_network(long_a, long_w), gather


def _dragonfly(chips: Chips, n: Array, a: Array, w: Array) -> tuple[Array, Array, Array, Array]:
    """Latency and seconds per byte of few messages and of few bytes.

    Every chip sends to every other inside a fully connected group; three hops lead to another group.
    """
    group = chips.links.link_group
    pair = w / chips.links.link_local_share * maximum(group - 1.0, 1.0)  # one local link
    local = minimum(n, group)
    groups = ceil_div(n, group)
    across = 2.0 * (groups - 1.0) / groups / local * w / chips.links.link_global_share
    wide = groups > 1.0
    short_a = where(wide, 3.0 * a, a)
    narrow = minimum(chips.links.link_local_share, chips.links.link_global_share)
    short_w = where(wide, (n - 1.0) * w / narrow, pair)
    long_a = where(wide, 8.0 * a, 2.0 * a)  # local, two times three hops, local
    # inside a group, each of two phases sends a shard of V / local bytes over the one link of a pair
    return short_a, short_w, long_a, 2.0 / local * pair + across

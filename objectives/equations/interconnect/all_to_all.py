"""All-to-all: every chip of a group sends something else to every other."""

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, floor, inverse, maximum, minimum, where, zeros_like
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.interconnect.topology import TOPOLOGIES, torus_idle, torus_reach


def all_to_all(chips: Chips, n: Array) -> AlphaBeta:
    """All-to-all over n chips against the bytes that each sends to all others together [s].

    A message takes h hops on average and every hop takes its bytes from the links of some chip, so that
    V h / W seconds pass: 1 hop on a switch, floor(n^2 / 4) / (n - 1) on a ring, half of the farthest on a
    torus, which is what its bisection allows. Inside a group of a dragonfly each pair has one link; beyond it
    a message takes a link between groups and two inside, all of which work at once. A fat tree is
    oversubscribed beyond its pod. Beyond `link_domain` the share for other domains leaves by the scale-out
    network, while the rest is on its way inside.

    Args:
        chips: chips, for links, topology and domains.
        n: chips of the group [1].

    Returns:
        An alpha-beta line, shapes broadcast.

    Domain:
        n >= 1, uniform traffic, balanced minimal routing, compact layout, tori with wrap-around links.

    Limits:
        0 for one chip; inside one domain never below V / W.

    Source:
        Dally & Towles, Principles and Practices of Interconnection Networks (2004), sections 3.3 and 5.2
        (channel load, bisection); dragonfly, Kim, Dally, Scott & Abts, ISCA 2008.

    Examples:
        By hand: on a ring of eight a message takes 64 / 4 / 7 hops on average.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> def of(value):
        ...     return np.array([value])
        >>> ring = chips_with(
        ...     link_bandwidth=of(1.0), all_to_all_efficiency=of(1.0), link_latency=of(0.0),
        ...     link_domain=of(8.0), link_topology=of(TOPOLOGIES["ring"]), link_group=of(8.0),
        ...     link_local_share=of(1.0),
        ...     link_global_share=of(1.0), scale_out_latency=of(0.0), scale_out_bandwidth=of(0.0),
        ...     collective_overhead_s=of(0.0))
        >>> round(float(all_to_all(ring, of(8.0)).seconds(7.0)[0]), 9)
        16.0
    """
    inside = minimum(n, chips.links.link_domain)
    # one chip sends nothing: the floor makes its shares 0 / 1
    others = maximum(n - 1.0, 1.0)
    # shares of what a chip sends: to chips of its own domain, and to chips beyond it
    near = (inside - 1.0) / others
    far = (n - inside) / others
    latency, per_byte = _inside(chips, inside)
    out = where(far > 0.0, chips.links.scale_out_latency, 0.0)
    # one chip starts no collective, so it pays no software for one
    some = where(n > 1.0, 1.0, zeros_like(n))
    within = where(inside > 1.0, 1.0, zeros_like(inside))
    # scale-up and scale-out work at once, so that the slower of them sets the time
    return AlphaBeta(
        latency_s=chips.stack.collective_overhead_s * some + maximum(latency * within, out),
        s_per_byte=maximum(near * per_byte, far * inverse(chips.links.scale_out_bandwidth)),
    )


def _inside(chips: Chips, n: Array) -> tuple[Array, Array]:
    """Latency [s] and seconds per byte sent [s/B] in one domain."""
    a = chips.links.link_latency
    w = inverse(chips.links.link_bandwidth * chips.stack.all_to_all_efficiency)
    others = maximum(n - 1.0, 1.0)
    latency, per_byte = a + zeros_like(n), w + zeros_like(n)  # a switch

    # topologies are codes in a column: each formula replaces only the elements that have its topology
    def choose(name: str, seconds: Array, slope: Array) -> None:
        nonlocal latency, per_byte
        here = chips.links.link_topology == TOPOLOGIES[name]
        latency, per_byte = where(here, seconds, latency), where(here, slope, per_byte)

    choose("ring", ceil_div(n - 1.0, 2.0) * a, maximum(floor(n * n / 4.0) / others, 1.0) * w)
    for name, axes in (("torus2d", 2.0), ("torus3d", 3.0)):
        # mean hops to all n chips are half of the reach; n / (n - 1) leaves out the message to itself
        reach = torus_reach(n, axes)
        choose(name, reach * a, maximum(reach / 2.0 * n / others, 1.0) * w * torus_idle(n, axes))
    group = chips.links.link_group
    away = (n - minimum(n, group)) / others  # of what a chip sends, the share that leaves its group
    wide = away > 0.0
    pair = w / chips.links.link_local_share * maximum(group - 1.0, 1.0)  # one local link
    # of a local link's load, what stays takes it once and what leaves takes two: (1 - away) + 2 away
    links = where(wide, w / chips.links.link_local_share * (1.0 + away), pair / others)
    beyond = away * w / chips.links.link_global_share
    # a local, a global and a local hop; in a fat tree up to the spine and down
    choose("dragonfly", where(wide, 3.0 * a, a), maximum(links, beyond))
    choose("fat-tree", where(wide, 2.0 * a, a), maximum(w, beyond))
    return latency, per_byte

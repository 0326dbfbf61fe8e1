"""All-to-all: every chip of a group sends something else to every other."""

from objectives.api import Chips
from objectives.arrays import Array, namespace
from objectives.equations.chip.placement import inverse
from objectives.equations.interconnect.topology import TOPOLOGIES, Line, torus_idle, torus_reach


def all_to_all(chips: Chips, n: Array) -> Line:
    """All-to-all over n chips against the bytes that each sends to all others together, shapes broadcast.

    A message takes h hops on average and every hop takes its bytes from the links of some chip, so that
    V h / W seconds pass: 1 hop on a switch, floor(n^2 / 4) / (n - 1) on a ring, half of the farthest on a
    torus, which is what its bisection allows. Inside a group of a dragonfly each pair has one link; beyond it
    a message takes a link between groups and two inside, all of which work at once. A fat tree is
    oversubscribed beyond its pod. Beyond `link_domain` the share for other domains leaves by the scale-out
    network, while the rest is on its way inside.

    Domain: n >= 1, uniform traffic, balanced minimal routing, compact layout, tori with wrap-around links.
    Limits: 0 for one chip; inside one domain never below V / W.

    Source: Dally & Towles, Principles and Practices of Interconnection Networks (2004), sections 3.3 and 5.2
    (channel load, bisection); dragonfly, Kim, Dally, Scott & Abts, ISCA 2008.
    """
    xp = namespace(n, chips.link_bandwidth)
    inside = xp.minimum(n, chips.link_domain)
    one = 1.0 + 0.0 * inside
    others = xp.maximum(n - 1.0, one)
    near = (inside - 1.0) / others
    far = (n - inside) / others
    latency, per_byte = _inside(chips, inside)
    out = xp.where(far > 0.0, chips.scale_out_latency + 0.0 * far, 0.0 * far)
    some = xp.where(n > 1.0, one, 0.0 * one)
    within = xp.where(inside > 1.0, one, 0.0 * one)
    return Line(
        latency=chips.collective_overhead_s * some + xp.maximum(latency * within, out),
        per_byte=xp.maximum(near * per_byte, far * inverse(chips.scale_out_bandwidth)),
    )


def _inside(chips: Chips, n: Array) -> tuple[Array, Array]:
    """Latency [s] and seconds per byte sent [s/B] in one domain."""
    xp = namespace(n, chips.link_bandwidth)
    a = chips.link_latency
    w = inverse(chips.link_bandwidth * chips.link_efficiency)
    one = 1.0 + 0.0 * n
    others = xp.maximum(n - 1.0, one)
    latency, per_byte = a + 0.0 * n, w + 0.0 * n  # a switch

    def choose(name: str, seconds: Array, slope: Array) -> None:
        nonlocal latency, per_byte
        here = chips.link_topology == TOPOLOGIES[name]
        latency, per_byte = xp.where(here, seconds, latency), xp.where(here, slope, per_byte)

    choose("ring", xp.ceil((n - 1.0) / 2.0) * a, xp.maximum(xp.floor(n * n / 4.0) / others, one) * w)
    for name, axes in (("torus2d", 2.0), ("torus3d", 3.0)):
        reach = torus_reach(n, axes)
        choose(name, reach * a, xp.maximum(reach / 2.0 * n / others, one) * w * torus_idle(n, axes))
    group = chips.link_group
    local = xp.minimum(n, group)
    away = (n - local) / others  # of what a chip sends, the share that leaves its group
    wide = away > 0.0
    pair = w / chips.link_local_share * xp.maximum(group - 1.0, 1.0 + 0.0 * group)  # one local link
    links = xp.where(wide, w / chips.link_local_share * (1.0 + away), pair / others)
    choose("dragonfly", xp.where(wide, 3.0 * a, a + 0.0 * n),
           xp.maximum(links, away * w / chips.link_global_share))  # fmt: skip
    choose("fat-tree", xp.where(wide, 2.0 * a, a + 0.0 * n),
           xp.maximum(w + 0.0 * n, away * w / chips.link_global_share))  # fmt: skip
    return latency, per_byte

"""Collectives as straight lines in the bytes they carry: time = latency + bytes x seconds-per-byte.

Every topology offers two algorithms, one with few messages and one with few bytes; the better of the two is
taken at each size. Symbols: n chips, V bytes of the result, W one-way bandwidth of a chip over all its links,
a latency of a hop, o software time of a collective.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, namespace
from objectives.equations.chip.placement import inverse

TOPOLOGIES: Final = MappingProxyType(
    {"switch": 0, "ring": 1, "torus2d": 2, "torus3d": 3, "dragonfly": 4, "fat-tree": 5}
)
"""Code of each topology in `Chips.link_topology`."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """latency [s] + bytes x per_byte [s/B]."""

    latency: Array
    per_byte: Array

    def seconds(self, size: Array) -> Array:
        """Time for `size` bytes [s]."""
        return self.latency + size * self.per_byte

    def times(self, count: Array) -> "Line":
        """So many messages of the same size, one after the other."""
        return Line(latency=count * self.latency, per_byte=count * self.per_byte)


@dataclass(frozen=True, kw_only=True)
class Collective:
    """The better of two algorithms at every size."""

    few_messages: Line
    few_bytes: Line

    def seconds(self, size: Array, count: Array = 1.0) -> Array:
        """Time for `count` results of `size` bytes on every chip [s].

        Limits: 0 for one chip. Without in-network reduction an all-reduce takes at least 2 (n-1)/n V / W
        (Patarasuk & Yuan, JPDC 2009), with it at least V / W.
        """
        short, long = (line.times(count).seconds(size) for line in (self.few_messages, self.few_bytes))
        return namespace(short).minimum(short, long)


@dataclass(frozen=True, kw_only=True)
class Collectives:
    """What the chips of one tensor-parallel group can do together."""

    all_reduce: Collective
    all_gather: Line
    """One phase of the all-reduce of few bytes, without in-network reduction: (n-1)/n V / W."""
    package: Line
    """All-reduce over the dies of each chip, which comes before and after that over the chips."""


def collectives(chips: Chips, n: Array) -> Collectives:
    """All-reduce and all-gather over the n chips of one tensor-parallel group, shapes broadcast.

    Domain: n >= 1; the group is laid out compactly. Beyond `link_domain` both are hierarchical:
    reduce-scatter inside, all-reduce of the shards across, all-gather inside.

    Source: Thakur, Rabenseifner & Gropp, IJHPCA 2005; Chan et al., CCPE 2007; torus, jax-ml scaling book;
    dragonfly, Kim, Dally, Scott & Abts, ISCA 2008, and Abts et al., ISCA 2022 (8-chip all-reduce 2.1 us).
    """
    xp = namespace(n, chips.link_bandwidth)
    inside = xp.minimum(n, chips.link_domain)
    short, long, gather = _inside(chips, inside)
    domains = ceil_div(n, chips.link_domain)
    one = 1.0 + 0.0 * domains
    # what crosses domains: two phases of latency, and the shard of each chip there and back
    out_a = xp.where(domains > 1.0, 2.0 * chips.scale_out_latency, 0.0 * domains)
    out_w = 2.0 * (domains - 1.0) / domains / inside * inverse(chips.scale_out_bandwidth)
    near = xp.where(inside > 1.0, one, 0.0 * one)
    far = xp.where(n > 1.0, one, 0.0 * one)

    def total(line: Line, phases: float) -> Line:
        latency = chips.collective_overhead_s * far + line.latency * near + out_a * (phases / 2.0)
        return Line(latency=latency, per_byte=line.per_byte * near + out_w * (phases / 2.0))

    reduce = Collective(few_messages=total(short, 2.0), few_bytes=total(long, 2.0))
    return Collectives(all_reduce=reduce, all_gather=total(gather, 1.0), package=over_dies(chips))


def over_dies(chips: Chips) -> Line:
    """All-reduce over the D compute dies of one package, shapes of the chip columns.

    A reduce-scatter before the chips exchange what they have and an all-gather after: 2 (D-1)/D V / B on
    every die, and twice the ceil(D / 2) hops across two rows of dies. No software starts it: the dies run one
    kernel. Domain: dies share every matrix and every head evenly, so that only sums cross between them; each
    reads its own DRAM and SRAM. Limits: 0 for one die.
    """
    xp = namespace(chips.dies)
    single = chips.dies <= 1.0
    hops = xp.where(single, 0.0 * chips.dies, ceil_div(chips.dies, 2.0))
    return Line(
        latency=2.0 * hops * chips.die_latency,
        per_byte=2.0 * (chips.dies - 1.0) / chips.dies * inverse(chips.die_bandwidth),
    )


def _inside(chips: Chips, n: Array) -> tuple[Line, Line, Line]:
    """All-reduce of few messages, of few bytes, and all-gather, in one domain without software time."""
    xp = namespace(n, chips.link_bandwidth)
    a = chips.link_latency
    w = inverse(chips.link_bandwidth * chips.link_efficiency)
    ring = 2.0 * (n - 1.0) / n * w
    # switch, and what all others start from: one direct exchange, or two of shards
    short_a, short_w, long_a, long_w = a + 0.0 * n, (n - 1.0) * w, 2.0 * a + 0.0 * n, ring

    def choose(name: str, sa: Array, sw: Array, la: Array, lw: Array) -> None:
        nonlocal short_a, short_w, long_a, long_w
        here = chips.link_topology == TOPOLOGIES[name]
        short_a, short_w = xp.where(here, sa, short_a), xp.where(here, sw, short_w)
        long_a, long_w = xp.where(here, la, long_a), xp.where(here, lw, long_w)

    choose("ring", xp.ceil((n - 1.0) / 2.0) * a, (n - 1.0) * w, 2.0 * (n - 1.0) * a, ring)
    for name, axes in (("torus2d", 2.0), ("torus3d", 3.0)):
        reach, slow = torus_reach(n, axes), torus_idle(n, axes)
        choose(name, reach * a, (n - 1.0) * w * slow, 2.0 * reach * a, ring * slow)
    choose("dragonfly", *_dragonfly(chips, n, a, w))
    far = xp.where(n > chips.link_group, 2.0 + 0.0 * n, 1.0 + 0.0 * n)  # up to the spine and down again
    up = xp.where(n > chips.link_group, w / chips.link_global_share, w + 0.0 * n)
    choose("fat-tree", far * a, (n - 1.0) * up, 2.0 * far * a, 2.0 * (n - 1.0) / n * up)
    gather = Line(latency=long_a / 2.0, per_byte=long_w / 2.0)
    reduced = (chips.in_network_reduction > 0.0) & (n > 1.0)
    direct = Line(latency=a + 0.0 * n, per_byte=w + 0.0 * n)

    def in_network(latency: Array, per_byte: Array) -> Line:
        return Line(
            latency=xp.where(reduced, direct.latency, latency),
            per_byte=xp.where(reduced, direct.per_byte, per_byte),
        )

    return in_network(short_a, short_w), in_network(long_a, long_w), gather


def torus_reach(n: Array, axes: float) -> Array:
    """Hops to the farthest chip of a compact block of a torus [1]: half of every axis.

    Axes of n^(1/axes) chips; of two chips each, as many as it takes, up to 2^axes chips in all.
    """
    xp = namespace(n)
    return xp.where(n <= 2.0**axes, xp.log2(n), axes * n ** (1.0 / axes) / 2.0)


def torus_idle(n: Array, axes: float) -> Array:
    """How many times as many links a chip of a torus has as a block of n chips can use [1].

    Two chips share one axis, four two: axes / min(axes, log2 n). Both links of an axis of two join them,
    as in a slice with wrap-around. Limits: 1 for 2^axes chips and more, and for one, which sends nothing.
    """
    xp = namespace(n)
    used = xp.log2(xp.maximum(n, 2.0 + 0.0 * n))
    few = xp.maximum(axes / used, 1.0 + 0.0 * n)
    return xp.where(n > 1.0, few, 1.0 + 0.0 * n)


def _dragonfly(chips: Chips, n: Array, a: Array, w: Array) -> tuple[Array, Array, Array, Array]:
    """Direct exchange inside a fully connected group; three hops between groups."""
    xp = namespace(n, w)
    group = chips.link_group
    pair = w / chips.link_local_share * xp.maximum(group - 1.0, 1.0 + 0.0 * group)  # one local link
    local = xp.minimum(n, group)
    groups = ceil_div(n, group)
    across = 2.0 * (groups - 1.0) / groups / local * w / chips.link_global_share
    wide = groups > 1.0
    short_a = xp.where(wide, 3.0 * a, a + 0.0 * n)
    narrow = xp.minimum(chips.link_local_share, chips.link_global_share)
    short_w = xp.where(wide, (n - 1.0) * w / narrow, pair)
    long_a = xp.where(wide, 8.0 * a, 2.0 * a + 0.0 * n)  # local, two times three hops, local
    return short_a, short_w, long_a, 2.0 / local * pair + across


@dataclass(frozen=True, kw_only=True)
class Hops:
    """Sends between pipeline stages: of the slowest one, and of a whole turn of the pipeline."""

    slowest: Line
    turn: Line


def stage_hops(chips: Chips, tp: Array, pp: Array) -> Hops:
    """Point-to-point sends of one micro-batch, shapes broadcast.

    A turn has PP hops (the new token goes back to the first stage). Of these one for every boundary between
    domains crosses scale-out, and one for every other boundary between groups of a dragonfly or pods of a fat
    tree leaves over the links that lead there, `link_global_share` of all, in three hops or two. Inside, a
    stage reaches the next over the links that join them, see `_to_next`. Every chip of the next stage gets
    all rows. Limits: nothing for PP = 1; never faster than all links of a chip.

    Source: Kim, Dally, Scott & Abts, ISCA 2008 (dragonfly); Dally & Towles (2004), section 3.3.
    """
    xp = namespace(tp, pp, chips.link_bandwidth)
    some, a = xp.where(pp > 1.0, 1.0 + 0.0 * pp, 0.0 * pp), chips.link_latency
    w = inverse(chips.link_bandwidth * chips.link_efficiency)
    out = inverse(chips.scale_out_bandwidth)
    has_out = chips.scale_out_bandwidth > 0.0
    far = xp.where(has_out, _boundaries(tp * pp, chips.link_domain, pp), 0.0 * tp * pp)
    dragonfly = chips.link_topology == TOPOLOGIES["dragonfly"]
    grouped = dragonfly | (chips.link_topology == TOPOLOGIES["fat-tree"])
    leaving = xp.where(grouped, _boundaries(tp * pp, chips.link_group, pp), 0.0 * far) - far
    leaving = xp.maximum(leaving, 0.0 * leaving)
    near = xp.maximum(pp - far - leaving, 0.0 * leaving)
    kinds = (
        (near, a, w * _to_next(chips, tp)),
        (leaving, xp.where(dragonfly, 3.0 * a, 2.0 * a), w / chips.link_global_share),
        (far, chips.scale_out_latency, out),
    )
    slow_a = slow_w = turn_a = turn_w = 0.0 * far
    for count, latency, per_byte in kinds:
        there = count > 0.0
        slow_a = xp.maximum(slow_a, xp.where(there, latency, 0.0 * latency))
        slow_w = xp.maximum(slow_w, xp.where(there, per_byte, 0.0 * per_byte))
        turn_a, turn_w = turn_a + count * latency, turn_w + count * per_byte
    return Hops(
        slowest=Line(latency=slow_a * some, per_byte=slow_w * some),
        turn=Line(latency=turn_a * some, per_byte=turn_w * some),
    )


def _boundaries(chips: Array, group: Array, pp: Array) -> Array:
    """Hops of a turn that leave groups of so many chips [1], the way back among them; 0 inside one."""
    groups = ceil_div(chips, group)
    xp = namespace(groups)
    return xp.where(groups > 1.0, xp.minimum(groups, pp), 0.0 * groups)


def _to_next(chips: Chips, tp: Array) -> Array:
    """All links of a chip over those that carry rows to a neighbouring stage of TP chips [1].

    On a ring one link of two, on a torus the face of a block, TP^((axes - 1) / axes) links of one chip in
    2 axes; in a group of a dragonfly one local link to each of the next TP chips, which send the parts on.
    Limits: 1 on a switch; never below 1.
    """
    xp = namespace(tp, chips.link_topology)
    found = 1.0 + 0.0 * tp * chips.link_topology
    for name, axes in (("ring", 1.0), ("torus2d", 2.0), ("torus3d", 3.0)):
        face = 2.0 * axes / tp ** ((axes - 1.0) / axes)
        found = xp.where(chips.link_topology == TOPOLOGIES[name], face, found)
    links = xp.maximum(chips.link_group - 1.0, 1.0 + 0.0 * chips.link_group) / chips.link_local_share
    found = xp.where(chips.link_topology == TOPOLOGIES["dragonfly"], links / tp, found)
    return xp.maximum(found, 1.0 + 0.0 * found)


def domain_excess(chips: Chips, tp: Array, pp: Array) -> Array:
    """Chips of a replica that no network reaches [chip]; feasible where <= 0."""
    xp = namespace(tp, pp, chips.link_domain)
    reach = tp * pp - chips.link_domain
    return xp.where(chips.scale_out_bandwidth > 0.0, xp.minimum(reach, 0.0 * reach), reach)

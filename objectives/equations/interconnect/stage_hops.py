"""Sends between pipeline stages, and whether a replica fits the network at all."""

from dataclasses import dataclass

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, inverse, maximum, minimum, ones_like, where, zeros_like
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.interconnect.topology import TOPOLOGIES


@dataclass(frozen=True, kw_only=True)
class StageHops:
    """Sends between pipeline stages: the slowest one, and those of a whole turn of the pipeline."""

    slowest: AlphaBeta
    turn: AlphaBeta


def stage_hops(chips: Chips, tp: Array, pp: Array) -> StageHops:
    """Point-to-point sends of one micro-batch between pipeline stages [s].

    A turn has PP hops (the new token goes back to the first stage). Of these one for every boundary between
    domains crosses scale-out, and one for every other boundary between groups of a dragonfly or pods of a fat
    tree leaves over the links that lead there, `link_global_share` of all, in three hops or two. Inside, a
    stage reaches the next over the links that join them, see `_to_next`. Every chip of the next stage gets
    all rows.

    Args:
        chips: chips, for links, topology and domains.
        tp: tensor-parallel ways [1].
        pp: pipeline stages [1].

    Returns:
        Alpha-beta lines of the slowest hop and of a turn, shapes broadcast.

    Domain:
        Stages are laid out compactly, one after the other.

    Limits:
        Nothing for PP = 1; never faster than all links of a chip.

    Source:
        Kim, Dally, Scott & Abts, ISCA 2008 (dragonfly); Dally & Towles (2004), section 3.3.

    Examples:
        By hand: four stages of one chip on a switch, 4 hops of 1 us; the rows at 1 GB/s each time.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> def of(value):
        ...     return np.array([value])
        >>> switch = chips_with(
        ...     link_bandwidth=of(1e9), link_efficiency=of(1.0), link_latency=of(1e-6), link_domain=of(8.0),
        ...     link_topology=of(0.0), link_group=of(8.0), link_local_share=of(1.0),
        ...     link_global_share=of(1.0), scale_out_latency=of(0.0), scale_out_bandwidth=of(0.0))
        >>> round(float(stage_hops(switch, of(1.0), of(4.0)).turn.seconds(1e3)[0]) * 1e6, 9)
        8.0
    """
    a = chips.links.link_latency
    w = inverse(chips.links.link_bandwidth * chips.stack.link_efficiency)
    has_out = chips.links.scale_out_bandwidth > 0.0
    # without scale-out nothing crosses domains; `domain_excess` makes such replicas infeasible
    far = where(has_out, _boundaries(tp * pp, chips.links.link_domain, pp), 0.0)
    dragonfly = chips.links.link_topology == TOPOLOGIES["dragonfly"]
    grouped = dragonfly | (chips.links.link_topology == TOPOLOGIES["fat-tree"])
    # a boundary between domains is one between groups too: it is counted once, as the former
    leaving = maximum(where(grouped, _boundaries(tp * pp, chips.links.link_group, pp), 0.0) - far, 0.0)
    near = maximum(pp - far - leaving, 0.0)
    kinds = (
        (near, a, w * _to_next(chips, tp)),
        (leaving, where(dragonfly, 3.0 * a, 2.0 * a), w / chips.links.link_global_share),
        (far, chips.links.scale_out_latency, inverse(chips.links.scale_out_bandwidth)),
    )
    slow_a = slow_w = turn_a = turn_w = zeros_like(far)
    # latency and slope are maximised apart: exact where one hop is worst in both, else an upper bound
    for count, latency, per_byte in kinds:
        there = count > 0.0
        slow_a = maximum(slow_a, where(there, latency, 0.0))
        slow_w = maximum(slow_w, where(there, per_byte, 0.0))
        turn_a, turn_w = turn_a + count * latency, turn_w + count * per_byte
    # a single stage sends to none
    some = where(pp > 1.0, 1.0, zeros_like(pp))
    return StageHops(
        slowest=AlphaBeta(latency_s=slow_a * some, s_per_byte=slow_w * some),
        turn=AlphaBeta(latency_s=turn_a * some, s_per_byte=turn_w * some),
    )


def _boundaries(chips: Array, group: Array, pp: Array) -> Array:
    """Hops of a turn that leave groups of so many chips [1], the way back among them; 0 inside one."""
    groups = ceil_div(chips, group)
    # a turn has PP hops, so that no more of them leave
    return where(groups > 1.0, minimum(groups, pp), 0.0)


def _to_next(chips: Chips, tp: Array) -> Array:
    """All links of a chip over those that carry rows to a neighbouring stage of TP chips [1].

    On a ring one link of two, on a torus the face of a block, TP^((axes - 1) / axes) links of one chip in
    2 axes; in a group of a dragonfly one local link to each of the next TP chips, which send the parts on.
    Limits: 1 on a switch; never below 1.
    """
    found = ones_like(tp * chips.links.link_topology)
    for name, axes in (("ring", 1.0), ("torus2d", 2.0), ("torus3d", 3.0)):
        face = 2.0 * axes / tp ** ((axes - 1.0) / axes)
        found = where(chips.links.link_topology == TOPOLOGIES[name], face, found)
    links = maximum(chips.links.link_group - 1.0, 1.0) / chips.links.link_local_share
    found = where(chips.links.link_topology == TOPOLOGIES["dragonfly"], links / tp, found)
    return maximum(found, 1.0)


def domain_excess(chips: Chips, tp: Array, pp: Array) -> Array:
    """Chips of a replica that no network reaches [chip]; feasible where <= 0.

    TP x PP - domain; never above 0 where there is a scale-out network.

    Args:
        chips: chips, for the domain and scale-out.
        tp: tensor-parallel ways [1].
        pp: pipeline stages [1].

    Returns:
        Chips, shapes broadcast [chip].

    Domain:
        One replica.

    Limits:
        Negative inside a domain.

    Source:
        By definition.

    Examples:
        By hand: 16 chips, 8 of which one switch joins, and nothing beyond.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> eight = chips_with(link_domain=np.array([8.0]), scale_out_bandwidth=np.array([0.0]))
        >>> float(domain_excess(eight, np.array([8.0]), np.array([2.0]))[0])
        8.0
    """
    excess = tp * pp - chips.links.link_domain
    return where(chips.links.scale_out_bandwidth > 0.0, minimum(excess, 0.0), excess)

"""Expert parallelism: where the experts of a layer stand, who visits the busiest chip, and what must travel.

EP spreads E experts over EP chips. Up to TP it cuts the chips of one replica: each expert keeps TP / EP of
them, every chip sees all rows, and the all-reduce after the layer adds up what the experts made. Beyond TP,
EP / TP replicas keep their own attention and KV cache (attention data parallelism) and share one set of
experts: rows travel to the chips of their experts and back, two all-to-alls a layer, and the all-reduce after
the experts falls away (that after attention is then a reduce-scatter before the rows leave and an all-gather
when they are back, as in DeepSeek-V3, section 3.4).
"""

from dataclasses import dataclass

from objectives.api import Experts
from objectives.arrays import Array, ceil_div, namespace
from objectives.equations.llm import experts as moe
from objectives.equations.llm.busiest import largest


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where the experts of one layer stand; arrays broadcast as TP and EP do."""

    experts: Experts
    ways: Array
    """Chips that the experts are spread over [1]: EP."""
    held: Array
    """Whole experts that the fullest chip has a part of [1]."""
    split: Array
    """Chips that share the columns of one expert [1]."""
    joined: Array
    """Replicas whose rows meet at the same experts [1]."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the busiest chip does in one pass over one layer."""

    visited: Array
    """Experts that somebody visits, whose weights are read [1]."""
    rows: Array
    """Rows that come to it, once for each expert that they visit there [1]."""
    worked: Array
    """Rows that its matrix unit works through, in whole tiles [1]."""


def spread(experts: Experts, tp: Array, ep: Array) -> Spread:
    """Experts over EP chips of replicas of TP chips, shapes broadcast.

    ceil(E / EP) experts on a chip, each split over max(TP / EP, 1) chips and visited by max(EP / TP, 1)
    replicas. Domain: EP divides TP or is a multiple of it. Limits: EP = 1 is tensor parallelism; beyond E
    experts some chips have none.

    Source: GShard (Lepikhin et al. 2020, arXiv 2006.16668); DeepSeek-V3 (arXiv 2412.19437), section 3.4:
    attention by data, experts by EP over the same chips.
    """
    xp = namespace(tp, ep)
    return Spread(
        experts=experts,
        ways=ep,
        held=ceil_div(float(experts.count), ep),
        split=xp.maximum(tp / ep, 1.0 + 0.0 * ep),
        joined=xp.maximum(ep / tp, 1.0 + 0.0 * ep),
    )


def load(s: Spread, rows: Array, tile: Array, skew: float = 1.0) -> Load:
    """What `rows` rows of each replica cost the chip that most of them visit, shapes broadcast.

    The busiest chip has the largest of E / held counts that chance spreads: of visits, which a row makes to k
    experts, and of experts that somebody visits. `skew`: visits of the most popular expert over the mean; it
    stands on one chip, all others share the rest alike, and what that chip does counts where it is more.
    1 is uniform routing; E / k, where every row visits it, is the most there is.
    Limits: at EP = 1 and uniform routing E (1 - (1 - k/E)^T) experts of T rows; at least one whole expert of
    one row where anybody visits; never more than the chip holds.

    Source: distinct experts of k draws without replacement (hypergeometric); the largest, see `busiest`.
    """
    total, e, k = s.joined * rows, float(s.experts.count), float(s.experts.top_k)
    held, chips = s.held, e / s.held
    mean = total * (k / e) * held
    left = (e - held) / max(e - 1.0, 1.0)
    varied = mean * (1.0 - k / e) * left  # of visits of one chip, hypergeometric for each row
    visits = largest(chips, mean, (chips / 2.0) * (varied + mean * mean - mean), total * _most(held, k))
    neither = (1.0 - k / e) * max(1.0 - k / max(e - 1.0, 1.0), 0.0)  # of two experts by one row
    both = 1.0 - 2.0 * (1.0 - k / e) ** total + neither**total
    seen = moe.touched(s.experts, total) * (held / e)
    visited = largest(chips, seen, (e * (held - 1.0) / 2.0) * both, held)
    worked = moe.padded_visits(s.experts, total, visits, visited, tile)
    if skew == 1.0 or s.experts.count == 1:
        return Load(visited=visited, rows=visits, worked=worked)
    hot = min(skew * k / e, 1.0)
    cold, others = (k - hot) / (e - 1.0), held - 1.0
    one, rest = _chance(hot, total), _chance(cold, total)
    tiles = _tiles(hot, total, one, tile) + others * _tiles(cold, total, rest, tile)
    xp = namespace(visits, tiles)
    return Load(
        visited=xp.maximum(visited, one + others * rest),
        rows=xp.maximum(visits, total * (hot + others * cold)),
        worked=xp.maximum(worked, tiles),
    )


def _most(held: Array, k: float) -> Array:
    """Visits that one row can make to a chip [1]."""
    return namespace(held).minimum(held, k + 0.0 * held)


def _chance(probability: float, rows: Array) -> Array:
    """Chance that somebody of `rows` rows visits an expert."""
    return 1.0 - (1.0 - probability) ** rows


def _tiles(probability: float, rows: Array, seen: Array, tile: Array) -> Array:
    """Rows of one expert in whole tiles, times the chance that it is visited at all [1]."""
    return moe.tiled(probability * rows, seen, tile)


def sent(s: Spread, rows: Array, tp: Array, skew: float = 1.0) -> Array:
    """Rows that the busiest chip sends in a dispatch, or gets back in a combine [1], shapes broadcast.

    Every chip of a replica sends its share of the rows, each once to every other chip that holds one of its
    experts: rows / TP x (EP - 1) P, where P = 1 - C(E - g, k) / C(E, k) is the chance that g = E / EP experts
    hold one of k. With `skew` the chip of the most popular expert gets more than the mean. Limits: 0 where
    replicas do not share experts; never more than k copies of a row.

    Source: hypergeometric distribution; DeepEP (2025), which sends one copy to each chip in its kernels for
    throughput; those for latency send k.
    """
    e, k = float(s.experts.count), s.experts.top_k
    xp = namespace(rows, s.ways)
    group = e / s.ways
    nobody = 1.0 + 0.0 * group
    for drawn in range(k):
        nobody = nobody * xp.maximum(1.0 - group / (e - drawn), 0.0 * group)
    copies = (s.ways - 1.0) * (1.0 - nobody)
    if skew > 1.0 and s.experts.count > 1:
        hot = min(skew * k / e, 1.0)
        rest = (xp.maximum(group, 1.0 + 0.0 * group) - 1.0) * (k - hot) / (e - 1.0)
        copies = copies * xp.maximum((hot + rest) / (k * group / e), 1.0 + 0.0 * group)
    return xp.where(s.joined > 1.0, copies, 0.0 * copies) / tp * rows


def missing_replicas(tp: Array, ep: Array, dp: Array) -> Array:
    """Replicas that experts are spread over and that are not there [replica]; feasible where <= 0."""
    return ep / tp - dp

"""Expert parallelism: where the experts of a layer are, who visits the busiest chip, and what must travel.

EP spreads E experts over EP chips. Up to TP it cuts the chips of one replica: each expert keeps TP / EP of
them, every chip sees all rows, and the all-reduce after the layer adds up what the experts made. Beyond TP,
EP / TP replicas keep their own attention and KV cache (attention data parallelism) and share one set of
experts: rows travel to the chips of their experts and back, two all-to-alls a layer, and the all-reduce after
the experts falls away (that after attention is then a reduce-scatter before the rows leave and an all-gather
when they are back, as in DeepSeek-V3, section 3.4).
"""

from dataclasses import dataclass

from objectives.api import Experts
from objectives.arrays import Array, ceil_div, maximum, minimum, namespace, ones_like, where, zeros_like
from objectives.equations.llm import experts as moe
from objectives.equations.llm.busiest import largest, largest_normal


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where the experts of one layer are; arrays broadcast as TP and EP do."""

    experts: Experts
    ways: Array
    """Chips that the experts are spread over [1]: EP."""
    held: Array
    """Whole experts that the fullest chip has a part of, copies among them [1]."""
    split: Array
    """Chips that share the columns of one expert [1]."""
    joined: Array
    """Replicas whose rows meet at the same experts [1]."""

    @property
    def visited_as(self) -> Array:
        """Experts whose visits come to the fullest chip [1]: copies share those of one."""
        e = self.experts
        return self.held * (e.count / e.held) if e.redundant else self.held


@dataclass(frozen=True, kw_only=True)
class ExpertLoad:
    """What the busiest chip does in one pass over one layer."""

    visited: Array
    """Experts that at least one row visits, whose weights are read [1]."""
    rows: Array
    """Rows that come to it, once for each expert that they visit there [1]."""
    padded_rows: Array
    """Rows that its matrix unit works through, in whole tiles [1]."""


def spread(experts: Experts, tp: Array, ep: Array) -> Spread:
    """Experts over EP chips of replicas of TP chips.

    ceil((E + R) / EP) experts on a chip, R copies among them, each split over max(TP / EP, 1) chips and
    visited by max(EP / TP, 1) replicas.

    Args:
        experts: experts of the layer.
        tp: tensor-parallel ways [1].
        ep: chips that the experts are spread over [1].

    Returns:
        Where they are, shapes broadcast.

    Domain:
        EP divides TP or is a multiple of it.

    Limits:
        EP = 1 is tensor parallelism; beyond E experts some chips have none.

    Source:
        GShard, Lepikhin et al. 2020 (arXiv 2006.16668); DeepSeek-V3 (arXiv 2412.19437), section 3.4:
        attention by data, experts by EP over the same chips.

    Examples:
        Published: DeepSeek-V3 prefills with EP32 and 8 of 256 experts on each GPU (arXiv 2412.19437,
        section 3.4.1), and one more with the 32 redundant experts that they add.

        >>> where_they_are = spread(Experts(count=256, top_k=8, width=2048, matrices=3), 4.0, 32.0)
        >>> where_they_are.held, where_they_are.joined
        (8.0, 8.0)
        >>> spread(Experts(count=256, top_k=8, width=2048, matrices=3, redundant=32), 4.0, 32.0).held
        9.0
    """
    # EP either cuts a replica or spans several: one of `split` and `joined` is 1
    return Spread(
        experts=experts,
        ways=ep,
        held=ceil_div(float(experts.held), ep),
        split=maximum(tp / ep, 1.0),
        joined=maximum(ep / tp, 1.0),
    )


def expert_load(s: Spread, rows: Array, tile: Array, skew: float = 1.0) -> ExpertLoad:
    """What the rows of each replica cost the chip that most of them visit.

    The busiest chip has the largest of E / held counts that chance spreads: of visits, which a row makes to k
    experts, and of experts that are visited. The most popular expert is on one chip, all others share the
    rest alike, and what that chip does counts where it is more. Redundant experts are copies whose visits are
    shared alike; those of a popular expert come first.

    Args:
        s: where the experts are.
        rows: rows of the pass in each replica [1].
        tile: rows of one tile of the matrix unit [1].
        skew: visits of the most popular expert over the mean of all; 1 is uniform routing, E / k, where every
            row visits it, the most there is [1].

    Returns:
        Load of the busiest chip, shapes broadcast.

    Domain:
        Routing of a row does not depend on that of others; see `busiest.largest`. Copies lie so that chips
        have as many visits; each is taken as read whenever its expert is visited, which is a little too often
        where few rows are.

    Limits:
        At EP = 1 and uniform routing E (1 - (1 - k/E)^T) experts of T rows; at least one whole expert of one
        row where there are rows; never more than the chip holds.

    Source:
        Distinct experts of k draws without replacement (hypergeometric); the largest, see `busiest`.

    Examples:
        By hand: of 8 experts on one chip two rows with two visits each visit 8 (1 - 9/16).

        >>> import numpy as np
        >>> one = np.array([1.0])
        >>> alone = spread(Experts(count=8, top_k=2, width=14336, matrices=3), one, one)
        >>> float(expert_load(alone, 2.0 * one, one).visited[0])
        3.5
    """
    total, e, k = s.joined * rows, float(s.experts.count), s.experts.mean_top_k
    # of all that the router chooses among, with those that do nothing
    among, drawn = float(s.experts.among), float(s.experts.top_k)
    held, alone = s.held, s.visited_as
    chips = e / alone
    mean = total * (k / e) * alone
    left = (among - alone) / max(among - 1.0, 1.0)
    varied = mean * (1.0 - k / e) * left  # of visits of one chip, hypergeometric for each row
    # pairs n E[X (X - 1)] / 2 from the variance of the visits of one chip
    visits = largest(chips, mean, (chips / 2.0) * (varied + mean * mean - mean), total * minimum(held, drawn))
    neither = (1.0 - k / e) * max(1.0 - drawn / max(among - 1.0, 1.0), 0.0)  # of two experts by one row
    # inclusion and exclusion: neither of two experts stays without a row
    both = 1.0 - 2.0 * (1.0 - k / e) ** total + neither**total
    seen = moe.visited_experts(s.experts, total) * (held / e)
    # E (held - 1) / 2 pairs of experts share a chip, copies among them
    visited = largest(chips, seen, (s.experts.held * (held - 1.0) / 2.0) * both, held)
    padded = moe.padded_visits(s.experts, total, visits, visited, tile)
    # a single expert has no others to share the rest, and E - 1 would divide by 0
    if skew == 1.0 or s.experts.count == 1:
        return ExpertLoad(visited=visited, rows=visits, padded_rows=padded)
    # a row visits an expert once at most
    hot = min(skew * k / e, 1.0)
    # what the hot expert leaves of k visits is spread over the other experts alike
    cold, others = (k - hot) / (e - 1.0), held - 1.0
    hot = hot / (1.0 + s.experts.redundant)
    one, rest = _chance(hot, total), _chance(cold, total)
    tiles = moe.tiled(hot * total, one, tile) + others * moe.tiled(cold * total, rest, tile)
    return ExpertLoad(
        visited=maximum(visited, one + others * rest),
        rows=maximum(visits, total * (hot + others * cold)),
        padded_rows=maximum(padded, tiles),
    )


def _chance(probability: float, rows: Array) -> Array:
    """Chance that at least one of `rows` rows visits an expert."""
    return 1.0 - (1.0 - probability) ** rows


def rows_sent(s: Spread, rows: Array, tp: Array, skew: float = 1.0) -> Array:
    """Rows that the busiest chip sends in a dispatch, or gets back in a combine [1].

    Every chip of a replica sends its share of the rows, each once to every other chip that holds one of its
    experts: rows / TP x (EP - 1) P, where P = 1 - C(E - g, k) / C(E, k) is the chance that g = E / EP experts
    hold one of k. With a skew the chip of the most popular expert gets more than the mean.

    Args:
        s: where the experts are.
        rows: rows of the pass in each replica [1].
        tp: tensor-parallel ways [1].
        skew: visits of the most popular expert over the mean of all [1].

    Returns:
        Rows, shapes broadcast [1].

    Domain:
        One copy of a row for each chip, as kernels for throughput send; those for latency send k.

    Limits:
        0 where replicas do not share experts; never more than k copies of a row.

    Source:
        Hypergeometric distribution; DeepEP (2025).

    Examples:
        By hand: one of two experts, on one of two chips: half of the rows leave.

        >>> two = spread(Experts(count=2, top_k=1, width=1, matrices=3), 1.0, 2.0)
        >>> rows_sent(two, 10.0, 1.0)
        5.0
    """
    e, k, among = float(s.experts.count), s.experts.mean_top_k, float(s.experts.among)
    group = e / s.ways
    none = ones_like(group)  # the chance that a chip has none of the experts of a row
    # a product in place of binomial coefficients, since E / EP need not be whole
    for drawn in range(s.experts.top_k):
        # 0 where all experts that are left are on this chip
        none = none * maximum(1.0 - group / (among - drawn), 0.0)
    copies = (s.ways - 1.0) * (1.0 - none)
    if skew > 1.0 and s.experts.count > 1:
        hot = min(skew * k / e, 1.0)
        # the chip of the hot expert: its visits over those of a mean chip scale the copies
        rest = (maximum(group, 1.0) - 1.0) * (k - hot) / (e - 1.0)
        hot = hot / (1.0 + s.experts.redundant)
        copies = copies * maximum((hot + rest) / (k * group / e), 1.0)
    return where(s.joined > 1.0, copies, 0.0) / tp * rows


def longest_over_mean(joined: Array, sequences: Array, context: Array, osl: Array) -> Array:
    """Context of the busiest of the replicas that step together, over the mean [1].

    Sequences are anywhere in their output: contexts are spread evenly over OSL around their mean, with a
    standard deviation of OSL / sqrt(12). The mean of b of them varies by 1 / sqrt(b) of that, and the largest
    of n such means is z(n) deviations up: 1 + z OSL / (sqrt(12 b) context). All replicas wait for it, since
    experts need the rows of all.

    Args:
        joined: replicas n that share experts [1].
        sequences: sequences b of each [1].
        context: mean context [token].
        osl: output tokens [token].

    Returns:
        A ratio, shapes broadcast [1].

    Domain:
        Prompts of one length; replicas hold equally many sequences. Lengths that vary more, as those of users
        do, make it larger.

    Limits:
        1 for one replica and for very many sequences; never more than the longest context over the mean.

    Source:
        Blom (1958), see `busiest.largest_normal`; the variance of a uniform distribution.

    Examples:
        By hand: two replicas of three sequences, 1,200 tokens around 1,000: 1 + 0.564 x 1,200 / 6,000.

        >>> import numpy as np
        >>> two, three = np.array([2.0]), np.array([3.0])
        >>> bool(abs(longest_over_mean(two, three, 1000.0, 1200.0)[0] - 1.113) < 0.01)
        True
    """
    xp = namespace(joined, sequences)
    # a context of 0 is that of one replica alone in tests of limits: the quotient is not used then
    spread = osl / maximum(context, 1e-9)
    up = largest_normal(joined) * spread / xp.sqrt(12.0 * sequences)
    # no sequence is beyond the end of its output
    return where(joined > 1.0, 1.0 + minimum(up, spread / 2.0), ones_like(up))


def overlapped(overlap: Array, spread: Spread | None, rows: Array) -> Array:
    """Share of an all-to-all that a second micro-batch may hide in a pass of some rows [1].

    That of the stack, where replicas share experts and there are rows for two micro-batches.

    Args:
        overlap: share that the stack hides [1].
        spread: where experts are; None without experts.
        rows: rows of the pass in each replica [1].

    Returns:
        Share, shapes broadcast [1].

    Domain:
        Two micro-batches, each of which reads the weights.

    Limits:
        0 for one row, and where no rows travel.

    Source:
        DeepSeek-V3 (arXiv 2412.19437), section 3.4.2: two micro-batches in decode.

    Examples:
        By hand: one row is no two micro-batches.

        >>> import numpy as np
        >>> one = np.array([1.0])
        >>> two = spread(Experts(count=2, top_k=1, width=1, matrices=3), one, 2.0 * one)
        >>> [float(overlapped(0.8 * one, two, n * one)[0]) for n in (1.0, 2.0)]
        [0.0, 0.8]
    """
    if spread is None:
        return zeros_like(overlap)
    return where((spread.joined > 1.0) & (rows >= 2.0), overlap, 0.0 * overlap)


def missing_replicas(tp: Array, ep: Array, dp: Array) -> Array:
    """Replicas that experts are spread over and that the design lacks [replica]; feasible where <= 0.

    EP / TP - DP.

    Args:
        tp: tensor-parallel ways [1].
        ep: chips that the experts are spread over [1].
        dp: replicas [1].

    Returns:
        Replicas, shapes broadcast [replica].

    Domain:
        EP is a multiple of TP, or below it.

    Limits:
        Negative where EP is at most TP.

    Source:
        By definition.

    Examples:
        By hand: experts over 32 chips of replicas of 8 need 4 replicas; two are there.

        >>> missing_replicas(8.0, 32.0, 2.0)
        2.0
    """
    return ep / tp - dp

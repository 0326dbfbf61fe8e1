"""Attention on one pool, FFN or experts on the other: micro-batches circulate between both in every layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, maximum, minimum, ones_like, where
from objectives.equations.pools.crossing import Message


@dataclass(frozen=True, kw_only=True)
class SplitToken:
    """One token of every sequence through both pools, and where its seconds go."""

    attention_s: Array
    """Attention parts of all layers, for one micro-batch [s]."""
    ffn_s: Array
    """FFN parts of all layers [s]."""
    out_s: Array
    """From attention to FFN, all layers [s]."""
    back_s: Array
    """From FFN to attention, all layers [s]."""
    head_s: Array
    """LM head, embedding and fixed times of a step, on the attention pool [s]."""
    wait_s: Array
    """For other micro-batches [s]; 0 where one is alone."""
    attention_busy: Array
    """Share of the time that the attention pool works [1]."""
    ffn_busy: Array
    """Share of the time that the FFN pool works [1]."""

    @property
    def seconds(self) -> Array:
        """From one token of a sequence to its next [s]."""
        return self.parts_total() + self.wait_s

    def parts_total(self) -> Array:
        """Seconds of a micro-batch that never waits [s]."""
        return self.attention_s + self.ffn_s + self.out_s + self.back_s + self.head_s


def turn_of_layers(
    layers: Array, count: Array, attention_s: Array, alone_s: Array, slowest_s: Array, head_s: Array
) -> Array:
    """Time of one token for micro-batches that circulate through the same stations in every layer [s].

    m micro-batches, each in one place at a time, pass attention, link, FFN and link in every one of L layers;
    the first station also runs the head, h seconds, once a token. Every station serves one at a time, in
    order. With s the time of a layer alone, a that of attention and M that of the slowest station a layer
    takes max(s, m M), and without a head the token L of these. The head delays all that wait for its station,
    so that the token takes the longest of

        L s + h,  m (L a + h),  L m M,  s + h + (L - 1) m M,
        s + g + ((L - 2) m + 1) M,  (L - 1) s + g + M,   g = h + (m - 1) (a + h),

    the longest circuits of this event graph: a micro-batch alone, a station that never idles, and the paths
    that change from one to the other. The last two need two layers.

    Args:
        layers: layers L [1].
        count: micro-batches m in flight [1].
        attention_s: time a of a micro-batch on the station that also runs the head, in one layer [s].
        alone_s: time s of one layer for a micro-batch that never waits, latencies included [s].
        slowest_s: time M that the slowest of all stations is busy with it [s]; not below `attention_s`.
        head_s: time h of the head on the first station [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Steady state, equal layers, equal micro-batches, times that do not vary, m >= 1.

    Limits:
        L s + h for one micro-batch; L max(s, m M) without a head; never below the work of any station.

    Source:
        Baccelli, Cohen, Olsder & Quadrat, Synchronization and Linearity (1992): the period of an event graph
        is its largest cycle mean. Without a head MegaScale-Infer (arXiv 2504.02263), equation 4. An event
        simulation in tests/simulation gives the same numbers to rounding.

    Examples:
        By hand: three micro-batches of 1 ms + 1 ms and two crossings of 0.25 ms over ten layers: stations
        are busy for 3 ms a layer, a micro-batch alone takes 2.5 ms.

        >>> turn_of_layers(10.0, 3.0, 1.0, 2.5, 1.0, 0.0), turn_of_layers(10.0, 1.0, 1.0, 2.5, 1.0, 2.0)
        (30.0, 27.0)
    """
    # pure circuits: a micro-batch that never waits, a station that never idles
    alone, attention = layers * alone_s + head_s, count * (layers * attention_s + head_s)
    slowest = layers * count * slowest_s
    once = maximum(alone, count * maximum(attention_s + head_s, slowest_s))
    behind = head_s + (count - 1.0) * (attention_s + head_s)
    # mixed ones are linear in the layers that follow a micro-batch, so that one layer and all but one decide
    stations = alone_s + maximum(
        head_s + (layers - 1.0) * count * slowest_s, behind + ((layers - 2.0) * count + 1.0) * slowest_s
    )
    follows = (layers - 1.0) * alone_s + behind + slowest_s
    many = maximum(maximum(maximum(alone, attention), slowest), maximum(stations, follows))
    return where(layers > 1.0, many, once)


def split_token(
    layers: Array, count: Array, attention_s: Array, ffn_s: Array, out: Message, back: Message, head_s: Array
) -> SplitToken:
    """A token through both pools: two crossings in every layer, `count` micro-batches in turn.

    The four stations are the attention pool, the link out, the FFN pool and the link back, see
    `turn_of_layers`. What exceeds a micro-batch's own times is its wait for the others.

    Args:
        layers: layers [1].
        count: micro-batches of an attention replica in flight [1].
        attention_s: attention part of a layer for one micro-batch, its collectives and fixed times
            included [s].
        ffn_s: FFN part of a layer for the rows of all attention replicas that feed it, see `ffn_rows` [s].
        out: activations of one layer to the FFN pool.
        back: their sums on the way back.
        head_s: LM head, embedding and fixed times of a step for one micro-batch, on the attention pool [s].

    Returns:
        Seconds, parts that sum to them, and how busy both pools are, shapes broadcast.

    Domain:
        Attention replicas that feed one FFN replica run in step; no pipeline stages within a pool. A mean
        layer stands for all. Links carry both directions at once.

    Limits:
        The sum of all parts for one micro-batch; L m max(attention, FFN) where m reaches
        `micro_batches_that_hide` and there is no head; tokens a second of a replica are
        `queueing.throughput` of its rows at `seconds`.

    Source:
        MegaScale-Infer, Zhu et al., SIGCOMM 2025 (arXiv 2504.02263), section 4.1; Step-3 (arXiv 2507.19427),
        figure 7: a pipeline of three stages.

    Examples:
        Published: 50 ms over 61 layers and three micro-batches leave 273 us for attention, as much for FFN,
        and as much for both crossings together (StepMesh, github.com/stepfun-ai/StepMesh).

        >>> third = Message(seconds=91e-6, busy_s=91e-6)
        >>> rest = Message(seconds=182e-6, busy_s=182e-6)
        >>> took = split_token(61.0, 3.0, 273e-6, 273e-6, third, rest, 0.0)
        >>> round(took.seconds * 1e3, 1), round(took.ffn_busy, 6)
        (50.0, 1.0)
    """
    layer_s = attention_s + ffn_s + out.seconds + back.seconds
    slowest = maximum(maximum(attention_s, ffn_s), maximum(out.busy_s, back.busy_s))
    turn = turn_of_layers(layers, count, attention_s, layer_s, slowest, head_s)
    return SplitToken(
        attention_s=layers * attention_s,
        ffn_s=layers * ffn_s,
        out_s=layers * out.seconds,
        back_s=layers * back.seconds,
        head_s=head_s,
        # a turn is never below a micro-batch alone: below 0 is rounding
        wait_s=maximum(turn - (layers * layer_s + head_s), 0.0),
        attention_busy=count * (layers * attention_s + head_s) / turn,
        ffn_busy=count * layers * ffn_s / turn,
    )


def micro_batches_that_hide(alone_s: Array, slowest_s: Array) -> Array:
    """Micro-batches from which on the slowest station never idles [1].

    ceil(s / M): for equal times T_f of both pools and T_c of both crossings m >= 2 (1 + T_c / T_f).

    Args:
        alone_s: one layer for a micro-batch that never waits [s].
        slowest_s: time that the slowest station is busy with it [s], above 0.

    Returns:
        Micro-batches, shapes broadcast [1].

    Domain:
        No head; times of a micro-batch that do not change with their number.

    Limits:
        2 for two equal pools and a link that takes no time; 1 where one station takes all of the time.

    Source:
        MegaScale-Infer (arXiv 2504.02263), equations 1 to 3.

    Examples:
        Published: three are enough where a crossing takes less than half of a pool's time, four where it is
        slower (ibid., section 4.1).

        >>> [micro_batches_that_hide(2.0 * (1.0 + crossing), 1.0) for crossing in (0.0, 0.4, 0.5, 0.8)]
        [2.0, 3.0, 3.0, 4.0]
    """
    return ceil_div(alone_s, slowest_s)


def ffn_rows(rows: Array, attention_replicas: Array, ffn_replicas: Array) -> Array:
    """Rows that an FFN replica gets in one micro-batch [1].

    rows x attention replicas / FFN replicas: what leaves one pool arrives at the other.

    Args:
        rows: rows of a micro-batch of one attention replica [1].
        attention_replicas: replicas of the attention pool [replica].
        ffn_replicas: replicas of the FFN pool [replica].

    Returns:
        Rows, shapes broadcast [1].

    Domain:
        Replicas of a pool are alike. Copies of a row for several experts are not counted, as elsewhere.

    Limits:
        The rows of an attention replica where both pools have as many.

    Source:
        Conservation of rows; MegaScale-Infer (arXiv 2504.02263), section 4.2.

    Examples:
        By hand: eight attention replicas of 32 rows feed two FFN replicas.

        >>> ffn_rows(32.0, 8.0, 2.0)
        128.0
    """
    return rows * attention_replicas / ffn_replicas


def replicas_that_match(attention_s: Array, ffn_fixed_s: Array, ffn_row_s: Array, rows: Array) -> Array:
    """Attention replicas for each FFN replica at which both pools take the same time [replica].

    With T_f = k_4 + k_3 x rows for each FFN replica: (T_a - k_4) / (k_3 rows of an attention replica).

    Args:
        attention_s: attention part of a layer for one micro-batch [s].
        ffn_fixed_s: part k_4 of an FFN's time that rows do not change, such as its weights [s].
        ffn_row_s: time k_3 of each row, above 0 [s].
        rows: rows of a micro-batch of one attention replica [1].

    Returns:
        Replicas as a real number, not below 0, shapes broadcast [replica]: one system rounds it and has
        waits, a fleet of many buys in this ratio.

    Domain:
        An FFN whose time is a line in its rows; where weights are read while rows are computed it is the
        larger of both, and the line holds on each side.

    Limits:
        0 where the FFN takes longer than attention without any row: more attention replicas never match.

    Source:
        MegaScale-Infer (arXiv 2504.02263), constraint 1: n_a = k_1 E / (k_3 K) without fixed parts.

    Examples:
        By hand: attention takes 300 us; the FFN 100 us and 1 us for each row, 50 of each replica.

        >>> round(replicas_that_match(300e-6, 100e-6, 1e-6, 50.0), 9)
        4.0
    """
    return maximum(attention_s - ffn_fixed_s, 0.0) / (ffn_row_s * rows)


@dataclass(frozen=True, kw_only=True)
class BestCount:
    """The number of micro-batches that serves a batch fastest."""

    count: Array
    """Micro-batches [1]; the fewest of those that are alike."""
    seconds: Array
    """Their time for a token [s]."""


def best_count(seconds: Sequence[Array]) -> BestCount:
    """The fastest among one, two, three ... micro-batches.

    The least of the times, each with micro-batches of the rows that remain for it.

    Args:
        seconds: time for a token of the whole batch, for 1, 2, 3 ... micro-batches [s].

    Returns:
        Micro-batches and their time, shapes broadcast.

    Domain:
        More than four were not tried by the authors: rows of each become too few.

    Limits:
        One where it is as fast as more.

    Source:
        MegaScale-Infer (arXiv 2504.02263), algorithm 1, which tries up to four.

    Examples:
        By hand:

        >>> best_count([30.0, 22.0, 21.0, 21.0])
        BestCount(count=3.0, seconds=21.0)
    """
    best, count = seconds[0], ones_like(seconds[0])
    for number, took in enumerate(seconds[1:], start=2):
        count = where(took < best, float(number), count)
        best = minimum(took, best)
    return BestCount(count=count, seconds=best)

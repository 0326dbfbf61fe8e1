"""Context parallelism: the KV cache of a sequence lies on CP chips, each of which has a share of its tokens.

TP x CP chips share a layer. All matrices, and the collectives of hidden rows, are split over all of them; the
attention core is split by heads over TP and by tokens over CP. A row must visit all tokens, so that chips
that share heads gather their queries before the core and add up its partial results after it, each with the
sum of its exponentials. States of constant size have no tokens to split: they are split by heads over all.
"""

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, is_ones, where
from objectives.equations.interconnect.alpha_beta import AlphaBeta


def split_over(cp: Array) -> Array | None:
    """The ways that KV cache is split along its tokens [1]; None where it is known that there is one.

    Args:
        cp: context-parallel ways [1].

    Returns:
        `cp` [1], or None.

    Domain:
        Arrays whose values are not known yet, as while a function is compiled, count as split.

    Limits:
        None for plain numbers and NumPy arrays of ones.

    Source:
        None: it spares passes over arrays of ones and zeros.

    Examples:
        >>> split_over(1.0) is None, split_over(2.0)
        (True, 2.0)
    """
    return None if is_ones(cp) else cp


def on_fullest(tokens: Array, cp: Array) -> Array:
    """Tokens of a sequence, as many as if each chip held as many as the fullest of CP chips [token].

    CP ceil(tokens / CP).

    Args:
        tokens: tokens that are kept [token].
        cp: context-parallel ways [1].

    Returns:
        Tokens, shapes broadcast [token].

    Domain:
        Tokens in turn on each chip.

    Limits:
        The tokens themselves, whole or not, for CP = 1.

    Source:
        Interleaved KV cache in vLLM, pull request 23734 (2025).

    Examples:
        Published: of nine tokens on two chips the first has five, 0, 2, 4, 6 and 8 (ibid.).

        >>> import numpy as np
        >>> on_fullest(np.array([9.0, 8.5]), np.array([2.0, 1.0])).tolist()
        [10.0, 8.5]
    """
    return where(cp > 1.0, cp * ceil_div(tokens, cp), tokens)


def exchange_seconds(line: AlphaBeta, exchanges: float, size_bytes: Array) -> Array:
    """Time of a layer in which CP chips gather queries and merge partial results [s].

    An all-gather, and a reduce-scatter or an all-to-all, which send as many bytes: exchanges x latency +
    bytes x seconds per byte.

    Args:
        line: all-gather over the CP chips.
        exchanges: of a mean layer: two in a layer whose KV cache is split [1].
        size_bytes: bytes of all queries and all results that the CP chips exchange together [B].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Nothing hides them: batches are not cut to overlap them with the core.

    Limits:
        0 for CP = 1; they grow with rows, and not with the context.

    Source:
        Helix, Bhatia et al. 2025 (arXiv 2507.07120), section 2.1; vLLM, pull requests 23734 and 24864 (2025):
        queries and sums are gathered, results scattered.

    Examples:
        By hand: two messages of 1 us, and 1 MB at 1 GB/s.

        >>> round(exchange_seconds(AlphaBeta(latency_s=1e-6, s_per_byte=1e-9), 2.0, 1e6), 9)
        0.001002
    """
    return exchanges * line.latency_s + size_bytes * line.s_per_byte


def unsplit_ways(chips: Chips, cp: Array) -> Array:
    """Ways of CP that the stack cannot split KV cache into [1]; feasible where <= 0.

    CP - 1 where it cannot, else 0.

    Args:
        chips: chips, for what their stack can.
        cp: context-parallel ways [1].

    Returns:
        Ways, shapes broadcast [1].

    Domain:
        A stack can split KV cache along its tokens or cannot.

    Limits:
        0 for CP = 1.

    Source:
        By definition.

    Examples:
        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> both = chips_with(context_parallel=np.array([0.0, 1.0]))
        >>> unsplit_ways(both, np.array([4.0])).tolist()
        [3.0, 0.0]
    """
    return where(chips.stack.context_parallel > 0.0, 0.0 * cp, cp - 1.0)

"""Cross attention: queries of each row, keys and values of an encoder's rows.

Symbols: d hidden size, e width and T number of the encoder's rows, Hq query heads, Hkv KV heads, dh size of a
head, TP tensor-parallel ways. Keys and values are projected once a request, before its prompt, and kept
whatever the context; each row projects queries and output alone. TP splits attention by whole heads.
"""

from typing import Final

from objectives.api import CrossAttention
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

LAUNCHES: Final = 4
"""Kernels of a row: norm, queries, core, output."""


def params(a: CrossAttention, hidden: int) -> int:
    """Parameters of one layer, its biases included [1].

    2 d dh Hq for queries and output, 2 e dh Hkv for keys and values, dh (Hq + 2 Hkv) biases.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1]; 0 where the projections are those of the attention next to it.

    Domain:
        Norms of heads and gates of one number are not counted.

    Limits:
        4 d^2 for e = d and Hq dh = Hkv dh = d.

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.3.

    Examples:
        By hand: 4 projections of 512 x 512 in a layer of T5 small (its `config.json`: 8 heads of 64).

        >>> small = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512)
        >>> params(small, 512) == 4 * 512 * 512
        True
    """
    if a.shared:
        return 0
    biases = a.bias * a.head_dim * (a.heads + 2 * a.kv_heads)
    return 2 * a.head_dim * (hidden * a.heads + a.inputs * a.kv_heads) + biases


def projection_elements(a: CrossAttention, hidden: int, tp: Array) -> Array:
    """Weights that each row is multiplied by on one chip, of queries and output [1].

    2 d dh ceil(Hq / TP). Those of keys and values are `encoder_elements`.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1]; 0 where the projections are those of the attention next to it.

    Domain:
        Biases are left out.

    Limits:
        Never below one head.

    Source:
        Megatron-LM, Shoeybi et al. 2019 (arXiv 1909.08053), section 3: attention split by heads.

    Examples:
        By hand: two of 512 x 512, half of them on each of two chips.

        >>> small = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512)
        >>> projection_elements(small, 512, 2.0) == 512 * 512
        True
    """
    return zeros_like(tp) if a.shared else float(2 * hidden * a.head_dim) * ceil_div(a.heads, tp)


def projection_traffic(a: CrossAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through these projections on one chip [1].

    2 d + 2 dh ceil(Hq / TP): d read and written, queries and results of the core once each.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1]; 0 where the projections are those of the attention next to it.

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d for heads spread over endless chips, but for one head each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 2 x 512 and 2 x 8 heads of 64.

        >>> small = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512)
        >>> projection_traffic(small, 512, 1.0)
        2048.0
    """
    return zeros_like(tp) if a.shared else 2.0 * hidden + float(2 * a.head_dim) * ceil_div(a.heads, tp)


def encoder_elements(a: CrossAttention, tp: Array) -> Array:
    """Weights that the encoder's rows are multiplied by on one chip, once a request [1].

    2 e dh ceil(Hkv / TP): keys and values.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1]; where they are those of the attention next to it, they are used all the
        same.

    Domain:
        As `projection_elements`.

    Limits:
        Never below one KV head.

    Source:
        As `projection_elements`.

    Examples:
        By hand: two of 512 x 512.

        >>> small = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512)
        >>> encoder_elements(small, 1.0) == 2 * 512 * 512
        True
    """
    return float(2 * a.inputs * a.head_dim) * ceil_div(a.kv_heads, tp)


def encoder_stored(a: CrossAttention, tp: Array) -> Array:
    """Those of `encoder_elements` that no other layer holds [1].

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        As `encoder_elements`.

    Limits:
        0 where they are those of the attention next to it.

    Source:
        As `encoder_elements`.

    Examples:
        >>> lent = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512, shared=True)
        >>> encoder_stored(lent, 1.0), encoder_elements(lent, 1.0)
        (0.0, 524288.0)
    """
    return zeros_like(tp) if a.shared else encoder_elements(a, tp)


def encoder_traffic(a: CrossAttention, tp: Array) -> Array:
    """Activation elements that one row of the encoder moves through these on one chip [1].

    e + 2 dh ceil(Hkv / TP): the row, a key and a value.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        As `projection_traffic`.

    Limits:
        The row itself and one head.

    Source:
        As `projection_traffic`.

    Examples:
        By hand: 512 and 2 x 8 heads of 64.

        >>> small = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512)
        >>> encoder_traffic(small, 1.0)
        1536.0
    """
    return float(a.inputs) + kv_elements(a, tp)


def kv_elements(a: CrossAttention, tp: Array) -> Array:
    """Elements of KV cache that one row of the encoder leaves on one chip in one layer [1].

    2 dh ceil(Hkv / TP): a key and a value for each KV head. A token of the prompt or the output leaves none.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        KV heads are not split.

    Limits:
        Never below one KV head.

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.3.

    Examples:
        By hand: 2 x 8 heads of 64.

        >>> kv_elements(CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512), 1.0)
        1024.0
    """
    return float(2 * a.head_dim) * ceil_div(a.kv_heads, tp)


def state_bytes(a: CrossAttention, tp: Array) -> None:
    """None: what it keeps are keys and values, in the format of the KV cache.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Domain:
        Every cross attention.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> state_bytes(CrossAttention(heads=8, kv_heads=8, head_dim=64), 1.0) is None
        True
    """


def core_flop(a: CrossAttention, tp: Array) -> Array:
    """FLOP of the attention core of one decoded row for each row of the encoder [FLOP/token].

    4 dh ceil(Hq / TP): a multiply-add for the score and one for the value, in each query head.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        The softmax itself is left out.

    Limits:
        Independent of KV heads.

    Source:
        Dao, FlashAttention-2 (arXiv 2307.08691), section 4.1.

    Examples:
        By hand: 4 x 64 x 8.

        >>> core_flop(CrossAttention(heads=8, kv_heads=8, head_dim=64), 1.0)
        2048.0
    """
    return float(4 * a.head_dim) * ceil_div(a.heads, tp)


def exchanged_elements(a: CrossAttention, tp: Array) -> Array:
    """Elements of a row that chips exchange which share the encoder's rows, see `context_parallel` [1].

    ceil(Hq / TP) (2 dh + 1): queries before the core, then a result and a sum of exponentials for each head.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Keys and values are made once, where they are kept.

    Limits:
        Independent of the encoder's rows.

    Source:
        Helix, Bhatia et al. 2025 (arXiv 2507.07120), section 2.1.

    Examples:
        By hand: 8 queries of 64 in, 8 results of 64 and as many sums out.

        >>> exchanged_elements(CrossAttention(heads=8, kv_heads=8, head_dim=64), 1.0)
        1032.0
    """
    return (2.0 * a.head_dim + 1.0) * ceil_div(a.heads, tp)


def seen(a: CrossAttention, context: Array) -> Array:
    """Rows of the encoder that a decoded row attends to: all of them, whatever its context [token].

    Args:
        a: architecture of the layer.
        context: tokens before and including the row [token].

    Returns:
        Rows, shape of `context` [token].

    Domain:
        No mask over the encoder's rows.

    Limits:
        None.

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.3: every position attends to all of the input.

    Examples:
        >>> seen(CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=512, inputs=512), 3.0)
        512.0
    """
    return float(a.tokens) * ones_like(context)


# whatever a row is and however many there are, it sees the same rows, which are kept
kept = seen
seen_by_prompt = seen
prompt_core_flop = core_flop

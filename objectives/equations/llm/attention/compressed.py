"""Compressed entries: several tokens leave one vector, which queries of the attention beside it visit too.

Symbols: d hidden size, H query heads, dc width of an entry, c tokens of an entry, k entries that a row
visits, TP tensor-parallel ways. An entry is key and value of all heads, so it lies on every chip of TP.
"""

from typing import Final

from objectives.api import CompressedAttention
from objectives.arrays import Array, ceil_div, minimum, ones_like
from objectives.equations.llm.attention.reach import mean_reach

LAUNCHES: Final = 3
"""Kernels that entries add to a layer, see `llm.launches`: projections, the sum of tokens, core."""


def params(a: CompressedAttention, hidden: int) -> int:
    """Parameters of a compressor [1].

    2 d dc for values and what weighs them, twice that where entries overlap; a bias of each of c places; a
    norm of dc.

    Args:
        a: architecture of the entries.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        Queries and output are those of the attention beside it.

    Limits:
        Linear in d but for biases and norm.

    Source:
        DeepSeek-V4: `modeling_deepseek_v4.py` of Transformers 5.24 (compressors of CSA and HCA).

    Examples:
        By hand: 4,096 x 2,048, 4 x 1,024 and 512.

        >>> params(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True), 4096)
        8393216
    """
    return hidden * _outputs(a) + a.ratio * (1 + a.overlap) * a.dim + a.dim


def projection_elements(a: CompressedAttention, hidden: int, tp: Array) -> Array:
    """Weights of the projections of a compressor on one chip [1], all of them on every chip.

    Args:
        a: architecture of the entries.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Biases and norm are left out.

    Limits:
        `params` but for those.

    Source:
        DeepSeek-V4: `modeling_deepseek_v4.py` of Transformers 5.24 (compressors of CSA and HCA).

    Examples:
        By hand: 4,096 x 2 x 512, where entries do not overlap.

        >>> projection_elements(CompressedAttention(heads=64, dim=512, ratio=128), 4096, 8.0)
        4194304.0
    """
    return float(hidden * _outputs(a)) * ones_like(tp)


def projection_traffic(a: CompressedAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections of a compressor [1].

    Args:
        a: architecture of the entries.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        None.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 4,096 read, 1,024 written.

        >>> projection_traffic(CompressedAttention(heads=64, dim=512, ratio=128), 4096, 1.0)
        5120.0
    """
    return float(hidden + _outputs(a)) * ones_like(tp)


def kv_elements(a: CompressedAttention, tp: Array) -> Array:
    """Elements that one token leaves on one chip [1]: dc / c.

    Args:
        a: architecture of the entries.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        An entry is key and value at once.

    Limits:
        dc without compression.

    Source:
        DeepSeek-V4: `modeling_deepseek_v4.py` of Transformers 5.24 (compressors of CSA and HCA).

    Examples:
        Published sizes: an entry of 512 for 4 tokens.

        >>> kv_elements(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 8.0)
        128.0
    """
    return (a.dim / a.ratio) * ones_like(tp)


def state_bytes(_a: CompressedAttention, _tp: Array) -> None:
    """Bytes of a state [B]: none.

    Args:
        _a: architecture of the entries.
        _tp: tensor-parallel ways [1].

    Returns:
        None.

    Domain:
        Tokens that wait until their entry is whole are left out: fewer than two entries.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> state_bytes(CompressedAttention(heads=64, dim=512, ratio=4), 1.0)
    """
    return


def core_flop(a: CompressedAttention, tp: Array) -> Array:
    """FLOP of one row for each token whose entry it visits [FLOP/token].

    4 ceil(H / TP) dc / c: a product with the entry and a weighted sum of it, for each head.

    Args:
        a: architecture of the entries.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        Softmax is left out, as elsewhere.

    Limits:
        That of attention with one KV head without compression.

    Source:
        DeepSeek-V4: `modeling_deepseek_v4.py` of Transformers 5.24 (compressors of CSA and HCA).

    Examples:
        By hand: 4 x 64 x 512 / 4.

        >>> core_flop(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 1.0)
        32768.0
    """
    return (4.0 * a.dim / a.ratio) * ceil_div(a.heads, tp)


def prompt_core_flop(a: CompressedAttention, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP/token]; the same.

    Args:
        a: architecture of the entries.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        See `core_flop`.

    Limits:
        See `core_flop`.

    Source:
        See `core_flop`.

    Examples:
        >>> prompt_core_flop(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 1.0)
        32768.0
    """
    return core_flop(a, tp)


def exchanged_elements(a: CompressedAttention, tp: Array) -> Array:
    """Elements of a row that chips exchange which share the tokens of a sequence [1].

    ceil(H / TP) (dc + 1): a result and a sum of exponentials for each head; queries have come already.

    Args:
        a: architecture of the entries.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        The attention beside it has exchanged the queries.

    Limits:
        Independent of the context.

    Source:
        As `exchanged_elements` of softmax attention.

    Examples:
        By hand: 64 x 513.

        >>> exchanged_elements(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 1.0)
        32832.0
    """
    return (a.dim + 1.0) * ceil_div(a.heads, tp)


def seen(a: CompressedAttention, context: Array) -> Array:
    """Tokens whose entries a decoded row visits [token]: all, or those of the best k entries.

    Args:
        a: architecture of the entries.
        context: tokens before and including the row, or most of a sequence [token].

    Returns:
        Tokens, shape of `context` [token].

    Domain:
        An entry that is not whole yet counts by its tokens.

    Limits:
        The context without an index; never above c k.

    Source:
        DeepSeek-V4: `modeling_deepseek_v4.py` of Transformers 5.24 (compressors of CSA and HCA).

    Examples:
        By hand: 512 entries of 4.

        >>> seen(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 1e6)
        2048.0
    """
    return context if a.top_k is None else minimum(context, float(a.top_k * a.ratio))


def kept(_a: CompressedAttention, context: Array) -> Array:
    """Tokens whose entries must have room [token]: all of the context.

    Args:
        _a: architecture of the entries.
        context: largest context of a sequence [token].

    Returns:
        The context [token].

    Domain:
        See `seen`.

    Limits:
        The context.

    Source:
        By definition.

    Examples:
        >>> kept(CompressedAttention(heads=64, dim=512, ratio=4), 4096.0)
        4096.0
    """
    return context


def seen_by_prompt(a: CompressedAttention, isl: Array) -> Array:
    """Tokens whose entries a row of a prompt visits, the mean over its rows [token].

    Args:
        a: architecture of the entries.
        isl: prompt tokens [token].

    Returns:
        Tokens, shape of `isl` [token].

    Domain:
        Whole prompts; a row sees itself as half a token.

    Limits:
        isl / 2 without an index; c k for a prompt without end.

    Source:
        Counted from the causal mask.

    Examples:
        By hand: 2,048 less 2,048 / 8.

        >>> seen_by_prompt(CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512), 8192.0)
        1792.0
    """
    return isl / 2.0 if a.top_k is None else mean_reach(isl, float(a.top_k * a.ratio))


def _outputs(a: CompressedAttention) -> int:
    """Outputs of the projections [1]: entries, and what weighs the tokens of each."""
    return 2 * (1 + a.overlap) * a.dim

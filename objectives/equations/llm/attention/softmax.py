"""Softmax attention: MHA, GQA and MQA, whole or inside a window or a chunk.

Symbols: Hq query heads, Hkv KV heads, dh and dv sizes of a key and a value, w window, TP tensor-parallel
ways. TP splits attention by whole heads, so that heads which TP does not divide cost their ceiling on the
fullest chip. The projections are in `softmax_projections`.
"""

from objectives.api import Attention
from objectives.arrays import Array, ceil_div, floor, maximum, minimum, where, zeros_like
from objectives.equations.llm.attention.reach import mean_reach
from objectives.equations.llm.attention.softmax_projections import (
    params as params,
)
from objectives.equations.llm.attention.softmax_projections import (
    projection_elements as projection_elements,
)
from objectives.equations.llm.attention.softmax_projections import (
    projection_traffic as projection_traffic,
)
from objectives.equations.llm.attention.softmax_projections import value_dim


def kv_elements(a: Attention, tp: Array) -> Array:
    """Elements of KV cache that one token leaves on one chip in one layer [1].

    ceil(Hkv / TP) (dh + dv): a key and a value for each KV head; dh where both are one vector, and none where
    those of an earlier layer are read.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        KV heads are not split.

    Limits:
        Never below one KV head, so TP > Hkv saves nothing.

    Source:
        Ainslie et al. 2023 (arXiv 2305.13245).

    Examples:
        Published, in BF16: 327.680 KB a token for Qwen-2.5 72B (80 layers), 516.096 KB for LLaMA-3.1 405B
        (126 layers) (DeepSeek-AI, ISCA 2025, arXiv 2505.09343, table 1).

        >>> eight = Attention(heads=64, kv_heads=8, head_dim=128)
        >>> 80 * kv_elements(eight, 1.0) * 2
        327680.0
        >>> 126 * kv_elements(Attention(heads=128, kv_heads=8, head_dim=128), 1.0) * 2
        516096.0
    """
    return zeros_like(tp) if a.kv == "shared" else _of_a_token(a, tp)


def visited_elements(a: Attention, tp: Array) -> Array | None:
    """Elements of KV cache that a row reads of each token that it sees, on one chip in one layer [1].

    ceil(Hkv / TP) (dh + dv), where an earlier layer has stored them.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1]; None for a layer that reads what it stores.

    Domain:
        An earlier layer has KV heads of the same number and sizes.

    Limits:
        As `kv_elements` of the layer that has stored them.

    Source:
        Gemma 3n and Hunyuan-Large (arXiv 2411.02265), section 2.1: layers that read the KV cache of another.

    Examples:
        By hand: 8 heads with a key of 192 and a value of 128.

        >>> lent = Attention(heads=64, kv_heads=8, head_dim=192, value_dim=128, kv="shared")
        >>> kv_elements(lent, 1.0), visited_elements(lent, 1.0)
        (0.0, 2560.0)
    """
    return _of_a_token(a, tp) if a.kv == "shared" else None


def _of_a_token(a: Attention, tp: Array) -> Array:
    """Elements of the keys and values of one token [1]."""
    width = a.head_dim if a.kv == "one" else a.head_dim + value_dim(a)
    return float(width) * ceil_div(a.kv_heads, tp)


def _most(a: Attention) -> int | None:
    """Tokens that a row attends to at most [token]; None where to all."""
    return a.top_k if a.window is None else a.window


def state_bytes(a: Attention, tp: Array) -> None:
    """None: softmax attention keeps a KV cache, no state.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Domain:
        Every softmax attention.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> state_bytes(Attention(heads=8, kv_heads=8, head_dim=64), 1.0) is None
        True
    """


def core_flop(a: Attention, tp: Array) -> Array:
    """FLOP of the attention core of one decoded row for each token that it sees [FLOP/token].

    2 ceil(Hq / TP) (dh + dv): a multiply-add for the score and one for the value, in each query head; for two
    values where heads are differential.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        The softmax itself is left out.

    Limits:
        Independent of KV heads: GQA saves bytes, no FLOP.

    Source:
        Dao, FlashAttention-2 (arXiv 2307.08691), section 4.1: 4 x sequence length^2 x head size x heads for a
        forward pass without a mask. Differential Transformer, Ye et al. 2024 (arXiv 2410.05258): the maps of
        both heads of a pair weigh values as wide as two heads.

    Examples:
        By hand: a row of that count, 4 x 128 x 32 for each token, with the heads of Llama-2 7B.

        >>> core_flop(Attention(heads=32, kv_heads=32, head_dim=128), 1.0)
        16384.0
    """
    return 2.0 * (a.head_dim + _weighed(a)) * ceil_div(a.heads, tp)


def _weighed(a: Attention) -> int:
    """Elements of values that each query head weighs, and so of its result [1]."""
    return (1 + a.differential) * value_dim(a)


def prompt_core_flop(a: Attention, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP/token]; the same in softmax attention.

    Args:
        a: architecture of the layer.
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
        >>> prompt_core_flop(Attention(heads=32, kv_heads=32, head_dim=128), 1.0)
        16384.0
    """
    return core_flop(a, tp)


def exchanged_elements(a: Attention, tp: Array) -> Array:
    """Elements of a row that chips exchange which share the tokens of a sequence, see `context_parallel` [1].

    ceil(Hq / TP) (dh + dv + 1): queries before the core, then a result and a sum of exponentials for each
    head; a result as wide as two values where heads are differential.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Chips that share heads exchange them; keys and values of the row go to one chip, and are left out.

    Limits:
        Independent of the context.

    Source:
        Helix, Bhatia et al. 2025 (arXiv 2507.07120), section 2.1.

    Examples:
        By hand: 64 queries of 128 in, 64 results of 128 and as many sums out.

        >>> exchanged_elements(Attention(heads=64, kv_heads=8, head_dim=128), 1.0)
        16448.0
    """
    return (a.head_dim + _weighed(a) + 1.0) * ceil_div(a.heads, tp)


def prompt_exchanged_elements(a: Attention, tp: Array) -> Array:
    """As `exchanged_elements`, for a row of a prompt [1]; the same in softmax attention.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        See `exchanged_elements`.

    Limits:
        See `exchanged_elements`.

    Source:
        See `exchanged_elements`.

    Examples:
        >>> prompt_exchanged_elements(Attention(heads=64, kv_heads=8, head_dim=128), 8.0)
        2056.0
    """
    return exchanged_elements(a, tp)


def seen(a: Attention, context: Array) -> Array:
    """Tokens that a decoded row at `context` attends to [token].

    min(context, w) for a sliding window, and for the best w by an index. A chunk starts again at every
    multiple of the window: all of the context inside the first one, half a window on average beyond.

    Args:
        a: architecture of the layer.
        context: tokens before and including the row [token].

    Returns:
        Tokens, shape of `context` [token].

    Domain:
        Contexts beyond the first chunk end anywhere in a chunk with equal chance.

    Limits:
        The context without a window; never above the window.

    Source:
        Sliding windows: Mistral 7B, Jiang et al. 2023 (arXiv 2310.06825), section 2.

    Examples:
        Published: the window of Mistral 7B is 4,096 tokens; half of it for chunks of that size.

        >>> slide = Attention(heads=32, kv_heads=8, head_dim=128, window=4096)
        >>> seen(slide, 1000.0), seen(slide, 32768.0)
        (1000.0, 4096.0)
        >>> seen(Attention(heads=32, kv_heads=8, head_dim=128, window=4096, chunked=True), 32768.0)
        2048.0
    """
    most = _most(a)
    if most is None:
        return context
    if not a.chunked:
        return minimum(context, float(most))
    return where(context <= most, context, most / 2.0)


def kept(a: Attention, context: Array) -> Array:
    """Tokens whose KV cache must have room [token]: the context, or a window or chunk of it at most.

    Args:
        a: architecture of the layer.
        context: largest context of a sequence [token].

    Returns:
        Tokens, shape of `context` [token].

    Domain:
        A rolling buffer that forgets what no row will see.

    Limits:
        The context without a window; never above the window.

    Source:
        Mistral 7B, Jiang et al. 2023 (arXiv 2310.06825), section 2, rolling buffer cache.

    Examples:
        Published: for 32k tokens the rolling buffer of Mistral 7B is 8 times smaller.

        >>> 32768 / kept(Attention(heads=32, kv_heads=8, head_dim=128, window=4096), 32768.0)
        8.0
    """
    return context if a.window is None else minimum(context, float(a.window))


def seen_by_prompt(a: Attention, isl: Array) -> Array:
    """Tokens that a row of a prompt attends to, the mean over its rows [token].

    isl / 2 without a window (causal: half of the square). Below a sliding window w of a longer prompt:
    w - w^2 / (2 isl). In chunks of w: half a chunk in the whole ones, half of the rest in the last.

    Args:
        a: architecture of the layer.
        isl: prompt tokens [token].

    Returns:
        Tokens, shape of `isl` [token].

    Domain:
        Whole prompts; a row sees itself as half a token.

    Limits:
        isl / 2 as w reaches isl; w, or w / 2 in chunks, for a prompt without end.

    Source:
        Counted from the causal mask.

    Examples:
        By hand: two chunks of 4 and a rest of 2 have (16 + 16 + 4) / 2 pairs for 10 rows.

        >>> seen_by_prompt(Attention(heads=1, kv_heads=1, head_dim=1), 1024.0)
        512.0
        >>> seen_by_prompt(Attention(heads=1, kv_heads=1, head_dim=1, window=4, chunked=True), 10.0)
        1.8
    """
    most = _most(a)
    if most is None:
        return isl / 2.0
    if a.chunked:
        # the floor makes an empty prompt see 0 tokens instead of 0 / 0
        size, prompt = float(most), maximum(isl, 1e-9)
        whole = floor(isl / size)
        rest = isl - whole * size
        return (whole * size * size + rest * rest) / (2.0 * prompt)
    return mean_reach(isl, float(most))

"""Multi-head latent attention (MLA): one compressed vector a token, shared by all heads.

Symbols: d hidden size, H heads, c rank of the latent, r its rotary part, n and v key and value sizes of a
head, q rank of the query, TP tensor-parallel ways. Decode multiplies the latents as they are (the absorbed
form); prompts expand them to heads first.
"""

from typing import Final

from objectives.api import LatentAttention
from objectives.arrays import Array, ceil_div, minimum, zeros_like
from objectives.equations.llm.attention.reach import mean_reach

LAUNCHES: Final = 10
"""Kernels of a layer, see `llm.launches`: norm, both down-projections, their norms, up-projection of queries,
absorbed keys, rotation with the write to the cache, core, absorbed values, output."""


def params(a: LatentAttention, hidden: int) -> int:
    """Parameters of one layer, its two norms included [1].

    d q + d (c + r) + H (q (n + r) + c (n + v) + v d) + q + c; d instead of q, and no d q, where queries are
    projected directly.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        No biases.

    Limits:
        Linear in H but for the down-projections.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1.

    Examples:
        By hand, for the sizes of DeepSeek-V3 (arXiv 2412.19437, section 4.2).

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> up = 128 * (1536 * 192 + 512 * 256 + 128 * 7168)
        >>> params(v3, 7168) == 7168 * (1536 + 576) + up + 1536 + 512
        True
    """
    query = hidden * a.query_latent if a.query_latent else 0
    norms = (a.query_latent or 0) + a.latent
    return query + hidden * (a.latent + a.rope) + a.heads * _head_elements(a, hidden) + norms


def _head_elements(a: LatentAttention, hidden: int) -> int:
    """Weights of the up-projections and the output of one head [1]."""
    query = (a.query_latent or hidden) * (a.nope + a.rope)
    return query + a.latent * (a.nope + a.value) + a.value * hidden


def projection_elements(a: LatentAttention, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1].

    The down-projections to the latents are on every chip, the up-projections are split by heads.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        TP divides H or is a multiple of it; norms are left out.

    Limits:
        All but the norms at TP = 1; d (q + c + r) and one head for endless TP.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1.

    Examples:
        By hand: one of 128 chips has the down-projections and one head.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> projection_elements(v3, 7168, 128.0) == 7168 * 2112 + 1536 * 192 + 512 * 256 + 128 * 7168
        True
    """
    # each head needs the whole latent, so the down-projections cannot be split by heads
    everywhere = hidden * ((a.query_latent or 0) + a.latent + a.rope)
    return everywhere + float(_head_elements(a, hidden)) * ceil_div(a.heads, tp)


def projection_traffic(a: LatentAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    2 (d + q + c + r) + ceil(H / TP) (n + r + 2 v): the latents are written and read, heads once.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        Never below 2 (d + q + c + r), which TP does not split.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 2 x (7,168 + 1,536 + 576) and 128 heads of 192 + 256.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> projection_traffic(v3, 7168, 1.0)
        75904.0
    """
    latents = 2.0 * (hidden + (a.query_latent or 0) + a.latent + a.rope)
    return latents + float(a.nope + a.rope + 2 * a.value) * ceil_div(a.heads, tp)


def kv_elements(a: LatentAttention, tp: Array) -> Array:
    """Elements of KV cache that one token leaves on one chip in one layer [1].

    c + r: the latent and its rotary part, which TP cannot split.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Every chip of a tensor-parallel group keeps the whole vector.

    Limits:
        Independent of heads and TP.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1.

    Examples:
        Published: 70.272 KB a token for DeepSeek-V3 in BF16, 61 layers (DeepSeek-AI, ISCA 2025, arXiv
        2505.09343, table 1).

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> 61 * kv_elements(v3, 1.0) * 2
        70272.0
    """
    return float(a.latent + a.rope) + zeros_like(tp)


def state_bytes(a: LatentAttention, tp: Array) -> None:
    """None: latent attention keeps a KV cache, no state.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Domain:
        Every latent attention.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> one = LatentAttention(heads=1, latent=1, rope=1, nope=1, value=1, query_latent=None)
        >>> state_bytes(one, 1.0) is None
        True
    """


def core_flop(a: LatentAttention, tp: Array) -> Array:
    """FLOP of the attention core of one decoded row for each token that it sees [FLOP/token].

    2 (2 c + r) ceil(H / TP): decode works on the latents; scores are over c + r, values over c.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        Up-projections are absorbed into queries and outputs.

    Limits:
        Independent of n and v.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1.2.

    Examples:
        By hand: 2 x (576 + 512) for each of 128 heads.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> core_flop(v3, 1.0)
        278528.0
    """
    # usually more FLOP than the expanded form, for one cached vector read instead of H keys and values
    return 2.0 * (2 * a.latent + a.rope) * ceil_div(a.heads, tp)


def prompt_core_flop(a: LatentAttention, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt, where latents are expanded to heads [FLOP/token].

    2 (n + r + v) ceil(H / TP).

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        The expansion itself is part of the projections.

    Limits:
        That of multi-head attention with the key size n + r and the value size v.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1.

    Examples:
        By hand: 2 x (192 + 128) for each of 128 heads.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> prompt_core_flop(v3, 1.0)
        81920.0
    """
    return 2.0 * (a.nope + a.rope + a.value) * ceil_div(a.heads, tp)


def exchanged_elements(a: LatentAttention, tp: Array) -> Array:
    """Elements of a row that chips exchange which share the tokens of a sequence, see `context_parallel` [1].

    ceil(H / TP) (2 c + r + 1): absorbed queries over c + r before the core, a result over c and a sum of
    exponentials for each head after it.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Up-projections are absorbed into queries and outputs; every chip has the latent of the row.

    Limits:
        Independent of n, v and the context.

    Source:
        Helix, Bhatia et al. 2025 (arXiv 2507.07120), section 2.1; vLLM, pull request 23734 (2025).

    Examples:
        By hand: queries of 576 and results of 512 and one for each of 128 heads.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> exchanged_elements(v3, 1.0)
        139392.0
    """
    return (2.0 * a.latent + a.rope + 1.0) * ceil_div(a.heads, tp)


def prompt_exchanged_elements(a: LatentAttention, tp: Array) -> Array:
    """As `exchanged_elements`, for a row of a prompt, where latents are expanded to heads [1].

    ceil(H / TP) (n + r + v + 1).

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Each chip expands the latents of its own tokens, for the heads that it has.

    Limits:
        Independent of the rank of the latent.

    Source:
        See `exchanged_elements`.

    Examples:
        By hand: queries of 192 and results of 128 and one for each of 128 heads.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> prompt_exchanged_elements(v3, 1.0)
        41088.0
    """
    return (a.nope + a.rope + a.value + 1.0) * ceil_div(a.heads, tp)


def seen(a: LatentAttention, context: Array) -> Array:
    """Tokens that a decoded row at `context` attends to [token]: all, the best k by an index, or a window.

    Args:
        a: architecture of the layer.
        context: tokens before and including the row [token].

    Returns:
        min(context, k) [token].

    Domain:
        An index or a window, not both.

    Limits:
        The context without either; never above k.

    Source:
        DeepSeek-V2 (arXiv 2405.04434), section 2.1; DeepSeek-V3.2 (arXiv 2512.02556), section 2.1.

    Examples:
        Published: a row of DeepSeek-V3.2 visits 2,048 tokens.

        >>> size = {"latent": 512, "rope": 64, "nope": 128, "value": 128, "query_latent": 1536}
        >>> sparse = LatentAttention(heads=128, **size, top_k=2048)
        >>> seen(sparse, 1000.0), seen(sparse, 131072.0)
        (1000.0, 2048.0)
    """
    most = a.window or a.top_k
    return context if most is None else minimum(context, float(most))


def kept(a: LatentAttention, context: Array) -> Array:
    """Tokens whose KV cache must have room [token]: all of the context, or those in the window.

    Args:
        a: architecture of the layer.
        context: largest context of a sequence [token].

    Returns:
        min(context, window) [token].

    Domain:
        All that an index may pick is kept; a rolling buffer forgets what no row will see.

    Limits:
        The context without a window.

    Source:
        By definition; `modeling_dots3_note.py` of Transformers 5.24 for the window.

    Examples:
        >>> kept(LatentAttention(heads=1, latent=1, rope=1, nope=1, value=1, query_latent=None), 4096.0)
        4096.0
    """
    return context if a.window is None else minimum(context, float(a.window))


def seen_by_prompt(a: LatentAttention, isl: Array) -> Array:
    """Tokens that a row of a prompt attends to, the mean over its rows [token]: isl / 2, a causal mask.

    The best k by an index are visited as latents, which takes (2 c + r) / (n + r + v) of the work on a token
    that is expanded to heads; where all of the prompt expanded is less work, that is done, as with a window.

    Args:
        a: architecture of the layer.
        isl: prompt tokens [token].

    Returns:
        Tokens that are as much work with `prompt_core_flop` each, shape of `isl` [token].

    Domain:
        Whole prompts; a row sees itself as half a token.

    Limits:
        isl / 2 for short prompts; for endless ones k (2 c + r) / (n + r + v), or the tokens of a window.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1: short prompts expanded, long ones as latents.

    Examples:
        By hand: 2,048 of 1,088 / 320 each.

        >>> v3 = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> seen_by_prompt(v3, 1024.0)
        512.0
        >>> from dataclasses import replace
        >>> round(seen_by_prompt(replace(v3, top_k=2048), 1e12))
        6963
    """
    if a.top_k is None:
        return isl / 2.0 if a.window is None else mean_reach(isl, float(a.window))
    on_latents = (2.0 * a.latent + a.rope) / (a.nope + a.rope + a.value)
    return minimum(isl / 2.0, on_latents * mean_reach(isl, float(a.top_k)))

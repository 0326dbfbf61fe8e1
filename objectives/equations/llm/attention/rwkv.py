"""Time mixing of RWKV-6 and RWKV-7 in place of attention: a matrix for each head that each token rewrites.

Symbols: d hidden size, H heads, dk and dv widths of a key and a value, D, M, G, A, V ranks of decays, mixes,
gates, rates and values, TP tensor-parallel ways.
"""

from typing import Final

from objectives.api import Rwkv
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

LAUNCHES: Final = 8
"""Kernels of a layer, see `llm.launches`: norm, mixes, projections, low ranks down and up, core, gated norm,
output."""
_MIXED: Final = 5
"""Rows that RWKV-6 mixes of a token and the one before: for receptances, keys, values, gates and decays."""


def params(a: Rwkv, hidden: int) -> int:
    """Parameters of one layer: projections, low ranks, mixes, bonuses, a norm of the outputs [1].

    d (2 H dk + 2 H dv) for receptances, keys, values and the output, H dv d more for a gate without a rank;
    D (d + H dk) + H dk for decays; of the ranks that a layer has 10 M d for mixes, G (d + H dv) for gates,
    A (d + H dk) + H dk for rates, V (d + H dv) + H dv for values; 6 d for mixes of the token before; H dk for
    a bonus, and twice as many more with rates; 2 H dv for a norm.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        RWKV-6 and RWKV-7, every parameter of time mixing. Channel mixing is an FFN, and a matrix in RWKV-6.

    Limits:
        Linear in d but for biases and norm.

    Source:
        Layers `rwkv6` and `rwkv7` of flash-linear-attention; Peng et al. 2024 (arXiv 2404.05892) and 2025
        (arXiv 2503.14456).

    Examples:
        By hand: 4 x 8 x 8 and a gate of 8 x 8, 2 x (8 + 8) + 8 for decays, 6 x 8 mixes, 8 bonuses, a norm of
        2 x 8.

        >>> params(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 8)
        432
    """
    keys, values = a.heads * a.head_dim, a.heads * _value_dim(a)
    total = hidden * (2 * keys + 2 * values) + a.decay_latent * (hidden + keys) + keys
    total += hidden * values if a.gate_latent is None else a.gate_latent * (hidden + values)
    if a.mix_latent is not None:
        total += 2 * _MIXED * a.mix_latent * hidden
    if a.rate_latent is not None:
        # what a key removes, and how much of it is kept, have a number for each element too
        total += a.rate_latent * (hidden + keys) + keys + 2 * keys
    if a.value_latent is not None:
        total += a.value_latent * (hidden + values) + values
    return total + 6 * hidden + keys + 2 * values


def _value_dim(a: Rwkv) -> int:
    return a.head_dim if a.value_dim is None else a.value_dim


def projection_elements(a: Rwkv, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1]: split by heads, the first of two of a low rank whole.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Mixes by vectors, bonuses, biases and norm are left out, below 1 % of a layer. Rows that RWKV-6 mixes
        are those of all heads, so that every chip has both of their matrices.

    Limits:
        At TP = 1 the parameters but for those.

    Source:
        As `params`.

    Examples:
        By hand: five matrices of 8 x 4 for one of two heads, and 2 x (8 + 4) for its decays.

        >>> projection_elements(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 8, 2.0)
        184.0
    """
    heads = ceil_div(a.heads, tp)
    keys, values = a.head_dim * heads, _value_dim(a) * heads
    total = hidden * (2.0 * keys + (2.0 + (a.gate_latent is None)) * values)
    for rank, width in _low_ranks(a, keys, values):
        total = total + float(rank) * (hidden + width)
    if a.mix_latent is not None:
        total = total + 2.0 * _MIXED * a.mix_latent * hidden
    return total


def _low_ranks(a: Rwkv, keys: Array, values: Array) -> list[tuple[int, Array]]:
    """Ranks of two matrices each, and how wide the second is on a chip [1]."""
    each = [
        (a.decay_latent, keys),
        (a.gate_latent, values),
        (a.rate_latent, keys),
        (a.value_latent, values),
    ]
    return [(rank, width) for rank, width in each if rank is not None]


def projection_traffic(a: Rwkv, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    2 d, what the projections write or read of the chip's heads, both results of each low rank, and what
    RWKV-6 mixes.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d, ranks and mixes for heads spread over endless chips, but for one head each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 16, five times 8 of receptances, keys, values, gate and the input of the output, 2 + 8.

        >>> projection_traffic(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 8, 1.0)
        66.0
    """
    heads = ceil_div(a.heads, tp)
    keys, values = a.head_dim * heads, _value_dim(a) * heads
    moved = 2.0 * hidden + 2.0 * keys + (2.0 + (a.gate_latent is None)) * values
    for rank, width in _low_ranks(a, keys, values):
        moved = moved + float(rank) + width
    if a.mix_latent is not None:
        moved = moved + float(_MIXED * (a.mix_latent + hidden))
    return moved


def state_bytes(a: Rwkv, tp: Array) -> Array:
    """Bytes of the state of one sequence in one layer on one chip [B].

    dk dv ceil(H / TP) elements, and the tokens before that time and channel mixing shift in, whole.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Bytes, shape of `tp` [B].

    Domain:
        The state has a format of its own, whatever that of KV caches. Rows that are shifted in are as wide as
        the residual stream, so that every chip has them.

    Limits:
        Independent of the context.

    Source:
        What `RWKV7Attention` and `RWKV7FeedForward` of flash-linear-attention write into their cache.

    Examples:
        By hand: 32 heads of 64 x 64 and two tokens of 2,048, in four bytes, are 528 KiB.

        >>> state_bytes(Rwkv(heads=32, head_dim=64, decay_latent=96, shift=4096, state_bytes=4.0), 1.0) / 1024
        528.0
    """
    return a.state_bytes * (float(a.head_dim * _value_dim(a)) * ceil_div(a.heads, tp) + float(a.shift))


def core_flop(a: Rwkv, tp: Array) -> Array:
    """FLOP of one row on the state [FLOP]; the same however long the context is.

    5 dk dv ceil(H / TP): of each number of a state its decay, a key times a value and their addition, and a
    multiply-add with the receptance. With rates 9: a further read, of what the state says of a key, and a
    further write, which removes it.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Rows that decode; work on a key alone, as for its bonus, is left out.

    Limits:
        Independent of the context.

    Source:
        Counted from the recurrences of Peng et al. 2024 (arXiv 2404.05892) and 2025 (arXiv 2503.14456).

    Examples:
        By hand: 2 heads of 4 x 4 numbers.

        >>> core_flop(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 1.0)
        160.0
        >>> core_flop(Rwkv(heads=2, head_dim=4, decay_latent=2, rate_latent=2, state_bytes=4.0), 1.0)
        288.0
    """
    each = 5.0 if a.rate_latent is None else 9.0
    return each * float(a.head_dim * _value_dim(a)) * ceil_div(a.heads, tp)


def prompt_core_flop(a: Rwkv, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP]: the same, as one token comes after the other.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Kernels that work through tokens in order; those that work in chunks multiply more.

    Limits:
        As `core_flop`.

    Source:
        As `core_flop`.

    Examples:
        >>> prompt_core_flop(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 1.0)
        160.0
    """
    return core_flop(a, tp)


def kv_elements(a: Rwkv, tp: Array) -> Array:
    """Elements of KV cache that one token leaves [1]: none.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        0, shape of `tp` [1].

    Domain:
        Every RWKV; see `state_bytes`.

    Limits:
        0.

    Source:
        Peng et al. 2024 (arXiv 2404.05892): a state of constant size.

    Examples:
        >>> kv_elements(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 1.0)
        0.0
    """
    return zeros_like(tp)


def seen(a: Rwkv, context: Array) -> Array:
    """Tokens that a decoded row attends to [token]: one state, which counts as one.

    Args:
        a: architecture of the layer.
        context: tokens before and including the row [token].

    Returns:
        1, shape of `context` [token].

    Domain:
        Makes `core_flop` times `seen` the FLOP of a row.

    Limits:
        1.

    Source:
        By definition.

    Examples:
        >>> seen(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(context)


def kept(a: Rwkv, context: Array) -> Array:
    """Tokens whose KV cache must have room [token], each of no bytes here: the context.

    Args:
        a: architecture of the layer.
        context: largest context of a sequence [token].

    Returns:
        The context; `kv_elements` of each are 0 [token].

    Domain:
        See `state_bytes`.

    Limits:
        The context.

    Source:
        By definition.

    Examples:
        >>> kept(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 4096.0)
        4096.0
    """
    return context


def seen_by_prompt(a: Rwkv, isl: Array) -> Array:
    """Tokens that a row of a prompt attends to [token]: one state, which counts as one.

    Args:
        a: architecture of the layer.
        isl: prompt tokens [token].

    Returns:
        1, shape of `isl` [token].

    Domain:
        See `seen`.

    Limits:
        1.

    Source:
        By definition.

    Examples:
        >>> seen_by_prompt(Rwkv(heads=2, head_dim=4, decay_latent=2, state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(isl)

"""A short convolution between two gates in place of attention: it keeps a few tokens, whatever the context.

Symbols: d hidden size, w channels, k taps, TP tensor-parallel ways.
"""

from typing import Final

from objectives.api import ShortConvolution
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

LAUNCHES: Final = 6
"""Kernels of a layer, see `llm.launches`: norm, projections, first gate, convolution, second gate, output."""


def params(a: ShortConvolution, hidden: int) -> int:
    """Parameters of one layer: three projections, the taps of each channel, an output [1].

    3 d w + k w + w d, and with biases 3 w + w + d.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        LFM2 and LFM3, every parameter.

    Limits:
        4 d w for few taps.

    Source:
        `Lfm2ShortConv` of Transformers 5.24; LFM2 technical report (arXiv 2511.23404).

    Examples:
        By hand: 3 x 8 x 8 into the layer, 3 x 8 taps, 8 x 8 out of it.

        >>> params(ShortConvolution(width=8, taps=3, state_bytes=2.0), 8)
        280
    """
    biases = (4 * a.width + hidden) * a.bias
    return 4 * hidden * a.width + a.taps * a.width + biases


def projection_elements(a: ShortConvolution, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1]: 4 d ceil(w / TP), split by channels.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Taps and biases are left out, below 1 % of a layer.

    Limits:
        At TP = 1 the parameters but for those.

    Source:
        As `params`.

    Examples:
        By hand: four matrices of 8 x 4.

        >>> projection_elements(ShortConvolution(width=8, taps=3, state_bytes=2.0), 8, 2.0)
        128.0
    """
    return 4.0 * hidden * ceil_div(a.width, tp)


def projection_traffic(a: ShortConvolution, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    2 d + 4 ceil(w / TP): the row, its three projections, what the output reads, and the output.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d for channels spread over endless chips, but for one channel each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 16 + 4 x 4.

        >>> projection_traffic(ShortConvolution(width=8, taps=3, state_bytes=2.0), 8, 2.0)
        32.0
    """
    return 2.0 * hidden + 4.0 * ceil_div(a.width, tp)


def state_bytes(a: ShortConvolution, tp: Array) -> Array:
    """Bytes of what one sequence keeps in one layer on one chip [B]: (k - 1) ceil(w / TP) elements.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Bytes, shape of `tp` [B].

    Domain:
        Engines that keep k - 1 tokens, as vLLM and llama.cpp; Transformers keeps k.

    Limits:
        0 for one tap; independent of the context.

    Source:
        `MambaStateShapeCalculator.short_conv_state_shape` of vLLM: the length of the convolution less one.

    Examples:
        By hand: two tokens of 2,048 channels in two bytes are 8 KiB.

        >>> state_bytes(ShortConvolution(width=2048, taps=3, state_bytes=2.0), 1.0) / 1024
        8.0
    """
    return a.state_bytes * max(a.taps - 1, 0) * ceil_div(a.width, tp)


def core_flop(a: ShortConvolution, tp: Array) -> Array:
    """FLOP of one row in the convolution and its gates [FLOP]; the same however long the context is.

    (2 k + 2) ceil(w / TP): a multiply-add for each tap, and a product before and after.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Rows that decode and rows of prompts.

    Limits:
        Independent of the context.

    Source:
        Counted from `Lfm2ShortConv` of Transformers 5.24.

    Examples:
        By hand: 3 multiply-adds and 2 products in 8 channels.

        >>> core_flop(ShortConvolution(width=8, taps=3, state_bytes=2.0), 1.0)
        64.0
    """
    return (2.0 * a.taps + 2.0) * ceil_div(a.width, tp)


def prompt_core_flop(a: ShortConvolution, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP]: the same.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Kernels that convolve without transforms, as all do for a few taps.

    Limits:
        As `core_flop`.

    Source:
        As `core_flop`.

    Examples:
        >>> prompt_core_flop(ShortConvolution(width=8, taps=3, state_bytes=2.0), 1.0)
        64.0
    """
    return core_flop(a, tp)


def kv_elements(a: ShortConvolution, tp: Array) -> Array:
    """Elements of KV cache that one token leaves [1]: none.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        0, shape of `tp` [1].

    Domain:
        Every short convolution; see `state_bytes`.

    Limits:
        0.

    Source:
        `Lfm2ShortConv` of Transformers 5.24: its cache has the last tokens of the convolution alone.

    Examples:
        >>> kv_elements(ShortConvolution(width=8, taps=3, state_bytes=2.0), 1.0)
        0.0
    """
    return zeros_like(tp)


def seen(a: ShortConvolution, context: Array) -> Array:
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
        >>> seen(ShortConvolution(width=8, taps=3, state_bytes=2.0), 4096.0)
        1.0
    """
    return ones_like(context)


def kept(a: ShortConvolution, context: Array) -> Array:
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
        >>> kept(ShortConvolution(width=8, taps=3, state_bytes=2.0), 4096.0)
        4096.0
    """
    return context


def seen_by_prompt(a: ShortConvolution, isl: Array) -> Array:
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
        >>> seen_by_prompt(ShortConvolution(width=8, taps=3, state_bytes=2.0), 4096.0)
        1.0
    """
    return ones_like(isl)

"""Linear attention: a state of constant size per head, read and written by every token.

Symbols: H heads of values, Hk of keys, dk and dv their sizes, d hidden size.
"""

from objectives.api import LinearAttention
from objectives.arrays import Array, ceil_div


def params(a: LinearAttention, hidden: int) -> int:
    """Parameters of one layer [1]: projections, gates of the state, convolution, a norm of the outputs.

    d (2 Hk dk + (2 + gate) H dv), with the delta rule d 2 H for its two gates and 2 H for their biases, and
    the convolution over queries, keys and values.

    Source: Gated DeltaNet (Yang, Kautz & Hatamizadeh 2024, arXiv 2412.06464); Lightning Attention in
    MiniMax-01 (arXiv 2501.08313), section 2.2. Both networks come within 1 % of their published counts.
    """
    keys, values = 2 * a.key_heads * a.key_dim, a.heads * a.value_dim
    gates = 2 * a.heads * (hidden + 1) if a.delta else 0
    return hidden * (keys + (2 + a.gate) * values) + gates + a.conv * (keys + values) + a.value_dim


def projection_elements(a: LinearAttention, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1], shape of `tp`: split by heads as softmax attention is.

    Limits: at TP = 1 the parameters but for convolution, gates of the state and norms, below 1 % of a layer.
    """
    keys = 2.0 * a.key_dim * ceil_div(a.key_heads, tp)
    return hidden * (keys + (2.0 + a.gate) * a.value_dim * ceil_div(a.heads, tp))


def projection_traffic(a: LinearAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections [1]: read and write of both sides."""
    keys = 2.0 * a.key_dim * ceil_div(a.key_heads, tp)
    return 2.0 * hidden + keys + (2.0 + a.gate) * a.value_dim * ceil_div(a.heads, tp)


def row_flop(a: LinearAttention, tp: Array) -> Array:
    """FLOP of one row on the state [FLOP], shape of `tp`; the same however long the context is.

    A multiply-add over dk x dv to write a key with its value and one to read with a query, and with the delta
    rule another to read what the state says of the key. Prompts work through chunks with a little more, which
    is left out. Limits: independent of the context.
    """
    passes = 3.0 if a.delta else 2.0
    return 2.0 * passes * float(a.key_dim * a.value_dim) * ceil_div(a.heads, tp)


def state_bytes(a: LinearAttention, tp: Array) -> Array:
    """Bytes of the state of one sequence in one layer on one chip [B], shape of `tp`.

    ceil(H / TP) dk dv elements, and conv - 1 tokens of what the convolution reaches back to.
    """
    heads = ceil_div(a.heads, tp)
    back = max(a.conv - 1, 0) * (2.0 * a.key_dim * ceil_div(a.key_heads, tp) + a.value_dim * heads)
    return a.state_bytes * (float(a.key_dim * a.value_dim) * heads + back)

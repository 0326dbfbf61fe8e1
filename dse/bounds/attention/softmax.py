"""Second count of softmax attention, whole or inside a window or a chunk."""

import numpy as np

from dse.arrays import Floats, over
from objectives.api import Attention


def weights(a: Attention, hidden: int, /) -> float:
    """Queries, keys, values, output and gate [1]."""
    value, rank = _value(a), a.query_latent
    query = hidden * a.head_dim * a.heads if rank is None else rank * (hidden + a.head_dim * a.heads)
    made = {"own": a.head_dim + value, "key_is_value": a.head_dim, "one": a.head_dim, "shared": 0}[a.kv]
    out = hidden * value * a.heads
    if a.output_groups:
        out = a.output_latent * (value * a.heads + a.output_groups * hidden)
    return float(query + out + hidden * (value * a.heads * a.gate + made * a.kv_heads))


def kv_elements(a: Attention, /) -> float:
    """A key and a value for each KV head, unless an earlier layer has left them [1]."""
    return 0.0 if a.kv == "shared" else kv_visited(a)


def kv_visited(a: Attention, /) -> float:
    """A key and a value for each KV head, whichever layer has left them [1]."""
    return float(a.kv_heads * (a.head_dim + (0 if a.kv == "one" else _value(a))))


def state_bytes(_a: Attention, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: Attention, /) -> float:
    """A product with a key and a weighted value, for each head; of a pair also that of the other [FLOP]."""
    values = 2 * _value(a) if a.differential else _value(a)
    return 2.0 * a.heads * (a.head_dim + values)


def kept(a: Attention, context: Floats, /) -> Floats:
    """The context, or the window [token]."""
    return np.minimum(context, _window(a))


def seen(a: Attention, mean: Floats, most: Floats, /) -> Floats:
    """The mean context, or what a window holds of it at least [token].

    Of contexts up to `most` with mean `mean`, a window w is the least full when they are all 0 or `most`:
    mean w / most. A chunk may just have begun.
    """
    if a.chunked and a.window is not None:
        return np.where(most <= a.window, mean, 0.0)
    reach = a.top_k if a.window is None else a.window
    return mean if reach is None else mean * np.minimum(1.0, over(reach, most, 1.0))


def pairs(a: Attention, isl: Floats, /) -> Floats:
    """Half of the square, or of what a window or chunks leave of it [token]."""
    reach = a.top_k if a.window is None else a.window
    if reach is None:
        return isl * isl / 2.0
    window = float(reach)
    if a.chunked:
        whole = np.floor(isl / window)
        return np.asarray((whole * window**2 + (isl - whole * window) ** 2) / 2.0)
    inside = np.minimum(isl, window)
    return np.asarray(isl * inside - inside * inside / 2.0)


def _value(a: Attention) -> int:
    """Width of a value [1]."""
    return a.value_dim if a.value_dim is not None else a.head_dim


def _window(a: Attention) -> float:
    """Tokens that a row attends to at most; endless without a window."""
    return np.inf if a.window is None else float(a.window)

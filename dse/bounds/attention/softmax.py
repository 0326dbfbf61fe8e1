"""Second count of softmax attention, whole or inside a window or a chunk."""

import numpy as np

from dse.arrays import Floats, over
from objectives.api import Attention


def weights(a: Attention, hidden: int, /) -> float:
    """Queries, keys, values, output and gate [1]."""
    return float(hidden * a.head_dim * ((2 + a.gate) * a.heads + 2 * a.kv_heads))


def kv_elements(a: Attention, /) -> float:
    """A key and a value for each KV head [1]."""
    return 2.0 * a.kv_heads * a.head_dim


def state_bytes(_a: Attention, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: Attention, /) -> float:
    """A product with a key and a weighted value, for each head [FLOP]."""
    return 4.0 * a.heads * a.head_dim


def kept(a: Attention, context: Floats, /) -> Floats:
    """The context, or the window [token]."""
    return np.minimum(context, _window(a))


def seen(a: Attention, mean: Floats, most: Floats, /) -> Floats:
    """The mean context, or what a window holds of it at least [token].

    Of contexts up to `most` with mean `mean`, a window w is the least full when they are all 0 or `most`:
    mean w / most. A chunk may just have begun.
    """
    if a.window is None:
        return mean
    if a.chunked:
        return np.where(most <= a.window, mean, 0.0)
    return mean * np.minimum(1.0, over(a.window, most, 1.0))


def pairs(a: Attention, isl: Floats, /) -> Floats:
    """Half of the square, or of what a window or chunks leave of it [token]."""
    if a.window is None:
        return isl * isl / 2.0
    window = float(a.window)
    if a.chunked:
        whole = np.floor(isl / window)
        return np.asarray((whole * window**2 + (isl - whole * window) ** 2) / 2.0)
    inside = np.minimum(isl, window)
    return np.asarray(isl * inside - inside * inside / 2.0)


def _window(a: Attention) -> float:
    """Tokens that a row attends to at most; endless without a window."""
    return np.inf if a.window is None else float(a.window)

"""Second count of compressed entries: biases and norms are left out."""

import numpy as np

from dse.arrays import Floats, over
from objectives.api import CompressedAttention


def weights(a: CompressedAttention, hidden: int, /) -> float:
    """What makes entries, and what weighs the tokens of each [1]."""
    return float(hidden * a.dim * (4 if a.overlap else 2))


def kv_elements(a: CompressedAttention, /) -> float:
    """One entry for so many tokens [1]."""
    return a.dim / a.ratio


def state_bytes(_a: CompressedAttention, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: CompressedAttention, /) -> float:
    """A product with the entry and a weighted sum, for each head [FLOP]."""
    return 4.0 * a.heads * a.dim / a.ratio


def kept(_a: CompressedAttention, context: Floats, /) -> Floats:
    """All of the context [token]."""
    return context


def seen(a: CompressedAttention, mean: Floats, most: Floats, /) -> Floats:
    """The context, or the best entries of it; the mean of a minimum is at least this chord [token]."""
    if a.top_k is None:
        return mean
    return np.asarray(mean * np.minimum(1.0, over(a.top_k * a.ratio, most, 1.0)))


def pairs(a: CompressedAttention, isl: Floats, /) -> Floats:
    """Half of the square, or the trapezium under the most that a row visits [token]."""
    if a.top_k is None:
        return np.asarray(isl * isl / 2.0)
    inside = np.minimum(isl, float(a.top_k * a.ratio))
    return np.asarray(isl * inside - inside * inside / 2.0)

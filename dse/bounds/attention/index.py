"""Second count of an index: norms, places of tokens and the sum over heads are left out."""

import numpy as np

from dse.arrays import Floats
from objectives.api import Index


def weights(a: Index, hidden: int, /) -> float:
    """Queries, keys and weights of heads [1]."""
    per_key = 1 if a.ratio == 1 else 4 if a.overlap else 2
    found = a.heads * a.dim * (hidden if a.inputs is None else a.inputs) + hidden * a.dim * per_key
    return float(found + (hidden * a.heads if a.weighted else 0))


def kv_elements(a: Index, /) -> float:
    """One key for so many tokens, in bytes of the KV cache [1]."""
    return a.of_kv * a.dim / a.ratio


def state_bytes(_a: Index, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: Index, /) -> float:
    """A product with the key for each head [FLOP]."""
    return 2.0 * a.heads * a.dim / a.ratio


def kept(_a: Index, context: Floats, /) -> Floats:
    """All of the context [token]."""
    return context


def seen(_a: Index, mean: Floats, _most: Floats, /) -> Floats:
    """All of the context [token]."""
    return mean


def pairs(_a: Index, isl: Floats, /) -> Floats:
    """Half of the square [token]."""
    return np.asarray(isl * isl / 2.0)

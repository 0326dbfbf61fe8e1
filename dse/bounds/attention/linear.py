"""Second count of linear attention: gates of the state, norms and convolutions are left out."""

import numpy as np

from dse.arrays import Floats
from objectives.api import LinearAttention


def weights(a: LinearAttention, hidden: int, /) -> float:
    """Queries, keys, values, output and its gate, time steps, and matrices of a low rank [1]."""
    keys, values = a.key_heads * a.key_dim, a.heads * a.value_dim
    found = hidden * (2 * keys + (2 + a.gate) * values)
    if a.step or a.decay_latent:
        found += hidden * a.heads
    return float(found + (a.decay_latent or 0) * (hidden + keys) + (a.gate_latent or 0) * (hidden + values))


def kv_elements(_a: LinearAttention, /) -> float:
    """None [1]."""
    return 0.0


def state_bytes(a: LinearAttention, /) -> float:
    """A matrix of a key by a value for each head [B]."""
    return a.state_bytes * a.heads * a.key_dim * a.value_dim


def core_flop(a: LinearAttention, /) -> float:
    """One write and one read of the state; the further read of the delta rule is left out [FLOP]."""
    return 4.0 * a.heads * a.key_dim * a.value_dim


def kept(_a: LinearAttention, context: Floats, /) -> Floats:
    """The context, whose tokens leave nothing [token]."""
    return context


def seen(_a: LinearAttention, mean: Floats, _most: Floats, /) -> Floats:
    """The state counts as one token [token]."""
    return np.ones_like(mean)


def pairs(_a: LinearAttention, isl: Floats, /) -> Floats:
    """One state for each row [token]."""
    return isl

"""Second count of RWKV: mixes by vectors, bonuses, decays, norms and shifted tokens are left out."""

import numpy as np

from dse.arrays import Floats
from objectives.api import Rwkv


def weights(a: Rwkv, hidden: int, /) -> float:
    """Receptances, keys, values, output, gate, and the matrices of a low rank [1]."""
    key = hidden + a.heads * a.head_dim
    value = hidden + a.heads * _value(a)
    found = 2 * hidden * a.heads * (a.head_dim + _value(a))
    found += hidden * a.heads * _value(a) if a.gate_latent is None else a.gate_latent * value
    found += a.decay_latent * key + (a.rate_latent or 0) * key + (a.value_latent or 0) * value
    # five rows, each down to the rank and up again
    return float(found + 5 * (a.mix_latent or 0) * (hidden + hidden))


def kv_elements(_a: Rwkv, /) -> float:
    """None [1]."""
    return 0.0


def state_bytes(a: Rwkv, /) -> float:
    """A matrix of a key by a value for each head [B]."""
    return a.state_bytes * a.heads * a.head_dim * _value(a)


def core_flop(a: Rwkv, /) -> float:
    """One write and one read of the state, and one of each more where it forgets a key [FLOP]."""
    accesses = 2 if a.rate_latent is None else 4
    return 2.0 * accesses * a.heads * a.head_dim * _value(a)


def kept(_a: Rwkv, context: Floats, /) -> Floats:
    """The context, whose tokens leave nothing [token]."""
    return context


def seen(_a: Rwkv, mean: Floats, _most: Floats, /) -> Floats:
    """The state counts as one token [token]."""
    return np.ones_like(mean)


def pairs(_a: Rwkv, isl: Floats, /) -> Floats:
    """One state for each row [token]."""
    return isl


def _value(a: Rwkv) -> int:
    return a.head_dim if a.value_dim is None else a.value_dim

"""Second count of cross attention: keys and values of an encoder's rows, projected once a request."""

import numpy as np

from dse.arrays import Floats
from objectives.api import CrossAttention


def weights(a: CrossAttention, hidden: int, /) -> float:
    """Queries and output; keys and values are `encoder_weights` [1]."""
    return 0.0 if a.shared else float(2 * hidden * a.head_dim * a.heads)


def encoder_weights(a: CrossAttention, /) -> float:
    """Weights that the encoder's rows are multiplied by, once a request [1]."""
    return float(2 * a.inputs * a.head_dim * a.kv_heads)


def encoder_stored(a: CrossAttention, /) -> float:
    """Those of them that no other layer holds [1]."""
    return 0.0 if a.shared else encoder_weights(a)


def kv_elements(a: CrossAttention, /) -> float:
    """A key and a value for each KV head and row of the encoder [1]."""
    return 2.0 * a.kv_heads * a.head_dim


def state_bytes(_a: CrossAttention, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: CrossAttention, /) -> float:
    """A product with a key and a weighted value, for each head [FLOP]."""
    return 4.0 * a.heads * a.head_dim


def kept(a: CrossAttention, context: Floats, /) -> Floats:
    """The encoder's rows, whatever the context [token]."""
    return np.full_like(context, float(a.tokens))


def seen(a: CrossAttention, mean: Floats, _most: Floats, /) -> Floats:
    """All of them [token]."""
    return np.full_like(mean, float(a.tokens))


def pairs(a: CrossAttention, isl: Floats, /) -> Floats:
    """All of them for each row of a prompt [token]."""
    return isl * float(a.tokens)

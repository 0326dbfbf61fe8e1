"""Second count of Mamba-1: taps, exponentials, skips, gates and norms are left out."""

import numpy as np

from dse.arrays import Floats
from objectives.api import Mamba


def weights(a: Mamba, hidden: int, /) -> float:
    """Values and their gate, the output, and what makes steps, keys and queries of the values [1]."""
    rows = hidden * 2 + hidden  # two into each channel, one out of it
    narrow = a.step_rank + a.state_dim + a.state_dim
    return float(a.inner * rows + a.inner * narrow + a.step_rank * a.inner)


def kv_elements(_a: Mamba, /) -> float:
    """None [1]."""
    return 0.0


def state_bytes(a: Mamba, /) -> float:
    """The numbers of every channel [B]."""
    return a.state_bytes * a.inner * a.state_dim


def core_flop(a: Mamba, /) -> float:
    """A decay, a key times a value and its addition, and a multiply-add with the query [FLOP]."""
    return float((1 + 1 + 1 + 2) * a.inner * a.state_dim)


def kept(_a: Mamba, context: Floats, /) -> Floats:
    """The context, whose tokens leave nothing [token]."""
    return context


def seen(_a: Mamba, mean: Floats, _most: Floats, /) -> Floats:
    """The state counts as one token [token]."""
    return np.ones_like(mean)


def pairs(_a: Mamba, isl: Floats, /) -> Floats:
    """One state for each row [token]."""
    return isl

"""Second count of a short convolution: taps, gates and biases are left out."""

import numpy as np

from dse.arrays import Floats
from objectives.api import ShortConvolution


def weights(a: ShortConvolution, hidden: int, /) -> float:
    """Two gates, what is convolved, and the output [1]."""
    return float(hidden * a.width * (1 + 1 + 1 + 1))


def kv_elements(_a: ShortConvolution, /) -> float:
    """None [1]."""
    return 0.0


def state_bytes(a: ShortConvolution, /) -> float:
    """The tokens before the row that its taps reach [B]."""
    return float(sum(a.state_bytes * a.width for _ in range(1, a.taps)))


def core_flop(a: ShortConvolution, /) -> float:
    """A multiply-add for each tap of each channel [FLOP]."""
    return 2.0 * a.width * a.taps


def kept(_a: ShortConvolution, context: Floats, /) -> Floats:
    """The context, whose tokens leave nothing [token]."""
    return context


def seen(_a: ShortConvolution, mean: Floats, _most: Floats, /) -> Floats:
    """What is kept counts as one token [token]."""
    return np.ones_like(mean)


def pairs(_a: ShortConvolution, isl: Floats, /) -> Floats:
    """One for each row [token]."""
    return isl

"""The normal distribution on arrays of moderate size."""

from math import erfc, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from dse.arrays import Floats

_ERFC: Final = np.frompyfunc(erfc, 1, 1)
_QUANTILE: Final = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def below(z: Floats) -> Floats:
    """Chance of at most `z` standard deviations."""
    return np.asarray(0.5 * _ERFC(-np.asarray(z) / sqrt(2.0)), dtype=np.float64)


def between(low: Floats, high: Floats) -> Floats:
    """Chance of a value between the two, exact in both tails."""
    # in the upper tail both are near 1, so their mirror images are subtracted
    up = np.asarray(low) > 0.0
    return np.where(up, below(-low) - below(-high), below(high) - below(low))


def quantile(share: Floats) -> Floats:
    """Standard deviations that a share of the values does not exceed; infinite at 0 and 1."""
    share = np.asarray(share, dtype=np.float64)
    inside = (share > 0.0) & (share < 1.0)
    found = np.asarray(_QUANTILE(np.where(inside, share, 0.5)), dtype=np.float64)
    return np.where(inside, found, np.where(share <= 0.0, -np.inf, np.inf))

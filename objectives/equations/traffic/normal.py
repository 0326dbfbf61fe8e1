"""The normal distribution on arrays of any library, which have no error function of their own."""

from math import pi, sqrt
from typing import Final

from objectives.arrays import Array, maximum, minimum, namespace, where

_SERIES: Final = 100
"""Terms that are enough up to `_NEAR` standard deviations: the last is a 1e-16 of the sum."""
_NEAR: Final = 5.0
_LEVELS: Final = 40
"""Of the continued fraction, from `_NEAR` on."""
_FURTHEST: Final = 37.0
"""Standard deviations beyond which a chance is less than any float."""


def density(z: Array) -> Array:
    """Density of the normal distribution [1].

    exp(-z^2 / 2) / sqrt(2 pi).

    Args:
        z: standard deviations above the mean, an array [1].

    Returns:
        Density, shape of `z` [1].

    Domain:
        Any number.

    Limits:
        0.3989 at the mean.

    Source:
        By definition.

    Examples:
        By hand: 1 / sqrt(2 pi).

        >>> import numpy as np
        >>> float(density(np.array([0.0]))[0].round(4))
        0.3989
    """
    xp = namespace(z)
    return xp.exp(-0.5 * z * z) / sqrt(2.0 * pi)


def chance_above(z: Array) -> Array:
    """Chance that a normal variable exceeds its mean by more than `z` standard deviations [1].

    Near the mean 1/2 - density * (z + z^3/3 + z^5/15 + ...), in the tail Laplace's continued fraction density
    / (z + 1/(z + 2/(z + 3/(z + ...)))).

    Args:
        z: standard deviations above the mean, an array [1].

    Returns:
        Chance, shape of `z` [1].

    Domain:
        Within 1e-9 of itself up to 5, where the two meet, and beyond.

    Limits:
        1/2 at the mean; its mirror image is what is left to 1.

    Source:
        Marsaglia, Evaluating the normal distribution, Journal of Statistical Software 11 (2004) issue 4, for
        the series; Laplace's fraction as in Abramowitz and Stegun, 26.2.14.

    Examples:
        The tables have 5 % above 1.645 and 2.87e-7 above 5.

        >>> import numpy as np
        >>> [float(f"{p:.3g}") for p in chance_above(np.array([0.0, 1.644854, 5.0]))]
        [0.5, 0.05, 2.87e-07]
    """
    size = where(z < 0.0, -z, z)
    near, far = minimum(size, _NEAR), minimum(maximum(size, _NEAR), _FURTHEST)
    term = near
    total = near
    for k in range(1, _SERIES):
        term = term * near * near / (2.0 * k + 1.0)
        total = total + term
    below = far
    for level in range(_LEVELS, 0, -1):
        below = far + level / below
    tail = where(size < _NEAR, 0.5 - density(near) * total, density(far) / below)
    return where(z < 0.0, 1.0 - tail, tail)

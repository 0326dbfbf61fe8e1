"""Lengths of requests as a Weibull distribution, for tails that no lognormal of that mean has."""

from math import exp, lgamma, log
from typing import Final

_NARROWEST: Final = 50.0
"""Largest shape that is looked for: the 95th percentile is 3 % above the mean there."""
_STEPS: Final = 100
"""Of bisection: as many as a float has bits, and some."""


def p95_over_mean(shape: float) -> float:
    """95th percentile of a Weibull distribution over its mean [1].

    (ln 20)^(1 / k) / Gamma(1 + 1 / k).

    Args:
        shape: k [1].

    Returns:
        Ratio [1].

    Domain:
        Shapes above 0.

    Limits:
        ln 20 at k = 1, the exponential distribution; 1 as k grows.

    Source:
        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (Wiley, 1994), chapter 21.

    Examples:
        By hand: ln(20)^2 / Gamma(3) = 8.974 / 2 at k = 1 / 2.

        >>> round(p95_over_mean(0.5), 3)
        4.487
    """
    return exp(log(log(20.0)) / shape - lgamma(1.0 + 1.0 / shape))


def widest_shape() -> float:
    """Shape with the largest 95th percentile over the mean [1].

    Found by ternary search: the ratio grows with k up to it and falls beyond.

    Returns:
        Shape [1].

    Domain:
        As `p95_over_mean`.

    Limits:
        No shape has a larger ratio.

    Source:
        As `p95_over_mean`.

    Examples:
        The ratio is flat there.

        >>> k = widest_shape()
        >>> p95_over_mean(k) >= max(p95_over_mean(k * 0.99), p95_over_mean(k * 1.01))
        True
    """
    low, high = 0.1, 1.0
    for _ in range(_STEPS):
        third = (high - low) / 3.0
        if p95_over_mean(low + third) < p95_over_mean(high - third):
            low += third
        else:
            high -= third
    return 0.5 * (low + high)


def shape_of(mean: float, p95: float) -> float | None:
    """Shape of a Weibull distribution with that mean and 95th percentile [1].

    Of two shapes the larger, with the lighter tail.

    Args:
        mean: mean length [token].
        p95: length that 95 % do not exceed [token].

    Returns:
        Shape [1]; None where no such distribution has both.

    Domain:
        Ratios of the two up to 4.67, and not within 3 % of 1.

    Limits:
        1, the exponential distribution, at p95 = ln 20 times the mean.

    Source:
        As `p95_over_mean`.

    Examples:
        By hand: 1 / 2 at a ratio of 8.974 / 2.

        >>> round(shape_of(1000.0, 4487.2), 3)
        0.5
        >>> shape_of(1000.0, 5000.0) is None
        True
    """
    low, high = widest_shape(), _NARROWEST
    if mean <= 0.0 or not p95_over_mean(high) <= p95 / mean <= p95_over_mean(low):
        return None
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if p95_over_mean(middle) > p95 / mean:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)

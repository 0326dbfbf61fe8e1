"""Lengths of requests as a lognormal distribution, stated by its mean and its 95th percentile."""

from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final

Z95: Final = NormalDist().inv_cdf(0.95)
"""Standard deviations of the 95th percentile of a normal distribution."""


def log_sigma(mean: float, p95: float) -> float | None:
    """Standard deviation of the logarithm of a lognormal with that mean and 95th percentile [1].

    ln p95 - ln mean = z sigma - sigma^2 / 2 with z = 1.645, a quadratic in sigma: z - sqrt(z^2 - 2 ln(p95 /
    mean)) is its smaller root.

    Args:
        mean: mean length [token].
        p95: length that 95 % do not exceed [token].

    Returns:
        Standard deviation of the logarithm [1]; None where no lognormal has both.

    Domain:
        The smaller of two roots: with the larger one nearly all tokens belong to a few requests. A p95 below
        the mean has such a root alone, and gives None.

    Limits:
        0 at p95 = mean; z at the largest p95 over mean, exp(z^2 / 2).

    Source:
        From the moments of a lognormal, Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions
        1 (Wiley, 1994), chapter 14: mean exp(mu + sigma^2 / 2), quantiles exp(mu + z sigma).

    Examples:
        By hand: sigma = 1 has the mean exp(1 / 2) and the p95 exp(1.645) at mu = 0.

        >>> from math import exp
        >>> round(log_sigma(exp(0.5), exp(1.6448536)), 6)
        1.0
        >>> log_sigma(1000.0, 5000.0) is None
        True
    """
    if mean <= 0.0 or p95 < mean:
        return None
    inside = Z95 * Z95 - 2.0 * log(p95 / mean)
    return Z95 - sqrt(inside) if inside >= 0.0 else None


def largest_p95_over_mean() -> float:
    """Largest 95th percentile of a lognormal over its mean [1].

    exp(z^2 / 2) with z = 1.645, where the two roots of `log_sigma` meet.

    Returns:
        Ratio [1].

    Domain:
        As `log_sigma`.

    Limits:
        A lognormal of any width is below it.

    Source:
        As `log_sigma`.

    Examples:
        By hand: exp(1.645^2 / 2) = exp(1.353) = 3.869.

        >>> round(largest_p95_over_mean(), 2)
        3.87
    """
    return exp(0.5 * Z95 * Z95)

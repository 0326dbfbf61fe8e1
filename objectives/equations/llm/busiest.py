"""The busiest of many: what chance puts on the fullest chip when it spreads visits over all of them."""

from objectives.arrays import Array, maximum, minimum, namespace, where


def largest(ways: Array, mean: Array, pairs: Array, most: Array) -> Array:
    """Expected largest of n equal counts of which all together are given [1].

    With m the mean of a count and C the expected pairs in all counts, n E[X (X - 1)] / 2, a count has the
    variance v (1 - 1/n) = 2 C / n + m - m^2, and q = 1 - v / m separates a binomial from Poisson. Where
    counts are large the largest is a quantile by Cornish and Fisher,

        m + z sqrt(v) + max(1 - 2 q, 0) (z^2 - 1/2) / 6 - (1 - q) (z^3 - z) / (36 (sqrt(v) + 1/2)),

    at z, the largest of n normal numbers. Where they are few it is one more than one count of two or three:
    between 3 - exp(-C) - exp(-C^2 / 2 S) and 2 - exp(-C - D) + D with D = 2 C^2 / 3 S, the expected triples
    of S = n m visits, and at most 1 + C.

    Args:
        ways: counts n [1].
        mean: mean m of a count [1].
        pairs: expected pairs C in all counts [1].
        most: the most that one count can be [1].

    Returns:
        Expected largest count, shapes broadcast [1].

    Domain:
        Counts that are exchangeable and vary no more than Poisson; within 5 % of drawn routings of 1 to 8 of
        8 to 256 experts on 1 to 256 chips, for 1 to 4,096 rows.

    Limits:
        The mean for one count; at least 1 where there are visits; never below the mean, nor above the sum.

    Source:
        Cornish & Fisher, Rev. Inst. Int. Stat. 5 (1938); order statistics of normal numbers, Blom (1958);
        few counts: birthday problem, Arratia, Goldstein & Gordon, Stat. Sci. 5 (1990), example 2.

    Examples:
        Published: 23 people share a birthday with a chance of 50.7 %, so that the largest of 365 counts is
        1.5 (Feller, An Introduction to Probability Theory and Its Applications I (1968), II.3; triples, at
        about 1 %, add to it).

        >>> import numpy as np
        >>> pairs = np.array([23 * 22 / 2 / 365])
        >>> float(largest(np.array([365.0]), np.array([23 / 365]), pairs, np.array([23.0]))[0].round(2))
        1.51
    """
    xp = namespace(ways, mean)
    total = ways * mean
    # floors keep quotients finite where there are no visits; the bounds below make such counts 0
    some = maximum(mean, 1e-9)
    spread = maximum(2.0 * pairs / ways + mean - mean * mean, 0.0)
    # counts share a given sum, hence n / (n - 1); no more than Poisson, where the expansion holds
    v = minimum(spread * (ways / maximum(ways - 1.0, 0.5)), some)
    deviation, poisson = xp.sqrt(v), v / some
    z = largest_normal(ways)
    # skewness times deviation is 1 - 2 q of a binomial and 1 of Poisson, where q = 0
    skew = maximum(2.0 * poisson - 1.0, 0.0) * ((z * z - 0.5) / 6.0)
    bent = poisson * ((z * z * z - z) / 36.0) / (deviation + 0.5)
    many = mean + z * deviation + (skew - bent)
    # few visits: a count of two comes from a pair (birthday problem), a count of three from a triple
    squared = pairs * pairs / maximum(total, 1e-9)
    triples, alone = squared * (2.0 / 3.0), xp.exp(-pairs)
    low = 3.0 - alone - xp.exp(-0.5 * squared)
    high = minimum(1.0 + pairs, 2.0 - alone * xp.exp(-triples) + triples)
    # counts are whole and the quantile is not, so the bounds of few visits enclose it
    found = maximum(maximum(minimum(many, high), low), mean)
    return where(ways > 1.0, minimum(minimum(found, most), total), mean)


def largest_normal(count: Array) -> Array:
    """Expected largest of n independent standard normal numbers [1].

    The normal quantile at (n - a) / (n + 1 - 2 a) with a = 0.33.

    Args:
        count: numbers n [1].

    Returns:
        Expected largest, shape of `count` [1].

    Domain:
        n >= 1.

    Limits:
        0 for one; 0.564 for two (1 / sqrt(pi)).

    Source:
        Blom, Statistical Estimates and Transformed Beta-Variables (1958); the quantile by Hastings,
        Abramowitz & Stegun 26.2.23, within 4.5e-4.

    Examples:
        Published: 2.508 for a hundred (Harter, Biometrika 48 (1961), table 1).

        >>> import numpy as np
        >>> bool(abs(largest_normal(np.array([100.0]))[0] - 2.508) < 0.035)
        True
    """
    xp = namespace(count)
    # upper tail of the quantile, 1 - (n - a) / (n + 1 - 2 a) = 0.67 / (n + 0.34)
    t = xp.sqrt(2.0 * xp.log((count + 0.34) / 0.67))
    return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (
        1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    )

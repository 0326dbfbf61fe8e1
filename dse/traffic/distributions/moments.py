"""Moments and quantiles of lengths: what a queue and a memory want to know of requests."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from dse.arrays import Floats


@dataclass(frozen=True)
class Of:
    """One length, of prompts or of answers."""

    mean: float
    """Mean length [token]."""
    second: float
    """Mean of the square of the length [token2]."""
    p50: float
    """Length that half of the requests do not exceed [token]."""
    p95: float
    """Length that 95 % of the requests do not exceed [token]."""
    p99: float
    """Length that 99 % of the requests do not exceed [token]."""

    @property
    def variance(self) -> float:
        """Variance [token2]."""
        # a difference of large numbers may round below 0
        return max(self.second - self.mean**2, 0.0)

    @property
    def cv(self) -> float:
        """Standard deviation over the mean [1]."""
        return sqrt(self.variance) / self.mean


@dataclass(frozen=True)
class Moments:
    """Both lengths of a request."""

    isl: Of
    osl: Of
    cross: float
    """Mean of the product of the two lengths [token2]."""

    @property
    def correlation(self) -> float:
        """Pearson's correlation [1]; 0 where one of them is always the same."""
        spread = sqrt(self.isl.variance * self.osl.variance)
        # of lengths that are all the same nothing but rounding is left
        if spread <= 1e-9 * self.isl.mean * self.osl.mean:
            return 0.0
        return (self.cross - self.isl.mean * self.osl.mean) / spread

    @property
    def token_steps(self) -> float:
        """Mean over requests of the tokens in memory in each step of decode, summed over its steps [token].

        OSL steps at ISL + OSL / 2 tokens on average: what attention reads, and what holds memory.
        """
        return self.cross + 0.5 * self.osl.second

    @property
    def decode_context(self) -> float:
        """Mean context of a step of decode, long answers counted by their steps [token]."""
        return self.token_steps / self.osl.mean


def weighted_quantile(values: Floats, weights: Floats, shares: Floats) -> Floats:
    """Smallest value that at least each of `shares` of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    # rounding of the sum is no next value
    found = np.searchsorted(ends, np.asarray(shares) * ends[-1] * (1.0 - 1e-12), side="left")
    return np.asarray(values[order][np.minimum(found, values.size - 1)], dtype=np.float64)

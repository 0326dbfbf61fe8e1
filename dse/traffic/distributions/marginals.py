"""The distribution of one length: its moments, its quantiles, and cells for sums over it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import exp, gamma, log
from statistics import NormalDist
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.traffic.distributions.normal import below, between, quantile
from objectives.equations.traffic.lognormal import log_sigma
from objectives.equations.traffic.weibull import shape_of

_REACH: Final = 10.0
"""Standard deviations up to which cells lie: what is beyond has no part in the squares."""
_WIDTH: Final = 0.08
"""Standard deviations of a cell: the mean square in it is that of its mean within 0.2 %."""
_CELLS: Final = 200
"""Of a histogram, where its bins are fewer."""


@dataclass(frozen=True)
class Cells:
    """Parts of a distribution, in the order of their lengths."""

    edges: Floats
    """In standard deviations of a normal distribution with the same ranks, infinite at both ends, [n + 1]."""
    length: Floats
    """Mean length in each [token]."""
    share: Floats
    """Share of the requests in each."""


class Marginal(ABC):
    """Lengths of prompts, or of answers."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """Mean length [token]."""

    @property
    @abstractmethod
    def second(self) -> float:
        """Mean of the square of the length [token2]."""

    @abstractmethod
    def at(self, share: Floats) -> Floats:
        """Length that a share of the requests does not exceed [token]."""

    @abstractmethod
    def cells(self) -> Cells:
        """Cells that keep the mean, and the square within 0.2 %."""


@dataclass(frozen=True)
class Fixed(Marginal):
    """One length for all."""

    length: float

    @property
    def mean(self) -> float:
        """See `Marginal`."""
        return self.length

    @property
    def second(self) -> float:
        """See `Marginal`."""
        return self.length**2

    def at(self, share: Floats) -> Floats:
        """See `Marginal`."""
        return np.full(np.shape(share), self.length)

    def cells(self) -> Cells:
        """See `Marginal`."""
        return Cells(np.array([-np.inf, np.inf]), np.array([self.length]), np.ones(1))


@dataclass(frozen=True)
class Lognormal(Marginal):
    """Lengths whose logarithm is normal."""

    mu: float
    sigma: float

    @classmethod
    def of(cls, p95: float, *, mean: float | None = None, p50: float | None = None) -> "Lognormal":
        """With that p95 and either mean or median; raises `ValueError` where none has both."""
        if p50 is not None:
            return cls(log(p50), log(p95 / p50) / NormalDist().inv_cdf(0.95))
        sigma = None if mean is None else log_sigma(mean, p95)
        if sigma is None or mean is None:
            raise ValueError("no lognormal has this mean and p95")
        return cls(log(mean) - 0.5 * sigma**2, sigma)

    @property
    def mean(self) -> float:
        """See `Marginal`."""
        return exp(self.mu + 0.5 * self.sigma**2)

    @property
    def second(self) -> float:
        """See `Marginal`."""
        return exp(2.0 * (self.mu + self.sigma**2))

    def at(self, share: Floats) -> Floats:
        """See `Marginal`."""
        return np.exp(self.mu + self.sigma * quantile(share))

    def cells(self) -> Cells:
        """See `Marginal`."""
        edges = _edges()
        share = between(edges[:-1], edges[1:])
        # the part of the mean that lies in each
        part = self.mean * between(edges[:-1] - self.sigma, edges[1:] - self.sigma)
        return Cells(edges, part / share, share)


@dataclass(frozen=True)
class Weibull(Marginal):
    """Lengths of a heavier tail than an exponential distribution where the shape is below 1."""

    scale: float
    shape: float

    @classmethod
    def of(cls, mean: float, p95: float) -> "Weibull":
        """With that mean and p95; raises `ValueError` where none has both."""
        shape = shape_of(mean, p95)
        if shape is None:
            raise ValueError("no Weibull distribution has this mean and p95")
        return cls(mean / gamma(1.0 + 1.0 / shape), shape)

    @property
    def mean(self) -> float:
        """See `Marginal`."""
        return self.scale * gamma(1.0 + 1.0 / self.shape)

    @property
    def second(self) -> float:
        """See `Marginal`."""
        return self.scale**2 * gamma(1.0 + 2.0 / self.shape)

    def at(self, share: Floats) -> Floats:
        """See `Marginal`."""
        return self.scale * (-np.log1p(-np.asarray(share))) ** (1.0 / self.shape)

    def cells(self) -> Cells:
        """See `Marginal`."""
        edges = _edges()
        share = between(edges[:-1], edges[1:])
        ends = np.clip(edges, -_REACH, _REACH)
        middle = 0.5 * (ends[:-1] + ends[1:])
        # by the smaller of the shares below and above, which keeps its digits
        upper, lower = below(-np.maximum(middle, 0.0)), below(np.minimum(middle, 0.0))
        hazard = np.where(middle > 0.0, -np.log(upper), -np.log1p(-lower))
        length = self.scale * hazard ** (1.0 / self.shape)
        return Cells(edges, length * self.mean / float(length @ share), share)


@dataclass(frozen=True)
class Histogram(Marginal):
    """Bins of whole lengths, each equally frequent in its bin."""

    edges: Floats
    """Ascending; a bin ends one token below the next edge."""
    share: Floats
    """Of the requests in each bin, in sum 1."""

    @property
    def mean(self) -> float:
        """See `Marginal`."""
        return float(self.share @ self.middle)

    @property
    def second(self) -> float:
        """See `Marginal`."""
        # the variance of equally frequent whole numbers
        return float(self.share @ (self.middle**2 + (self.width**2 - 1.0) / 12.0))

    @property
    def width(self) -> Floats:
        """Whole lengths in each bin."""
        return np.diff(self.edges)

    @property
    def middle(self) -> Floats:
        """Mean length in each bin."""
        return 0.5 * (self.edges[:-1] + self.edges[1:] - 1.0)

    def at(self, share: Floats) -> Floats:
        """See `Marginal`."""
        share = np.asarray(share, dtype=np.float64)
        ends = np.cumsum(self.share)
        # of a share that is an end of a bin, that bin; rounding of a sum is no other bin
        last = int(np.flatnonzero(self.share)[-1])
        found = np.minimum(np.searchsorted(ends, share * (1.0 - 1e-12), side="left"), last)
        into = (share - (ends - self.share)[found]) / self.share[found]
        steps = np.ceil(np.clip(into, 0.0, 1.0) * self.width[found] * (1.0 - 1e-12))
        return self.edges[found] + np.maximum(steps, 1.0) - 1.0

    def cells(self) -> Cells:
        """See `Marginal`."""
        filled = self.share > 0.0
        parts = max(1, _CELLS // int(np.count_nonzero(filled)))
        share = np.repeat(self.share[filled] / parts, parts)
        into = (np.arange(parts) + 0.5) / parts
        length = (self.edges[:-1][filled, None] - 0.5 + self.width[filled, None] * into).ravel()
        edges = quantile(np.concatenate([[0.0], np.cumsum(share)]))
        edges[-1] = np.inf
        return Cells(edges, length, share)


def _edges() -> Floats:
    """Edges of equal width, infinite at both ends."""
    inner = np.linspace(-_REACH, _REACH, round(2 * _REACH / _WIDTH) + 1)
    inner[0], inner[-1] = -np.inf, np.inf
    return inner

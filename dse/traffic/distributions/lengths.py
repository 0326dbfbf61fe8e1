"""Joint distributions of the lengths of prompts and answers: moments, clouds of points, draws."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import pi, sin, sqrt
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.traffic.distributions.marginals import Fixed, Histogram, Marginal
from dse.traffic.distributions.moments import Moments, Of, weighted_quantile
from dse.traffic.distributions.normal import below, between, quantile
from dse.traffic.requests import Ints

_POINTS: Final = 40_000
"""Of a cloud of a table."""
_MOST_PARTS: Final = 8
"""Into which a bin of a table is cut at most."""
_PASSES: Final = 20
"""That bring the sums of rows and columns to what they are: each lessens what is left by far."""


@dataclass(frozen=True)
class Cloud:
    """Requests as points with shares, whose sum is 1."""

    isl: Floats
    osl: Floats
    share: Floats


class Lengths(ABC):
    """Lengths of prompts and answers together."""

    @property
    @abstractmethod
    def moments(self) -> Moments:
        """Moments and quantiles, exact."""

    @abstractmethod
    def cloud(self) -> Cloud:
        """Many points that are the distribution within a few tenths of a per cent."""

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Lengths of `count` requests, drawn at random [token]."""


@dataclass(frozen=True)
class Coupled(Lengths):
    """Two marginals, coupled by the ranks of two correlated normal variables."""

    isl: Marginal
    osl: Marginal
    rank_correlation: float = 0.0
    """Spearman's."""

    @property
    def _normal_correlation(self) -> float:
        """Pearson's correlation of the normal variables: 2 sin(pi r / 6), Kruskal 1958."""
        fixed = isinstance(self.isl, Fixed) or isinstance(self.osl, Fixed)
        return 0.0 if fixed else 2.0 * sin(pi * self.rank_correlation / 6.0)

    @cached_property
    def moments(self) -> Moments:
        """See `Lengths`; the mean product of correlated lengths is a sum over cells."""
        if self._normal_correlation:
            points = self.cloud()
            cross = float(points.share @ (points.isl * points.osl))
        else:
            cross = self.isl.mean * self.osl.mean
        return Moments(isl=_of(self.isl), osl=_of(self.osl), cross=cross)

    def cloud(self) -> Cloud:
        """See `Lengths`."""
        prompts, answers = self.isl.cells(), self.osl.cells()
        share = np.outer(prompts.share, answers.share)
        if r := self._normal_correlation:
            # where the middle of each row lies, in ranks
            middle = _middles(prompts.edges)[:, None]
            edges = (answers.edges[None, :] - r * middle) / sqrt(1.0 - r * r)
            share = prompts.share[:, None] * between(edges[:, :-1], edges[:, 1:])
            for _ in range(_PASSES):
                share *= answers.share / np.maximum(share.sum(axis=0), 1e-300)
                share *= (prompts.share / np.maximum(share.sum(axis=1), 1e-300))[:, None]
        isl = np.broadcast_to(prompts.length[:, None], share.shape)
        osl = np.broadcast_to(answers.length[None, :], share.shape)
        return Cloud(isl.ravel(), osl.ravel(), share.ravel() / share.sum())

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """See `Lengths`."""
        r = self._normal_correlation
        first, second = rng.standard_normal((2, count))
        second = r * first + sqrt(1.0 - r * r) * second
        return _whole(self.isl.at(below(first))), _whole(self.osl.at(below(second)))


@dataclass(frozen=True)
class Table(Lengths):
    """A histogram of both lengths; inside a bin they are independent and equally frequent."""

    isl_edges: Floats
    osl_edges: Floats
    share: Floats
    """Rows by prompts, columns by answers, in sum 1."""

    @cached_property
    def moments(self) -> Moments:
        """See `Lengths`."""
        isl, osl = self._marginals
        return Moments(isl=_of(isl), osl=_of(osl), cross=float(isl.middle @ self.share @ osl.middle))

    @property
    def _marginals(self) -> tuple[Histogram, Histogram]:
        return (
            Histogram(self.isl_edges, self.share.sum(axis=1)),
            Histogram(self.osl_edges, self.share.sum(axis=0)),
        )

    def cloud(self) -> Cloud:
        """See `Lengths`."""
        rows, columns = np.nonzero(self.share)
        parts = min(max(int(sqrt(_POINTS / rows.size)), 1), _MOST_PARTS)
        isl, osl = self._marginals
        # bins narrower than that have points between whole numbers, which changes no sum
        into = (np.arange(parts) + 0.5) / parts
        prompts = (isl.edges[:-1] - 0.5)[rows, None, None] + isl.width[rows, None, None] * into[:, None]
        answers = (osl.edges[:-1] - 0.5)[columns, None, None] + osl.width[columns, None, None] * into
        shape = (rows.size, parts, parts)
        share = np.broadcast_to(self.share[rows, columns][:, None, None] / parts**2, shape)
        every = (np.broadcast_to(a, shape).ravel() for a in (prompts, answers, share))
        return Cloud(*every)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """See `Lengths`."""
        ends = np.cumsum(self.share.ravel())
        last = int(np.flatnonzero(self.share.ravel())[-1])
        cell = np.minimum(np.searchsorted(ends, rng.random(count), side="right"), last)
        rows, columns = np.divmod(cell, self.share.shape[1])
        low, high = self.isl_edges.astype(np.int64), self.osl_edges.astype(np.int64)
        return rng.integers(low[rows], low[rows + 1]), rng.integers(high[columns], high[columns + 1])


@dataclass(frozen=True)
class Counted(Lengths):
    """Lengths of requests that were seen, each as likely as the others."""

    isl: Ints
    osl: Ints

    @cached_property
    def moments(self) -> Moments:
        """See `Lengths`."""
        cross = float(np.mean(self.isl.astype(np.float64) * self.osl))
        return Moments(isl=_seen(self.isl), osl=_seen(self.osl), cross=cross)

    def cloud(self) -> Cloud:
        """See `Lengths`."""
        pairs, count = np.unique(np.stack([self.isl, self.osl], axis=1), axis=0, return_counts=True)
        return Cloud(pairs[:, 0].astype(float), pairs[:, 1].astype(float), count / self.isl.size)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """See `Lengths`."""
        rows = rng.integers(self.isl.size, size=count)
        return self.isl[rows], self.osl[rows]


def _of(length: Marginal) -> Of:
    p50, p95, p99 = (float(q) for q in length.at(np.array([0.5, 0.95, 0.99])))
    return Of(mean=length.mean, second=length.second, p50=p50, p95=p95, p99=p99)


def _seen(length: Ints) -> Of:
    values = length.astype(np.float64)
    quantiles = weighted_quantile(values, np.ones(values.size), np.array([0.5, 0.95, 0.99]))
    p50, p95, p99 = (float(q) for q in quantiles)
    return Of(mean=float(values.mean()), second=float(np.mean(values**2)), p50=p50, p95=p95, p99=p99)


def _middles(edges: Floats) -> Floats:
    """Middle of each cell of a normal distribution by its ranks."""
    low, high = edges[:-1], edges[1:]
    # in the upper half by what is above, which keeps its digits
    up = low > 0.0
    rank = np.where(up, 0.5 * (below(-low) + below(-high)), 0.5 * (below(low) + below(high)))
    return np.where(up, -quantile(rank), quantile(rank))


def _whole(length: Floats) -> Ints:
    """Whole tokens, at least one."""
    return np.maximum(np.rint(length), 1.0).astype(np.int64)

"""Ranks of points: Spearman's correlation, and the best layout at equal batch."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.validate.curves.points import Curve


def ranks(values: npt.ArrayLike) -> Floats:
    """Ranks from 1 for the smallest; equal values share the mean of theirs."""
    _, place, count = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2.0)[place], dtype=float)


def spearman(one: npt.ArrayLike, other: npt.ArrayLike) -> float | None:
    """Rank correlation of two columns, in [-1, 1]; None where one of them has a single value.

    The correlation of their ranks, of equal values the mean (Spearman 1904).
    """
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else None


@dataclass(frozen=True)
class Choice:
    """The layout that predictions choose among those that were measured at one batch."""

    right: bool
    """Whether it is the best of those that were measured."""
    regret: float
    """Share of the best measured value that is lost: throughput that is less, or time that is more."""


def rate_choices(curve: Curve) -> Iterator[Choice]:
    """At each batch with several layouts the one with the largest predicted throughput."""
    measured, predicted = curve.rate(predicted=False), curve.rate(predicted=True)
    for at in _batches(curve):
        got, most = measured[at[np.argmax(predicted[at])]], measured[at].max()
        yield Choice(right=bool(got == most), regret=float(1.0 - got / most))


def tpot_choices(curve: Curve) -> Iterator[Choice]:
    """At each batch with several layouts the one with the smallest predicted TPOT."""
    measured, predicted = curve.tpot(predicted=False), curve.tpot(predicted=True)
    for at in _batches(curve):
        got, least = measured[at[np.argmin(predicted[at])]], measured[at].min()
        yield Choice(right=bool(got == least), regret=float(got / least - 1.0))


def _batches(curve: Curve) -> Iterator[npt.NDArray[np.intp]]:
    """Places of the points of each batch that was measured in several layouts."""
    groups: dict[float, list[int]] = defaultdict(list)
    for i, point in enumerate(curve.points):
        if point.batch is not None:
            groups[point.batch].append(i)
    for at in groups.values():
        if len({curve.points[i].layout for i in at}) > 1:
            yield np.asarray(at, dtype=np.intp)

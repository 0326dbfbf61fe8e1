"""A distribution of lengths as a few nodes with weights, for sums inside a cost model."""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.traffic.distributions.lengths import Cloud, Lengths
from dse.traffic.distributions.moments import Moments, Of
from dse.traffic.requests import Ints

_STEPS: Final = 80
"""Of bisection: as many as a float has bits, and some."""
_FURTHEST: Final = 4.0
"""Power that nodes are spread by at most; those of few nodes may want more than theirs alone give."""
_LEANING: Final = 0.5
"""Power of the prompts that answers lean by at most."""
_LEANING_STEPS: Final = 40


@dataclass(frozen=True)
class Nodes:
    """Requests of a few kinds, in the order of their prompts."""

    isl: Floats
    """Prompt tokens [node]."""
    osl: Floats
    """Output tokens [node]."""
    weight: Floats
    """Share of the requests, in sum 1; 0 for kinds that are not needed [node]."""


def nodes(lengths: Lengths, most: int) -> Nodes:
    """`most` nodes with the means and mean squares of both lengths, and the mean of their product.

    The cloud of the distribution is cut in two where that lessens what is lost of the squares most, again and
    again; each part is then its mean. Powers of the lengths bring back what the parts have lost, so that the
    five means are exact; of very few nodes the product is as near as they can be.
    """
    if most < 1:
        raise ValueError(f"expected at least 1 node, got {most}")
    points = lengths.cloud()
    parts = _cut(points, most)
    weight = np.array([points.share[p].sum() for p in parts])
    isl = np.array([points.share[p] @ points.isl[p] for p in parts]) / weight
    osl = np.array([points.share[p] @ points.osl[p] for p in parts]) / weight
    weight /= weight.sum()
    moments = lengths.moments
    isl = _spread(isl, weight, moments.isl)
    osl = _leaned(isl, osl, weight, moments)
    # the same number of nodes for each traffic, so that compiled code serves all
    rest = most - weight.size
    isl, osl = (np.concatenate([a, np.full(rest, a[0])]) for a in (isl, osl))
    weight = np.concatenate([weight, np.zeros(rest)])
    order = np.lexsort((osl, isl))
    return Nodes(isl[order], osl[order], weight[order])


def _cut(points: Cloud, most: int) -> list[Ints]:
    """Indices of the points of each part, at most `most` parts."""
    scale = [1.0 / float(points.share @ x**2) for x in (points.isl, points.osl)]
    turn = count()
    heap: list[tuple[float, int, int, Ints]] = []

    def push(part: Ints) -> None:
        share = points.share[part]
        total = share.sum()
        lost = []
        for x, by in zip((points.isl[part], points.osl[part]), scale, strict=True):
            mean = share @ x / total
            lost.append(float(share @ (x - mean) ** 2) * by)
        axis = int(lost[1] > lost[0])
        # the largest loss first; the turn breaks ties, as arrays have no order
        heappush(heap, (-sum(lost), next(turn), axis, part))

    push(np.flatnonzero(points.share > 0.0))
    while len(heap) < most:
        lost, _, axis, part = heap[0]
        x = (points.isl if axis == 0 else points.osl)[part]
        if -lost <= 1e-12 or x.min() == x.max():
            break
        heappop(heap)
        low = x <= _border(x, points.share[part])
        push(part[low])
        push(part[~low])
    return [part for *_, part in heap]


def _border(x: Floats, share: Floats) -> float:
    """Where one cut leaves the least square about the two means."""
    order = np.argsort(x, kind="stable")
    x, share = x[order], share[order]
    # between two different lengths alone
    ends = np.flatnonzero(x[1:] > x[:-1])
    # from both sides: a difference of two sums would be rounding in the tail
    left, first = np.cumsum(share)[ends], np.cumsum(share * x)[ends]
    right, second = (np.cumsum(a[::-1])[::-1][ends + 1] for a in (share, share * x))
    gain = first**2 / left + second**2 / right
    return float(x[ends[np.argmax(gain)]])


def _leaned(isl: Floats, osl: Floats, weight: Floats, moments: Moments) -> Floats:
    """Answers that lean on their prompts by a power, so that the mean product is that of the distribution."""
    if np.ptp(isl) == 0.0 or np.ptp(osl) == 0.0:
        return _spread(osl, weight, moments.osl)

    def at(power: float) -> Floats:
        return _spread(osl * (isl / moments.isl.mean) ** power, weight, moments.osl)

    low, high = -_LEANING, _LEANING
    for _ in range(_LEANING_STEPS):
        middle = 0.5 * (low + high)
        if weight @ (isl * at(middle)) < moments.cross:
            low = middle
        else:
            high = middle
    return at(0.5 * (low + high))


def _spread(length: Floats, weight: Floats, of: Of) -> Floats:
    """Lengths a c^power with the mean and the mean square of the distribution."""
    wanted = of.second / of.mean**2
    base = length / of.mean

    def at(power: float) -> Floats:
        raised = base**power
        return np.asarray(raised / (weight @ raised))

    low, high = 0.0, _FURTHEST
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if weight @ at(middle) ** 2 < wanted:
            low = middle
        else:
            high = middle
    return of.mean * at(0.5 * (low + high)) if np.ptp(base) > 0.0 else np.full(base.size, of.mean)

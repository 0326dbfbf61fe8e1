"""The running front of a sweep, and the few of its points that settle most others at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.front.axis import Axis
from dse.front.dominance import nondominated
from dse.search.sweep.grid import Numbers
from objectives.arrays import Array

SLACK = 1e-9
"""How much worse than a pivot, relatively, a point must be in every objective to be dropped unseen: more than
two backends differ by, so that what one drops the other would too, and never a point of the front."""

CANDIDATES = 2048
"""Points of the front at most that pivots are chosen from: each is compared with the whole sample."""

PIVOTS = 16
"""Points of the front that a block is screened by; each costs three operations a point."""


@dataclass(frozen=True, eq=False)
class Local:
    """Points that nothing else of where they come from dominates."""

    costs: Floats
    """(n, k), each objective with the sign with which less is better."""
    points: Numbers
    """(n,) numbers in the grid, ascending; of points equal in every objective only the first is kept."""

    @classmethod
    def empty(cls, objectives: int) -> "Local":
        """Nothing yet."""
        return cls(np.empty((0, objectives)), np.empty(0, dtype=np.int64))

    def merged(self, costs: Floats, points: Numbers) -> "Local":
        """With more points; the result is the same in whatever order they come."""
        if not len(points):
            return self
        together = np.concatenate([self.costs, costs])
        numbers = np.concatenate([self.points, points])
        # sorted first: of equal points the lowest number stays, whichever comes in first
        order = np.argsort(numbers, kind="stable")
        together, numbers = together[order], numbers[order]
        # the costs have their sign, so that less is better in each
        axes = [Axis(str(i), "", "", "", "minimize") for i in range(together.shape[1])]
        keep = nondominated(together, axes)
        return Local(together[keep], numbers[keep])


def screened_out(costs: list[Array], pivots: Array) -> Array:
    """True where a pivot is better in every objective by more than rounding; shape of the costs.

    `pivots` (p, k). Array-namespace code without memory of its own: each pivot is three operations, which a
    compiler fuses with what made the costs.
    """
    # nothing to start from: which array library makes the arrays is not known here
    out = None
    for row in range(pivots.shape[0]):
        worse = None
        for column, cost in enumerate(costs):
            here = cost > pivots[row, column]
            worse = here if worse is None else worse & here
        out = worse if out is None else out | worse
    return out


def pivots_of(front: Floats, sample: Floats, count: int = PIVOTS) -> Floats:
    """Up to `count` rows of `front` (n, k) that together drop the most of `sample` (m, k), with their slack.

    Greedy cover. The last row is repeated where fewer do, so that the shape never changes; of an empty front
    they are infinite and drop nothing.
    """
    if not len(front):
        return np.full((count, sample.shape[1]), np.inf)
    # some of a long front, in its order: which are chosen decides the time it takes, never the result
    shifted = (front + SLACK * np.abs(front))[:: -(-len(front) // CANDIDATES)]
    # axes (point of the front, design of the sample): true where the point drops the design
    covers = np.ones((len(shifted), len(sample)), dtype=np.bool_)
    for limits, values in zip(shifted.T, sample.T, strict=True):  # a reduction over so short an axis is slow
        covers &= values[None, :] > limits[:, None]
    chosen: list[int] = []
    while len(chosen) < count:
        gains = covers.sum(axis=1)
        best = int(gains.argmax())
        # one at least, since the last is repeated below
        if chosen and not gains[best]:
            break
        chosen.append(best)
        covers = covers[:, ~covers[best]]
    return shifted[chosen + [chosen[-1]] * (count - len(chosen))]


def sifted(costs: Sequence[Floats], ok: npt.NDArray[np.bool_], pivots: Floats) -> Numbers:
    """Flat indices of the feasible points that no pivot drops: pivot after pivot, on what is left."""
    left = np.flatnonzero(ok)
    columns = [c[left] for c in costs]
    for pivot in pivots:
        worse = columns[0] > pivot[0]
        for column, limit in zip(columns[1:], pivot[1:], strict=True):
            worse &= column > limit
        if worse.any():
            keep = ~worse
            left, columns = left[keep], [c[keep] for c in columns]
    return left

"""A compiled glance at many chips: which of them have a design that the pivots do not dominate."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.backends import Compile
from dse.evaluate import scoring
from dse.question.resolved_study import ResolvedStudy
from dse.search.sweep.grid import Grid
from dse.search.sweep.local_front import screened_out
from objectives import api
from objectives.arrays import Array, namespace


class Counter:
    """Counts, chip by chip, the designs that may be on the front.

    Evaluation, constraints, screen and sum are one compiled function, so nothing of the size of the points is
    ever written. A design counts as feasible within rounding, and is decided by NumPy.
    """

    def __init__(
        self, study: ResolvedStudy, grid: Grid, slack: Mapping[str, float], compile: Compile, points: int
    ) -> None:
        self._pieces = grid.pieces(points)
        self._batch = max(1, points // max(p.numbers.size for p in self._pieces))

        def count(chips: Mapping[str, Array], deployments: Mapping[str, Array], pivots: Array) -> Array:
            designs = api.Designs.of(chips=api.Chips.of(**chips), deployments=api.Deployments(**deployments))
            return may_be_on_front(study, designs, pivots, slack)

        self._count = compile(count)

    def counts(self, columns: Mapping[str, Floats], chips: int, pivots: Floats) -> npt.NDArray[np.int64]:
        """Designs of each of `chips` chips that may be on the front, shape (chips,)."""
        found = np.zeros(chips, dtype=np.int64)
        for start in range(0, chips, self._batch):
            stop = min(start + self._batch, chips)
            part = {
                name: self._padded(a[start:stop]) if len(a) == chips else a for name, a in columns.items()
            }
            for piece in self._pieces:
                counted = self._count(part, piece.deployments.columns(), pivots)
                # chips that are alike in all columns are counted once
                found[start:stop] += np.broadcast_to(counted, (self._batch,))[: stop - start]
        return found

    def _padded(self, column: Floats) -> Floats:
        """The column with its last value repeated to the length that was compiled for."""
        return np.pad(column, (0, self._batch - len(column)), mode="edge")


def may_be_on_front(
    study: ResolvedStudy, designs: api.Designs, pivots: Array, slack: Mapping[str, float]
) -> Array:
    """Designs by chip, the last axis, that are feasible within `slack` and that no pivot screens out."""
    metrics = study.cost_model.evaluate(designs, study.context)
    costs = scoring.costs(study, metrics)
    out: Array = screened_out(costs, pivots)
    for name, violation in scoring.violations(study, metrics).items():
        # what is infeasible by no more than rounding is left to NumPy, which decides
        out = out | (violation > slack.get(name, 0.0))
    xp = namespace(costs[0])
    flags = xp.astype(xp.broadcast_to(~out, designs.shape), xp.int32)
    return xp.sum(flags, axis=(0, 1, 2), dtype=xp.int32)  # a wider sum is not fused, and three times as slow

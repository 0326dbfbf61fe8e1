"""The front of all designs that were evaluated, not only of those that a sampler sees."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from dse.arrays import Floats
from dse.front.axis import Axis
from dse.front.columns import ordered
from dse.front.dominance import Mask, hypervolume, nondominated

Rows = Callable[[npt.NDArray[np.intp]], pd.DataFrame]
"""Builds the table rows of some of the points, by their index in the batch."""


class Archive:
    """Feasible points that no feasible point dominates, with the table row of each.

    Rows are built for survivors only, so a batch that adds nothing costs one dominance filter.
    Of points that are equal in every axis the one of the lowest rank stays, and of those the first; so that
    the front does not depend on the order in which workers deliver their batches.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        if not axes:
            raise ValueError("archive: expected at least one objective, got none.")
        self.axes = tuple(axes)
        self._values: Floats = np.empty((0, len(self.axes)))
        self._ranks: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        # a front without rows keeps the columns of its axes, without which `load_front` refuses it
        self._rows = pd.DataFrame({axis.column: pd.Series(dtype="float64") for axis in self.axes})

    def __len__(self) -> int:
        return len(self._values)

    def add(
        self, values: npt.ArrayLike, feasible: npt.ArrayLike, rows: Rows, ranks: npt.ArrayLike = 0
    ) -> int:
        """Offer a batch; the number of its points that are on the front now.

        `values` (n, k) holds the objectives in the units of the axes, `feasible` (n,) is true where no
        constraint is violated, `rows` builds the table of the points at the indices it is given, `ranks` (n,)
        decides between equal points, such as the number of a trial. The archive is unchanged when `rows`
        fails.
        """
        batch = np.asarray(values, dtype=np.float64)
        candidates = np.flatnonzero(np.asarray(feasible, dtype=np.bool_))
        if not candidates.size:
            return 0
        # old points first, so that `keep` splits into those and the new ones below
        merged = np.concatenate([self._values, batch[candidates]])
        order = np.concatenate([self._ranks, np.broadcast_to(ranks, len(batch))[candidates]])
        keep = self._kept(merged, order)
        old = len(self._values)
        chosen = candidates[keep[old:]]
        if not chosen.size:  # then nothing that was here is dominated either
            return 0
        # before anything is replaced: a failure leaves the archive as it was
        fresh = rows(chosen)
        if len(fresh) != len(chosen):
            raise ValueError(f"archive: expected {len(chosen)} rows, got {len(fresh)}.")
        kept = self._rows[keep[:old]]
        self._rows = (
            # an empty table would change the kinds of the columns that it is joined to
            pd.concat([kept, fresh], ignore_index=True) if len(kept) else fresh.reset_index(drop=True)
        )
        self._values, self._ranks = merged[keep], order[keep]
        return len(chosen)

    def _kept(self, values: Floats, ranks: npt.NDArray[np.int64]) -> Mask:
        """Mask of the rows that nothing dominates, the lowest rank of equal ones."""
        # the filter keeps the first of equal rows, so rows are offered in the order of their ranks
        by_rank = np.argsort(ranks, kind="stable")
        keep = np.empty(len(values), dtype=np.bool_)
        keep[by_rank] = nondominated(values[by_rank], self.axes)
        return keep

    def add_frame(self, frame: pd.DataFrame) -> int:
        """Offer the rows of a table, such as a stored front; feasible are those without a violation > 0."""
        if not len(frame):
            return 0
        names = [c for c in frame.columns if c.startswith("violation_")]
        # a gap is a constraint that the row's trial did not have
        feasible = (frame[names].fillna(0.0) <= 0).all(axis=1).to_numpy()
        values = frame[[axis.column for axis in self.axes]].to_numpy(dtype=np.float64)
        ranks = frame["trial"].to_numpy(dtype=np.int64) if "trial" in frame.columns else 0
        return self.add(values, feasible, lambda chosen: frame.iloc[chosen], ranks)

    @property
    def values(self) -> Floats:
        """Objectives (n, k) of the front in the units of the axes, in the order of `frame`."""
        return self._values[self._order()]

    @property
    def frame(self) -> pd.DataFrame:
        """Rows of the front in ascending order of the first axis, columns in their fixed order.

        A column that only rows had which are dominated by now is gone with them: the table is that of its
        rows, whatever came before.
        """
        rows = self._rows.iloc[self._order()]
        # of no rows every column is all gaps, so that none would be left
        if len(rows):
            rows = rows.dropna(axis=1, how="all")
        return rows[ordered(rows.columns)].reset_index(drop=True)

    def hypervolume(self, reference: Mapping[str, float]) -> float:
        """Volume that the front dominates up to `reference` (by axis name), in the product of the units."""
        return hypervolume(self._values, self.axes, reference)

    def nondominated(self, values: npt.ArrayLike) -> Mask:
        """Mask (n,) of the rows of `values` (n, k) that no other of them dominates."""
        return nondominated(values, self.axes)

    def _order(self) -> npt.NDArray[np.intp]:
        # the last key of lexsort is the primary one
        return np.lexsort(self._values.T[::-1])

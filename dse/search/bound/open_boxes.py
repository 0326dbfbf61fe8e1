"""The boxes that may still hold something better, in pieces, so that taking some copies few."""

from collections.abc import Iterator

import numpy as np

from dse.arrays import Floats
from dse.search.bound.boxes import Boxes, joined

PIECE = 1 << 14
"""Boxes of a piece at most; a piece is copied when boxes are taken from it, and joined to small ones."""

ROUND = 2048
"""Boxes that are taken together."""

ROWS = 1 << 19
"""Layouts of these together, unless one box has more: what is made of them must fit into memory."""


class OpenBoxes:
    """Boxes of several branches."""

    def __init__(self) -> None:
        self._pieces: list[Boxes] = []

    def __iter__(self) -> Iterator[Boxes]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return sum(len(piece) for piece in self._pieces)

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        return sum(piece.nbytes for piece in self._pieces)

    @property
    def gap(self) -> float:
        """The largest gap among them; 0 of none."""
        return max((float(piece.gap.max()) for piece in self._pieces), default=0.0)

    def add(self, boxes: Boxes) -> None:
        """Take in boxes of one branch."""
        if not len(boxes):
            return
        for i in range(len(self._pieces) - 1, -1, -1):
            piece = self._pieces[i]
            if piece.family is boxes.family and len(piece) + len(boxes) <= PIECE:
                self._pieces[i] = joined([piece, boxes])
                return
        self._pieces.append(boxes)

    def take(self, *, few_designs: bool = False) -> list[Boxes]:
        """Remove and return the boxes with the largest gaps, those of one branch together.

        With `few_designs` those with the fewest designs instead: they are settled soonest, so that what is
        open stays little.
        """
        keys = [-p.designs_each if few_designs else p.gap for p in self._pieces]
        chosen = _largest(np.concatenate(keys), np.concatenate([p.counts for p in self._pieces]))
        taken: dict[int, list[Boxes]] = {}
        left: list[Boxes] = []
        start = 0
        for piece in self._pieces:
            here = chosen[start : start + len(piece)]
            start += len(piece)
            if here.any():
                taken.setdefault(id(piece.family), []).append(piece.part(here))
                piece = piece.part(~here)
            left.append(piece)
        self._pieces = []
        for piece in left:
            self.add(piece)
        return [joined(parts) for parts in taken.values()]


def _largest(keys: Floats, rows: Floats) -> np.ndarray:
    """Mask of the boxes with the largest keys, as many as make a round; one at least."""
    first = np.arange(len(keys))
    if len(keys) > ROUND:
        # `argpartition` of equal keys depends on their order alone, so a proof can be repeated
        first = np.argpartition(-keys, ROUND)[:ROUND]
    first = first[np.argsort(-keys[first], kind="stable")]
    some = np.cumsum(rows[first]) <= ROWS
    some[0] = True
    chosen = np.zeros(len(keys), dtype=np.bool_)
    chosen[first[some]] = True
    return chosen

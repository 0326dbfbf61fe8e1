"""Pairs of boxes in one layout each that may still hold something better than what is known."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dse.arrays import Floats
from dse.search.bound.boxes import Mask
from dse.search.turns.question import Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenRows:
    """Pairs of boxes, each in a layout of both pools and a cut of the batch."""

    lead: Rows
    """(n,) box of the pool that leads."""
    code: Rows
    """(n,) its layout x cuts + cut."""
    fed: Rows
    """(n,) box of the other pool."""
    layout: Rows
    """(n,)."""
    lower: Floats
    """(n, k) no pair of its chips is better, as logarithms."""
    gap: Floats
    """(n,) by how much a pair of its chips may beat what is known, as a logarithm."""

    @classmethod
    def empty(cls, goals: int) -> "OpenRows":
        """None."""
        none = np.empty(0, dtype=np.int64)
        return cls(lead=none, code=none, fed=none, layout=none, lower=np.empty((0, goals)), gap=np.empty(0))

    def __len__(self) -> int:
        return len(self.gap)

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    def part(self, rows: Rows | Mask | slice) -> "OpenRows":
        """Some of them."""
        return OpenRows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def together(parts: Sequence[OpenRows]) -> OpenRows:
    """All of several; one at least."""
    if len(parts) == 1:
        return parts[0]
    return OpenRows(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(OpenRows)})

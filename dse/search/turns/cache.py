"""Numbers of the boxes of one pool that are known: each is part of many pairs."""

from collections.abc import Callable

import numpy as np

from dse.arrays import Floats
from dse.evaluate.pools.fronts import Numbers
from dse.search.bound.boxes import Mask

MOST = 1 << 19
"""Boxes in a layout that are kept; of more all are forgotten."""

Evaluated = Callable[[Numbers], tuple[Floats, Mask]]
"""Gives numbers (names, n) of some keys, and where no constraint is broken (n,)."""


class Cache:
    """Numbers by key."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._numbers: Floats = np.empty((0, 0))
        self._fits = np.empty(0, dtype=np.bool_)

    def of(self, keys: Numbers, evaluated: Evaluated) -> tuple[Floats, Mask]:
        """Numbers of unequal keys, of which those that are not known are evaluated."""
        if len(self._place) > MOST:
            self._place.clear()
        place = np.asarray([self._place.get(key, -1) for key in keys.tolist()], dtype=np.int64)
        new = np.flatnonzero(place < 0)
        if len(new):
            place[new] = self._add(keys[new], *evaluated(keys[new]))
        return self._numbers[:, place], self._fits[place]

    def _add(self, keys: Numbers, numbers: Floats, fits: Mask) -> Numbers:
        """Keep the numbers of more keys; where they are."""
        start = len(self._place)
        end = start + len(keys)
        if end > len(self._fits):
            room = max(2 * len(self._fits), end)
            kept, fit = self._numbers, self._fits
            self._numbers, self._fits = np.empty((len(numbers), room)), np.empty(room, dtype=np.bool_)
            if start:
                self._numbers[:, :start], self._fits[:start] = kept[:, :start], fit[:start]
        self._numbers[:, start:end], self._fits[start:end] = numbers, fits
        place = np.arange(start, end)
        self._place.update(zip(keys.tolist(), place.tolist(), strict=True))
        return place

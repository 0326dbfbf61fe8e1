"""Time of one operator group: compute against every tier that feeds it."""

from dataclasses import dataclass
from functools import reduce

from objectives.arrays import Array, ceil_div, namespace


@dataclass(frozen=True, kw_only=True)
class Group:
    """Seconds that compute, SRAM and DRAM each need for one operator group [s]; they overlap, or nearly."""

    compute: Array
    sram: Array
    dram: Array
    load: Array | None = None
    """Seconds that stationary weights need to enter the matrix units [s], where there are weights."""

    exposed: Array | None = None
    """Share of the shorter of compute and streams that does not hide behind the longer [1]; None for none."""

    def seconds(self) -> Array:
        """max(compute, load, sram, dram) [s], and what of the shorter stays exposed.

        exposed x min(compute, max(load, sram, dram)): kernels fill and drain, and tiles wait for their
        operands. Limits: never below any of them, never above the sum of compute and streams; SRAM and DRAM
        stream at once (their maximum, not their sum), through the port of the matrix units; rises with each;
        the roofline of Williams, Waterman & Patterson (CACM 2009) where nothing is exposed.
        """
        xp = namespace(self.compute)
        streams = self._streams()
        longest = xp.maximum(self.compute, streams)
        return longest if self.exposed is None else longest + self.exposed * xp.minimum(self.compute, streams)

    def _streams(self) -> Array:
        xp = namespace(self.compute)
        streams = xp.maximum(self.sram, self.dram)
        return streams if self.load is None else xp.maximum(streams, self.load)

    def bound(self) -> dict[str, Array]:
        """The seconds, credited to the one resource that binds; of equals, to the first in this order."""
        xp = namespace(self.compute)
        seconds, longest = self.seconds(), xp.maximum(self.compute, self._streams())
        zero = 0.0 * seconds
        terms = {"compute": self.compute, "weight_load": self.load, "sram": self.sram, "dram": self.dram}
        free = longest >= 0.0
        credits = {}
        for name, term in terms.items():
            if term is None:
                continue
            here = free & (term >= longest)
            credits[name] = xp.where(here, seconds, zero)
            free = free & ~here
        return credits


def padded_rows(rows: Array, tile: Array) -> Array:
    """Rows that the matrix unit really works through [1]: whole tiles.

    Limits: never below `rows`; equal to it when `tile` divides it.
    Source: NVIDIA PTX ISA, mma and wgmma shapes, whose smallest free side is 8.
    """
    return ceil_div(rows, tile) * tile


def add_bounds(parts: list[dict[str, Array]]) -> dict[str, Array]:
    """Sum of credits by resource, key by key."""
    keys = {key: None for part in parts for key in part}
    return {k: reduce(lambda a, b: a + b, [p[k] for p in parts if k in p]) for k in keys}

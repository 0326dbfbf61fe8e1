"""Time of one operator: compute against every memory that feeds it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, maximum, minimum, where, zeros_like
from objectives.equations.chip.placement import ALIKE


@dataclass(frozen=True, kw_only=True)
class OperatorTime:
    """Seconds that compute, SRAM and DRAM each need for one operator [s]; they overlap, or nearly."""

    compute_s: Array
    sram_s: Array
    dram_s: Array
    load_s: Array | None = None
    """Seconds that stationary weights need to enter the matrix units [s], where there are weights."""

    exposed_share: Array | None = None
    """Share of the shorter of compute and streams that does not hide behind the longer [1]; None for none."""
    further_s: Mapping[str, Array] | None = None
    """Seconds that memories beyond SRAM and DRAM need, by name [s]; None for chips without such."""

    def seconds(self) -> Array:
        """max(compute, load, sram, dram), and what of the shorter stays exposed [s].

        exposed x min(compute, max(load, sram, dram)): kernels fill and drain, and tiles wait for their
        operands. Limits: never below any of them, never above the sum of compute and streams; all memories
        stream at once (their maximum, not their sum), through the port of the matrix units; rises with each;
        the roofline of Williams, Waterman & Patterson (CACM 2009) where nothing is exposed.
        """
        streams = self._streams()
        # the maximum is perfect overlap; a share of the shorter puts back what fill and drain expose
        longest = maximum(self.compute_s, streams)
        if self.exposed_share is None:
            return longest
        return longest + self.exposed_share * minimum(self.compute_s, streams)

    def _streams(self) -> Array:
        streams = maximum(self.sram_s, self.dram_s)
        for further in (self.further_s or {}).values():
            streams = maximum(streams, further)
        return streams if self.load_s is None else maximum(streams, self.load_s)

    def _longest(self) -> Array:
        return maximum(self.compute_s, self._streams())

    def bound(self) -> dict[str, Array]:
        """The seconds, credited to the one resource that binds; of equals, to the first in this order [s]."""
        seconds, longest = self.seconds(), self._longest()
        zero = zeros_like(seconds)
        terms = {
            "compute": self.compute_s,
            "weight_load": self.load_s,
            "sram": self.sram_s,
            "dram": self.dram_s,
            **(self.further_s or {}),
        }
        for further in (self.further_s or {}).values():
            # memories that end together differ by rounding, which decides nothing
            longest = where(further > 0.0, minimum(longest, self._longest() * (1.0 - ALIKE)), longest)
        # true everywhere at first; each element is credited once, so that the credits sum to the seconds
        free = longest >= 0.0
        credits = {}
        for name, term in terms.items():
            if term is None:
                continue
            here = free & (term >= longest)
            credits[name] = where(here, seconds, zero)
            free = free & ~here
        return credits


def padded_rows(rows: Array, tile: Array) -> Array:
    """Rows that the matrix unit really works through: whole tiles [1].

    ceil(rows / tile) tile.

    Args:
        rows: rows of the operand [1].
        tile: rows of one tile [1].

    Returns:
        Rows, broadcast shape [1].

    Domain:
        One operand of all rows; for rows spread over experts see `llm.experts.tiled`.

    Limits:
        Never below `rows`; equal to it when `tile` divides it.

    Source:
        NVIDIA PTX ISA, mma and wgmma shapes, whose smallest free side is 8.

    Examples:
        By hand: nine rows are two tiles of eight.

        >>> padded_rows(9.0, 8.0)
        16.0
    """
    return ceil_div(rows, tile) * tile


def sustained_by_cores(chips: Chips, decoded: Array) -> Array:
    """Share of the matrix peak that attention cores sustain in a pass of both kinds of rows [1].

    1 / (x / decode + (1 - x) / prompts), x the share of FLOP of rows that decode: a step has few rows for
    each key, so that its kernels are others than those of prompts, and times of both add.

    Args:
        chips: chips, for both efficiencies.
        decoded: share x [1].

    Returns:
        Share, shapes broadcast [1].

    Domain:
        Kernels one after the other.

    Limits:
        The efficiency of decode at 1, of prompts at 0.

    Source:
        Harmonic mean of rates over work.

    Examples:
        By hand: half of the work at a quarter of the peak, half at three quarters.

        >>> from objectives.chips import chips_with
        >>> sustained_by_cores(chips_with(core_efficiency=0.75, decode_core_efficiency=0.25), 0.5)
        0.375
    """
    return 1.0 / (
        decoded / chips.stack.decode_core_efficiency + (1.0 - decoded) / chips.stack.core_efficiency
    )


def add_bounds(parts: Iterable[dict[str, Array]]) -> dict[str, Array]:
    """Sum of seconds by resource, key by key [s].

    Args:
        parts: seconds by resource of several operators [s].

    Returns:
        Seconds of all of them by resource [s].

    Domain:
        Operators one after the other.

    Limits:
        Empty for no parts.

    Source:
        A sum.

    Examples:
        By hand:

        >>> add_bounds([{"dram": 1.0, "link": 0.5}, {"dram": 2.0}])
        {'dram': 3.0, 'link': 0.5}
    """
    # a resource that only some operators wait for has their seconds alone
    total: dict[str, Array] = {}
    for part in parts:
        for name, seconds in part.items():
            total[name] = total[name] + seconds if name in total else seconds
    return total

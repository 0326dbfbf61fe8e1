"""The layout of a measured system: as stated, else assumed as engines are usually started."""

import re
from dataclasses import dataclass
from math import isqrt
from typing import Final

from dse.spec.schema.chip import ChipSpec
from dse.validate.measured.rows import Measured
from objectives import api
from objectives.equations.llm.parameters import params

LAYER_SPLIT: Final = r"llama\.?cpp|ollama|exllama"
"""Engines that give each card a part of the layers."""

REPLICATED: Final = ("unknown", "mean_in_flight", "max_seqs")
"""Kinds of batch of runs for throughput, which fill a system with the smallest replicas."""

WEIGHTS_SHARE: Final = 0.6
"""Largest share of DRAM that weights take in a replica in practice; the rest is for KV cache."""

MOST_ASSUMED: Final = 8
"""Most chips of a system without a stated layout, which is taken as the smallest that holds the weights."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Ways and replicas of a measured system."""

    tp: float
    pp: float
    dp: float
    ep: float | None
    assumed: str
    """What is not stated but taken as usual; the empty string when nothing."""


def layout(row: Measured, chip: ChipSpec, llm: api.Llm, weight_bytes: float) -> Layout | None:
    """The layout of a row; None where chips and ways are both left open and many chips are needed.

    Blank ways follow from the number of chips. A blank TP takes all chips of a run with a stated batch, the
    fewest that hold the weights in a run for throughput, and PP instead in an engine that splits layers.
    """
    pp, dp = row.pp or 1.0, row.dp or 1.0
    if row.tp is not None:
        spare = (row.chips or 0.0) / (row.tp * pp * dp)
        if row.dp is None and spare > 1.0 and spare.is_integer():  # chips left over serve more replicas
            return _found(row, row.tp, pp, spare, f"DP {spare:.0f}")
        return _found(row, row.tp, pp, dp, "")
    fewest = _fewest(chip, llm, weight_bytes)
    if row.chips is None:
        if fewest is None or fewest > MOST_ASSUMED:
            return None
        return _found(row, fewest, pp, dp, f"TP {fewest:.0f}")
    ways = max(row.chips / (pp * dp), 1.0)
    # chips that PP and DP do not divide: the row contradicts itself, and any layout would be a guess
    if not ways.is_integer():
        return None
    # a single chip leaves nothing to assume
    if ways == 1.0:
        return _found(row, 1.0, pp, dp, "")
    if row.pp is None and re.search(LAYER_SPLIT, row.engine, re.IGNORECASE):
        return _found(row, 1.0, ways, dp, f"PP {ways:.0f}")
    most = fewest if row.kind in REPLICATED and row.dp is None and fewest else ways
    # with more ways than heads some chips would have none
    tp = max(t for t in _divisors(ways) if t <= min(most, llm.heads))
    assumed = f"TP {tp:.0f}" if tp == ways else f"TP {tp:.0f} x DP {ways / tp:.0f}"
    return _found(row, tp, pp, dp * ways / tp, assumed)


def other_count(row: Measured, ways: Layout | None) -> str:
    """Why the chips of a row are not those of its layout; the empty string when they are, or are not stated.

    `ways` is the layout of the row, see `layout`, with what it leaves blank.
    """
    if row.chips is None:
        return ""
    if ways is not None:
        if ways.tp * ways.pp * ways.dp == row.chips:
            return ""
        stated = f"TP {ways.tp:.0f} x PP {ways.pp:.0f} x DP {ways.dp:.0f} = {ways.tp * ways.pp * ways.dp:.0f}"
        # blank replicas follow from the number of chips
        more = " or a multiple of it" if row.dp is None else ""
    else:
        pp, dp = row.pp or 1.0, row.dp or 1.0
        stated, more = f"a multiple of PP {pp:.0f} x DP {dp:.0f} = {pp * dp:.0f}", ""
    return f"n_chips: expected {stated}{more}, got {row.chips:.0f}"


def _found(row: Measured, tp: float, pp: float, dp: float, assumed: str) -> Layout:
    return Layout(tp=tp, pp=pp, dp=dp, ep=row.ep, assumed=assumed)


def _fewest(chip: ChipSpec, llm: api.Llm, weight_bytes: float) -> float | None:
    """Chips, a power of two, that hold the weights with room for KV cache; None without DRAM."""
    size = chip.dram.capacity.value if chip.dram else None
    if not size:
        return None
    chips = 1.0
    while params(llm) * weight_bytes > WEIGHTS_SHARE * size * chips:
        chips *= 2.0
    return chips


def _divisors(n: float) -> list[float]:
    small = [d for d in range(1, isqrt(int(n)) + 1) if int(n) % d == 0]
    return [float(d) for d in (*small, *(int(n) // d for d in small))]

"""Seconds and bytes between the points of a grid, by lines in each direction."""

import numpy as np

from dse.simulate.compiled import compiled
from dse.simulate.state import Floats, Times


@compiled
def place(axis: Floats, value: float) -> tuple[int, float]:
    """Index of the last point at or below `value`, and how far it is on the way to the next, from 0 to 1."""
    last = axis.size - 1
    # a value beyond the grid gets that of its edge
    if value <= axis[0] or last == 0:
        return 0, 0.0
    if value >= axis[last]:
        return last - 1, 1.0
    low = int(np.searchsorted(axis, value, side="right")) - 1
    return low, float((value - axis[low]) / (axis[low + 1] - axis[low]))


@compiled
def seconds(t: Times, of: Floats, sequences: float, context: float, prompt: float, seen: float) -> float:
    """Time of an iteration, `of` all stages or the slowest one [s]."""
    i, u = place(t.sequences, sequences)
    j, v = place(t.context, context)
    k, w = place(t.prompt, prompt)
    m, x = place(t.seen, seen)
    total = 0.0
    # corners of weight 0 may lie beyond the grid
    for a in range(2):
        of_sequences = u if a else 1.0 - u
        if of_sequences == 0.0:
            continue
        for b in range(2):
            of_context = of_sequences * (v if b else 1.0 - v)
            if of_context == 0.0:
                continue
            for c in range(2):
                of_prompt = of_context * (w if c else 1.0 - w)
                if of_prompt == 0.0:
                    continue
                for d in range(2):
                    share = of_prompt * (x if d else 1.0 - x)
                    if share != 0.0:
                        total += share * of[i + a, j + b, k + c, m + d]
    return total


@compiled
def kept_bytes(t: Times, length: float) -> float:
    """Bytes that a sequence keeps on the fullest chip [B]; the last line holds beyond the grid."""
    last = t.length.size - 1
    low = min(max(int(np.searchsorted(t.length, length, side="right")) - 1, 0), last - 1)
    on_the_way = (length - t.length[low]) / (t.length[low + 1] - t.length[low])
    return float(t.kept[low] + on_the_way * (t.kept[low + 1] - t.kept[low]))

"""Seconds of an iteration at the points of a grid, from the equations of the cost model."""

import numpy as np

from dse.simulate.state import Floats, Times
from objectives.arrays import Array
from objectives.equations.iterations.seconds import Carried, iteration_seconds
from objectives.equations.step.batch_setup import Setup

_OCTAVE = 3
"""Points of an axis in which its value doubles."""


def axis(low: float, high: float, *, whole: bool = False) -> Floats:
    """Points from `low` to `high`, each about a quarter above the one before, both ends among them."""
    count = max(int(np.ceil(np.log2(max(high / low, 1.0)) * _OCTAVE)), 1) + 1
    points = np.geomspace(low, max(high, low), count)
    return np.unique(np.rint(points) if whole else points)


def step_times(s: Setup, *, slots: int, longest: float, prompt: float) -> Times:
    """A grid of what iterations of a design may carry.

    Args:
        s: the design set up for its passes, a batch of one.
        slots: sequences of a replica at most.
        longest: tokens of the longest sequence.
        prompt: tokens of prompts in an iteration at most.

    Returns:
        Seconds at each point, and bytes of a sequence by its length.
    """
    sequences = np.concatenate(([0.0], axis(1.0, float(slots), whole=True)))
    context, seen = axis(16.0, max(longest, 32.0)), axis(16.0, max(longest, 32.0))
    prompts = np.concatenate(([0.0], axis(1.0, max(prompt, 2.0), whole=True)))
    at = np.meshgrid(sequences, context, prompts, seen, indexing="ij", sparse=True)
    full = np.broadcast_shapes(*(a.shape for a in at))
    # equations of the cost model take (n,) or any shape that broadcasts against it
    one = Carried(sequences=at[0], context=at[1], prompt=at[2], seen=at[3])
    # an iteration without any row has no mean over rows
    with np.errstate(invalid="ignore"):
        found = iteration_seconds(s, one)
    seconds, stage = (_whole(each, full) for each in (found.latency_s, found.stage_s))
    lengths = np.concatenate(([0.0], axis(1.0, max(longest, 32.0))))
    kept = s.most_of_stage(
        lambda layer: layer.kept_bytes(lengths, s.context.precision.kv_bytes, s.chips.stack.window_kept)
    )
    return Times(
        sequences=sequences,
        context=context,
        prompt=prompts,
        seen=seen,
        seconds=seconds,
        stage=stage,
        length=lengths,
        kept=np.array(np.broadcast_to(kept, lengths.shape), dtype=np.float64),
    )


def _whole(seconds: Array, shape: tuple[int, ...]) -> Floats:
    """All points of a grid; nothing at all takes no time."""
    found = np.array(np.broadcast_to(seconds, shape), dtype=np.float64)
    found[0, :, 0, :] = 0.0
    return np.ascontiguousarray(found)


def room_bytes(s: Setup) -> float:
    """Room for KV cache on the fullest chip [B]: what its memories have beyond weights and activations."""
    excess = np.asarray(s.machine.placed.lacking()).reshape(-1)[0]
    return float(np.asarray(s.held_bytes["kv_cache"]).reshape(-1)[0] - excess)

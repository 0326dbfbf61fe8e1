"""Pipelines: micro-batches, the slowest stage, and the turn that a token waits for."""

from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, namespace


@dataclass(frozen=True, kw_only=True)
class MicroBatches:
    """How the resident sequences are cut."""

    rows: Array
    """Sequences in one micro-batch [1]."""
    count: Array
    """Micro-batches in flight [1]; below PP the pipeline has bubbles."""


def micro_batches(batch: Array, pp: Array) -> MicroBatches:
    """As many micro-batches as stages, of equal size: rows = ceil(B/PP), count = ceil(B/rows).

    Limits: rows x count >= B; count <= PP; one micro-batch of B for PP = 1.
    """
    rows = ceil_div(batch, pp)
    return MicroBatches(rows=rows, count=ceil_div(batch, rows))


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Time of one full turn of the pipeline [s], and of the walk of one micro-batch through it."""

    seconds: Array
    walk: Array

    def wait(self) -> Array:
        """Time that a micro-batch waits for the slowest stage to serve the others [s]."""
        return self.seconds - self.walk


def slowest_stage(layers: int, pp: Array, layer_s: Array, head_s: Array, fixed_s: Array) -> Array:
    """Time that the slowest stage is occupied by one micro-batch [s].

    Stages hold ceil or floor of layers/PP, the larger ones first; the last holds the floor and the LM head.
    `fixed_s` is what every stage pays: its hop and its overhead. Limits: the whole walk for PP = 1.
    """
    xp = namespace(layer_s, pp)
    share = float(layers) / pp
    most, fewest = xp.ceil(share), xp.floor(share)
    return xp.maximum(most * layer_s, fewest * layer_s + head_s) + fixed_s


def turn(walk_s: Array, stage_s: Array, count: Array) -> Turn:
    """One token for every sequence: max(a walk through all stages, `count` visits to the slowest stage).

    Limits: the walk alone when `count` = 1; count x slowest stage when the pipeline is full; never less than
    either, so filling bubbles never costs time.

    Source: GPipe (Huang et al. 2019, arXiv 1811.06965) for stages and micro-batches; inference form as in
    Chiplet Cloud (Peng et al. 2023, arXiv 2307.02666).
    """
    seconds = namespace(walk_s, stage_s).maximum(walk_s, count * stage_s)
    return Turn(seconds=seconds, walk=walk_s)

"""Stages of unlike numbers of chips: stages of one layer next to stages of two, where a stack can."""

from dataclasses import dataclass, replace

from objectives.arrays import Array, ceil_div, floor, maximum, where
from objectives.equations.step.batch_setup import Setup


@dataclass(frozen=True, kw_only=True)
class StageWidths:
    """What a replica has whose smaller stages are narrower."""

    chips: Array
    """Chips of all its stages [1]."""
    slower: Array
    """Layers by which the way of a prompt is longer, in times of one layer on TP x CP chips [1]."""


def stage_widths(layers: int, ways: Array, pp: Array, count: Array, unlike: Array) -> StageWidths:
    """Chips of stages of one layer that have half as many, next to stages of two.

    Where the largest of PP stages has two layers, n = 2 PP - L have one. But for the last one, which has the
    LM head too, these have ways / 2 chips: each holds and computes of its one layer what a chip of the
    largest stage does of two, however heads, tokens and experts are split.

    Args:
        layers: layers L of the network [1].
        ways: chips of the largest stage, TP x CP [1].
        pp: pipeline stages [1].
        count: micro-batches in flight [1].
        unlike: 1 where a stack can give stages unlike numbers of chips, else 0 [1].

    Returns:
        Chips of a replica, and by how many layers the way of a prompt is longer, shapes broadcast.

    Domain:
        Full pipelines, count >= PP: a turn lasts PP times the largest stage in any case, so that fewer chips
        cost no time. Others keep equal stages: what they would save of chips they would lose in speed. So do
        stages of other widths, among which KV heads and experts divide unevenly.

    Limits:
        ways x PP, as long a way, where the largest stage has another number of layers, ways are odd, or the
        stack cannot.

    Source:
        Load balance of a pipeline: the slowest stage decides (PipeDream, Narayanan et al. 2019, section 3.1).

    Examples:
        By hand: 61 layers on 40 stages are 21 of two and 19 of one; 18 of these have 8 chips in place of 16.

        >>> stage_widths(61, 16.0, 40.0, 40.0, 1.0)
        StageWidths(chips=496.0, slower=18.0)
    """
    two, even = ceil_div(float(layers), pp) == 2.0, floor(ways / 2.0) * 2.0 == ways
    fewer = maximum(2.0 * pp - layers - 1.0, 0.0)
    fewer = where((unlike > 0.0) & (count >= pp) & two & even, fewer, 0.0 * fewer)
    return StageWidths(chips=ways * pp - fewer * (ways / 2.0), slower=fewer)


def with_unlike_stages(s: Setup) -> Setup:
    """A setup whose smaller stages are narrower, where its stack can.

    Args:
        s: designs set up for their passes.

    Returns:
        The same setup with its widths.

    Domain:
        As `stage_widths`.

    Limits:
        The setup itself where no stack of the batch can.

    Source:
        As `stage_widths`.

    Examples:
        By hand, in tests/equations/step/test_stage_widths.py.
    """
    unlike, d = s.chips.stack.unlike_stages, s.deployments
    if unlike is None:
        return s
    widths = stage_widths(s.context.llm.layers, d.ways, d.pp, s.micro.count, unlike)
    return replace(s, replica_chips=widths.chips, slower_layers=widths.slower)

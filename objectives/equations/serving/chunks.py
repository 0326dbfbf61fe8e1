"""Chunked prefill: prompts are cut into chunks that ride with the steps of decode."""

from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, namespace


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """How prompts are cut, or packed where they are short."""

    pieces: Array
    """Chunks of one prompt [1]; 1 where it is whole."""
    together: Array
    """Prompts in one chunk [1]; 1 where a prompt takes several chunks."""
    rows: Array
    """Prompt tokens in one chunk [token]."""


def chunks(prompt: Array, budget: Array, due: Array) -> Chunks:
    """Chunks of at most `budget` rows for prompts of `prompt` rows, of which `due` a step must be served.

    A prompt above the budget is cut into equal pieces. Shorter ones are packed as far as so many are due in
    each step, and no further: packing more would make the first ones wait. Limits: one piece of one prompt
    for a large budget and little load.

    Source: Agrawal et al., Sarathi-Serve, OSDI 2024 (arXiv 2403.02310).
    """
    xp = namespace(budget, due)
    some = xp.maximum(prompt + 0.0 * budget, 1.0 + 0.0 * budget)
    pieces = ceil_div(some, budget)
    together = xp.maximum(xp.minimum(due, budget) / some, 1.0 + 0.0 * due)
    one = 1.0 + 0.0 * together
    together = xp.where(pieces > 1.0, one, together)
    return Chunks(pieces=pieces, together=together, rows=prompt / pieces * together)

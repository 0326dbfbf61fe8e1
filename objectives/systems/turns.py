"""Turns of a system whose pools work on several parts of a batch at once: the fastest of some cuts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from objectives.api import Pool
from objectives.arrays import Array, where
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.step.batch_setup import Setup
from objectives.systems.decode_side import joined
from objectives.systems.result import PoolUse


@dataclass(frozen=True, kw_only=True)
class PoolTurn:
    """What one pool does and holds in a turn; columns that may be chosen among."""

    busy: Array
    """Share of the time that it works [1]."""
    excess: Array
    """Bytes that fit nowhere [B]."""
    used: ResourceSeconds
    """What an output token takes of it [chip-second]."""
    held: dict[str, Array]
    """Bytes that the fullest chip holds, by kind [B]."""

    def use(self, pool: Pool, s: Setup) -> PoolUse:
        """The pool with what it does."""
        d = pool.deployments
        return PoolUse(
            role=pool.role,
            chips=pool.chips,
            count=d.ways * d.pp * d.dp,
            together=d.ways * d.pp * joined(s),
            resources=self.used,
            replicas=d.dp,
            held_bytes=self.held,
            busy=self.busy,
        )


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One token of every sequence through two pools with some cut of the batch."""

    step_s: Array
    """From one token of a sequence to its next [s]."""
    count: Array
    """Parts of the batch in flight [1]."""
    parts_s: dict[str, Array]
    bounds_s: dict[str, Array]
    first: PoolTurn
    """The pool that holds KV cache, or drafts."""
    then: PoolTurn
    """The pool that it sends to."""


def fastest(turns: Sequence[Turn]) -> Turn:
    """Column by column that of the fastest turn; of equals the one with the fewest parts.

    Args:
        turns: of the same designs, with the fewest parts first.

    Returns:
        A turn.

    Domain:
        Turns with the same ledgers.

    Limits:
        The only one of one.

    Source:
        MegaScale-Infer (arXiv 2504.02263), algorithm 1, for the choice by trial.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    best = turns[0]
    for other in turns[1:]:
        better = other.step_s < best.step_s

        def pick(old: Array, new: Array, better: Array = better) -> Array:
            return where(better, new, old)

        best = _either(best, other, pick)
    return best


def _either(a: Array, b: Array, pick: Callable[[Array, Array], Array]) -> Array:
    """One of two columns, column by column where they are structs of such; None where there is none."""
    if a is None:
        return None
    if isinstance(a, dict):
        return {k: pick(a[k], b[k]) for k in a}
    if isinstance(a, (Turn, PoolTurn, ResourceSeconds)):
        of = [f.name for f in fields(a)]
        return type(a)(**{n: _either(getattr(a, n), getattr(b, n), pick) for n in of})
    return pick(a, b)

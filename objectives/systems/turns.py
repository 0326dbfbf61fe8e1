"""Turns of a system whose pools work on several parts of a batch at once: the fastest of some cuts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from objectives.api import Pool
from objectives.arrays import Array, where
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.step.batch_setup import Setup
from objectives.systems.decode_side import DecodeSide, joined, pool_violations, prompt_kv
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


def side_of(chosen: Turn, first: tuple[Pool, Setup], then: tuple[Pool, Setup], holder: int) -> DecodeSide:
    """Decode in two pools that take turns.

    Args:
        chosen: the fastest turn.
        first: the pool that sends first, with its setup for what no cut of the batch changes.
        then: the other one.
        holder: which of them has the KV cache of the LLM that is served, 0 or 1.

    Returns:
        Steps of decode, without prompts.

    Domain:
        Both pools of one system.

    Limits:
        As the turn.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py and tests/systems/test_draft_verify.py.
    """
    pool, s = (first, then)[holder]
    d = pool.deployments
    return DecodeSide(
        batch=d.batch,
        replicas=d.dp,
        count=chosen.count,
        step_s=chosen.step_s,
        tokens=1.0,
        parts_s=chosen.parts_s,
        bounds_s=chosen.bounds_s,
        uses=(chosen.first.use(*first), chosen.then.use(*then)),
        violations={
            **pool_violations(first[0].role, first[1], chosen.first.excess),
            **pool_violations(then[0].role, then[1], chosen.then.excess),
        },
        holder=pool,
        prompt_kv_bytes=prompt_kv(s),
    )


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

"""Seconds of one iteration of a scheduler, for any sequences that decode and any tokens of prompts."""

from dataclasses import dataclass

from objectives.arrays import Array, minimum, ones_like, where
from objectives.equations.iterations.rows import mixed
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.forward_pass import PassInput, forward_pass
from objectives.equations.step.pipeline_pass import PipelinePass, pipeline_pass


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What one iteration of a replica carries; arrays that broadcast against each other."""

    sequences: Array
    """Sequences that decode a token [1]."""
    context: Array
    """Tokens that each of them sees, the mean [token]."""
    prompt: Array
    """Tokens of prompts that are computed [token]; 0 for a plain step of decode."""
    seen: Array
    """Tokens that each of these sees, the mean [token]: half of a prompt that is computed whole."""


@dataclass(frozen=True, kw_only=True)
class IterationTime:
    """How long one iteration takes; both are the same without a pipeline but for what stages alone pay."""

    latency_s: Array
    """From the first stage to the last [s]."""
    stage_s: Array
    """Time that the slowest stage is occupied, after which the next iteration may follow [s]."""


def iteration_seconds(s: Setup, c: Carried) -> IterationTime:
    """Time of one iteration of a replica, or of one micro-batch of its pipeline [s].

    A pass over all rows, through all stages.

    Args:
        s: designs set up for their passes: chips, layout, placement.
        c: what the iteration carries.

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        LLMs that give one token a step, without an encoder. Placement of bytes in memories is that of the
        full batch of the design. Tokens of prompts are one chunk: several whole prompts read no more KV cache
        than one that sees as much.

    Limits:
        A step of decode for no tokens of prompts; a pass over a prompt for no sequences that decode.

    Source:
        As `step.forward_pass`.

    Examples:
        By hand, in tests/equations/iterations/test_iteration_seconds.py: equal to a step of decode, and to a
        pass over a prompt, of the same rows.
    """
    decoding, chunk = _decoding(s, c.sequences, c.context), _chunk(s, c.prompt, c.seen)
    plain, carrying = _pass(s, decoding), _pass(s, mixed(decoding, chunk))
    some = c.prompt > 0.0
    return IterationTime(
        latency_s=where(some, carrying.latency_s, plain.latency_s),
        stage_s=where(some, carrying.stage_s, plain.stage_s),
    )


def _pass(s: Setup, rows: PassInput) -> PipelinePass:
    """All rows through all stages."""
    pp = s.deployments.pp
    one = ones_like(pp)
    return pipeline_pass(s.machine, forward_pass(s.machine, rows), rows, pp, s.hops, one, s.slower_layers)


def _decoding(s: Setup, sequences: Array, context: Array) -> PassInput:
    """One row for each sequence."""
    m, layer = s.machine, s.machine.layer
    return PassInput(
        rows=sequences,
        head_rows=sequences,
        sequences=sequences,
        core_flop=layer.core_flop(context),
        kv_elements=sequences * layer.kv_read(context),
        kv_share=m.placed.kv_share,
        kv_further=m.placed.elsewhere(1),
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * sequences,
        exchanged=layer.exchanged(),
    )


def _chunk(s: Setup, rows: Array, seen: Array) -> PassInput:
    """Rows of prompts that see so many tokens on average."""
    m, layer = s.machine, s.machine.layer
    # half a chunk before the mean row and half behind it: what it reads and writes ends there
    reached = seen + rows / 2.0
    kept = layer.kv_kept(reached)
    one = where(rows > 0.0, 1.0, 0.0)
    return PassInput(
        rows=rows,
        # the last row of a prompt that ends feeds the head
        head_rows=one,
        sequences=one,
        # the mean over a prompt of twice as many tokens
        core_flop=layer.prompt_core_flop(2.0 * seen),
        kv_elements=kept if (read := layer.kv_passed(reached)) is None else read,
        kv_share=m.placed.kv_share,
        kv_further=m.placed.elsewhere(1),
        kv_written=minimum(layer.kv_kept(rows), kept),
        prompt=True,
        decoded=0.0,
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * one,
        exchanged=layer.exchanged(prompt=True),
    )

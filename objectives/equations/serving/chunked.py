"""Chunked: prompts are cut into chunks that ride with the steps of decode, whose weights they share."""

from dataclasses import dataclass, replace
from typing import final

from objectives.api import Designs, Workload
from objectives.arrays import Array, ceil_div, maximum, minimum, ones_like, where, zeros_like
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.iterations.rows import mixed as with_chunk
from objectives.equations.llm.mean_layer import MeanLayer
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import queue, wait_for_prompts
from objectives.equations.serving.shared_replicas import QUEUE_NOTE, shared_replicas
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.encoder_pass import encoder_pass
from objectives.equations.step.forward_pass import PassInput
from objectives.equations.step.machine import Machine
from objectives.equations.step.own_draft.passes import draft_passes
from objectives.equations.step.pipeline import turn_with_chunks
from objectives.equations.step.pipeline_pass import PipelinePass, resource_use
from objectives.equations.step.prefill_pass import PrefillPass, prefill_of, with_prefixes
from objectives.equations.step.prefix_cache import computed_tokens, prompt_core_flop


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
    """Chunks of at most `budget` rows for prompts of which some rows must be served in each step.

    A prompt above the budget is cut into equal pieces. Shorter ones are packed as far as so many are due in
    each step, and no further: packing more would make the first ones wait.

    Args:
        prompt: rows of a prompt [token].
        budget: rows of prompts that run together at most [1].
        due: rows of prompts that a step must serve on average [1].

    Returns:
        Pieces, prompts and rows of a chunk, shapes broadcast.

    Domain:
        All prompts have one length.

    Limits:
        One piece of one prompt for a large budget and little load.

    Source:
        Agrawal et al., Sarathi-Serve, OSDI 2024 (arXiv 2403.02310), section 4.

    Examples:
        By hand: 5,000 tokens in chunks of at most 2,048 are three of 1,667.

        >>> import numpy as np
        >>> cut = chunks(5000.0, np.array([2048.0]), np.array([1.0]))
        >>> float(cut.pieces[0]), round(float(cut.rows[0]))
        (3.0, 1667)
    """
    # requests without a prompt have no rows: the floor keeps quotients finite
    some = maximum(prompt, ones_like(budget))
    pieces = ceil_div(some, budget)
    together = where(pieces > 1.0, 1.0, maximum(minimum(due, budget) / some, 1.0))
    return Chunks(pieces=pieces, together=together, rows=prompt / pieces * together)


@final
class Chunked:
    """Chunks of prompts inside the steps of decode."""

    name = "chunked"
    counts_prompts = True
    starts_together = False
    has_pools = False

    def missing(self, work: Workload) -> str:
        """Nothing."""
        return ""

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """Chunks of the budget, packed with prompts of the whole batch, next to decode."""
        batch = designs.deployments.batch
        # one row at least, since `chunks` divides by this budget
        rows = minimum(maximum(batch * computed_tokens(work), 1.0), designs.chips.stack.prompt_rows)
        return PromptLoad(prompts=ones_like(designs.deployments.tp), rows=rows, with_decode=True)

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """A share of the steps carries a chunk; more would be due than ride go by themselves."""
        d, work, step = s.deployments, s.context.workload, steps.per_token_s()
        # passes that go by while a sequence waits for one token: each has room for one chunk
        prompt, room = computed_tokens(work), s.micro.count / steps.tokens
        # `due` is rows for each pass: B prompts in the time of OSL tokens
        cut = chunks(prompt, s.prompt_load.rows, d.batch / work.osl * prompt / room)
        mixed, lone = _passes(s, steps, cut)
        each = mixed.where_prompts(cut.pieces / cut.together)  # chunks of a prompt
        encoder = encoder_pass(s)
        # the pass of an encoder goes by itself, before the first chunk
        alone = zeros_like(d.batch) if encoder is None else encoder.stage_s()
        waited = wait_for_prompts(d.batch, each * mixed.pipeline.stage_s + alone, s.chips.stack.burst)
        # chunks of all others for each output token; what exceeds the room goes by itself and stops decode
        due = (d.batch - 1.0) * each / work.osl
        ride = minimum(due, room)
        turn = steps.pipeline.time.seconds
        # where passes are so far apart that a chunk finds a gap, it goes by itself
        gap = turn / s.micro.count - steps.pipeline.stage_s >= lone.stage_s
        crowded = turn_with_chunks(
            turn,
            s.micro.count,
            ride / room,
            cut.pieces,
            where(gap, lone.stage_s, mixed.pipeline.stage_s),
            where(gap, lone.latency_s, mixed.pipeline.latency_s),
        )
        others = (crowded - turn) / steps.tokens + (due - ride) * lone.stage_s
        others = others + (d.batch - 1.0) / work.osl * alone
        # prompts that were waited for come between no tokens; together they save no time
        stall = maximum(others * (1.0 - s.chips.stack.burst / 2.0), others - waited / work.osl)
        # further chunks follow through the stages, so that each adds one stage and not a whole pass
        later = (cut.pieces - 1.0) * mixed.stage_s()
        before = {"queue": queue(waited, step), "later_chunks": later}
        resources = steps.resources.plus(with_prefixes(s, _added_resources(s, steps, mixed, each)))
        if encoder is not None:
            resources, mixed = resources.plus(encoder.resources(s)), replace(mixed, encoder=encoder)
        return shared_replicas(s, step, stall, mixed, resources, before, waited + later)

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """That waits are means."""
        return (QUEUE_NOTE,)


def _added_resources(s: Setup, steps: DecodeSteps, mixed: PrefillPass, each: Array) -> ResourceSeconds:
    """What `each` chunks of a prompt take beyond the steps that they ride with, for one output token."""
    # decode pays for the plain step already, so it is subtracted
    plain = resource_use(s.machine, steps.layer_pass, steps.rows)
    if steps.drafts is not None:
        plain = plain.plus(steps.drafts.resources())
    added = mixed.used(s.machine).plus(plain.times(-1.0))
    return added.times(s.deployments.ways * each / s.context.workload.osl)


def _passes(s: Setup, steps: DecodeSteps, cut: Chunks) -> tuple[PrefillPass, PipelinePass]:
    """A step of decode that carries a chunk, and a chunk by itself; layers that draft see both as well."""
    alone = _chunk(s, s.machine, cut)
    mixed, drafts, lone = with_chunk(steps.rows, alone), None, None
    if s.drafting is not None and steps.drafts is not None:
        m, own = s.drafting.machine, s.drafting.own
        (_, _, first), *more = steps.drafts.runs
        chunk = _chunk(s, m, cut)
        drafts = draft_passes(m, own, with_chunk(first, chunk), more[0][2] if more else None)
        lone = draft_passes(m, own, chunk, None)
    return prefill_of(s, mixed, drafts), prefill_of(s, alone, lone).pipeline


def _chunk(s: Setup, m: Machine, cut: Chunks) -> PassInput:
    """A chunk of prompts by itself, in the layers of a machine."""
    work, layer = s.context.workload, m.layer
    computed = computed_tokens(work)
    # a chunk reads what earlier ones wrote: of n chunks (n + 1) / (2 n) of the prompt on average
    before = (work.isl - computed) + computed * ((cut.pieces + 1.0) / (2.0 * cut.pieces))
    # prompts that end in this chunk: only their last rows feed the head
    ended = cut.together / cut.pieces
    kept = cut.together * layer.kv_kept(before)
    return PassInput(
        rows=cut.rows,
        head_rows=ended,
        sequences=ended,
        core_flop=prompt_core_flop(layer, work),
        kv_elements=kept if (read := layer.kv_passed(before)) is None else cut.together * read,
        # next to decode a chunk writes where the KV cache of the batch is
        kv_share=m.placed.kv_share,
        kv_further=m.placed.elsewhere(1),
        # what it adds; windows keep no more than they read
        kv_written=minimum(ended * _written(layer, computed), kept),
        prompt=True,
        decoded=0.0,
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * cut.together,
        exchanged=layer.exchanged(prompt=True),
    )


def _written(layer: MeanLayer, computed: Array) -> Array:
    """Elements that a prompt adds [1], but for those of an encoder's rows, which its own pass has written."""
    kept = layer.kv_kept(computed)
    return kept if layer.of_encoder is None else kept - layer.kv_of_encoder()

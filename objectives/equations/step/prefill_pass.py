"""The pass over prompts that a first token waits for."""

from dataclasses import dataclass, replace

from objectives.api import Memory, Workload
from objectives.arrays import Array, inverse, is_number, maximum, ones_like, where, zeros_like
from objectives.equations.chip.memory_streams import plus
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.llm.mean_layer import MeanLayer
from objectives.equations.step import prefix_cache
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.encoder_pass import EncoderPass, encoder_pass
from objectives.equations.step.forward_pass import ForwardPass, PassInput, forward_pass
from objectives.equations.step.machine import Machine
from objectives.equations.step.own_draft.passes import DraftPasses, draft_passes
from objectives.equations.step.pipeline_pass import PipelinePass, pipeline_pass, resource_use


@dataclass(frozen=True, kw_only=True)
class PrefillPass:
    """A pass over prompts, alone in the pipeline or with the steps of decode that it rides with."""

    rows: PassInput
    layer_pass: ForwardPass
    pipeline: PipelinePass
    drafts: DraftPasses | None = None
    """Passes of layers of the LLM that draft; None where others do, and without drafts."""
    some: Array | None = None
    """1 where requests have prompt tokens to compute, 0 where they have none; None where all have."""
    encoder: EncoderPass | None = None
    """What runs before, once for each of these requests; None without an encoder."""

    def seconds(self) -> Array:
        """Through all stages [s]; 0 without a prompt and an encoder."""
        own = self.where_prompts(self.pipeline.latency_s)
        return own if self.encoder is None else own + self.encoder.seconds()

    def wide_s(self) -> Array:
        """As `seconds`, were all stages of the same width [s]: narrow ones hold up no other pass."""
        narrow = self.pipeline.narrow_s
        if narrow is None:
            return self.seconds()
        own = self.where_prompts(self.pipeline.latency_s - narrow)
        return own if self.encoder is None else own + self.encoder.wide_s()

    def stage_s(self) -> Array:
        """Time that the slowest stage is occupied [s]; 0 without a prompt and an encoder."""
        own = self.where_prompts(self.pipeline.stage_s)
        return own if self.encoder is None else own + self.encoder.stage_s()

    def parts(self, s: Setup) -> dict[str, Array]:
        """Where its seconds go [s]; their sum is `seconds`."""
        parts = self.pipeline.parts(s.machine, self.layer_pass)
        found = {name: self.where_prompts(part) for name, part in parts.items()}
        return found if self.encoder is None else {"encoder": self.encoder.seconds(), **found}

    def resources(self, s: Setup, prompts: Array) -> ResourceSeconds:
        """What it takes of each resource, for each output token of its `prompts` [chip-second]."""
        # TP x CP chips work on each stage; all output tokens of these prompts share the pass
        share = s.deployments.ways / (prompts * s.context.workload.osl)
        used = self.used(s.machine).times(self.where_prompts(share))
        if self.encoder is not None:
            used = used.plus(self.encoder.resources(s))
        return with_prefixes(s, used)

    def used(self, m: Machine) -> ResourceSeconds:
        """What the pass takes of a chip of each stage, all stages together [chip-second]."""
        used = resource_use(m, self.layer_pass, self.rows)
        return used if self.drafts is None else used.plus(self.drafts.resources())

    def where_prompts(self, amount: Array) -> Array:
        """The amount for requests with prompt tokens to compute, 0 for others."""
        return amount if self.some is None else self.some * amount


def prefill_pass(s: Setup) -> PrefillPass:
    """The pass over the prompts of a setup, alone in the pipeline.

    Causal attention sees half of the square on average; KV cache is written where that of these prompts
    alone would be stored, whatever the batch next to it.

    Args:
        s: designs set up for their passes.

    Returns:
        Times and rows of the pass, shapes broadcast.

    Domain:
        All prompts that are prefilled at once, as one micro-batch.

    Limits:
        0 seconds for prompts without tokens to compute.

    Source:
        As `forward_pass`.

    Examples:
        By hand, in tests/properties/test_serving_modes.py: FLOP of 16 prompts of Llama-2 70B over the peak of
        eight chips.
    """
    drafts = None
    if s.drafting is not None:  # modules must have seen a prompt before they can draft
        m = s.drafting.machine
        drafts = draft_passes(m, s.drafting.own, _prompt_rows(s, m), None)
    return replace(prefill_of(s, _prompt_rows(s, s.machine), drafts), encoder=encoder_pass(s))


def _prompt_rows(s: Setup, m: Machine) -> PassInput:
    """Rows of the prompts of a setup in the layers of a machine."""
    work, prompts, layer = s.context.workload, s.prompt_load.prompts, m.layer
    # plain workload numbers take the shape of the deployments, which passes broadcast against
    shape = zeros_like(s.deployments.tp)
    kept = prompts * layer.kv_kept(work.isl)
    return PassInput(
        rows=prefix_cache.computed_tokens(work) * prompts + shape,
        head_rows=prompts + shape,
        sequences=prompts + shape,
        core_flop=prefix_cache.prompt_core_flop(layer, work),
        kv_elements=kept if (read := layer.kv_passed(work.isl)) is None else prompts * read,
        kv_share=m.placed.prompt_kv_share,
        kv_further=m.placed.prompt_kv_further,
        # keys and values of an encoder's rows are written by its own pass, and read by this one
        kv_written=kept if layer.of_encoder is None else kept - prompts * layer.kv_of_encoder(),
        prompt=True,
        decoded=0.0,
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * prompts,
        exchanged=layer.exchanged(prompt=True),
    )


def prefill_of(s: Setup, rows: PassInput, drafts: DraftPasses | None = None) -> PrefillPass:
    """A pass over some rows with prompts among them, one micro-batch in flight.

    Args:
        s: designs set up for their passes.
        rows: rows of the pass.
        drafts: passes of layers that draft over the same rows; none where left out.

    Returns:
        Times of the pass, shapes broadcast.

    Domain:
        As `forward_pass`.

    Limits:
        As `prefill_pass`.

    Source:
        As `forward_pass`.

    Examples:
        By hand, in tests/properties/test_pools_and_chunks.py.
    """
    layer_pass, pp = forward_pass(s.machine, rows), s.deployments.pp
    # one micro-batch: the prompts of others are counted by queue and stall, not here
    pipeline = pipeline_pass(
        s.machine,
        layer_pass,
        rows,
        pp,
        s.hops,
        ones_like(pp),
        s.slower_layers,
        None if drafts is None else drafts.seconds,
    )
    return PrefillPass(rows=rows, layer_pass=layer_pass, pipeline=pipeline, drafts=drafts, some=_some(s))


def _some(s: Setup) -> Array | None:
    """1 where requests have prompt tokens to compute, 0 where they have none; None where all have."""
    rows = prefix_cache.computed_tokens(s.context.workload)
    if is_number(rows):
        # a plain number decides for the whole batch; an array of prompt lengths needs a mask
        return None if rows > 0.0 else zeros_like(s.deployments.tp)
    return where(rows > 0.0, 1.0, zeros_like(rows))


def prefix_load_s(s: Setup) -> Array | None:
    """Time to bring back what one prompt has in the prefix cache [s]; None where nothing is brought.

    Layers of a stage x bytes of a layer / bandwidth of the tier.

    Args:
        s: designs set up for their passes.

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Each chip brings what it holds; stages load at once. Each prompt waits for the latency of a memory.

    Limits:
        None for the chip's own DRAM.

    Source:
        As `prefix_cache.load_seconds`, and `prefix_cache.memory_seconds` of further memories.

    Examples:
        By hand, in tests/equations/step/test_prefix_cache.py.
    """
    work = s.context.workload
    if work.prefix is None or work.prefix.hit == 0.0 or work.prefix.tier == "dram":
        return None
    # stages load at once, so the one with the most layers is ready last
    kv_bytes = s.context.precision.kv_bytes
    size = s.most_of_stage(lambda layer: prefix_cache.bytes_read(layer, work, kv_bytes))
    if work.prefix.tier == "memory":
        return prefix_cache.memory_seconds(prefix_cache.kept_in(s.chips, work.prefix), size)
    return prefix_cache.load_seconds(work.prefix, size)


def prefix_busy_s(s: Setup, used: ResourceSeconds) -> Array | None:
    """Time that what a request has in the prefix cache keeps its tier from others [s]; None for no reads.

    A tier apart from the chips is busy while it brings a prefix and takes what is added. A memory of the
    chips also brings what passes read: max(time of a prefix, seconds of the memory for OSL tokens on each
    chip).

    Args:
        s: designs set up for their passes.
        used: what an output token takes of each resource, its prefix included [chip-second].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Stages share the reads of passes evenly.

    Limits:
        `prefix_load_s` where nothing else lies in the memory.

    Source:
        Utilisation law, Lazowska et al., Quantitative System Performance (1984), section 3.2.

    Examples:
        By hand, in tests/equations/step/test_prefix_memory.py.
    """
    cache, load = s.context.workload.prefix, prefix_load_s(s)
    if load is None or cache is None:
        return load
    if cache.tier != "memory" or used.further_s is None:
        if cache.written == 0.0:
            return load
        work, kv_bytes = s.context.workload, s.context.precision.kv_bytes
        added = s.most_of_stage(lambda layer: bytes_written(layer, work, kv_bytes))
        return load + prefix_cache.load_seconds(cache, added)
    chips = s.chips_of_replica
    return maximum(load, used.further_s[cache.memory] * s.context.workload.osl / chips)


def with_prefixes(s: Setup, used: ResourceSeconds) -> ResourceSeconds:
    """Resources of an output token, with what a memory of the chips does for prefixes [chip-second].

    Bytes of all layers / bandwidth of reads or of writes, on all TP x CP chips, over OSL tokens.

    Args:
        s: designs set up for their passes.
        used: what else the token takes of each resource [chip-second].

    Returns:
        Both together, shapes broadcast [chip-second].

    Domain:
        As `write_seconds`.

    Limits:
        `used` for every tier but a further memory of the chip.

    Source:
        As `chip.resource_seconds`.

    Examples:
        By hand, in tests/equations/step/test_prefix_memory.py.
    """
    work = s.context.workload
    if work.prefix is None or work.prefix.hit == 0.0 or work.prefix.tier != "memory":
        return used
    memory, kv = prefix_cache.kept_in(s.chips, work.prefix), s.context.precision.kv_bytes
    written = work.prefix.written

    def seconds_of(layer: MeanLayer) -> Array:
        each = prefix_cache.bytes_read(layer, work, kv) * inverse(memory.bandwidth)
        return each if written == 0.0 else each + write_seconds(memory, bytes_written(layer, work, kv))

    seconds = seconds_of(s.layer) * (float(s.context.llm.layers) * s.deployments.ways / work.osl)
    if s.drafting is not None:
        seconds = seconds + s.drafting.own.of_modules(seconds_of) * (s.deployments.ways / work.osl)
    return replace(used, further_s=plus(used.further_s, {memory.name: seconds}))


def prefixes_written(s: Setup, requests_per_s: Array) -> dict[str, Array]:
    """Bytes a second that prompts add to a prefix cache on a chip of the largest stage [B/s], by its memory.

    Requests a second x layers of the stage x bytes of a layer.

    Args:
        s: designs set up for their passes.
        requests_per_s: requests whose prompts a replica computes [1/s].

    Returns:
        Rate by memory, shapes broadcast; empty where no further memory of the chips keeps prefixes.

    Domain:
        As `bytes_written`.

    Limits:
        0 for no requests.

    Source:
        By definition.

    Examples:
        By hand, in tests/equations/step/test_prefix_writes.py.
    """
    work = s.context.workload
    if work.prefix is None or work.prefix.hit == 0.0 or work.prefix.tier != "memory":
        return {}
    kv_bytes = s.context.precision.kv_bytes
    size = s.most_of_stage(lambda layer: bytes_written(layer, work, kv_bytes))
    return {work.prefix.memory: requests_per_s * size}


def bytes_written(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes of KV cache that one prompt adds to the cache in a mean layer on one chip [B].

    Share that is written x what the computed tokens keep.

    Args:
        layer: the mean layer on one chip.
        work: workload with its prompt length and prefix cache.
        kv_bytes: bytes of an element of KV cache [B].

    Returns:
        Bytes, broadcast shape [B].

    Domain:
        What is computed is what no cache holds; what it replaces is dropped, not moved.

    Limits:
        0 without a cache, and where nothing is written.

    Source:
        Counted from what the layer keeps.

    Examples:
        By hand: half of the 2 computed tokens of 10 elements in two bytes.

        >>> from types import SimpleNamespace
        >>> from objectives.api import PrefixCache
        >>> layer = SimpleNamespace(kept_bytes=lambda tokens, size: tokens * 10 * size)
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e6, tier="memory", bandwidth=0.0, usd_per_byte=0.0,
        ...                    memory="flash", written=0.5)
        >>> bytes_written(layer, Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                               serving="aggregated", prefix=half), 2.0)
        20.0
    """
    share = 0.0 if work.prefix is None or work.prefix.tier == "dram" else work.prefix.written
    return share * layer.kept_bytes(prefix_cache.computed_tokens(work), kv_bytes)


def write_seconds(memory: Memory, size_bytes: Array) -> Array:
    """Time to write bytes into a memory of the chip [s].

    size / bandwidth of writes, which is that of reads where the memory has one for both.

    Args:
        memory: the memory that keeps them.
        size_bytes: bytes of one chip [B].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        No prompt waits for it: what is written is read by later ones. The memory draws the power of reads as
        long as it writes.

    Limits:
        0 for no bytes.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: 1 GB into flash of 4 GB/s.

        >>> flash = Memory(name="flash", bytes=1e12, bandwidth=1e12, w=40.0, write_bandwidth=4e9)
        >>> write_seconds(flash, 1e9)
        0.25
    """
    rate = memory.bandwidth if memory.write_bandwidth is None else memory.write_bandwidth
    return size_bytes * inverse(rate)

"""A batch of designs set up for its passes: the mean layer, what each chip holds, steps and prompts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from objectives.api import Chips, Context, Deployments, Designs
from objectives.arrays import Array, ceil_div, floor, maximum, minimum, where, zeros_like
from objectives.equations.chip.memory_paths import first_byte_seconds
from objectives.equations.chip.memory_placement import place_in_memories
from objectives.equations.chip.placement import Placement, SecondsPerByte, seconds_per_byte
from objectives.equations.interconnect.all_to_all import all_to_all
from objectives.equations.interconnect.collectives import collectives
from objectives.equations.interconnect.stage_hops import StageHops, stage_hops
from objectives.equations.llm.by_part import in_rest, slowness
from objectives.equations.llm.context_parallel import split_over
from objectives.equations.llm.held_weights import edge_weights, encoder_weights, uneven_bytes, weights_by_part
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.equations.llm.parts import encoder_runs
from objectives.equations.step import prefix_cache
from objectives.equations.step.generation.diffusion import rows_of_sequence
from objectives.equations.step.machine import Machine
from objectives.equations.step.own_draft.layers import (
    OwnDraft,
    by_part,
    fullest,
    last_stage_weights,
    most_of_stage,
    own_draft,
)
from objectives.equations.step.own_draft.passes import Drafting, machine_of
from objectives.equations.step.pinning import pinning_values
from objectives.equations.step.pipeline import MicroBatches, micro_batches


@dataclass(frozen=True, kw_only=True)
class PromptLoad:
    """How a way of serving prefills."""

    prompts: Array
    """Prompts that are prefilled at once [1]."""
    rows: Array
    """Rows of prompts that run together at most [1]."""
    staggered: bool = True
    """Whether sequences are at different stages of their output, as requests that come and go are."""
    with_decode: bool = False
    """Whether prompts ride with steps of decode, so that the activations of both are held at once."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all passes of a batch of designs share."""

    chips: Chips
    context: Context
    deployments: Deployments
    layer: MeanLayer
    micro: MicroBatches
    prompt_load: PromptLoad
    held_bytes: dict[str, Array]
    """Bytes that the first, fullest stage holds on each chip, by kind [B]."""
    stage_layers: Array
    """Layers of the largest stage [1]."""
    machine: Machine
    hops: StageHops
    replica_chips: Array | None = None
    """Chips of a replica whose stages have unlike numbers of them [1]; None where all have TP x CP."""
    slower_layers: Array | None = None
    """Layers by which narrower stages make the way of a prompt longer [1]; None where none are."""
    drafting: Drafting | None = None
    """Layers of the LLM that draft for it; None where others draft, and without drafts."""

    @property
    def chips_of_replica(self) -> Array:
        """Chips of all stages of a replica [1]."""
        d = self.deployments
        return d.ways * d.pp if self.replica_chips is None else self.replica_chips

    def most_of_stage(self, amount: Callable[[MeanLayer], Array]) -> Array:
        """Of what a layer has an amount, that of the stage with the most, layers that draft among them."""
        own = None if self.drafting is None else self.drafting.own
        return most_of_stage(own, self.layer, self.context.llm.layers, self.deployments.pp, amount)

    def held_by_part(self) -> dict[str, Array]:
        """`held_bytes`, weights by part where these have formats of their own [B]."""
        held = self.held_bytes
        context, d, draft = self.context, self.deployments, self.drafting
        if draft is None:
            parts = weights_by_part(context, d, self.layer, held["weights"])
        else:
            parts = by_part(context, d, self.layer, draft.own, draft.drafts, self.stage_layers)
        others = {kind: size for kind, size in held.items() if kind != "weights"}
        return {**{f"{part}_weights": size for part, size in parts.items()}, **others} if parts else held


def set_up(designs: Designs, context: Context, prompt_load: PromptLoad, cuts: Array | None = None) -> Setup:
    """Set up designs for their passes.

    Weights, KV cache and activations of the fullest stage are counted, placed in memories by what steps
    of decode gain, and collectives and hops become alpha-beta lines.

    Args:
        designs: chips and deployments.
        context: network, formats and workload.
        prompt_load: how prompts are prefilled.
        cuts: micro-batches that the batch is cut into; one for each stage where left out [1].

    Returns:
        What all passes share, shapes broadcast.

    Domain:
        All replicas are alike.

    Limits:
        Bytes are those of the whole network for one chip.

    Source:
        Assembled from `llm`, `chip` and `interconnect`.

    Examples:
        By hand, in tests/equations/chip/test_placement.py and tests/properties/test_laws.py.
    """
    chips, d, work = designs.chips, designs.deployments, context.workload
    cp = split_over(d.cp)
    layer = mean_layer(context.llm, d.tp, d.ep, cp, in_rest(context.precision))
    slow = slowness(chips.compute)
    worked = None if slow is None else mean_layer(context.llm, d.tp, d.ep, cp, slow)
    if worked is None and context.precision.parts is not None:
        # parts of unlike formats that are computed in one
        worked = mean_layer(context.llm, d.tp, d.ep, cp)
    # a stage works on one micro-batch at a time, so activations are those of its rows
    micro = micro_batches(d.batch, d.pp if cuts is None else cuts)
    own = own_draft(context, d, slow)
    held, drafts = _held_bytes(context, layer, chips, d, prompt_load, micro.rows, own)
    # the largest stage: all chips are alike, so the fullest decides what fits
    stage = ceil_div(float(context.llm.layers), d.pp)
    per_byte = seconds_per_byte(chips)
    cache = work.prefix
    # of chips that lack the memory it is an error, before anything is placed
    keeper = "dram" if cache is None or cache.tier != "memory" else prefix_cache.kept_in(chips, cache).name
    # stored instead of the KV cache of the batch, see `Placement.prompt_kv_share`
    kv_bytes = context.precision.kv_bytes
    kept = most_of_stage(own, layer, context.llm.layers, d.pp, lambda one: one.kept_bytes(work.isl, kv_bytes))
    prompt_kv = kept * prompt_load.prompts
    working = held["activations"]
    if chips.stack.reserve_bytes is not None:
        held["reserve"] = zeros_like(working) + chips.stack.reserve_bytes
        # neither is placed: both take room of what streams from DRAM
        working = working + held["reserve"]
    placed = place_in_memories(
        chips,
        per_byte,
        pinning_values(chips, context, layer, per_byte, held, micro, d.pp, worked, own, drafts),
        prompt_kv,
        working,
        held.get("prefix_cache"),
        keeper,
    )
    # room that the mean layer does not take; passes stream the mean
    if (uneven := uneven_bytes(context, chips, d, layer)) is not None:
        held["uneven_stages"] = uneven
        some_read_only = placed.writable_excess is not None
        written = uneven_bytes(context, chips, d, layer, kept=True) if some_read_only else None
        placed = placed.fuller(uneven, written)
    machine = Machine(
        chips=chips,
        context=context,
        layer=layer,
        per_byte=per_byte,
        placed=placed,
        collectives=collectives(chips, d.ways),
        all_to_all=all_to_all(chips, d.ep) if layer.routed else None,
        ways=d.ways,
        cp=cp,
        exchange=None if cp is None else collectives(chips, cp).all_gather,
        first_byte_s=_first_byte_s(per_byte, placed, range(len(placed.shares))),
        first_expert_s=_first_byte_s(per_byte, placed, [2]) if layer.routed else None,
        slow=worked,
    )
    return Setup(
        chips=chips,
        context=context,
        deployments=d,
        layer=layer,
        micro=micro,
        prompt_load=prompt_load,
        held_bytes=held,
        stage_layers=stage,
        machine=machine,
        hops=stage_hops(chips, d.ways, d.pp),
        drafting=None
        if own is None
        else Drafting(own=own, machine=machine_of(machine, own, d), drafts=drafts),
    )


def _first_byte_s(per_byte: SecondsPerByte, placed: Placement, kinds: Sequence[int]) -> Array | None:
    """Seconds until far memories bring the first byte of some kinds [s]; None for chips without such."""
    if not per_byte.further:
        return None
    return first_byte_seconds(per_byte.further, [sum(row[k] for k in kinds) for row in placed.further])


def _held_bytes(
    context: Context,
    layer: MeanLayer,
    chips: Chips,
    d: Deployments,
    load: PromptLoad,
    rows: Array,
    own: OwnDraft | None,
) -> tuple[dict[str, Array], Array | None]:
    """Bytes that the fullest stage holds on each chip, by kind, and where it is the last one, which drafts.

    Without layers that draft it is the first, and the second is None.
    """
    llm, precision, work = context.llm, context.precision, context.workload
    stage = ceil_div(float(llm.layers), d.pp)
    edges = edge_weights(layer, d.pp, layer, tied=llm.tied_embedding)
    of_encoder = encoder_weights(llm, d.tp, split_over(d.cp), d.pp, in_rest(precision))
    weights = layer.stage_weights(stage) + edges
    held = _stage_bytes(
        context, layer, chips, d, weights if of_encoder is None else weights + of_encoder, stage
    )
    live, drafts = layer.live, None
    if own is not None:
        weights = last_stage_weights(own, layer, layer, llm.layers, d.pp)
        weights = weights if of_encoder is None else weights + of_encoder
        last = _stage_bytes(context, layer, chips, d, weights, floor(float(llm.layers) / d.pp))
        # all modules on top, at the lengths of the LLM itself
        times = float(own.modules * own.llm.layers)
        more = _stage_bytes(context, own.layer, chips, d, own.weights(own.layer), times)
        held, drafts = fullest(held, {kind: size + more[kind] for kind, size in last.items()}, d.pp)
        live = maximum(live, own.layer.live)
    rows = rows * rows_of_sequence(work)
    if work.speculation is not None:
        # a draft that costs a share of a step is taken to weigh the same share
        held["weights"] = held["weights"] * (1.0 + work.speculation.cost)
    # rows of a pass beyond `held_rows` stream through: their activations are never held at once
    prompt_rows = minimum(load.rows, chips.stack.held_rows)
    together = rows + prompt_rows if load.with_decode else maximum(rows, prompt_rows)
    held["activations"] = together * (live * precision.activation_bytes)
    for run in encoder_runs(llm):  # before the prompt, so that the larger of both decides
        encoding = mean_layer(run.llm, d.tp, None, split_over(d.cp))
        all_rows = run.tokens * load.prompts
        some = minimum(all_rows, chips.stack.held_rows)
        # all rows see all, so that those which wait for their turn in a layer are kept, keys and values too
        waiting = (all_rows - some) * (run.llm.hidden + encoding.kv_of_rows(1.0))
        size = (some * encoding.live + waiting) * precision.activation_bytes
        held["activations"] = maximum(held["activations"], where(load.rows > 0.0, size, zeros_like(size)))
    return held, drafts


def _stage_bytes(
    context: Context, layer: MeanLayer, chips: Chips, d: Deployments, weights: Array, stage: Array
) -> dict[str, Array]:
    """Bytes of so many weights, and of what a stage of so many layers keeps, by kind."""
    precision, work = context.precision, context.workload
    held = {
        "weights": weights * precision.weight_bytes,
        # every sequence at its full length at once: a paged cache would need fewer chips, and may preempt
        "kv_cache": stage
        * layer.kept_bytes(work.max_context, precision.kv_bytes, chips.stack.window_kept)
        * d.batch,
    }
    if work.prefix is not None and work.prefix.on_chip:
        held["prefix_cache"] = stage * prefix_cache.stored_layer_bytes(layer, work, precision.kv_bytes)
    return held

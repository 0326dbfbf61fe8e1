"""What a pass of decode reads of the bytes that a chip holds: dense weights, KV cache, routed experts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from objectives.api import Chips, Context, Workload
from objectives.arrays import Array, ceil_div, floor, maximum, where, zeros_like
from objectives.equations.chip.operator_time import padded_rows
from objectives.equations.chip.placement import PinningValue, SecondsPerByte
from objectives.equations.llm import expert_parallel
from objectives.equations.llm.mean_layer import MeanLayer
from objectives.equations.step.generation.diffusion import rows_of_sequence
from objectives.equations.step.own_draft.layers import OwnDraft
from objectives.equations.step.pipeline import MicroBatches


def pinning_values(
    chips: Chips,
    context: Context,
    layer: MeanLayer,
    per_byte: SecondsPerByte,
    held_bytes: Mapping[str, Array],
    micro: MicroBatches,
    pp: Array,
    worked: MeanLayer | None = None,
    own: OwnDraft | None = None,
    drafts: Array | None = None,
) -> tuple[PinningValue, ...]:
    """What pinning each kind of bytes in SRAM is worth to one pass of decode of a micro-batch.

    Of dense weights all but the embedding are read, of KV cache that of one micro-batch at its mean context,
    of states everything twice, of experts those that are visited. What counts is what a step waits for: all
    layers and the head, or the slowest stage of a full pipeline. Activations are those of all dense matrices
    together.

    Args:
        chips: chips, for their rates.
        context: network, formats and workload.
        layer: the mean layer on one chip.
        per_byte: seconds of a byte on each path [s/B].
        held_bytes: bytes by kind of a stage, the weights of a draft among them [B].
        micro: how the batch is cut.
        pp: pipeline stages [1].
        worked: the layer as the matrix units work on it; the same where left out.
        own: layers that draft; None where others do, and without drafts.
        drafts: where the stage whose bytes are held has them.

    Returns:
        Dense weights, KV cache and, of a mixture, routed experts, as `placement.place` takes them.

    Domain:
        Steps of decode; prompts and drafts are placed as these are.

    Limits:
        Each held byte of weights is read once for a pipeline of one stage, but for the embedding.

    Source:
        Counted from the operators of `forward_pass`.

    Examples:
        By hand, in tests/equations/chip/test_placement.py.
    """
    work, precision = context.workload, context.precision
    wide, narrow = precision.weight_bytes, precision.activation_bytes
    # a draft is checked, and a block denoised, at all of its rows with one read of the weights
    rows = micro.rows * rows_of_sequence(work)
    loads = [
        (p, expert_parallel.expert_load(p.spread, rows, chips.stack.tile_rows, work.routing_skew))
        for p in layer.routed
    ]
    visited = sum(p.share * load.visited * p.elements for p, load in loads)
    dense = layer.projection + layer.ffn
    more = None if own is None else _draft_reads(own, chips, work, micro)
    tail = layer.head if more is None else layer.head + more.dense + more.routed
    layers, heads = _waited_for(float(context.llm.layers), tail, dense + visited, micro.count, pp)
    row_s_per_byte = (2.0 / wide) / (
        chips.compute.peak_flops * chips.stack.compute_efficiency
    )  # of a row of a product
    compute = padded_rows(rows, chips.stack.tile_rows) * row_s_per_byte
    moved = (rows * layers * (layer.projection_traffic + layer.ffn_traffic)) * narrow
    if worked is not None:
        # of a byte of the mean of dense weights, as they are placed together
        slow = layers * (worked.projection + worked.ffn) + heads * worked.head
        compute = compute * _over(slow, layers * dense + heads * layer.head)
    # a second micro-batch reads the weights again
    again = 1.0 + expert_parallel.overlapped(
        chips.stack.overlap, layer.routed[0].spread if layer.routed else None, rows
    )
    read = (layers * dense + heads * layer.head) * (wide * again)
    if more is not None:
        # the mean of what is computed for each byte: passes of a draft have fewer rows
        drafted, few = heads * more.dense * wide, padded_rows(micro.rows, chips.stack.tile_rows)
        compute = _over(compute * read + few * row_s_per_byte * drafted, read + drafted)
        read = read + drafted
    # a step of a micro-batch moves the KV cache of its own sequences only
    kv = _kv_value(chips, context, layer, per_byte, held_bytes["kv_cache"], layers * micro.rows)
    if own is not None:
        passes = heads * float(own.length * own.llm.layers) * micro.rows
        kv = _with_kv_of(own, kv, context, passes)
    if not loads:
        return _matrix_value(chips, per_byte, held_bytes["weights"], read, compute, moved), kv
    draft = 1.0 if work.speculation is None else 1.0 + work.speculation.cost  # as a share of the LLM
    # `held_bytes` counts experts, draft included, among the weights; they are taken out alike
    experts = layer.stage_experts(ceil_div(float(context.llm.layers), pp)) * (wide * draft)
    visits = layers * visited
    if own is not None and more is not None:
        last = layer.stage_experts(floor(float(context.llm.layers) / pp)) + own.experts()
        experts, visits = where(drafts, last * wide, experts), visits + heads * more.routed
    slow_experts = (layer if worked is None else worked).routed
    padded = sum(
        p.share * load.padded_rows * w.elements for (p, load), w in zip(loads, slow_experts, strict=True)
    )
    routed = _matrix_value(
        chips,
        # grouped products sustain less of DRAM, and so gain more from SRAM
        replace(per_byte, dram=per_byte.dram / chips.stack.expert_efficiency),
        experts,
        visits * (wide * again),
        _over(padded, visited) * row_s_per_byte,
        layers * (sum(p.share * load.rows * p.traffic for p, load in loads) * narrow),
    )
    weights = _matrix_value(chips, per_byte, held_bytes["weights"] - experts, read, compute, moved)
    return weights, kv, routed


def _waited_for(layers: float, head: Array, layer: Array, count: Array, pp: Array) -> tuple[Array, Array]:
    """Layers and LM heads that a step waits for [1]: all of them, or those of the slowest stage.

    A pipeline in which `count` micro-batches keep the slowest stage busy longer than one takes through all
    stages waits for the stage with the head, unless another one has a layer more that weighs more.
    Domain: weights [1] represent seconds.
    """
    most, fewest = ceil_div(layers, pp), floor(layers / pp)
    last = fewest * layer + head >= most * layer
    stage = where(last, fewest * layer + head, most * layer)
    # the same comparison as in `pipeline_time`, with weights for seconds
    waits = (count * stage > layers * layer + head) & (pp > 1.0)
    # with more stages than layers the last holds the head alone; one layer keeps its reads above 0
    some = where(last, maximum(fewest, 1.0), most)
    return where(waits, some, layers), where(waits & ~last, zeros_like(some + count), 1.0)


@dataclass(frozen=True, kw_only=True)
class _DraftReads:
    """Weights that the passes of a draft read [1]."""

    dense: Array
    routed: Array


def _draft_reads(own: OwnDraft, chips: Chips, work: Workload, micro: MicroBatches) -> _DraftReads:
    """What the passes of a draft of one micro-batch read, one row of each sequence at a time."""
    times = float(own.length * own.llm.layers)
    routed: Array = zeros_like(own.layer.head)
    for part in own.layer.routed:
        load = expert_parallel.expert_load(part.spread, micro.rows, chips.stack.tile_rows, work.routing_skew)
        routed = routed + times * part.share * load.visited * part.elements
    head = float(own.length) * own.layer.head
    return _DraftReads(dense=times * (own.layer.projection + own.layer.ffn) + head, routed=routed)


def _with_kv_of(own: OwnDraft, kv: PinningValue, context: Context, times: Array) -> PinningValue:
    """KV cache with that of layers that draft, moved so many times."""
    moved = own.layer.kv_read(context.workload.mean_context) * context.precision.kv_bytes
    if own.layer.state_bytes is not None:
        moved = moved + 2.0 * own.layer.state_bytes
    return replace(kv, reads=kv.reads + _over(times * moved, kv.held_bytes))


def _matrix_value(
    chips: Chips, per_byte: SecondsPerByte, held: Array, read: Array, compute: Array, moved: Array
) -> PinningValue:
    """Weights of `held` bytes of which a pass reads `read`, while `moved` bytes of activations stream.

    `compute` is seconds for each byte.
    """
    return PinningValue(
        held_bytes=held,
        reads=_over(read, held),
        dram_s_per_byte=per_byte.dram,
        # DRAM hides behind arithmetic or the port into the matrix units, whichever takes longer
        busy_s_per_byte=maximum(compute, per_byte.load),
        port_s_per_byte=per_byte.load,
        activation_s_per_byte=_over(moved, read) * per_byte.activation_sram,
        exposed_share=chips.stack.exposed_share,
    )


def _kv_value(
    chips: Chips, context: Context, layer: MeanLayer, per_byte: SecondsPerByte, held: Array, times: Array
) -> PinningValue:
    """KV cache and states of a sequence in a layer, moved so many times by attention cores.

    Behind these nothing is exposed; all rows of a sequence share what is moved.
    """
    # the rows of a draft or a block are computed behind one read of their sequence's KV cache
    checked = rows_of_sequence(context.workload)
    at, each = context.workload.mean_context, context.precision.kv_bytes
    moved = layer.kv_read(at) * each
    if context.workload.diffusion is not None:
        moved = moved + layer.kv_kept(checked) * each  # its rows are written by each pass
    if layer.state_bytes is not None:
        moved = moved + 2.0 * layer.state_bytes
    # of one row
    core_s = layer.core_flop(at) / (chips.compute.attention_flops * chips.stack.decode_core_efficiency)
    none = zeros_like(per_byte.sram)
    return PinningValue(
        held_bytes=held,
        reads=_over(times * moved, held),
        dram_s_per_byte=per_byte.kv_dram,
        busy_s_per_byte=_over(core_s * checked, moved),
        port_s_per_byte=none,
        activation_s_per_byte=none,
    )


def _over(part: Array, whole: Array) -> Array:
    """Quotient of two amounts; 0 of nothing."""
    return part / where(whole > 0.0, whole, 1.0)

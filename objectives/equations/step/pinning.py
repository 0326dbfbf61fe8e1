"""What a pass of decode reads of the bytes that a chip holds: dense weights, KV cache, routed experts."""

from objectives.api import Chips, Context
from objectives.arrays import Array, namespace
from objectives.equations.chip.operator_time import padded_rows
from objectives.equations.chip.placement import Demand, Tiers
from objectives.equations.llm import expert_parallel
from objectives.equations.llm.mean_layer import MeanLayer
from objectives.equations.step import pipeline
from objectives.equations.step.speculation import checked_rows


def demands(
    chips: Chips, context: Context, layer: MeanLayer, t: Tiers, held: dict[str, Array],
    micro: pipeline.MicroBatches, pp: Array,
) -> tuple[Demand, ...]:  # fmt: skip
    """Demands of one pass of decode of a micro-batch, as `placement.place` takes them.

    Of dense weights all but the embedding are read, of KV cache that of one micro-batch at its mean context,
    of states of linear attention everything twice, of experts those that somebody visits. What counts is what
    a step waits for: the walk through all layers and the head, or the slowest stage of a full pipeline.
    `held` are bytes by kind of a stage, the weights of a draft among them [B]. Activations are those of all
    dense matrices together.
    """
    work, precision = context.workload, context.precision
    wide, narrow = precision.weight_bytes, precision.activation_bytes
    rows = micro.rows * checked_rows(work.speculation)
    loads = [
        (p, expert_parallel.load(p.spread, rows, chips.tile_rows, work.routing_skew)) for p in layer.routed
    ]
    visited = sum(p.share * load.visited * p.elements for p, load in loads)
    dense = layer.projection + layer.ffn
    layers, heads = _waited_for(float(context.llm.layers), layer.head, dense + visited, micro.count, pp)
    multiplied = (2.0 / wide) / (chips.peak_flops * chips.compute_efficiency)  # seconds of a row and byte
    moved = (rows * layers * (layer.projection_move + layer.ffn_move)) * narrow
    experts = None
    if loads:
        draft = 1.0 if work.speculation is None else 1.0 + work.speculation.cost  # as a share of the LLM
        stage = namespace(pp).ceil(float(context.llm.layers) / pp)
        experts = stage * layer.experts() * (wide * draft)
    out = [
        _of_matrices(
            chips, t, held["weights"] if experts is None else held["weights"] - experts,
            (layers * dense + heads * layer.head) * wide,
            padded_rows(rows, chips.tile_rows) * multiplied, moved,
        ),
        _of_kv(chips, context, layer, t, held["kv_cache"], layers * micro.rows),
    ]  # fmt: skip
    if experts is not None:
        worked = sum(p.share * load.worked * p.elements for p, load in loads)
        moved = sum(p.share * load.rows * p.move for p, load in loads) * narrow
        out.append(
            _of_matrices(
                chips, t, experts, layers * visited * wide, _over(worked, visited) * multiplied,
                layers * moved,
            )
        )  # fmt: skip
    return tuple(out)


def _waited_for(layers: float, head: Array, layer: Array, count: Array, pp: Array) -> tuple[Array, Array]:
    """Layers and LM heads that a step waits for [1]: all of them, or those of the slowest stage.

    A pipeline in which `count` micro-batches keep the slowest stage busy longer than one walk takes waits for
    the stage with the head, unless another one has a layer more that weighs more.
    Domain: weights [1] stand for seconds.
    """
    xp = namespace(head, pp)
    most, fewest = xp.ceil(layers / pp), xp.floor(layers / pp)
    last = fewest * layer + head >= most * layer
    stage = xp.where(last, fewest * layer + head, most * layer)
    waits = (count * stage > layers * layer + head) & (pp > 1.0)
    some = xp.where(last, xp.maximum(fewest, 1.0), most)
    none = 0.0 * (some + count)
    return xp.where(waits, some, layers), xp.where(waits & ~last, none, 1.0)


def _of_matrices(chips: Chips, t: Tiers, size: Array, read: Array, compute: Array, moved: Array) -> Demand:
    """Weights of `size` bytes of which a pass reads `read`, beside `moved` bytes of activations.

    `compute` is seconds for each byte.
    """
    return Demand(
        size=size,
        reads=_over(read, size),
        dram=t.dram,
        busy=namespace(compute, t.load).maximum(compute, t.load),
        port=t.load,
        beside=_over(moved, read) * t.activation_sram,
        exposed=chips.exposed_share,
    )


def _of_kv(chips: Chips, context: Context, layer: MeanLayer, t: Tiers, size: Array, moves: Array) -> Demand:
    """KV cache and states of a sequence in a layer, moved so many times by attention cores.

    Behind these nothing is exposed; all rows of a sequence share what is moved.
    """
    checked = checked_rows(context.workload.speculation)
    at, each = context.workload.mean_context, context.precision.kv_bytes
    moved = layer.kv(at) * each
    if layer.state is not None:
        moved = moved + 2.0 * layer.state
    core_s = layer.core_flop(at) / (chips.attention_flops * chips.core_efficiency)
    none = 0.0 * t.sram
    return Demand(
        size=size,
        reads=_over(moves * moved, size),
        dram=t.kv_dram,
        busy=_over(core_s * checked, moved),
        port=none,
        beside=none,
    )


def _over(part: Array, whole: Array) -> Array:
    """Quotient of two amounts; 0 of nothing."""
    xp = namespace(part, whole)
    return part / xp.where(whole > 0.0, whole, 1.0)

"""What the fullest stage of a pipeline holds on each chip: edges, weights by part, layers of unlike size."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import reduce

from objectives.api import Block, Chips, Context, Deployments, Llm
from objectives.arrays import Array, ceil_div, floor, maximum, minimum, where, zeros_like
from objectives.equations.llm.by_part import in_rest
from objectives.equations.llm.context_parallel import split_over
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.equations.llm.parts import encoder_runs
from objectives.parts import Parts


def edge_weights(layer: MeanLayer, pp: Array, whole: MeanLayer, *, tied: bool) -> Array:
    """Weights of embedding, LM head and tables on a chip of the fullest stage [1].

    The first stage has the embedding and the tables, the last the head, a single one all of them; a matrix
    that serves as both is there once.

    Args:
        layer: the mean layer, of some parts or of all.
        pp: pipeline stages [1].
        whole: that of all parts, which decides which of the two stages is fuller.
        tied: whether embedding and head are one matrix.

    Returns:
        Weights, shapes broadcast [1].

    Domain:
        Stages of as many layers.

    Limits:
        The larger of both where stages are many.

    Source:
        Counted from what a stage runs.

    Examples:
        By hand: an embedding as large as a head of 8 x 4, both on one stage.

        >>> import numpy as np
        >>> from objectives.api import Llm, Block, Matrix
        >>> block = Block(count=1, matrices=(Matrix(inputs=1, outputs=1),))
        >>> layer = mean_layer(Llm(name="x", hidden=8, vocab=4, blocks=(block,), nominal_params=1.0), 1.0)
        >>> [float(x) for x in edge_weights(layer, np.array([1.0, 2.0]), layer, tied=False)]
        [64.0, 32.0]
    """
    head, one = layer.head, layer.embedding
    if one is None:
        # as large as the head: the first stage is the fuller, as the tables are there too
        edges = head if tied else where(pp > 1.0, head, 2.0 * head)
        return edges if layer.tables is None else edges + layer.tables
    first = one if layer.tables is None else one + layer.tables
    if tied:
        return first
    entrance = whole.embedding if whole.tables is None else whole.embedding + whole.tables
    return where(pp > 1.0, where(entrance >= whole.head, first, head), first + head)


def encoder_weights(
    llm: Llm, tp: Array, cp: Array | None, pp: Array, by: Parts | None = None
) -> Array | None:
    """Weights of an encoder on a chip of the fullest stage [1].

    Its layers are shared out over the stages as those of the network are; its tables, and what rows pass
    before and behind the layers, are taken to lie on the fullest stage.

    Args:
        llm: architecture of the network.
        tp: tensor-parallel ways [1].
        cp: context-parallel ways [1]; None for one.
        pp: pipeline stages [1].
        by: what a weight of each part counts as [1]; 1 where left out.

    Returns:
        Weights, shapes broadcast [1]; None without an encoder.

    Domain:
        Keys and values that cross attention makes are weights of its layers.

    Limits:
        All of them on one chip.

    Source:
        Counted as `mean_layer` counts.

    Examples:
        By hand: three layers of a matrix of 8 x 8 on two stages.

        >>> import numpy as np
        >>> from objectives.api import Block, Encoder, Matrix
        >>> block = Block(count=3, matrices=(Matrix(inputs=8, outputs=8),))
        >>> encoder = Encoder(tokens=4, hidden=8, blocks=(block,))
        >>> llm = Llm(name="x", hidden=8, vocab=4, blocks=(block,), nominal_params=1.0, encoder=encoder)
        >>> float(encoder_weights(llm, 1.0, None, np.array([2.0]))[0])
        128.0
    """
    total: Array | None = None
    for run in encoder_runs(llm):
        layer = mean_layer(run.llm, tp, None, cp, by)
        size = layer.stage_weights(1.0 if run.alone else ceil_div(float(run.llm.layers), pp))
        size = size if layer.tables is None else size + layer.tables
        total = size if total is None else total + size
    return total


def weights_by_part(context: Context, d: Deployments, layer: MeanLayer, held: Array) -> Mapping[str, Array]:
    """Bytes of weights that the fullest stage holds on each chip, by part [B].

    Args:
        context: network, formats and workload.
        d: deployments.
        layer: the mean layer, weights of the rest's size each.
        held: bytes of all of them, those of a draft among them [B].

    Returns:
        Part to bytes; those of a draft are shared out as the weights are. Empty where all weights have one
        format.

    Domain:
        As `batch_setup.set_up`.

    Limits:
        The sum is `held`.

    Source:
        Counted as `mean_layer` counts.

    Examples:
        By hand, in tests/equations/llm/test_by_part.py.
    """
    parts = context.precision.parts
    if parts is None:
        return {}
    stage, cp, tied = ceil_div(float(context.llm.layers), d.pp), split_over(d.cp), context.llm.tied_embedding

    def weights(of: MeanLayer, by: Parts | None) -> Array:
        own = of.stage_weights(stage) + edge_weights(of, d.pp, layer, tied=tied)
        of_encoder = encoder_weights(context.llm, d.tp, cp, d.pp, by)
        return own if of_encoder is None else own + of_encoder

    # bytes of a draft among them
    more = held / (weights(layer, in_rest(context.precision)) * context.precision.weight_bytes)
    names = [f.name for f in fields(Parts)]
    found = {}
    for name in names:
        alone = Parts(**{**dict.fromkeys(names, 0.0), name: getattr(parts, name)})
        found[name] = more * weights(mean_layer(context.llm, d.tp, d.ep, cp, alone), alone)
    return found


def uneven_bytes(
    context: Context, chips: Chips, d: Deployments, layer: MeanLayer, *, kept: bool = False
) -> Array | None:
    """Bytes that the fullest stage holds beyond as many layers of the mean, where layers are unlike [B].

    Of n layers that hold a size or more, one of PP stages has n / PP or more, whatever their order, and as
    many of the smallest as fill it up to the whole part of L / PP. The size for which that is most decides.

    Args:
        context: network, formats and workload.
        chips: chips, for what engines keep outside of a window.
        d: deployments.
        layer: the mean layer on one chip, weights of the rest's size each.
        kept: of KV cache and states alone, whose fullest stage may be another.

    Returns:
        Bytes of weights, KV cache and states, at least 0, shapes broadcast [B]; None where layers are alike.

    Domain:
        A lower bound: the order of the layers may make a stage fuller still. Layers that use the weights of
        others count what they keep alone.

    Limits:
        0 for a pipeline of one stage.

    Source:
        The pigeonhole principle.

    Examples:
        By hand, in tests/equations/llm/test_uneven_stages.py.
    """
    llm, cp, by = context.llm, split_over(d.cp), in_rest(context.precision)
    kinds = [replace(llm, blocks=(b,), lookup=(), encoder=None, draft=None) for b in _kinds(llm.blocks)]
    if len(kinds) < 2:
        return None

    def held(of: MeanLayer, layers: Array, *, weights: bool) -> Array:
        longest, beyond = context.workload.max_context, chips.stack.window_kept
        size = layers * d.batch * of.kept_bytes(longest, context.precision.kv_bytes, beyond)
        return size + of.stage_weights(layers) * context.precision.weight_bytes if weights else size

    layers = [mean_layer(kind, d.tp, d.ep, cp, by) for kind in kinds]
    sizes = [held(of, 1.0, weights=not (kept or of.repeated)) for of in layers]
    mean = held(layer, ceil_div(float(llm.layers), d.pp), weights=not kept)
    return maximum(_fullest(sizes, [float(kind.layers) for kind in kinds], d.pp) - mean, 0.0)


def _fullest(sizes: Sequence[Array], counts: Sequence[float], pp: Array) -> Array:
    """The least that the fullest of `pp` stages holds, of so many layers of each size [B]."""
    few, smallest = floor(sum(counts) / pp), reduce(minimum, sizes)

    def stage(size: Array) -> Array:
        as_large = sum(
            where(other >= size, count, zeros_like(size)) for other, count in zip(sizes, counts, strict=True)
        )
        large = ceil_div(as_large, pp)
        return large * size + maximum(few - large, 0.0) * smallest

    return reduce(maximum, [stage(size) for size in sizes])


def _kinds(blocks: tuple[Block, ...]) -> list[Block]:
    """Blocks of unlike layers; the layers of like ones are added up."""
    found: dict[Block, int] = {}
    for block in blocks:
        one = replace(block, count=1)
        found[one] = found.get(one, 0) + block.count
    return [replace(one, count=count) for one, count in found.items()]

"""Layers of an LLM that draft for it (multi-token prediction): what they keep on one chip, and where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from objectives.api import Context, Deployments, Llm
from objectives.arrays import Array, ceil_div, floor, maximum, where
from objectives.equations.llm.by_part import in_rest
from objectives.equations.llm.context_parallel import split_over
from objectives.equations.llm.held_weights import edge_weights
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.parts import Parts


@dataclass(frozen=True, kw_only=True)
class OwnDraft:
    """Modules of an LLM that draft for it; all of them are in the last stage of a pipeline."""

    llm: Llm
    """The layers of one module as a network, with the embedding and head of the LLM."""
    layer: MeanLayer
    """Their mean on one chip."""
    worked: MeanLayer | None
    """The same as the matrix units work on it; None where all parts are alike."""
    length: int
    """Tokens of a draft [1]: passes of one module each."""
    modules: int
    """Modules that a draft uses, with weights and KV cache of their own [1]."""

    def of_modules(self, amount: Callable[[MeanLayer], Array]) -> Array:
        """Of what a layer has an amount, that of all modules."""
        return float(self.modules * self.llm.layers) * amount(self.layer)

    def weights(self, of: MeanLayer) -> Array:
        """Weights of all modules, each layer counted as `of` counts it [1]."""
        return float(self.modules) * of.stage_weights(float(self.llm.layers))

    def experts(self) -> Array:
        """Those of their routed experts [1]."""
        return float(self.modules) * self.layer.stage_experts(float(self.llm.layers))


def module_of(context: Context) -> tuple[Llm, int] | None:
    """The layers of one module as a network, and the modules that a draft uses; None where others draft.

    Modules are used in turn, so that a draft of k tokens uses min(modules, k).

    Args:
        context: network and workload.

    Returns:
        Network and modules.

    Raises:
        ValueError: for an LLM without layers that draft.

    Domain:
        Modules of equal layers.

    Limits:
        None for a draft at a stated cost, and without one.

    Source:
        DeepSeek-V3, DeepSeek-AI 2024 (arXiv 2412.19437), section 2.2: modules share embedding and head.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py.
    """
    draft, llm = context.workload.speculation, context.llm
    if draft is None or not draft.own_layers:
        return None
    if llm.draft is None:
        raise ValueError(
            f"speculation.draft: expected an LLM with draft_layers for mtp, got {llm.name} without"
        )
    one = replace(llm, blocks=llm.draft.blocks, learned_positions=0, lookup=(), draft=None)
    return one, min(llm.draft.modules, draft.length)


def own_draft(context: Context, d: Deployments, compute_slowness: Parts | None) -> OwnDraft | None:
    """Layers of an LLM that draft for it, split over chips as its own layers are.

    Args:
        context: network, formats and workload.
        d: deployments.
        compute_slowness: what the product of each part takes over one at the matrix peak; None where all
            are alike.

    Returns:
        Their sizes, shapes broadcast; None where others draft.

    Domain:
        As `mean_layer`.

    Limits:
        None without a draft.

    Source:
        As `mean_layer`.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py.
    """
    found = module_of(context)
    if found is None:
        return None
    llm, modules = found
    cp, parts = split_over(d.cp), context.precision.parts
    worked = None if compute_slowness is None else mean_layer(llm, d.tp, d.ep, cp, compute_slowness)
    if worked is None and parts is not None:
        worked = mean_layer(llm, d.tp, d.ep, cp)
    return OwnDraft(
        llm=llm,
        layer=mean_layer(llm, d.tp, d.ep, cp, in_rest(context.precision)),
        worked=worked,
        length=0 if context.workload.speculation is None else context.workload.speculation.length,
        modules=modules,
    )


def most_of_stage(
    own: OwnDraft | None, layer: MeanLayer, layers: int, pp: Array, amount: Callable[[MeanLayer], Array]
) -> Array:
    """Of what a layer has an amount, that of the stage of a pipeline with the most.

    max(ceil(layers / PP) x amount, floor(layers / PP) x amount + that of what drafts).

    Args:
        own: what drafts; None for nothing.
        layer: the mean layer of the LLM.
        layers: layers of the LLM [1].
        pp: pipeline stages [1].
        amount: what is counted, of a layer.

    Returns:
        The amount [unit of `amount`].

    Domain:
        Modules are in the last stage.

    Limits:
        That of the largest stage without drafts; all layers and modules for PP = 1.

    Source:
        Counted from what a stage runs.

    Examples:
        By hand: 61 layers of one on two stages.

        >>> most_of_stage(None, None, 61, 2.0, lambda layer: 1.0)
        31.0
    """
    most = ceil_div(float(layers), pp) * amount(layer)
    return (
        most
        if own is None
        else maximum(most, floor(float(layers) / pp) * amount(layer) + own.of_modules(amount))
    )


def last_stage_weights(own: OwnDraft, layer: MeanLayer, of: MeanLayer, layers: int, pp: Array) -> Array:
    """Weights on a chip of the last stage, which drafts [1].

    Its layers, all modules, the head, and the embedding once more, since drafted tokens are looked up there;
    with one stage everything.

    Args:
        own: what drafts.
        layer: the mean layer of all parts, which decides which edge is fuller.
        of: the mean layer of the parts that count.
        layers: layers of the LLM [1].
        pp: pipeline stages [1].

    Returns:
        Weights without those of the modules, shapes broadcast [1].

    Domain:
        Stages of floor(layers / PP) layers at the end.

    Limits:
        All layers and both edges for PP = 1.

    Source:
        Counted from what a stage runs.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py.
    """
    tied = own.llm.tied_embedding
    one = of.head if of.embedding is None else of.embedding
    both = one if tied else of.head + one
    edges = where(pp > 1.0, both, edge_weights(of, pp, layer, tied=tied))
    return of.stage_weights(floor(float(layers) / pp)) + edges


def fullest(
    first: Mapping[str, Array], last: Mapping[str, Array], pp: Array
) -> tuple[dict[str, Array], Array]:
    """Bytes of the first stage or of the last, whichever are more, and whether it is the last.

    Args:
        first: bytes of the first stage by kind [B].
        last: those of the last one, which drafts [B].
        pp: pipeline stages [1].

    Returns:
        Bytes by kind [B], and where they are those of the last stage.

    Domain:
        Kinds of bytes that compete for the same memories.

    Limits:
        The last where it is the only one.

    Source:
        By definition.

    Examples:
        By hand: two stages of 10 B and 12 B.

        >>> import numpy as np
        >>> held, drafts = fullest({"weights": 10.0}, {"weights": 12.0}, np.array([2.0]))
        >>> float(held["weights"][0]), bool(drafts[0])
        (12.0, True)
    """
    both = [sum(list(each.values())[1:], next(iter(each.values()))) for each in (last, first)]
    drafts = (pp <= 1.0) | (both[0] > both[1])
    return {kind: where(drafts, last[kind], first[kind]) for kind in first}, drafts


def by_part(
    context: Context, d: Deployments, layer: MeanLayer, own: OwnDraft, drafts: Array, stage: Array
) -> dict[str, Array]:
    """Bytes of weights of the fullest stage on each chip, by part, with those of what drafts [B].

    Args:
        context: network, formats and workload.
        d: deployments.
        layer: the mean layer, weights of the rest's size each.
        own: what drafts.
        drafts: where the fullest stage is the last one.
        stage: layers of the largest stage [1].

    Returns:
        Part to bytes; empty where all weights have one format.

    Domain:
        As `held_weights.weights_by_part`.

    Limits:
        The sum is what is held.

    Source:
        Counted as `mean_layer` counts.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py.
    """
    parts = context.precision.parts
    if parts is None:
        return {}
    cp, names, found = split_over(d.cp), [f.name for f in fields(Parts)], {}
    for name in names:
        alone = Parts(**{**dict.fromkeys(names, 0.0), name: getattr(parts, name)})
        of = mean_layer(context.llm, d.tp, d.ep, cp, alone)
        module = own.weights(mean_layer(own.llm, d.tp, d.ep, cp, alone))
        edges = edge_weights(of, d.pp, layer, tied=context.llm.tied_embedding)
        last = last_stage_weights(own, layer, of, context.llm.layers, d.pp) + module
        found[name] = where(drafts, last, of.stage_weights(stage) + edges)
    return found

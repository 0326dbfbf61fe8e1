"""A batch of designs set up for its passes: the mean layer, what each chip holds, steps and prompts."""

from dataclasses import dataclass

from objectives.api import Chips, Context, Deployments, Designs
from objectives.arrays import Array, namespace
from objectives.equations.chip.placement import place, tiers
from objectives.equations.cost.energy import Busy
from objectives.equations.interconnect import topology
from objectives.equations.interconnect.all_to_all import all_to_all
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.equations.step import pipeline, prefix_cache
from objectives.equations.step.forward_pass import Machine, Pass, Rows, one_pass
from objectives.equations.step.pinning import demands
from objectives.equations.step.pipeline_pass import Walk, walk_through
from objectives.equations.step.resource_use import work_of
from objectives.equations.step.speculation import checked_rows, tokens_per_step


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What all passes of a batch of designs share."""

    chips: Chips
    context: Context
    deployments: Deployments
    layer: MeanLayer
    micro: pipeline.MicroBatches
    prompts: Array
    """Prompts that are prefilled at once [1]."""
    prompt_rows: Array
    """Rows of prompts that run at once at most [1], as far as activations are held for them."""
    held: dict[str, Array]
    """Bytes that the first, fullest stage holds on each chip, by kind [B]."""
    stage_layers: Array
    """Layers of the largest stage [1]."""
    machine: Machine
    hops: topology.Hops


@dataclass(frozen=True, kw_only=True)
class Decode:
    """Steps of decode."""

    rows: Rows
    passed: Pass
    walk: Walk
    draft: Array | None
    """Seconds of drafting for one step [s]."""
    tokens: float
    """Tokens that a step gives each sequence [1]."""
    work: Busy
    """Work of one output token [chip-second]."""

    def per_token(self) -> Array:
        """Time for one output token of every sequence [s]."""
        if self.draft is None:
            return self.walk.turn.seconds
        return (self.walk.turn.seconds + self.draft) / self.tokens

    def parts(self, m: Machine) -> dict[str, Array]:
        """Where it goes [s]; the sum is `per_token`."""
        parts = self.walk.parts(m, self.passed) | {"pipeline_wait": self.walk.turn.wait()}
        if self.draft is None:
            return parts
        return {name: part / self.tokens for name, part in (parts | {"draft": self.draft}).items()}


def scene(designs: Designs, context: Context, prompts: Array, prompt_rows: Array) -> Scene:
    """Set up `designs` for passes of which prefill takes `prompts` prompts, `prompt_rows` rows at a time."""
    chips, d, work = designs.chips, designs.deployments, context.workload
    layer = mean_layer(context.llm, d.tp, d.ep)
    micro = pipeline.micro_batches(d.batch, d.pp)
    kept = namespace(prompt_rows, chips.held_rows).minimum(prompt_rows, chips.held_rows)
    held = _held(context, layer, d, kept, micro.rows)
    stage = namespace(d.pp).ceil(float(context.llm.layers) / d.pp)
    t = tiers(chips)
    prompt_kv = stage * layer.kept_bytes(work.isl, context.precision.kv_bytes) * prompts
    machine = Machine(
        chips=chips,
        context=context,
        layer=layer,
        tiers=t,
        placed=place(
            chips,
            t,
            demands(chips, context, layer, t, held, micro, d.pp),
            prompt_kv,
            held["activations"],
            held.get("prefix_cache"),
        ),
        collectives=topology.collectives(chips, d.tp),
        exchange=all_to_all(chips, d.ep) if layer.routed else None,
        tp=d.tp,
    )
    return Scene(
        chips=chips, context=context, deployments=d, layer=layer, micro=micro, prompts=prompts,
        prompt_rows=prompt_rows, held=held, stage_layers=stage, machine=machine,
        hops=topology.stage_hops(chips, d.tp, d.pp),
    )  # fmt: skip


def _held(
    context: Context, layer: MeanLayer, d: Deployments, prompt_rows: Array, rows: Array
) -> dict[str, Array]:
    llm, precision, work = context.llm, context.precision, context.workload
    xp = namespace(layer.head, d.pp)
    stage = xp.ceil(float(llm.layers) / d.pp)
    edges = layer.head if llm.tied_embedding else xp.where(d.pp > 1.0, layer.head, 2.0 * layer.head)
    held = {
        "weights": (stage * layer.weights() + edges) * precision.weight_bytes,
        "kv_cache": stage * layer.kept_bytes(work.max_context, precision.kv_bytes) * d.batch,
    }
    if work.speculation is not None:
        rows = rows * checked_rows(work.speculation)
        held["weights"] = held["weights"] * (1.0 + work.speculation.cost)
    both = namespace(rows, prompt_rows)
    rows = rows + prompt_rows if work.serving == "chunked" else both.maximum(rows, prompt_rows)
    if work.prefix is not None and work.prefix.tier == "dram":
        held["prefix_cache"] = stage * prefix_cache.stored(layer, work, precision.kv_bytes)
    return {**held, "activations": rows * (layer.live * precision.activation_bytes)}


def decode(s: Scene) -> Decode:
    """One step for all resident sequences, in as many micro-batches as the pipeline takes."""
    work, d = s.context.workload, s.deployments
    rows = _decoding(s, s.micro.rows)
    passed = one_pass(s.machine, rows)
    walk = walk_through(s.machine, passed, rows, d.pp, s.hops, s.micro.count)
    drafted = work.speculation
    work_s = work_of(s.machine, passed, rows).times(d.tp / s.micro.rows)
    if drafted is None:
        return Decode(rows=rows, passed=passed, walk=walk, draft=None, tokens=1.0, work=work_s)
    checked = _decoding(s, s.micro.rows * checked_rows(drafted))
    plain = walk.turn.seconds
    passed = one_pass(s.machine, checked)
    walk = walk_through(s.machine, passed, checked, d.pp, s.hops, s.micro.count)
    tokens, guessed = tokens_per_step(drafted), drafted.length * drafted.cost
    checking = work_of(s.machine, passed, checked).times(d.tp / s.micro.rows)
    return Decode(
        rows=checked, passed=passed, walk=walk, draft=guessed * plain, tokens=tokens,
        work=checking.plus(work_s.times(guessed)).times(1.0 / tokens),
    )  # fmt: skip


def _decoding(s: Scene, rows: Array) -> Rows:
    """Every row attends to its context; KV cache is read once for all rows of a sequence."""
    context = s.context.workload.mean_context
    return Rows(
        rows=rows,
        head_rows=rows,
        sequences=s.micro.rows,
        core_flop=s.layer.core_flop(context),
        cached=s.micro.rows * s.layer.kv(context),
        kv_share=s.machine.placed.kv_share,
        state=_moved(s, s.micro.rows),
    )


def _moved(s: Scene, sequences: Array) -> Array | None:
    """Bytes of states that a pass reads and writes for some sequences [B]."""
    return None if s.layer.state is None else 2.0 * s.layer.state * sequences


def prompt_rows(s: Scene) -> Rows:
    """The prompts at once: causal attention sees half of the square on average.

    KV cache is written where that of these prompts alone would lie, whatever the batch beside it.
    """
    work, prompts, none = s.context.workload, s.prompts, 0.0 * s.deployments.tp
    return Rows(
        rows=prefix_cache.computed(work) * prompts + none,
        head_rows=prompts + none,
        sequences=prompts + none,
        core_flop=prefix_cache.prompt_core_flop(s.layer, work),
        cached=prompts * s.layer.kept(work.isl),
        kv_share=s.machine.placed.prompt_kv_share,
        prompt=True,
        state=_moved(s, prompts),
    )


def prefix_load_s(s: Scene) -> Array | None:
    """Time to bring back what one prompt has in the prefix cache [s]; None where nothing is brought."""
    work = s.context.workload
    if work.prefix is None or work.prefix.hit == 0.0 or work.prefix.tier == "dram":
        return None
    size = s.stage_layers * prefix_cache.bytes_read(s.layer, work, s.context.precision.kv_bytes)
    return prefix_cache.load_seconds(work.prefix, size)

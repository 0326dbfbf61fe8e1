"""The pass of an encoder over the rows of some requests, before their prompts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

from objectives.arrays import Array, ones_like, zeros_like
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.llm.by_part import in_rest, slowness
from objectives.equations.llm.launches import BY_HEADS, FFN
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.equations.llm.parts import EncoderRun, KeysOfEncoder, encoder_runs
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.forward_pass import ForwardPass, PassInput, forward_pass
from objectives.equations.step.machine import Machine
from objectives.equations.step.pipeline_pass import PipelinePass, pipeline_pass, resource_use


@dataclass(frozen=True, kw_only=True)
class EncoderLeg:
    """A part of the pass: its stem, its layers, its projector, or keys and values of cross attention."""

    machine: Machine
    rows: PassInput
    layer_pass: ForwardPass
    pipeline: PipelinePass
    alone: bool = False
    """Whether one stage runs it."""
    launched: bool = True
    """Whether hosts launch it by itself, rather than with the prompt."""

    def seconds(self) -> Array:
        """Through all stages [s]."""
        if self.alone:
            return self.pipeline.layer_s * self.pipeline.layers
        return self.pipeline.latency_s if self.launched else self.pipeline.latency_s - self.pipeline.fixed_s

    def wide_s(self) -> Array:
        """As `seconds`, were all stages of the same width [s]."""
        narrow = self.pipeline.narrow_s
        return self.seconds() if narrow is None or self.alone else self.seconds() - narrow

    def stage_s(self) -> Array:
        """Time that the slowest stage is occupied [s]."""
        if self.alone:
            return self.seconds()
        fixed = self.pipeline.stage_fixed_s
        return self.pipeline.stage_s if self.launched else self.pipeline.stage_s - fixed


@dataclass(frozen=True, kw_only=True)
class EncoderPass:
    """The pass of an encoder, one micro-batch of `prompts` requests."""

    legs: tuple[EncoderLeg, ...]
    prompts: Array

    def seconds(self) -> Array:
        """Through all stages [s]."""
        return _sum(leg.seconds() for leg in self.legs)

    def wide_s(self) -> Array:
        """As `seconds`, were all stages of the same width [s]."""
        return _sum(leg.wide_s() for leg in self.legs)

    def stage_s(self) -> Array:
        """Time that the slowest stage is occupied [s]."""
        return _sum(leg.stage_s() for leg in self.legs)

    def resources(self, s: Setup) -> ResourceSeconds:
        """What it takes of each resource, for each output token of its requests [chip-second]."""
        share = s.deployments.ways / (self.prompts * s.context.workload.osl)
        used = [resource_use(leg.machine, leg.layer_pass, leg.rows) for leg in self.legs]
        return reduce(ResourceSeconds.plus, used).times(share)


def encoder_pass(s: Setup) -> EncoderPass | None:
    """The pass of an encoder over the rows of the requests whose prompts are prefilled at once.

    As a pass over prompts, but that every row attends to all rows in reach, on both sides, and that nothing
    is kept of its layers. Keys and values of cross attention are made of its rows in a last part, over the
    layers of the network that have it, and kept; hosts launch it with the prompt.

    Args:
        s: designs set up for their passes.

    Returns:
        Times and rows of its parts, shapes broadcast; None without an encoder.

    Domain:
        Its layers are shared out over the stages of a pipeline as those of the network are, and its weights
        are placed in memories as dense weights of the network are. Each request has its own rows: no cache
        of prefixes keeps what an encoder made.

    Limits:
        FLOP over peak for many rows, bytes of its weights over bandwidth for few.

    Source:
        As `forward_pass`; Vaswani et al. 2017 (arXiv 1706.03762), section 3.1.

    Examples:
        By hand, in tests/equations/step/test_encoder_pass.py.
    """
    runs = encoder_runs(s.context.llm)
    if not runs:
        return None
    prompts = s.prompt_load.prompts
    legs = [_leg(s, run, prompts) for run in runs]
    keys = s.layer.of_encoder
    if keys is not None:
        legs.append(_keys_leg(s, keys, prompts))
    return EncoderPass(legs=tuple(legs), prompts=prompts)


def _leg(s: Setup, run: EncoderRun, prompts: Array) -> EncoderLeg:
    """Some layers over the rows of an encoder."""
    d, cp, precision = s.deployments, s.machine.cp, s.context.precision
    layer = mean_layer(run.llm, d.tp, None, cp, in_rest(precision))
    # as `set_up` counts the network
    slow = slowness(s.chips.compute)
    worked = None if slow is None else mean_layer(run.llm, d.tp, None, cp, slow)
    if worked is None and precision.parts is not None:
        worked = mean_layer(run.llm, d.tp, None, cp)
    machine = replace(
        s.machine,
        context=replace(s.context, llm=run.llm),
        layer=layer,
        slow=worked,
        all_to_all=None,
        first_expert_s=None,
    )
    moved = prompts * layer.kv_of_rows(run.tokens)
    rows = _rows(s, machine, run.tokens, layer.both_ways_flop(run.tokens), moved)
    return replace(_through(s, machine, rows), alone=run.alone)


def _keys_leg(s: Setup, keys: KeysOfEncoder, prompts: Array) -> EncoderLeg:
    """Keys and values of all cross attention, of the rows that leave the encoder."""
    # rows of the encoder's width pass the stages; there is no head
    llm = replace(s.context.llm, hidden=keys.width, vocab=0, lookup=())
    slow = s.machine.slow
    machine = replace(
        s.machine,
        context=replace(s.context, llm=llm),
        layer=_keys_alone(s.layer, keys),
        slow=None if slow is None or slow.of_encoder is None else _keys_alone(slow, slow.of_encoder),
        all_to_all=None,
        first_expert_s=None,
    )
    kept = prompts * s.layer.kv_of_encoder()
    rows = _rows(s, machine, keys.tokens, zeros_like(s.deployments.tp), kept)
    # engines make them in the pass of the prompt
    return replace(_through(s, machine, replace(rows, kv_written=kept)), launched=False)


def _keys_alone(layer: MeanLayer, keys: KeysOfEncoder) -> MeanLayer:
    """The mean layer with nothing but what makes keys and values of an encoder's rows."""
    none = zeros_like(layer.head)
    return replace(
        layer,
        projection=keys.elements,
        projection_traffic=keys.traffic,
        ffn=none,
        ffn_traffic=none,
        routed_traffic=none,
        head=none,
        cores=(),
        routed=(),
        state_bytes=None,
        all_reduces=0.0,
        all_gathers=0.0,
        # one kernel in each layer that has it
        launches=keys.share / (BY_HEADS + FFN),
        expert_launches=0.0,
        gathered=0.0,
        repeated=(),
        tables=None,
        looked_up=None,
        embedding=None,
        of_encoder=None,
    )


def _rows(s: Setup, m: Machine, tokens: float, core_flop: Array, kv_elements: Array) -> PassInput:
    """Rows of the encoder of all requests of a pass."""
    prompts, shape = s.prompt_load.prompts, zeros_like(s.deployments.tp)
    return PassInput(
        rows=tokens * prompts + shape,
        head_rows=shape,
        # what a sequence costs once is counted with its prompt
        sequences=shape,
        core_flop=core_flop,
        kv_elements=kv_elements,
        kv_share=s.machine.placed.prompt_kv_share,
        kv_further=s.machine.placed.prompt_kv_further,
        prompt=True,
        decoded=0.0,
        exchanged=m.layer.exchanged(prompt=True),
    )


def _through(s: Setup, machine: Machine, rows: PassInput) -> EncoderLeg:
    """Rows on their way through all stages."""
    layer_pass, pp = forward_pass(machine, rows), s.deployments.pp
    # narrower stages have fewer layers of the encoder by the same share
    slower = None
    if s.slower_layers is not None:
        slower = s.slower_layers * (machine.context.llm.layers / s.context.llm.layers)
    pipeline = pipeline_pass(machine, layer_pass, rows, pp, s.hops, ones_like(pp), slower)
    return EncoderLeg(machine=machine, rows=rows, layer_pass=layer_pass, pipeline=pipeline)


def _sum(terms: Iterable[Array]) -> Array:
    return reduce(add, terms)

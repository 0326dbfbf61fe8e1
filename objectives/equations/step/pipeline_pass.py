"""A pass on its way through all stages of the pipeline, and where its seconds go."""

from dataclasses import dataclass
from functools import cached_property

from objectives.arrays import Array
from objectives.equations.chip import operator_time
from objectives.equations.interconnect import topology
from objectives.equations.step import pipeline
from objectives.equations.step.forward_pass import Machine, Pass, Rows, residual_bytes


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One pass through all stages."""

    seconds: Array
    """All stages, one after the other [s]."""
    hops: Array
    """Of these, from stage to stage [s]."""
    fixed: Array
    layers: int
    pp: Array
    count: Array
    """Micro-batches in flight [1]."""
    layer_s: Array
    head_s: Array
    stage_s: Array
    """Fixed time of a stage [s]."""
    slowest: topology.Line
    """The slowest send from stage to stage."""
    message: Array
    """Bytes that a stage sends to the next [B]."""

    @cached_property
    def stage(self) -> Array:
        """Time that the slowest stage is occupied [s]."""
        fixed = self.slowest.seconds(self.message) + self.stage_s
        return pipeline.slowest_stage(self.layers, self.pp, self.layer_s, self.head_s, fixed)

    @cached_property
    def turn(self) -> pipeline.Turn:
        """One token for every sequence."""
        return pipeline.turn(self.seconds, self.stage, self.count)

    def parts(self, m: Machine, p: Pass) -> dict[str, Array]:
        """Where the seconds of the walk go [s]; their sum is the walk."""
        layers = m.context.llm.layers
        return {
            "attention_projections": layers * p.projections.seconds(),
            "attention_core": layers * p.core.seconds(),
            "ffn": layers * p.ffn.seconds(),
            **({} if p.routed is None else {"routed_experts": layers * p.routed.seconds()}),
            "head": p.head.seconds(),
            "collectives": layers * p.collectives + p.head_gather,
            "die_to_die": layers * p.package,
            **({} if p.exchange is None else {"all_to_all": layers * p.exchange}),
            "activation_passes": layers * p.passes,
            "layer_overhead": layers * p.overhead,
            "pipeline_hops": self.hops,
            "step_overhead": self.fixed,
        }


def walk_through(m: Machine, p: Pass, r: Rows, pp: Array, hops: topology.Hops, count: Array) -> Walk:
    """The pass `p` of rows `r` through PP stages, `count` micro-batches in flight."""
    layers, step = m.context.llm.layers, m.chips.step_overhead_s
    message = r.rows * (m.context.llm.hidden * residual_bytes(m))
    layer_s, head_s = p.layer_s(), p.head_s()
    each = r.sequences * m.chips.sequence_overhead_s
    hop, fixed = hops.turn.seconds(message), pp * step + each
    return Walk(
        seconds=layers * layer_s + head_s + (fixed + hop), hops=hop, fixed=fixed, layers=layers, pp=pp,
        count=count, layer_s=layer_s, head_s=head_s, stage_s=step + each, slowest=hops.slowest,
        message=message,
    )  # fmt: skip


def bounds(p: Pass, parts: dict[str, Array], layers: float, heads: float = 1.0) -> dict[str, Array]:
    """Seconds of TPOT by the resource that binds them [s], for so many layers and LM heads a token."""
    groups = [(p.projections, layers), (p.core, layers), (p.ffn, layers), (p.head, heads)]
    if p.routed is not None:
        groups.append((p.routed, layers))
    credits = [{k: n * v for k, v in g.bound().items()} for g, n in groups]
    links = ("collectives", "die_to_die", "all_to_all", "kv_transfer", "prefix_load")
    rest = {
        "dram": parts["activation_passes"],
        "link": sum(parts[name] for name in links[1:] if name in parts) + parts[links[0]],
        "fixed": parts["layer_overhead"] + parts["step_overhead"],
        "pipeline": parts["pipeline_wait"] + parts["pipeline_hops"],
    }
    named = {"prefill": "prefill_stall", "draft": "draft"}
    stall = {bound: parts[name] for bound, name in named.items() if name in parts}
    return operator_time.add_bounds([*credits, rest, stall])

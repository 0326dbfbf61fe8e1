"""A pass through all stages of the pipeline: where its seconds go, and what it takes of resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from objectives.arrays import Array
from objectives.equations.chip.formats import residual_bytes
from objectives.equations.chip.operator_time import add_bounds, sustained_by_cores
from objectives.equations.chip.resource_seconds import ResourceSeconds, resource_seconds
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.interconnect.stage_hops import StageHops
from objectives.equations.llm import expert_parallel
from objectives.equations.step.forward_pass import ForwardPass, PassInput, dense_matrices
from objectives.equations.step.machine import Machine
from objectives.equations.step.pipeline import PipelineTime, pipeline_time, slowest_stage


@dataclass(frozen=True, kw_only=True)
class PipelinePass:
    """One pass through all stages."""

    latency_s: Array
    """All stages, one after the other [s]."""
    hops_s: Array
    """Of these, from stage to stage [s]."""
    fixed_s: Array
    """Of these, fixed times of steps and sequences [s]."""
    layers: int
    pp: Array
    count: Array
    """Micro-batches in flight [1]."""
    layer_s: Array
    head_s: Array
    stage_fixed_s: Array
    """Fixed time of one stage [s]."""
    slowest_hop: AlphaBeta
    message_bytes: Array
    """Bytes that a stage sends to the next [B]."""
    first_byte_s: Array | None = None
    """Of all stages, until far memories bring their first byte [s]; None without such."""
    narrow_s: Array | None = None
    """By how much narrower stages take longer [s]; None where all are alike."""
    draft_s: Array | None = None
    """Of the last stage, passes of layers that draft [s]; None without such."""

    # on request only, since not every mode needs the slowest stage of its prompts
    @cached_property
    def stage_s(self) -> Array:
        """Time that the slowest stage is occupied [s]."""
        fixed = self.slowest_hop.seconds(self.message_bytes) + self.stage_fixed_s
        # what drafts is in the stage of the head
        last = self.head_s if self.draft_s is None else self.head_s + self.draft_s
        return slowest_stage(self.layers, self.pp, self.layer_s, last, fixed)

    @cached_property
    def time(self) -> PipelineTime:
        """One token for every sequence."""
        return pipeline_time(self.latency_s, self.stage_s, self.count)

    def parts(self, m: Machine, p: ForwardPass) -> dict[str, Array]:
        """Where the seconds of the latency go [s]; their sum is the latency."""
        layers = m.context.llm.layers
        return {
            "attention_projections": layers * p.projections.seconds(),
            "attention_core": layers * p.core.seconds(),
            "ffn": layers * p.ffn.seconds(),
            **({} if p.routed is None else {"routed_experts": layers * p.routed.seconds()}),
            "head": p.head.seconds(),
            "collectives": layers * p.collectives_s + p.head_gather_s,
            "die_to_die": layers * p.die_to_die_s,
            **({} if p.all_to_all_s is None else {"all_to_all": layers * p.all_to_all_s}),
            "kv_merges": layers * p.kv_merges_s,
            "activation_passes": layers * p.activation_traffic_s,
            "layer_overhead": layers * p.overhead_s,
            "pipeline_hops": self.hops_s,
            "step_overhead": self.fixed_s,
            **({} if self.first_byte_s is None else {"memory_latency": self.first_byte_s}),
            **({} if self.narrow_s is None else {"narrow_stages": self.narrow_s}),
            **({} if self.draft_s is None else {"draft": self.draft_s}),
        }


def pipeline_pass(
    m: Machine,
    p: ForwardPass,
    r: PassInput,
    pp: Array,
    hops: StageHops,
    count: Array,
    slower: Array | None = None,
    draft_s: Array | None = None,
) -> PipelinePass:
    """A pass of some rows through PP stages.

    layers x layer + head + PP hops + PP fixed times + passes of layers that draft.

    Args:
        m: chips, network and placement.
        p: times of one mean layer and the head.
        r: rows of the pass.
        pp: pipeline stages [1].
        hops: sends between stages.
        count: micro-batches in flight [1].
        slower: layers by which narrower stages make the way longer; none where left out [1].
        draft_s: passes of layers of the last stage that draft; none where left out [s].

    Returns:
        Latency, slowest stage and turn, shapes broadcast.

    Domain:
        Stages of equal chips; the time of a sequence is paid once a pass.

    Limits:
        layers x layer + head and one fixed time for PP = 1.

    Source:
        GPipe, Huang et al. 2019 (arXiv 1811.06965), section 2.

    Examples:
        By hand, in tests/equations/step/test_pipeline.py and tests/properties/test_serving_modes.py.
    """
    layers, step = m.context.llm.layers, m.chips.stack.step_overhead_s
    # the residual stream of all rows, which every stage passes on
    message = r.rows * (m.context.llm.hidden * residual_bytes(m.context.precision))
    layer_s, head_s = p.layer_s(), p.head_s()
    # paid once a pass: once in the latency, and the slowest stage is taken to be the one that pays it
    each = r.sequences * m.chips.stack.sequence_overhead_s
    hop, fixed = hops.turn.seconds(message), pp * step + each
    latency, stage_fixed, first = layers * layer_s + head_s + (fixed + hop), step + each, None
    if m.first_byte_s is not None:  # every stage waits for its own memories, whose streams follow each other
        first = pp * m.first_byte_s
        latency, stage_fixed = latency + first, stage_fixed + m.first_byte_s
    narrow = None if slower is None else slower * layer_s
    if draft_s is not None:
        latency = latency + draft_s
    return PipelinePass(
        latency_s=latency if narrow is None else latency + narrow,
        hops_s=hop,
        fixed_s=fixed,
        layers=layers,
        pp=pp,
        count=count,
        layer_s=layer_s,
        head_s=head_s,
        stage_fixed_s=stage_fixed,
        slowest_hop=hops.slowest,
        message_bytes=message,
        first_byte_s=first,
        narrow_s=narrow,
        draft_s=draft_s,
    )


def bounds(p: ForwardPass, parts: Mapping[str, Array], layers: float, heads: float = 1.0) -> dict[str, Array]:
    """Seconds of TPOT by the resource that binds them [s].

    Every operator credits its seconds to one resource; the other parts have one each.

    Args:
        p: times of one mean layer and the head.
        parts: seconds of TPOT by part [s].
        layers: layers for each token [1].
        heads: LM heads for each token [1].

    Returns:
        Seconds by resource, shapes broadcast [s]; they sum to TPOT.

    Domain:
        Of resources that bind alike the first is credited.

    Limits:
        All of an operator to its slowest resource.

    Source:
        Williams, Waterman & Patterson, CACM 52 (2009).

    Examples:
        By hand, in tests/equations/chip/test_operator_time.py; sums in tests/properties/test_laws.py.
    """
    operators = [(p.projections, layers), (p.core, layers), (p.ffn, layers), (p.head, heads)]
    if p.routed is not None:
        operators.append((p.routed, layers))
    credits = [{k: n * v for k, v in operator.bound().items()} for operator, n in operators]
    # what comes from other chips or from a host waits for links
    links = ("die_to_die", "all_to_all", "kv_merges", "kv_transfer", "prefix_load")
    rest = {
        "dram": parts["activation_passes"],
        "link": sum(parts[name] for name in links if name in parts) + parts["collectives"],
        "fixed": parts["layer_overhead"] + parts["step_overhead"] + parts.get("memory_latency", 0.0),
        "pipeline": parts["pipeline_wait"] + parts["pipeline_hops"],
    }
    # parts that only some ways of serving have
    named = {"prefill": "prefill_stall", "draft": "draft"}
    waits = {bound: parts[name] for bound, name in named.items() if name in parts}
    return add_bounds([*credits, rest, waits])


def resource_use(m: Machine, p: ForwardPass, r: PassInput) -> ResourceSeconds:
    """Resources of one pass on a chip of each stage, all stages together [chip-second].

    All dense matrices once, routed experts and attention cores once a layer, and the bytes of collectives.

    Args:
        m: chips, network and placement.
        p: times of the pass.
        r: rows of the pass.

    Returns:
        Seconds at full rate by resource, shapes broadcast [s].

    Domain:
        The busiest chip represents all where experts are spread; scale-out counts as scale-up.

    Limits:
        0 for a pass that takes no time.

    Source:
        As `chip.resource_seconds`.

    Examples:
        By hand, in tests/equations/cost/test_energy.py: FLOP over peak and bytes over bandwidth of whole
        networks.
    """
    layers = float(m.context.llm.layers)
    # dense matrices are summed over layers already, routed experts and cores are of one layer
    matrices = [(dense_matrices(m, p, r), 1.0)]
    experts = [] if p.routed is None else [(p.routed, layers)]
    core = sustained_by_cores(m.chips, r.decoded)
    return resource_seconds(m.chips, matrices, experts, [(p.core, layers)], core, _sent_bytes(m, r))


def _sent_bytes(m: Machine, r: PassInput) -> Array:
    """Bytes that a chip sends in the collectives of a pass [B]: sums, gathers, rows to experts, merges."""
    llm, layers = m.context.llm, float(m.context.llm.layers)
    size, tp = residual_bytes(m.context.precision), m.ways
    # an all-reduce sends its bytes twice (reduce-scatter, all-gather), a gather once; (TP - 1) / TP of each
    each = 2.0 * m.layer.all_reduces * llm.hidden + m.layer.gathered
    total = (layers * each * r.rows + llm.vocab * r.head_rows) * size * ((tp - 1.0) / tp)
    # rows leave narrow and come back as wide sums
    both_ways = m.context.precision.activation_bytes + size
    for part in m.layer.routed:
        rows = expert_parallel.rows_sent(part.spread, r.rows, tp, m.context.workload.routing_skew)
        total = total + (layers * part.share * part.width * both_ways) * rows
    if m.cp is not None and r.exchanged is not None:
        total = total + (layers * size) * ((m.cp - 1.0) / m.cp * r.exchanged) * r.rows
    return total

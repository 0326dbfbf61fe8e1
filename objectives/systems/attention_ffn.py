"""Attention | FFN: attention, KV cache and the head on one pool, FFNs or experts on the other."""

from dataclasses import replace
from typing import Final

from objectives.api import Context, Designs, Pool, PoolLink
from objectives.arrays import Array, inverse, maximum, ones_like
from objectives.equations.chip.formats import residual_bytes
from objectives.equations.chip.operator_time import add_bounds
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.llm.parts import attention_part, ffn_part
from objectives.equations.pools.attention_ffn import SplitToken, ffn_rows, split_token
from objectives.equations.pools.crossing import Message, activation_bytes, crossing, message
from objectives.equations.serving.first_token import first_token_parts
from objectives.equations.step.batch_setup import Setup, set_up
from objectives.equations.step.decode_steps import decode_steps
from objectives.equations.step.forward_pass import ForwardPass
from objectives.equations.step.pipeline_pass import bounds
from objectives.equations.step.prefill_pass import prefill_pass
from objectives.equations.step.prefix_cache import kept_elsewhere
from objectives.systems.decode_side import (
    DecodeSide,
    no_prompts,
    port_bandwidth,
)
from objectives.systems.turns import PoolTurn, Turn, fastest, side_of

_NOT_OPERATORS: Final = (
    "collectives",
    "activation_passes",
    "layer_overhead",
    "step_overhead",
    "pipeline_wait",
    "pipeline_hops",
)
"""Parts of a step that no operator owns; those of both pools are credited together."""

MICRO_BATCHES: Final = (1, 2, 3, 4)
"""Micro-batches for each stage of attention that are tried; MegaScale-Infer tries as many."""


def split_side(attention: Pool, ffn: Pool, link: PoolLink, context: Context) -> DecodeSide:
    """Decode with attention on one pool and FFNs on another; every layer crosses the link twice.

    A replica of attention has `batch` sequences, cut into the micro-batches that make a token fastest. All
    `dp` replicas of attention feed the `dp` replicas of FFN, each of which gets the rows of its share of them
    in one pass, micro-batch by micro-batch; `batch` of the FFN pool is not read. Stages of a pool are layers
    that lie on chips of their own: micro-batches are in different layers, so that all stages work at once.

    Args:
        attention: chips that hold attention, KV cache and the head.
        ffn: chips that hold FFNs or experts.
        link: network between them.
        context: network, formats and workload.

    Returns:
        Steps of decode, without prompts.

    Domain:
        A mean layer stands for all. Rows are copied to all chips of a stage by that stage, as one half of the
        all-reduce that ends each part. Stages of a pool are taken to share its work evenly.

    Limits:
        With equal chips, a link that takes no time and one micro-batch the time of one pool whose layers are
        computed by both in turn.

    Source:
        MegaScale-Infer, Zhu et al., SIGCOMM 2025 (arXiv 2504.02263); Step-3 (arXiv 2507.19427).

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    d = attention.deployments
    of_attention = replace(context, llm=attention_part(context.llm))
    of_ffn = replace(kept_elsewhere(context), llm=ffn_part(context.llm))

    def turn(micro: int) -> Turn:
        cuts = d.pp * float(micro)
        a = set_up(Designs.of(attention.chips, d), of_attention, no_prompts(d.tp), cuts)
        # what arrives is a whole micro-batch of every attention replica, however few there are of them
        fed = ffn.deployments.replace(batch=ffn_rows(a.micro.rows, d.dp, ffn.deployments.dp))
        f = set_up(Designs.of(ffn.chips, fed), of_ffn, no_prompts(d.tp), ones_like(d.tp))
        return _turn(a, f, link)

    chosen = fastest([turn(m) for m in MICRO_BATCHES])
    # what does not change with the number of micro-batches
    a = set_up(Designs.of(attention.chips, d), of_attention, no_prompts(d.tp))
    f = set_up(Designs.of(ffn.chips, ffn.deployments), of_ffn, no_prompts(d.tp))
    return side_of(chosen, (attention, a), (ffn, f), holder=0)


def _turn(a: Setup, f: Setup, link: PoolLink) -> Turn:
    """One token of every sequence with the micro-batches of the setups."""
    steps_a, steps_f = decode_steps(a), decode_steps(f)
    pass_a, pass_f = steps_a.layer_pass, steps_f.layer_pass
    layers = float(a.context.llm.layers)
    out, back = _crossings(a, f, link)
    # hosts of both pools launch a step once for every stage
    fixed = launched_s(a) + launched_s(f)
    each = steps_a.rows.sequences * a.chips.stack.sequence_overhead_s
    head = pass_a.head_s() + fixed + each
    # layers of a mixture of kinds: FFNs may be in fewer layers than attention
    share = float(f.context.llm.layers) / layers
    took = split_token(
        layers,
        a.micro.count,
        pass_a.layer_s(),
        share * pass_f.layer_s(),
        out.times(share),
        back.times(share),
        head,
        attention_stages=a.deployments.pp,
        ffn_stages=f.deployments.pp,
    )
    parts = _parts(a, f, pass_a, pass_f, took, fixed + each)
    return Turn(
        step_s=took.seconds,
        count=a.micro.count,
        parts_s=parts,
        bounds_s=_bounds(a, f, pass_a, pass_f, took, fixed + each),
        first=PoolTurn(
            busy=took.attention_busy,
            excess=a.machine.placed.excess_bytes,
            used=used_of_split(a, steps_a.resources, layers * share, forth=True),
            held=a.held_by_part(),
        ),
        then=PoolTurn(
            busy=took.ffn_busy,
            excess=f.machine.placed.excess_bytes,
            used=used_of_split(f, steps_f.resources, layers * share, forth=False),
            held=f.held_by_part(),
        ),
    )


def launched_s(s: Setup) -> Array:
    """Fixed seconds of a step on all stages of a pool [s], until far memories bring their first byte too.

    Args:
        s: a pool, set up.

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        As `split_side`.

    Limits:
        0 for a stack without fixed times.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    late = 0.0 if s.machine.first_byte_s is None else s.machine.first_byte_s
    return s.deployments.pp * (s.chips.stack.step_overhead_s + late)


def _crossings(a: Setup, f: Setup, link: PoolLink) -> tuple[Message, Message]:
    """Activations of one layer on their way out, and sums on their way back.

    All attention replicas that feed an FFN replica send at once.
    """
    held = Pool(role="attention", chips=a.chips, deployments=a.deployments)
    run = Pool(role="ffn", chips=f.chips, deployments=f.deployments)
    return row_messages(_line(held, run, link), f.micro.rows, a.context)


def _line(attention: Pool, ffn: Pool, link: PoolLink) -> AlphaBeta:
    """Link between an FFN replica and its share of the attention replicas."""
    d, e = attention.deployments, ffn.deployments
    return crossing(
        d.ways * (d.dp / e.dp),
        port_bandwidth(attention.chips, link.bandwidth),
        e.ways,
        port_bandwidth(ffn.chips, link.bandwidth),
        link.latency_s,
    )


def row_messages(line: AlphaBeta, rows: Array, context: Context) -> tuple[Message, Message]:
    """Rows leave as narrow activations and come back as wide sums.

    Args:
        line: link between the pools.
        rows: rows of one message [1].
        context: network and formats.

    Returns:
        The message out and the one back, of one layer.

    Domain:
        As `split_side`.

    Limits:
        The latency of the link for no rows.

    Source:
        As `crossing`.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    hidden, precision = float(context.llm.hidden), context.precision
    return (
        message(line, activation_bytes(rows, hidden, precision.activation_bytes)),
        message(line, activation_bytes(rows, hidden, residual_bytes(precision))),
    )


def used_of_split(s: Setup, own: ResourceSeconds, layers: float, *, forth: bool) -> ResourceSeconds:
    """What an output token takes of a pool: its passes, and the links over which its row crosses.

    Args:
        s: the pool, set up.
        own: what its passes take for each output token [chip-second].
        layers: layers whose rows cross [1].
        forth: whether rows leave for the other pool, narrow; else sums come back, wide.

    Returns:
        Chip-seconds of each resource [chip-second].

    Domain:
        As `split_side`.

    Limits:
        The passes alone without layers that cross.

    Source:
        Bytes over the rate of the chip's links.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    precision, hidden = s.context.precision, float(s.context.llm.hidden)
    each = precision.activation_bytes if forth else residual_bytes(precision)
    # a port of the host is none of the chip's links, whose power is not stated
    ports = maximum(s.chips.links.link_bandwidth, s.chips.links.scale_out_bandwidth)
    sent = layers * hidden * each * inverse(ports)
    return replace(own, link_s=own.link_s + sent)


def _parts(
    a: Setup, f: Setup, pass_a: ForwardPass, pass_f: ForwardPass, took: SplitToken, fixed: Array
) -> dict[str, Array]:
    """Where the seconds of a token go [s]; they sum to all."""
    la, lf = float(a.context.llm.layers), float(f.context.llm.layers)
    return {
        "attention_projections": la * pass_a.projections.seconds(),
        "attention_core": la * pass_a.core.seconds(),
        "ffn": lf * pass_f.ffn.seconds(),
        **({} if pass_f.routed is None else {"routed_experts": lf * pass_f.routed.seconds()}),
        "head": pass_a.head.seconds(),
        "collectives": la * pass_a.collectives_s + pass_a.head_gather_s + lf * pass_f.collectives_s,
        "kv_merges": la * pass_a.kv_merges_s,
        "die_to_die": la * pass_a.die_to_die_s + lf * pass_f.die_to_die_s,
        **({} if pass_f.all_to_all_s is None else {"all_to_all": lf * pass_f.all_to_all_s}),
        "activation_passes": la * pass_a.activation_traffic_s + lf * pass_f.activation_traffic_s,
        "layer_overhead": la * pass_a.overhead_s + lf * pass_f.overhead_s,
        "step_overhead": fixed,
        "pool_crossings": took.out_s + took.back_s,
        "micro_batch_wait": took.wait_s,
    }


def _bounds(
    a: Setup, f: Setup, pass_a: ForwardPass, pass_f: ForwardPass, took: SplitToken, fixed: Array
) -> dict[str, Array]:
    """What a token waits for [s]: operators of both pools, links, fixed times, other micro-batches."""
    none = dict.fromkeys(_NOT_OPERATORS, 0.0 * took.seconds)
    parts = _parts(a, f, pass_a, pass_f, took, fixed)
    linked = parts["collectives"] + parts["die_to_die"] + parts["kv_merges"] + parts["pool_crossings"]
    return add_bounds(
        [
            bounds(pass_a, none, float(a.context.llm.layers)),
            _ffn_bounds(f, pass_f),
            {
                "link": linked + parts.get("all_to_all", 0.0),
                "dram": parts["activation_passes"],
                "fixed": parts["layer_overhead"] + parts["step_overhead"],
                "pipeline": parts["micro_batch_wait"],
            },
        ]
    )


def _ffn_bounds(f: Setup, p: ForwardPass) -> dict[str, Array]:
    """Operators of the FFN pool by what binds them [s]."""
    layers = float(f.context.llm.layers)
    operators = [p.ffn] if p.routed is None else [p.ffn, p.routed]
    return add_bounds({k: layers * v for k, v in each.bound().items()} for each in operators)


def prompt_alone(
    attention: Pool, ffn: Pool, link: PoolLink, context: Context, step_s: Array
) -> dict[str, Array]:
    """Seconds of one prompt that passes both pools alone, by part [s].

    Args:
        attention: chips that hold attention.
        ffn: chips that hold FFNs or experts.
        link: network between them.
        context: network, formats and workload.
        step_s: a step of decode, for a request without a prompt to compute [s].

    Returns:
        Seconds by part, shapes broadcast [s].

    Domain:
        One prompt, as one micro-batch; nothing overlaps. Stages of a pool send each other nothing: rows
        come to the next one from the other pool.

    Limits:
        Two pools in turn for a link that takes no time.

    Source:
        As `split_side`.

    Examples:
        By hand, in tests/systems/test_attention_ffn.py.
    """
    d = attention.deployments
    of_attention = replace(context, llm=attention_part(context.llm))
    of_ffn = replace(kept_elsewhere(context), llm=ffn_part(context.llm))
    a = set_up(Designs.of(attention.chips, d), of_attention, no_prompts(d.tp))
    f = set_up(Designs.of(ffn.chips, ffn.deployments), of_ffn, no_prompts(d.tp))
    attend, feed = prefill_pass(a), prefill_pass(f)
    parts, others = attend.parts(a), feed.parts(f)
    parts = {name: parts.get(name, 0.0) + others.get(name, 0.0) for name in {**parts, **others}}
    parts.pop("pipeline_hops")
    out, back = row_messages(_line(attention, ffn, link), attend.rows.rows, context)
    crossed = float(of_ffn.llm.layers) * (out.seconds + back.seconds)
    found = {**parts, "pool_crossings": attend.where_prompts(crossed)}
    return {**found, **first_token_parts(a, attend, step_s)}

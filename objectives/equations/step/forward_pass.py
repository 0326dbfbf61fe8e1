"""One pass of some rows over a mean layer and the head: operators, collectives, overheads."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

from objectives.api import Chips
from objectives.arrays import Array, minimum, where, zeros_like
from objectives.equations.chip.formats import residual_bytes
from objectives.equations.chip.memory_streams import in_dram, kv_streams, streams
from objectives.equations.chip.operator_time import OperatorTime, padded_rows, sustained_by_cores
from objectives.equations.llm import expert_parallel
from objectives.equations.llm.context_parallel import exchange_seconds
from objectives.equations.step.machine import Machine


@dataclass(frozen=True, kw_only=True)
class PassInput:
    """What one pass carries through the layers."""

    rows: Array
    """Rows fed to every matrix: sequences in decode, prompt tokens in prefill [1]."""
    head_rows: Array
    """Rows fed to the LM head [1]."""
    sequences: Array
    """Sequences that the rows belong to [1]."""
    core_flop: Array
    """FLOP of the attention cores of a mean layer for each row [FLOP]."""
    kv_elements: Array
    """Elements of KV cache that the pass reads or writes in a mean layer [1]."""
    kv_share: Array
    """Share of them in SRAM [1]."""
    kv_further: tuple[Array, ...] = ()
    """Share of them in each further memory [1]."""
    kv_written: Array | None = None
    """Elements of them that are written, states aside [1]; None for none."""
    prompt: bool = False
    """Whether the rows are tokens of prompts."""
    decoded: Array = 1.0
    """Share of the FLOP of the attention cores that is of rows which decode [1]; the rest is of prompts."""
    state_bytes: Array | None = None
    """Bytes of states that the pass reads and writes in a mean layer [B]; None without states."""
    exchanged: Array | None = None
    """Elements of a row that chips exchange which share the tokens of a sequence [1]; None without such."""


@dataclass(frozen=True, kw_only=True)
class ForwardPass:
    """Times of one mean layer by operator, and of the head."""

    projections: OperatorTime
    core: OperatorTime
    ffn: OperatorTime
    routed: OperatorTime | None
    collectives_s: Array
    die_to_die_s: Array
    """Sums on their way between the dies of a chip [s]."""
    all_to_all_s: Array | None
    """Rows on their way to experts of other chips and back, as far as nothing hides them [s]."""
    kv_merges_s: Array
    """Queries and partial results between chips that share the tokens of a sequence [s]."""
    activation_traffic_s: Array
    """Activations on their way between matrices: norms, gates, casts, the residual stream [s]."""
    overhead_s: Array
    head: OperatorTime
    head_gather_s: Array

    def layer_s(self) -> Array:
        """One layer; its operators do not hide behind one another [s]."""
        operators = self.projections.seconds() + self.core.seconds() + self.ffn.seconds()
        if self.routed is not None:
            operators = operators + self.routed.seconds()
        if self.all_to_all_s is not None:
            operators = operators + self.all_to_all_s
        fixed = self.die_to_die_s + self.overhead_s + self.kv_merges_s  # short axes first
        return operators + self.collectives_s + self.activation_traffic_s + fixed

    def head_s(self) -> Array:
        """The LM head with its gather [s]."""
        return self.head.seconds() + self.head_gather_s


def forward_pass(m: Machine, r: PassInput) -> ForwardPass:
    """One pass of some rows over a mean layer and the head.

    Each operator takes max(FLOP / peak, bytes / bandwidth of each memory); collectives are alpha-beta lines;
    overheads are fixed times of the stack.

    Args:
        m: chips, network and placement.
        r: rows of the pass.

    Returns:
        Times by operator, shapes broadcast.

    Domain:
        Operators of a layer follow each other; layers of several kinds are averaged before the slowest
        resource is taken.

    Limits:
        Bytes of weights over bandwidth for few rows, FLOP over peak for many.

    Source:
        Williams, Waterman & Patterson, CACM 52 (2009); LLMCompass, Zhang et al., ISCA 2024.

    Examples:
        By hand, in tests/properties/test_laws.py and tests/properties/test_serving_modes.py: times of whole
        networks from bytes and FLOP that are counted a second time.
    """
    layer = m.layer
    padded = padded_rows(r.rows, m.chips.stack.tile_rows)
    # in decode every row reaches the head, in the same array, so it is padded once
    head_padded = padded if r.head_rows is r.rows else padded_rows(r.head_rows, m.chips.stack.tile_rows)
    worked = m.worked
    projections = _matrices(m, r, (layer.projection, worked.projection), layer.projection_traffic, padded)
    core = _attention_core(m, r)
    ffn = _matrices(m, r, (layer.ffn, worked.ffn), layer.ffn_traffic, padded)
    routed = _routed_experts(m, r)
    return ForwardPass(
        projections=projections,
        core=core,
        ffn=ffn,
        routed=routed,
        collectives_s=_collectives_s(m, r),
        die_to_die_s=_die_to_die_s(m, r),
        all_to_all_s=_exposed_all_to_all_s(m, r, (projections, core, ffn, routed)),
        kv_merges_s=_kv_merges_s(m, r),
        activation_traffic_s=r.rows * _row_traffic_s(m),
        overhead_s=_overhead_s(m, r),
        head=_matrices(m, r, (layer.head, worked.head), layer.looked_up, head_padded),
        head_gather_s=_head_gather_s(m, r, padded),
    )


def _row_traffic_s(m: Machine) -> Array:
    """Seconds that the activations of one row take between the matrices of a layer, at the speed of DRAM.

    Nothing where there is no DRAM: then they stream through SRAM as part of the operators.
    """
    moved = m.layer.projection_traffic + m.layer.ffn_traffic + m.layer.routed_traffic
    size = residual_bytes(m.context.precision)
    return (m.chips.stack.activation_passes * m.per_byte.dram) * (moved * size)


def _overhead_s(m: Machine, r: PassInput) -> Array:
    """Fixed seconds of a mean layer."""
    fixed = m.layer.launches * m.chips.stack.layer_overhead_s
    if m.layer.routed:
        fixed = fixed + m.layer.expert_launches * m.chips.stack.expert_overhead_s
        if m.first_expert_s is not None:
            fixed = fixed + m.layer.expert_launches * m.first_expert_s
    # beyond that of decode, whose launches are recorded
    return fixed + m.chips.stack.prompt_overhead_s if r.prompt else fixed


def _head_gather_s(m: Machine, r: PassInput, padded: Array) -> Array:
    """Seconds of the all-gather of the logits."""
    vocab, size = m.context.llm.vocab, residual_bytes(m.context.precision)
    # a network without a vocabulary has no logits
    if not vocab:
        return zeros_like(padded)
    return m.collectives.all_gather.seconds(r.head_rows * (vocab * size))


def _collectives_s(m: Machine, r: PassInput) -> Array:
    """Seconds of the collectives of one layer: all-reduces of hidden rows, all-gathers of matrix outputs."""
    found, size = [], residual_bytes(m.context.precision)
    message = r.rows * (m.context.llm.hidden * size)
    if m.layer.all_reduces:
        found.append(m.collectives.all_reduce.seconds(message, _all_reduces(m)))
    if m.layer.all_gathers:
        line = m.collectives.all_gather
        # results differ in width: bytes are those of all together, latency is paid for each
        wide = r.rows * (m.layer.gathered * size)
        found.append(m.layer.all_gathers * line.latency_s + wide * line.s_per_byte)
    return sum(found[1:], found[0]) if found else zeros_like(message)


def _kv_merges_s(m: Machine, r: PassInput) -> Array:
    """Seconds of one layer in which chips exchange rows that share the tokens of a sequence."""
    if m.exchange is None or r.exchanged is None:
        # on the axis of the chips alone, so that sums keep theirs
        return zeros_like(m.chips.links.link_latency)
    size = r.rows * (r.exchanged * residual_bytes(m.context.precision))
    return exchange_seconds(m.exchange, m.layer.exchanges, size)


def _die_to_die_s(m: Machine, r: PassInput) -> Array:
    """Seconds of one layer in which the dies of each chip add up or gather what each has made."""
    line, size = m.collectives.package, residual_bytes(m.context.precision)
    # an all-gather is the second half of an all-reduce, and the line is that of a whole one
    times = m.layer.all_reduces + m.layer.all_gathers / 2.0
    carried = m.layer.all_reduces * m.context.llm.hidden + m.layer.gathered / 2.0
    return times * line.latency_s + r.rows * (carried * size * line.s_per_byte)


def _all_reduces(m: Machine) -> Array:
    """All-reduces of a mean layer: rows that come back from other replicas' experts are whole already."""
    # of one replica alone; what joined replicas save is taken off
    count: Array = m.layer.all_reduces
    for part in m.layer.routed:
        saved = part.share * part.all_reduces
        count = count - where(part.spread.joined > 1.0, saved, zeros_like(part.spread.joined))
    return count


def _exposed_all_to_all_s(m: Machine, r: PassInput, operators: Iterable[OperatorTime | None]) -> Array | None:
    """Seconds of dispatch and combine that no operator of a second micro-batch hides."""
    whole = _all_to_all_s(m, r)
    if whole is None:
        return None
    others = _sum(operator.seconds() for operator in operators if operator is not None)
    return whole - expert_parallel.overlapped(m.chips.stack.overlap, _spread(m), r.rows) * minimum(
        whole, others
    )


def _spread(m: Machine) -> expert_parallel.Spread | None:
    """Where experts are; EP is one column for all kinds, so the first speaks for all."""
    return m.layer.routed[0].spread if m.layer.routed else None


def _reads(m: Machine, r: PassInput) -> Array:
    """Times that a pass reads its weights: again for a second micro-batch, where one hides an all-to-all."""
    return 1.0 + expert_parallel.overlapped(m.chips.stack.overlap, _spread(m), r.rows)


def _all_to_all_s(m: Machine, r: PassInput) -> Array | None:
    """Seconds of dispatch and combine of one mean layer: rows leave as activations, sums come back wide."""
    if m.all_to_all is None:
        return None
    total: Array = zeros_like(m.ways)
    skew, precision = m.context.workload.routing_skew, m.context.precision
    each = precision.activation_bytes + residual_bytes(precision)
    for part in m.layer.routed:
        # up to TP every chip of a replica has all rows, so that none travel
        once = where(part.spread.joined > 1.0, 2.0 * m.all_to_all.latency_s, 0.0)
        # two all-to-alls: rows go out as narrow activations and come back as wide sums
        rows = expert_parallel.rows_sent(part.spread, r.rows, m.ways, skew)
        total = total + part.share * (once + rows * (part.width * each * m.all_to_all.s_per_byte))
    return total


def _matrices(
    m: Machine, r: PassInput, elements: tuple[Array, Array], traffic: Array | None, padded: Array
) -> OperatorTime:
    """A weight matrix: every weight is read once for all rows, every row moves its activations.

    `elements` are its weights as they are stored, and as they are worked on.
    """
    chips, per_byte, placed = m.chips, m.per_byte, m.placed
    size = elements[0] * m.context.precision.weight_bytes
    # empty rows of a tile cost FLOP, and move no activations
    compute = padded * (2.0 * elements[1] / _sustained_flops(chips))
    read = size * _reads(m, r) if m.layer.routed else size
    sram = placed.weight_share * (read * per_byte.sram)
    dram = placed.weight_dram_share * (read * per_byte.dram)
    # None for the head: its logits are counted by the gather
    if traffic is not None:
        moved = traffic * m.context.precision.activation_bytes
        sram = sram + r.rows * (moved * per_byte.activation_sram)
        dram = dram + r.rows * (moved * per_byte.activation_dram)
    # weights enter the units at this rate from whichever memory they come
    load, exposed = read * per_byte.load, chips.stack.exposed_share
    further = streams(per_byte.further, placed.elsewhere(0), read, 0)
    return OperatorTime(
        compute_s=compute, sram_s=sram, dram_s=dram, load_s=load, exposed_share=exposed, further_s=further
    )


def dense_matrices(m: Machine, p: ForwardPass, r: PassInput) -> OperatorTime:
    """What the dense matrices of all layers and the LM head take together, and activations between them [s].

    Sums over all layers of what `forward_pass` takes of each: no operator time, since each matrix has its own
    bottleneck.

    Args:
        m: chips, network and placement.
        p: times of the pass.
        r: rows of the pass.

    Returns:
        Seconds by resource, shapes broadcast [s].

    Domain:
        Resources, not time.

    Limits:
        Proportional to the layers but for the head.

    Source:
        As `forward_pass`.

    Examples:
        By hand, in tests/equations/cost/test_energy.py: FLOP over peak and bytes over bandwidth of whole
        networks.
    """
    # all matrices at once instead of one by one: energy is counted for every design of a search
    layer, layers, per_byte = m.layer, float(m.context.llm.layers), m.per_byte
    padded = padded_rows(r.rows, m.chips.stack.tile_rows)
    dense, same = layers * (layer.projection + layer.ffn), r.head_rows is r.rows
    moved = layer.row_traffic(layers) * m.context.precision.activation_bytes
    whole = dense + layer.head
    size = (whole * _reads(m, r) if layer.routed else whole) * m.context.precision.weight_bytes
    # where all rows reach the head it joins the product; else its own rows are padded apart
    # the same sums once more only where parts are computed in unlike formats
    done = dense if m.slow is None else layers * (m.slow.projection + m.slow.ffn)
    compute = padded * (2.0 * (done + m.worked.head if same else done) / _sustained_flops(m.chips))
    between = moved * per_byte.activation_dram + layers * _row_traffic_s(m)
    sram, dram = (
        m.placed.weight_share * (size * per_byte.sram),
        m.placed.weight_dram_share * (size * per_byte.dram),
    )
    return OperatorTime(
        compute_s=compute if same else compute + p.head.compute_s,
        sram_s=sram + r.rows * (moved * per_byte.activation_sram),
        dram_s=dram + r.rows * between,
        further_s=streams(per_byte.further, m.placed.elsewhere(0), size, 0),
    )


def _sustained_flops(chips: Chips) -> Array:
    """FLOP that the matrix units sustain on full tiles [FLOP/s]."""
    return chips.compute.peak_flops * chips.stack.compute_efficiency


def _attention_core(m: Machine, r: PassInput) -> OperatorTime:
    """The attention core: every row attends to its context, every cached token is read or written once."""
    chips, per_byte = m.chips, m.per_byte
    size = m.context.precision.kv_bytes
    row_s = r.core_flop / (chips.compute.attention_flops * sustained_by_cores(chips, r.decoded))
    # no stationary weights here, so there is no load; KV cache has a sustained bandwidth of its own
    in_sram = r.kv_elements * r.kv_share
    outside = r.kv_elements - in_sram
    for share in r.kv_further:
        outside = outside - r.kv_elements * share
    sram, dram = in_sram * (size * per_byte.sram), outside * (size * per_byte.kv_dram)
    # states are placed with the KV cache, as one kind of bytes
    if r.state_bytes is not None:
        sram = sram + r.state_bytes * r.kv_share * per_byte.sram
        dram = dram + r.state_bytes * in_dram(r.kv_share, r.kv_further) * per_byte.kv_dram
    written = None if r.kv_written is None else r.kv_written * size
    further = kv_streams(per_byte.further, r.kv_further, r.kv_elements * size, written, r.state_bytes)
    return OperatorTime(compute_s=r.rows * row_s, sram_s=sram, dram_s=dram, further_s=further)


def _routed_experts(m: Machine, r: PassInput) -> OperatorTime | None:
    """Routed experts on the busiest chip.

    Only those that rows visit are read, each computes its own rows in whole tiles, every visit moves its
    activations.
    """
    chips, per_byte, precision = m.chips, m.per_byte, m.context.precision
    skew = m.context.workload.routing_skew
    parts = [
        (p, expert_parallel.expert_load(p.spread, r.rows, chips.stack.tile_rows, skew))
        for p in m.layer.routed
    ]
    if not parts:
        return None
    read = _sum(p.share * load.visited * p.elements for p, load in parts)
    padded = _sum(
        p.share * load.padded_rows * w.elements for (p, load), w in zip(parts, m.worked.routed, strict=True)
    )
    moved = _sum(p.share * load.rows * p.traffic for p, load in parts) * precision.activation_bytes
    size, share = read * precision.weight_bytes * _reads(m, r), m.placed.expert_share
    # many small matrices in one call are read worse than one large one
    grouped = chips.stack.expert_efficiency
    return OperatorTime(
        compute_s=padded * (2.0 / _sustained_flops(chips)),
        load_s=size * per_byte.load,
        exposed_share=chips.stack.exposed_share,
        sram_s=share * (size * per_byte.sram) + moved * per_byte.activation_sram,
        dram_s=(m.placed.expert_dram_share * (size * per_byte.dram) + moved * per_byte.activation_dram)
        / grouped,
        further_s=streams(per_byte.further, m.placed.elsewhere(2), size, 2),
    )


def _sum(terms: Iterable[Array]) -> Array:
    return reduce(add, terms)

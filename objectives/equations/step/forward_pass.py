"""One pass of some rows over a mean layer and the head: operator groups, collectives, overheads."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final

from objectives.api import Chips, Context
from objectives.arrays import Array, namespace
from objectives.equations.chip import operator_time
from objectives.equations.chip.operator_time import Group
from objectives.equations.chip.placement import Placement, Tiers
from objectives.equations.interconnect import topology
from objectives.equations.llm import expert_parallel
from objectives.equations.llm.mean_layer import MeanLayer

SUMS_BYTES: Final = 2.0
"""Bytes of the narrowest format that sums are kept in [B]."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What every pass shares: the chips, the mean layer on them, their tiers and collectives."""

    chips: Chips
    context: Context
    layer: MeanLayer
    tiers: Tiers
    placed: Placement
    collectives: topology.Collectives
    exchange: topology.Line | None
    """All-to-all of the chips that share experts; None without experts."""
    tp: Array


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What one pass carries through the layers."""

    rows: Array
    """Rows fed to every matrix: sequences in decode, prompt tokens in prefill."""
    head_rows: Array
    """Rows fed to the LM head."""
    sequences: Array
    """Sequences that the rows belong to."""
    core_flop: Array
    """FLOP of the attention cores of a mean layer for each row [FLOP]."""
    cached: Array
    """Elements of KV cache that the pass reads or writes in a mean layer [1]."""
    kv_share: Array
    """Share of them in SRAM."""
    prompt: bool = False
    """Whether the rows are tokens of prompts."""
    state: Array | None = None
    """Bytes of states of linear attention that the pass reads and writes in a mean layer [B]."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Seconds of one mean layer by group, and of the head [s]."""

    projections: Group
    core: Group
    ffn: Group
    routed: Group | None
    collectives: Array
    package: Array
    """Sums on their way between the dies of a chip."""
    exchange: Array | None
    """Rows on their way to experts of other chips and back."""
    passes: Array
    """Activations on their way between matrices: norms, gates, casts, the residual stream."""
    overhead: Array
    head: Group
    head_gather: Array

    def layer_s(self) -> Array:
        """One layer; its groups do not hide behind one another."""
        groups = self.projections.seconds() + self.core.seconds() + self.ffn.seconds()
        if self.routed is not None:
            groups = groups + self.routed.seconds()
        if self.exchange is not None:
            groups = groups + self.exchange
        return groups + self.collectives + self.passes + (self.package + self.overhead)  # short axes first

    def head_s(self) -> Array:
        """The LM head with its gather."""
        return self.head.seconds() + self.head_gather


def one_pass(m: Machine, r: Rows) -> Pass:
    """One pass of some rows over a mean layer and the head."""
    layer, llm, size = m.layer, m.context.llm, residual_bytes(m)
    gather = m.collectives.all_gather
    padded = operator_time.padded_rows(r.rows, m.chips.tile_rows)
    head_padded = (
        padded if r.head_rows is r.rows else operator_time.padded_rows(r.head_rows, m.chips.tile_rows)
    )
    return Pass(
        projections=_matrix_group(m, r, layer.projection, layer.projection_move, padded),
        core=_core_group(m, r),
        ffn=_matrix_group(m, r, layer.ffn, layer.ffn_move, padded),
        routed=_routed_group(m, r),
        collectives=_collectives(m, r),
        package=_package(m, r),
        exchange=_exchange(m, r),
        passes=_passes(m, r),
        overhead=_overhead(m, r),
        head=_matrix_group(m, r, layer.head, None, head_padded),
        head_gather=gather.seconds(r.head_rows * (llm.vocab * size)) if llm.vocab else 0.0 * padded,
    )


def residual_bytes(m: Machine) -> float:
    """Bytes of an element of the residual stream [B]: 16 bits at least, as sums over layers need them.

    Narrower activations are cast on their way into a matrix, and its results leave it wide (NVIDIA
    Transformer Engine documentation, 2022; TensorRT-LLM and vLLM reduce in 16 bits likewise).
    """
    return max(m.context.precision.activation_bytes, SUMS_BYTES)


def _passes(m: Machine, r: Rows) -> Array:
    """Seconds that the activations of a mean layer take between its matrices, at the speed of DRAM.

    Nothing where there is no DRAM: then they stream through SRAM as part of the groups.
    """
    return r.rows * _passed(m)


def _passed(m: Machine) -> Array:
    """Those of one row [s]."""
    moved = (m.layer.projection_move + m.layer.ffn_move + m.layer.routed_move) * residual_bytes(m)
    return (m.chips.activation_passes * m.tiers.dram) * moved


def _overhead(m: Machine, r: Rows) -> Array:
    """Fixed seconds of a mean layer."""
    fixed = m.chips.layer_overhead_s
    if m.layer.routed:
        fixed = fixed + sum(part.share for part in m.layer.routed) * m.chips.expert_overhead_s
    return fixed + m.chips.prompt_overhead_s if r.prompt else fixed


def _collectives(m: Machine, r: Rows) -> Array:
    """Seconds of the collectives of one layer: all-reduces of hidden rows, all-gathers of matrix outputs."""
    found = []
    message = r.rows * (m.context.llm.hidden * residual_bytes(m))
    if m.layer.all_reduces:
        found.append(m.collectives.all_reduce.seconds(message, _reduces(m)))
    if m.layer.all_gathers:
        line = m.collectives.all_gather
        wide = r.rows * (m.layer.gathered * residual_bytes(m))
        found.append(m.layer.all_gathers * line.latency + wide * line.per_byte)
    return sum(found[1:], found[0]) if found else 0.0 * message


def _package(m: Machine, r: Rows) -> Array:
    """Seconds of one layer in which the dies of each chip add up or gather what each has made."""
    line, size = m.collectives.package, residual_bytes(m)
    times = m.layer.all_reduces + m.layer.all_gathers / 2.0
    carried = m.layer.all_reduces * m.context.llm.hidden + m.layer.gathered / 2.0
    return times * line.latency + r.rows * (carried * size * line.per_byte)


def _reduces(m: Machine) -> Array:
    """All-reduces of a mean layer: rows that come back from other replicas' experts are whole already."""
    count: Array = m.layer.all_reduces
    for part in m.layer.routed:
        joined = part.spread.joined
        none = 0.0 * joined
        count = count - namespace(joined).where(joined > 1.0, part.share * part.reduces + none, none)
    return count


def _exchange(m: Machine, r: Rows) -> Array | None:
    """Seconds of dispatch and combine of one mean layer: rows leave as activations, sums come back wide."""
    if m.exchange is None:
        return None
    total: Array = 0.0 * m.tp
    skew = m.context.workload.routing_skew
    both_ways = m.context.llm.hidden * (m.context.precision.activation_bytes + residual_bytes(m))
    for part in m.layer.routed:
        joined = part.spread.joined
        once = namespace(joined).where(joined > 1.0, 2.0 * m.exchange.latency, 0.0 * m.exchange.latency)
        rows = expert_parallel.sent(part.spread, r.rows, m.tp, skew)
        total = total + part.share * (once + rows * (both_ways * m.exchange.per_byte))
    return total


def _matrix_group(m: Machine, r: Rows, elements: Array, move: Array | None, padded: Array) -> Group:
    """A weight matrix: every weight is read once for all rows, every row moves its activations."""
    chips, t = m.chips, m.tiers
    size = elements * m.context.precision.weight_bytes
    compute = padded * (2.0 * elements / _sustained(chips))
    sram, dram = m.placed.weight_share * (size * t.sram), m.placed.weight_rest * (size * t.dram)
    if move is None:
        return Group(compute=compute, sram=sram, dram=dram, load=size * t.load, exposed=chips.exposed_share)
    moved = move * m.context.precision.activation_bytes
    return Group(
        compute=compute,
        load=size * t.load,
        exposed=chips.exposed_share,
        sram=sram + r.rows * (moved * t.activation_sram),
        dram=dram + r.rows * (moved * t.activation_dram),
    )


def all_matrices(m: Machine, p: Pass, r: Rows) -> Group:
    """What the dense matrices of all layers and the LM head take together [s], and activations between them.

    Work, not time: each matrix has its own bottleneck.
    """
    layer, layers = m.layer, float(m.context.llm.layers)
    padded = operator_time.padded_rows(r.rows, m.chips.tile_rows)
    dense, same = layers * (layer.projection + layer.ffn), r.head_rows is r.rows
    moved = layers * (layer.projection_move + layer.ffn_move) * m.context.precision.activation_bytes
    size = (dense + layer.head) * m.context.precision.weight_bytes
    compute = padded * (2.0 * (dense + layer.head if same else dense) / _sustained(m.chips))
    t = m.tiers
    between = moved * t.activation_dram + layers * _passed(m)
    return Group(
        compute=compute if same else compute + p.head.compute,
        sram=m.placed.weight_share * (size * t.sram) + r.rows * (moved * t.activation_sram),
        dram=m.placed.weight_rest * (size * t.dram) + r.rows * between,
    )


def _sustained(chips: Chips) -> Array:
    """FLOP that the matrix units sustain on full tiles [FLOP/s]."""
    return chips.peak_flops * chips.compute_efficiency


def _core_group(m: Machine, r: Rows) -> Group:
    """The attention core: every row attends to its context, every cached token is read or written once."""
    chips, t = m.chips, m.tiers
    size = m.context.precision.kv_bytes
    flop_s = r.core_flop / (chips.attention_flops * chips.core_efficiency)
    in_sram = r.cached * r.kv_share
    sram, dram = in_sram * (size * t.sram), (r.cached - in_sram) * (size * t.kv_dram)
    if r.state is not None:
        sram = sram + r.state * r.kv_share * t.sram
        dram = dram + r.state * (1.0 - r.kv_share) * t.kv_dram
    return Group(compute=r.rows * flop_s, sram=sram, dram=dram)


def _routed_group(m: Machine, r: Rows) -> Group | None:
    """Routed experts on the busiest chip.

    Only those that rows touch are read, each computes its own rows in whole tiles, every visit moves its
    activations.
    """
    chips, t = m.chips, m.tiers
    parts = [
        (p, expert_parallel.load(p.spread, r.rows, chips.tile_rows, m.context.workload.routing_skew))
        for p in m.layer.routed
    ]
    if not parts:
        return None
    read = _sum(p.share * load.visited * p.elements for p, load in parts)
    worked = _sum(p.share * load.worked * p.elements for p, load in parts)
    moved = _sum(p.share * load.rows * p.move for p, load in parts) * m.context.precision.activation_bytes
    size, share = read * m.context.precision.weight_bytes, m.placed.expert_share
    return Group(
        compute=worked * (2.0 / _sustained(chips)),
        load=size * t.load,
        exposed=chips.exposed_share,
        sram=share * (size * t.sram) + moved * t.activation_sram,
        dram=(1.0 - share) * (size * t.dram) + moved * t.activation_dram,
    )


def _sum(terms: Iterable[Array]) -> Array:
    return reduce(add, terms)

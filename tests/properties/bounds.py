"""Physical bounds counted without the code under test: weights, KV cache and FLOP of a whole network."""

from math import floor

from objectives.api import Attention, Block, Chips, CrossAttention, LatentAttention, LinearAttention, Llm
from objectives.arrays import Array

Core = Attention | LatentAttention | LinearAttention | CrossAttention
HEADS = (Attention, CrossAttention)


def _projections(a: Core, hidden: int) -> float:
    if isinstance(a, LinearAttention):
        return hidden * (2 * a.key_heads * a.key_dim + (3 if a.gate else 2) * a.heads * a.value_dim)
    if isinstance(a, CrossAttention):  # keys and values are made once a request
        return 2 * hidden * a.head_dim * a.heads
    if isinstance(a, Attention):
        return hidden * a.head_dim * ((3 if a.gate else 2) * a.heads + 2 * a.kv_heads)
    down = hidden * (a.latent + a.rope + (a.query_latent or 0))
    query = (a.query_latent or hidden) * a.heads * (a.nope + a.rope)
    return down + query + a.latent * a.heads * (a.nope + a.value) + a.heads * a.value * hidden


def _dense(b: Block, hidden: int) -> float:
    """Weights of a layer that every row visits."""
    total = _projections(b.attention, hidden) if b.attention else 0.0
    total += b.ffn.matrices * hidden * b.ffn.width if b.ffn else 0
    total += hidden * (b.experts.count + b.experts.matrices * b.experts.shared_width) if b.experts else 0
    return total + sum(m.inputs * m.outputs for m in b.matrices)


def head(llm: Llm) -> float:
    """Weights of the LM head."""
    return float(llm.vocab * llm.hidden)


def worked_weights(llm: Llm) -> float:
    """Weights of all layers that one row is multiplied by: of the experts, its own only."""
    total = 0.0
    for b in llm.blocks:
        own = b.experts.matrices * llm.hidden * b.experts.width * b.experts.top_k if b.experts else 0
        total += b.count * (_dense(b, llm.hidden) + own)
    return total


def read_weights(llm: Llm, rows: Array) -> Array:
    """Weights of all layers that a pass of `rows` rows reads: of the experts, those that somebody visits."""
    total = 0.0 * rows
    for b in llm.blocks:
        total = total + b.count * _dense(b, llm.hidden)
        if e := b.experts:
            missed = ((e.count - e.top_k) / e.count) ** rows  # the chance that no row visits an expert
            total = total + b.count * e.matrices * llm.hidden * e.width * e.count * (1.0 - missed)
    return total


def _cores(llm: Llm) -> list[tuple[int, Core]]:
    return [(b.count, b.attention) for b in llm.blocks if b.attention]


def _visible(a: Core, context: float) -> float:
    """Tokens at least that a row at `context` sees; inside chunks half of one, over many rows."""
    if isinstance(a, CrossAttention):
        return a.tokens
    if isinstance(a, Attention) and a.window:
        return min(context, a.window) * (0.5 if a.chunked else 1.0)
    return context


def _square(a: Core, isl: float) -> float:
    """Pairs of rows that a prompt multiplies: the triangle, a band of it, or triangles of whole chunks."""
    if isinstance(a, CrossAttention):
        return isl * a.tokens
    if not isinstance(a, Attention) or a.window is None:
        return isl * isl / 2.0
    w = min(isl, float(a.window))
    if a.chunked:
        whole = floor(isl / w)
        return whole * w * w / 2.0 + (isl - whole * w) ** 2 / 2.0
    return isl * w - w * w / 2.0


def cached(llm: Llm, context: float, tp: Array) -> Array:
    """Elements of KV cache that one token more has to read, over all layers, on each of TP chips at least."""
    total = 0.0 * tp
    for n, a in _cores(llm):
        if isinstance(a, HEADS):
            total = total + n * 2 * a.kv_heads * a.head_dim * _visible(a, context) / tp
        elif isinstance(a, LatentAttention):  # one vector for all heads: nothing to split
            total = total + n * (a.latent + a.rope) * context
    return total


def core_flop(llm: Llm, context: float) -> float:
    """FLOP of all attention cores for one decoded row, over all chips; MLA works on the latents."""
    total = 0.0
    for n, a in _cores(llm):
        if isinstance(a, LinearAttention):  # a key's value is written, a query's read: two multiply-adds
            total += n * 4 * a.heads * a.key_dim * a.value_dim
            continue
        each = 4 * a.head_dim if isinstance(a, HEADS) else 2 * (a.latent + a.rope) + 2 * a.latent
        total += n * each * a.heads * _visible(a, context)
    return total


def prompt_core_flop(llm: Llm, isl: float) -> float:
    """FLOP of all attention cores for a whole prompt, over all chips; MLA works on its heads."""
    total = 0.0
    for n, a in _cores(llm):
        if isinstance(a, LinearAttention):
            total += n * isl * 4 * a.heads * a.key_dim * a.value_dim
            continue
        each = 4 * a.head_dim if isinstance(a, HEADS) else 2 * (a.nope + a.rope) + 2 * a.value
        total += n * each * a.heads * _square(a, isl)
    return total


def read_bandwidth(chips: Chips) -> Array:
    """All tiers that may hold tensors, at their peak [B/s]."""
    return chips.sram.bandwidth * chips.sram.pinned + chips.dram.bandwidth

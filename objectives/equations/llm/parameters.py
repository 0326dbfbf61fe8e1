"""Elements, bytes and FLOP of a network, counted from its architecture and sharded over TP chips.

Symbols: d hidden size, Hq query heads, Hkv KV heads, dh head size, TP tensor-parallel ways. Everything here
is per layer and per chip; embeddings, LM head and norms stand apart. TP splits attention by whole heads and
the FFN by columns, so a width that TP does not divide costs its ceiling on the fullest chip.
"""

from math import fsum

from objectives.api import Attention, Block, Ffn, LatentAttention, LinearAttention, Llm
from objectives.arrays import Array, ceil_div, namespace
from objectives.equations.llm.attention import linear

AnyAttention = Attention | LatentAttention | LinearAttention


def params(llm: Llm) -> float:
    """Parameters of the whole network [1]: matrices, embeddings, norms and biases of attention.

    Limits: one LM head when the embedding is tied. Norms count two vectors of d a layer and one at the end.

    Source: Vaswani et al. 2017 (arXiv 1706.03762); SwiGLU FFN, Shazeer 2020 (arXiv 2002.05202); GQA, Ainslie
    et al. 2023 (arXiv 2305.13245). LLaMA-2 70B has 68.98e9 (Touvron et al. 2023, arXiv 2307.09288).
    """
    layers = fsum(b.count * _block_params(b, llm.hidden) for b in llm.blocks)
    embeddings = (1 if llm.tied_embedding else 2) * llm.vocab * llm.hidden
    final_norm = llm.hidden if llm.vocab else 0
    return layers + embeddings + final_norm + llm.learned_positions * llm.hidden


def _block_params(block: Block, hidden: int) -> float:
    total = sum(m.inputs * m.outputs for m in block.matrices)
    if block.attention is not None:
        total += _attention_params(block.attention, hidden) + hidden
    if f := block.ffn:
        total += f.matrices * hidden * f.width + hidden
    if e := block.experts:
        total += e.matrices * hidden * (e.count * e.width + e.shared_width) + hidden * e.count + hidden
    return float(total)


def _attention_params(a: AnyAttention, hidden: int) -> int:
    if isinstance(a, LinearAttention):
        return linear.params(a, hidden)
    if isinstance(a, Attention):
        biases = a.bias * a.head_dim * (a.heads + 2 * a.kv_heads)
        return hidden * a.head_dim * ((2 + a.gate) * a.heads + 2 * a.kv_heads) + biases
    query = hidden * a.query_latent if a.query_latent else 0
    norms = (a.query_latent or 0) + a.latent
    heads = a.heads * (
        (a.query_latent or hidden) * (a.nope + a.rope) + a.latent * (a.nope + a.value) + a.value * hidden
    )
    return query + hidden * (a.latent + a.rope) + heads + norms


def projection_elements(attention: AnyAttention, hidden: int, tp: Array) -> Array:
    """Weights of the attention projections on one chip [1], shape of `tp`.

    d dh (2 ceil(Hq/TP) + 2 ceil(Hkv/TP)): query and output over query heads (and a gate where there is one),
    key and value over KV heads.
    MLA: the down-projections to the latents are on every chip, the up-projections split by heads.
    Domain: TP divides Hq or is a multiple of it. Limits: at TP = 1 the published count; TP > Hkv replicates
    KV heads, so the sum over chips grows beyond it.

    Source: MLA, DeepSeek-V2 (arXiv 2405.04434), section 2.1.
    """
    if isinstance(attention, LinearAttention):
        return linear.projection_elements(attention, hidden, tp)
    if isinstance(attention, Attention):
        queries = (2.0 + attention.gate) * ceil_div(attention.heads, tp)
        return hidden * attention.head_dim * (queries + 2.0 * ceil_div(attention.kv_heads, tp))
    a = attention
    everywhere = hidden * ((a.query_latent or 0) + a.latent + a.rope)
    head = (a.query_latent or hidden) * (a.nope + a.rope) + a.latent * (a.nope + a.value) + a.value * hidden
    return everywhere + float(head) * ceil_div(a.heads, tp)


def ffn_elements(ffn: Ffn, hidden: int, tp: Array) -> Array:
    """Weights of the FFN on one chip [1], shape of `tp`: matrices x d x ceil(width/TP)."""
    return float(ffn.matrices * hidden) * ceil_div(ffn.width, tp)


def matrix_elements(block: Block, tp: Array) -> Array:
    """Weights of a layer of bare matrices on one chip [1], shape of `tp`: columns split over TP."""
    total = 0.0 * tp
    for m in block.matrices:
        total = total + float(m.inputs) * ceil_div(m.outputs, tp)
    return total


def head_elements(llm: Llm, tp: Array) -> Array:
    """Weights of the LM head on one chip [1], shape of `tp`: d x ceil(V/TP); 0 without a vocabulary."""
    return float(llm.hidden) * ceil_div(llm.vocab, tp)


def kv_elements(attention: AnyAttention, tp: Array) -> Array:
    """Elements of KV cache that one token leaves on one chip in one layer [1], shape of `tp`.

    2 ceil(Hkv/TP) dh, or the latent and its rotary part for MLA, which TP cannot split. Limits: never below
    one KV head, so TP > Hkv saves nothing. LLaMA-2 70B at TP = 1 over 80 layers in one byte keeps 0.625 GiB
    for 4,096 tokens.
    """
    if isinstance(attention, LinearAttention):
        return 0.0 * tp
    if isinstance(attention, Attention):
        return 2.0 * attention.head_dim * ceil_div(attention.kv_heads, tp)
    return float(attention.latent + attention.rope) + 0.0 * tp


def core_flop(attention: AnyAttention, tp: Array) -> Array:
    """FLOP of the attention core of one decoded row per token of context [FLOP/token], shape of `tp`.

    4 ceil(Hq/TP) dh: a multiply-add for QK and one for PV. MLA decodes on the latents: its scores are over
    latent + rope, its values over latent.
    """
    if isinstance(attention, LinearAttention):
        return linear.row_flop(attention, tp)
    if isinstance(attention, Attention):
        return 4.0 * attention.head_dim * ceil_div(attention.heads, tp)
    return 2.0 * (2 * attention.latent + attention.rope) * ceil_div(attention.heads, tp)


def prompt_core_flop(attention: AnyAttention, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt: MLA expands the latents to heads there [FLOP/token]."""
    if not isinstance(attention, LatentAttention):
        return core_flop(attention, tp)
    size = attention.nope + attention.rope + attention.value
    return 2.0 * size * ceil_div(attention.heads, tp)


def seen(attention: AnyAttention, context: Array) -> Array:
    """Tokens that a decoded row at `context` attends to [token]; one state in linear attention.

    min(context, window) for a sliding window. A chunk starts anew at every multiple of the window: all of the
    context inside the first one, half a window on average beyond.
    """
    if isinstance(attention, LinearAttention):
        return 1.0 + 0.0 * context
    window = attention.window if isinstance(attention, Attention) else None
    if window is None or not isinstance(attention, Attention):
        return context
    size = float(window)
    if not attention.chunked:
        return least(context, size)
    if isinstance(context, (int, float)):
        return context if context <= size else size / 2.0
    return namespace(context).where(context <= size, context, size / 2.0 + 0.0 * context)


def kept(attention: AnyAttention, context: Array) -> Array:
    """Tokens whose KV cache must have room [token]: the context, a window or a chunk of it at most."""
    window = attention.window if isinstance(attention, Attention) else None
    return context if window is None else least(context, float(window))


def seen_by_prompt(attention: AnyAttention, isl: Array) -> Array:
    """Tokens that a row of a prompt attends to, the mean over its rows [token].

    isl / 2 without a window (causal: half of the square). Below a sliding window w of a longer prompt:
    w - w^2 / (2 isl). In chunks of w: half a chunk in the whole ones, half of the rest in the last.
    Limits: isl / 2 as w reaches isl; w, or w / 2 in chunks, for a prompt without end.
    """
    if isinstance(attention, LinearAttention):
        return 1.0 + 0.0 * isl
    window = attention.window if isinstance(attention, Attention) else None
    if window is None or not isinstance(attention, Attention):
        return isl / 2.0
    size = float(window)
    if isinstance(isl, (int, float)):
        prompt, whole = max(float(isl), 1e-9), float(isl // size)
    else:
        xp = namespace(isl)
        prompt, whole = xp.maximum(isl, 1e-9 + 0.0 * isl), xp.floor(isl / size)
    if attention.chunked:
        rest = isl - whole * size
        return (whole * size * size + rest * rest) / (2.0 * prompt)
    inside = least(isl, size)
    return inside - inside * inside / (2.0 * prompt)


def least(value: Array, limit: float) -> Array:
    """min(value, limit) for a number or an array."""
    if isinstance(value, (int, float)):
        return min(float(value), limit)
    return namespace(value).minimum(value, limit + 0.0 * value)


def projection_traffic(attention: AnyAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections [1]: read and write of both sides."""
    if isinstance(attention, LinearAttention):
        return linear.projection_traffic(attention, hidden, tp)
    if isinstance(attention, Attention):
        heads = (2.0 + attention.gate) * ceil_div(attention.heads, tp) + 2.0 * ceil_div(
            attention.kv_heads, tp
        )
        return 2.0 * hidden + attention.head_dim * heads
    a = attention
    latents = 2.0 * (hidden + (a.query_latent or 0) + a.latent + a.rope)
    return latents + float(a.nope + a.rope + 2 * a.value) * ceil_div(a.heads, tp)


def ffn_traffic(ffn: Ffn, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the FFN [1]: d in, d out, the width written and read."""
    return 2.0 * hidden + float(ffn.matrices) * ceil_div(ffn.width, tp)


def matrix_traffic(block: Block, tp: Array) -> Array:
    """Activation elements that one row moves through bare matrices [1]."""
    total = 0.0 * tp
    for m in block.matrices:
        total = total + float(m.inputs) + ceil_div(m.outputs, tp)
    return total

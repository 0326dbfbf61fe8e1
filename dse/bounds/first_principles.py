"""What one token of a network needs, counted from its architecture: a second count, independent of the first.

Whole networks, before any chip splits or repeats them; embeddings, norms and biases are left out, so nothing
here is ever too much. Kinds of attention are counted here again, by class, on purpose; a kind that this file
does not know is refused, as it would count as nothing in silence.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from objectives import api

KINDS: Final[tuple[type, ...]] = (api.Attention, api.LatentAttention, api.LinearAttention)
"""Classes of attention that are counted here."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """Elements and FLOP of a whole network; lengths may be arrays."""

    layers: float
    """Weights that each token is multiplied by in all layers, its own experts only [1]."""
    last: float
    """Those of the largest layer [1]: of the last one a prompt needs little but its last token."""
    head: float
    """Weights of the LM head [1]."""
    experts: tuple[tuple[int, int, float], ...]
    """Of each kind of layers with routed experts: layers, experts of a token, weights of one expert [1]."""
    state_bytes: float
    """States of linear attention that a sequence keeps, and every token reads and writes [B]."""
    stored: float
    """Weights of all layers, all experts counted [1]."""
    kv_read: Floats
    """Elements of KV cache that a decoded token reads at least [1]."""
    kv_kept: Floats
    """Elements of KV cache that a sequence at its largest context keeps [1]."""
    core_flop: Floats
    """FLOP of attention for a decoded token [FLOP]."""
    prompt_core_flop: Floats
    """FLOP of attention for a prompt without its largest layer [FLOP]."""


def over(amount: npt.ArrayLike, rate: npt.ArrayLike, otherwise: float = 0.0) -> Floats:
    """Quotient of the two, and `otherwise` where the rate is 0."""
    known = np.asarray(rate) > 0.0
    return np.where(known, amount / np.where(known, rate, 1.0), otherwise)


def count(llm: api.Llm, work: api.Workload) -> Count:
    """The network counted from its architecture; embeddings, norms and biases are left out.

    Raises `TypeError` for a class of attention that is none of `KINDS`.
    """
    isl = np.asarray(work.isl, dtype=float)
    most = np.maximum(np.asarray(work.max_context, dtype=float), work.mean_context)
    mean = np.asarray(work.mean_context, dtype=float)
    layers = stored = last = state = 0.0
    kv_read, kv_kept, core = np.zeros_like(mean), np.zeros_like(most), np.zeros_like(mean)
    prompt_cores: list[tuple[int, Floats]] = []
    experts = []
    for b in llm.blocks:
        _check_kind(b.attention)
        each, expert = _layer(b, llm.hidden)
        own = each + (b.experts.top_k * expert if b.experts else 0.0)
        layers += b.count * own
        stored += b.count * (each + (b.experts.count * expert if b.experts else 0.0))
        last = max(last, own)
        if b.experts:
            experts.append((b.count, b.experts.top_k, expert))
        if isinstance(a := b.attention, api.LinearAttention):
            state += b.count * a.state_bytes * a.heads * a.key_dim * a.value_dim
        kv, flop, prompt_flop = _core(b.attention)
        seen, pairs = _seen(b.attention, mean, most, isl)
        kv_read = kv_read + b.count * kv * seen
        kv_kept = kv_kept + b.count * kv * np.minimum(work.max_context, _window(b.attention))
        core = core + b.count * flop * seen
        prompt_cores.append((b.count, prompt_flop * pairs))
    # a prompt needs little of its last layer; whichever that is, leaving out the largest is a bound
    largest = np.maximum.reduce([one for _, one in prompt_cores])
    return Count(
        layers=layers,
        last=last,
        head=float(llm.vocab * llm.hidden),
        stored=stored,
        experts=tuple(experts),
        state_bytes=state,
        kv_read=kv_read,
        kv_kept=kv_kept,
        core_flop=core,
        prompt_core_flop=sum((n * one for n, one in prompt_cores), np.zeros_like(isl)) - largest,
    )


def _check_kind(a: api.AttentionLayer | None) -> None:
    # by the exact class: a subclass that adds a feature must not be counted as its parent in silence
    if a is not None and type(a) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise TypeError(f"attention: expected one of {known}, got {type(a).__name__}")


def _layer(b: api.Block, hidden: int) -> tuple[float, float]:
    """Weights of a layer that every token visits, and of one routed expert."""
    # gates of states and convolutions are left out too: fewer weights are a bound still
    each = float(sum(m.inputs * m.outputs for m in b.matrices))
    if isinstance(a := b.attention, api.Attention):
        each += hidden * a.head_dim * ((2 + a.gate) * a.heads + 2 * a.kv_heads)
    elif isinstance(a, api.LinearAttention):
        each += hidden * (2 * a.key_heads * a.key_dim + (2 + a.gate) * a.heads * a.value_dim)
    elif isinstance(a, api.LatentAttention):
        down = hidden * (a.latent + a.rope + (a.query_latent or 0))
        up = (a.query_latent or hidden) * (a.nope + a.rope) + a.latent * (a.nope + a.value)
        each += down + a.heads * (up + a.value * hidden)
    if b.ffn:
        each += b.ffn.matrices * hidden * b.ffn.width
    if not b.experts:
        return each, 0.0
    each += hidden * (b.experts.count + b.experts.matrices * b.experts.shared_width)
    return each, float(b.experts.matrices * hidden * b.experts.width)


def _core(a: api.AttentionLayer | None) -> tuple[float, float, float]:
    """Elements of KV cache a token leaves in a layer, and FLOP of a row per token it sees: decode, prompt.

    Latents may be multiplied as they are or expanded to heads first; the fewer FLOP count.
    """
    if isinstance(a, api.Attention):
        flop = 4.0 * a.heads * a.head_dim
        return 2.0 * a.kv_heads * a.head_dim, flop, flop
    if isinstance(a, api.LatentAttention):
        flop = 2.0 * a.heads * min(2 * a.latent + a.rope, a.nope + a.rope + a.value)
        return float(a.latent + a.rope), flop, flop
    # one write and one read; the further read of the delta rule is left out, which errs to the fast side
    if isinstance(a, api.LinearAttention):  # a state that every row writes and reads
        flop = 4.0 * a.heads * a.key_dim * a.value_dim
        return 0.0, flop, flop
    return 0.0, 0.0, 0.0


def _window(a: api.AttentionLayer | None) -> float:
    """Tokens that a row attends to at most; endless without a window."""
    return float(a.window) if isinstance(a, api.Attention) and a.window is not None else np.inf


def _seen(a: api.AttentionLayer | None, mean: Floats, most: Floats, isl: Floats) -> tuple[Floats, Floats]:
    """Tokens that a decoded row sees at least, and pairs of rows that a prompt multiplies at least.

    Of contexts up to `most` with mean `mean`, a window w is the least full when they are all 0 or `most`:
    mean w / most. A chunk may just have begun.
    """
    if isinstance(a, api.LinearAttention):
        return np.ones_like(mean), isl
    if not isinstance(a, api.Attention) or a.window is None:
        return mean, isl * isl / 2.0
    window = float(a.window)
    inside = np.minimum(isl, window)
    if a.chunked:
        whole = np.floor(isl / window)
        pairs = (whole * window**2 + (isl - whole * window) ** 2) / 2.0
        return np.where(most <= window, mean, 0.0), pairs
    return mean * np.minimum(1.0, over(window, most, 1.0)), isl * inside - inside * inside / 2.0

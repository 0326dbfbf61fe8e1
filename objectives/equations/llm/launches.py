"""Kernels of a layer: what a stack's fixed times of a layer grow with."""

from typing import Final

from objectives.api import AttentionLayer, Block, Experts, Llm
from objectives.equations.llm.attention.kinds import kind_of

BY_HEADS: Final = 5
"""Kernels of attention by heads: norm; queries, keys and values; rotation with the write to the cache; core;
output."""
FFN: Final = 4
"""Kernels of an FFN: norm, gate with up, activation, down."""
ROUTED: Final = 4
"""Kernels that routing adds to those of an FFN: scores, top k, sorting, the weighted sum."""
SHARED: Final = 4
"""Kernels of experts that every token visits: gate with up, activation, down, the sum with routed ones."""
LATENT: Final = 2
"""Kernels of the projections down to the width that routed experts see, and up again."""


def of_layers(llm: Llm) -> float:
    """Kernels of the mean layer over those of attention by heads with an FFN [1], experts left out.

    (attention + FFN) / (5 + 4): times of a layer are quoted for 9 kernels.

    Args:
        llm: architecture of the network.

    Returns:
        A ratio [1].

    Domain:
        Kernels of engines that fuse neighbours of one element each; a kind of attention that says nothing has
        those of attention by heads. Layers of bare matrices alone count as one layer; beside other parts each
        matrix is a kernel, and an FFN beside experts has its own.

    Limits:
        1 for attention by heads.

    Source:
        Counted in the layers of vLLM 0.8 and SGLang 0.4 (`deepseek_v2.py`, `llama.py`).

    Examples:
        By hand: latent attention has ten, so fourteen in place of nine.

        >>> from objectives.api import Ffn, LatentAttention
        >>> mla = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> layer = Block(count=3, attention=mla, ffn=Ffn(width=18432, matrices=3))
        >>> one = Llm(name="v3", hidden=7168, vocab=129280, blocks=(layer,), nominal_params=671e9)
        >>> round(9 * of_layers(one), 6)
        14.0
    """
    return sum(block.count * _of_layer(block) for block in llm.blocks) / llm.layers


def of_experts(llm: Llm) -> float:
    """Kernels that experts add to the mean layer over those that routing adds [1].

    The share of layers with experts, as much again for those that every token visits, and half of it for
    projections to the width that experts see.

    Args:
        llm: architecture of the network.

    Returns:
        A ratio [1].

    Domain:
        Shared experts are a matrix product of their own.

    Limits:
        0 without experts; the share of such layers without shared ones.

    Source:
        As `of_layers`.

    Examples:
        By hand: one layer in two has experts, without shared ones.

        >>> from objectives.api import Attention, Experts, Ffn
        >>> a, f = Attention(heads=8, kv_heads=8, head_dim=64), Ffn(width=64, matrices=3)
        >>> e = Experts(count=8, top_k=2, width=64, matrices=3)
        >>> blocks = (Block(count=1, attention=a, ffn=f), Block(count=1, attention=a, experts=e))
        >>> of_experts(Llm(name="two", hidden=64, vocab=8, blocks=blocks, nominal_params=1e6))
        0.5
    """
    routed = [(b.count, b.experts) for b in llm.blocks if b.experts is not None]
    return sum(n * _of_routed(e) for n, e in routed) / llm.layers


def _of_routed(experts: Experts) -> float:
    shared = SHARED / ROUTED if experts.shared_width else 0.0
    return 1.0 + shared + (LATENT / ROUTED if experts.latent else 0.0)


def _of_layer(block: Block) -> float:
    # bare matrices count as one layer
    fed = (block.ffn is not None) + (block.experts is not None)
    if block.attention is None and not fed:
        return 1.0
    attention = sum(_of_attention(a) for a in block.mixers)
    return (attention + float(FFN * fed + len(block.matrices))) / (BY_HEADS + FFN)


def _of_attention(attention: AttentionLayer) -> float:
    # a kind of another package need not say
    return float(getattr(kind_of(attention), "LAUNCHES", BY_HEADS))

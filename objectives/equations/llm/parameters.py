"""Parameters of whole networks, counted from their architecture."""

from math import fsum

from objectives.api import Block, Experts, Llm
from objectives.equations.llm.attention.kinds import kind_of


def params(llm: Llm) -> float:
    """Parameters of the whole network: matrices, embeddings, norms and biases of attention [1].

    Sum over layers with weights of their own of attention, FFN, experts with their router, matrices, and a
    norm of d before each of the first three; embedding and LM head of V d (one where they are tied); tables
    that are looked up; a norm at the end.

    Args:
        llm: architecture of the network.

    Returns:
        Parameters [1].

    Domain:
        Biases of the FFN and scales of quantised weights are left out.

    Limits:
        One LM head when the embedding is tied; the sum of the matrices without a vocabulary.

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762); SwiGLU FFN, Shazeer 2020 (arXiv 2002.05202).

    Examples:
        Published: LLaMA-2 70B has 68.98e9 (Touvron et al. 2023, arXiv 2307.09288; the sum of its weight
        files is 137.95e9 B in fp16).

        >>> from objectives.api import Attention, Ffn
        >>> gqa = Attention(heads=64, kv_heads=8, head_dim=128)
        >>> block = Block(count=80, attention=gqa, ffn=Ffn(width=28672, matrices=3))
        >>> llama = Llm(name="70b", hidden=8192, vocab=32000, blocks=(block,), nominal_params=70e9)
        >>> round(params(llama) / 1e9, 2)
        68.98
    """
    layers = fsum(b.stored_layers * _block_params(b, llm.hidden) for b in llm.blocks)
    # a table of learned positions has rows of d as well; it is added below
    embeddings = (1 if llm.tied_embedding else 2) * llm.vocab * llm.hidden
    # without a vocabulary it is a network of bare matrices, which has no norms
    final_norm = llm.hidden if llm.vocab else 0
    tables = sum(t.entries * t.width for t in llm.lookup)
    return layers + embeddings + final_norm + llm.learned_positions * llm.hidden + tables


def active_params(llm: Llm) -> float:
    """Parameters that one token visits: those of the network without the experts that it is not sent to [1].

    Args:
        llm: architecture of the network.

    Returns:
        Parameters [1].

    Domain:
        As `params`. The embedding counts, although a token reads one row of it; publishers differ in that.

    Limits:
        `params` for a network without routed experts.

    Source:
        Shazeer et al. 2017 (arXiv 1701.06538): a token visits k of E experts.

    Examples:
        Published: Mixtral 8x7B uses 12.9e9 of 46.7e9 parameters a token (arXiv 2401.04088).

        >>> from objectives.api import Attention, Experts
        >>> gqa = Attention(heads=32, kv_heads=8, head_dim=128)
        >>> block = Block(count=32, attention=gqa, experts=Experts(count=8, top_k=2, width=14336, matrices=3))
        >>> mixtral = Llm(name="8x7b", hidden=4096, vocab=32000, blocks=(block,), nominal_params=47e9)
        >>> round(active_params(mixtral) / 1e9, 1), round(params(mixtral) / 1e9, 1)
        (12.9, 46.7)
    """
    asleep = fsum(
        b.stored_layers * _expert(b.experts, llm.hidden) * _unvisited(b.experts)
        for b in llm.blocks
        if b.experts
    )
    return params(llm) - asleep


def draft_params(llm: Llm) -> float:
    """Parameters of the layers that draft for a network, which `params` leaves out [1].

    Modules x (layers as in `params`, and three norms of d: of the embedding of a token, of the row that it
    is joined to, and in front of the head).

    Args:
        llm: architecture of the network.

    Returns:
        Parameters [1]; 0 without such layers.

    Domain:
        Embedding and LM head are those of the network.

    Limits:
        Proportional to the modules.

    Source:
        DeepSeek-V3, DeepSeek-AI 2024 (arXiv 2412.19437), section 2.2, and the names of its weights
        (README_WEIGHTS.md of the repository): enorm, hnorm, eh_proj, a layer, the norm of the head.

    Examples:
        Published: 11.5e9 of DeepSeek-V3 (README_WEIGHTS.md); its checkpoint has 684,489,845,504 (Megatron
        Bridge, audit of revision e815299b): those of the network, of the module, of a copy of embedding and
        head, and 256 biases of routing in each of 59 layers with experts.

        >>> from objectives.api import DraftLayers, Experts, Ffn, LatentAttention, Matrix
        >>> mla = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> moe = Experts(count=256, top_k=8, width=2048, matrices=3, shared_width=2048)
        >>> dense = Block(count=3, attention=mla, ffn=Ffn(width=18432, matrices=3))
        >>> join = Matrix(inputs=14336, outputs=7168)
        >>> module = Block(count=1, attention=mla, experts=moe, matrices=(join,))
        >>> v3 = Llm(name="v3", hidden=7168, vocab=129280, nominal_params=671e9, tied_embedding=False,
        ...          blocks=(dense, Block(count=58, attention=mla, experts=moe)),
        ...          draft=DraftLayers(blocks=(module,)))
        >>> round(draft_params(v3)), round(params(v3) + draft_params(v3) + 2 * 129280 * 7168 + 59 * 256)
        (11610067968, 684489845504)
    """
    if llm.draft is None:
        return 0.0
    layers = fsum(b.stored_layers * _block_params(b, llm.hidden) for b in llm.draft.blocks)
    return llm.draft.modules * (layers + 3.0 * llm.hidden)


def _expert(experts: Experts, hidden: int) -> float:
    """Parameters of one routed expert."""
    return float(experts.matrices * (experts.latent or hidden) * experts.width)


def _unvisited(experts: Experts) -> float:
    return experts.count - experts.mean_top_k


def _block_params(block: Block, hidden: int) -> float:
    """Parameters of one layer of a block, its norms included."""
    total = sum(m.inputs * m.outputs for m in block.matrices)
    if block.mixers:
        total += sum(kind_of(a).params(a, hidden) for a in block.mixers) + hidden
    if f := block.ffn:
        total += f.matrices * hidden * f.width + hidden
    if e := block.experts:
        total += e.matrices * ((e.latent or hidden) * e.count * e.width + hidden * e.shared_width)
        total += hidden * (e.among + 2 * (e.latent or 0)) + hidden
    return float(total)

"""An LLM cut in two: attention with the head, and FFNs or experts, for pools that each run one part."""

from dataclasses import replace

from objectives.api import Block, Llm


def attention_part(llm: Llm) -> Llm:
    """The LLM without its FFNs and experts: attention of all layers, bare matrices, embedding and head.

    Args:
        llm: architecture of the network.

    Returns:
        A network of the layers that have attention; bare matrices stay where attention is, and with an FFN or
        experts only where there is none.

    Domain:
        LLMs with attention.

    Limits:
        The network itself where no layer has an FFN.

    Source:
        MegaScale-Infer, Zhu et al., SIGCOMM 2025 (arXiv 2504.02263), section 3.

    Examples:
        By hand:

        >>> from objectives.api import Attention, Block, Ffn
        >>> both = Block(count=2, attention=Attention(heads=8, kv_heads=8, head_dim=64),
        ...              ffn=Ffn(width=64, matrices=3))
        >>> llm = Llm(name="two", hidden=64, vocab=8, blocks=(both,), nominal_params=1e6)
        >>> attention_part(llm).blocks[0].ffn is None, attention_part(llm).vocab
        (True, 8)
    """
    blocks = tuple(replace(b, ffn=None, experts=None) for b in llm.blocks if not _fed_alone(b))
    # without any attention there is nothing that this pool would be for
    blocks = blocks if any(b.attention for b in blocks) else ()
    return replace(llm, blocks=blocks)


def ffn_part(llm: Llm) -> Llm:
    """FFNs and experts of all layers, without attention, embedding and head.

    Args:
        llm: architecture of the network.

    Returns:
        A network of the layers that have an FFN or experts.

    Domain:
        LLMs with FFNs or experts.

    Limits:
        Its weights and those of `attention_part` are the weights of the network.

    Source:
        As `attention_part`.

    Examples:
        By hand:

        >>> from objectives.api import Attention, Block, Ffn
        >>> both = Block(count=2, attention=Attention(heads=8, kv_heads=8, head_dim=64),
        ...              ffn=Ffn(width=64, matrices=3))
        >>> llm = Llm(name="two", hidden=64, vocab=8, blocks=(both,), nominal_params=1e6)
        >>> ffn_part(llm).blocks[0].attention is None, ffn_part(llm).vocab
        (True, 0)
    """
    blocks = tuple(
        b if _fed_alone(b) else replace(b, attention=None, beside=(), matrices=())
        for b in llm.blocks
        if b.ffn or b.experts
    )
    # an encoder runs where attention does
    return replace(llm, blocks=blocks, vocab=0, learned_positions=0, lookup=(), encoder=None)


def _fed_alone(block: Block) -> bool:
    """Whether a layer has an FFN or experts, and no attention."""
    return block.attention is None and bool(block.ffn or block.experts)

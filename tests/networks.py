"""Networks of 2025 and later whose layers are made of more parts than attention and an FFN."""

from objectives.api import Attention, Block, Experts, Ffn, LatentAttention, Llm, Lookup


def longcat() -> Llm:
    """LongCat-Flash (arXiv 2509.01322): two attentions and two FFNs a layer, experts beside the first FFN."""
    mla = LatentAttention(heads=64, latent=512, rope=64, nope=128, value=128, query_latent=1536)
    ffn = Ffn(width=12288, matrices=3)
    experts = Experts(count=512, top_k=12, width=2048, matrices=3, zero=256)
    blocks = (
        Block(count=28, attention=mla, ffn=ffn, experts=experts),
        Block(count=28, attention=mla, ffn=ffn),
    )
    return Llm(name="longcat", hidden=6144, vocab=131072, blocks=blocks, nominal_params=562e9)


def looped() -> Llm:
    """Four rounds through 24 layers (Ouro 1.4B), with a table as large as the embedding."""
    attention = Attention(heads=16, kv_heads=16, head_dim=128)
    block = Block(count=96, distinct=24, attention=attention, ffn=Ffn(width=5632, matrices=3))
    table = Lookup(entries=49152, width=2048)
    return Llm(
        name="looped", hidden=2048, vocab=49152, blocks=(block,), lookup=(table,), nominal_params=1.4e9
    )

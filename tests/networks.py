"""Networks of 2025 and later whose layers are made of more parts than attention and an FFN."""

from objectives.api import (
    Attention,
    Block,
    CrossAttention,
    Encoder,
    EncoderMatrices,
    Experts,
    Ffn,
    LatentAttention,
    Llm,
    Lookup,
    Matrix,
)


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


def whisper() -> Llm:
    """Whisper large (arXiv 2212.04356, table 1): 32 layers of width 1280 on both sides, 20 heads."""
    own = Attention(heads=20, kv_heads=20, head_dim=64)
    cross = CrossAttention(heads=20, kv_heads=20, head_dim=64, tokens=1500, inputs=1280)
    ffn = Ffn(width=5120, matrices=2)
    encoder = Encoder(
        tokens=1500,
        hidden=1280,
        # the second convolution reaches over three of 3,000 rows, two by two
        blocks=(
            Block(count=1, matrices=(Matrix(inputs=3840, outputs=1280),)),
            Block(count=32, attention=own, ffn=ffn),
        ),
        lookup=(Lookup(entries=1500, width=1280),),
        before=EncoderMatrices(tokens=3000, matrices=(Matrix(inputs=240, outputs=1280),)),
    )
    return Llm(
        name="whisper",
        hidden=1280,
        vocab=51865,
        tied_embedding=True,
        learned_positions=448,
        blocks=(Block(count=32, attention=own), Block(count=32, attention=cross, ffn=ffn)),
        encoder=encoder,
        nominal_params=1.55e9,
    )


def pictured() -> Llm:
    """Cross attention in one layer of five, of the rows of a projector; four pictures apart."""
    own = Attention(heads=32, kv_heads=8, head_dim=128)
    cross = CrossAttention(heads=32, kv_heads=8, head_dim=128, tokens=4096, inputs=4096)
    ffn = Ffn(width=14336, matrices=3)
    sees = Attention(heads=16, kv_heads=16, head_dim=80, window=1024, chunked=True)
    encoder = Encoder(
        tokens=4096,
        hidden=1280,
        blocks=(Block(count=32, attention=sees, ffn=Ffn(width=5120, matrices=2)),),
        after=EncoderMatrices(tokens=4096, matrices=(Matrix(inputs=7680, outputs=4096),)),
    )
    blocks = (Block(count=32, attention=own, ffn=ffn), Block(count=8, attention=cross, ffn=ffn))
    return Llm(name="seen", hidden=4096, vocab=128256, blocks=blocks, encoder=encoder, nominal_params=10e9)

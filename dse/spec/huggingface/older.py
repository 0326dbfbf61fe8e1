"""Families of LLMs whose FFN has two matrices: GPT-2, GPT-NeoX, GPT-J, BLOOM, Falcon."""

from dse.spec.huggingface.reader import BASE, HfConfig, Network, attention, family

BIASES = "biases other than those of query, key and value are not counted"
LM_HEAD = "the checkpoint keeps the LM head apart from the embedding"


def _network(
    c: HfConfig,
    *,
    bias: bool,
    width: str,
    tied: bool,
    parallel: bool = False,
    kv_heads: int | None = None,
    positions: int = 0,
    notes: tuple[str, ...] = (),
) -> Network:
    """Equal layers, the FFN four times as wide as the hidden size unless the key `width` says otherwise."""
    layer = {
        "attention": attention(c, bias=bias, kv_heads=kv_heads),
        "ffn": {"width": c.size(width, 4 * c.size("hidden_size")), "gated": False},
        **({"parallel": True} if parallel else {}),
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"), tied=tied, learned_positions=positions, notes=notes
    )


def _gpt2(c: HfConfig) -> Network:
    if c.flag("add_cross_attention"):
        # cross-attention adds matrices that an LLM YAML cannot describe
        raise c.refuse("add_cross_attention", "false")
    tied, positions = c.flag("tie_word_embeddings", True), c.size("n_positions")
    return _network(c, bias=True, width="n_inner", tied=tied, positions=positions, notes=(BIASES,))


def _gptj(c: HfConfig) -> Network:
    tied = c.flag("tie_word_embeddings")
    # biases in the FFN alone, not in attention
    return _network(c, bias=False, width="n_inner", tied=tied, parallel=True, notes=(BIASES,))


def _bloom(c: HfConfig) -> Network:
    return _network(c, bias=True, width="n_inner", tied=c.flag("tie_word_embeddings", True), notes=(BIASES,))


def _gpt_neox(c: HfConfig) -> Network:
    return _network(
        c,
        bias=c.flag("attention_bias", True),
        width="intermediate_size",
        tied=c.flag("tie_word_embeddings"),
        parallel=c.flag("use_parallel_residual", True),
        notes=(BIASES,),
    )


def _falcon(c: HfConfig) -> Network:
    """Multi-query attention in 7B, grouped queries in 40B and 180B, attention and FFN side by side."""
    newer = c.flag("new_decoder_architecture")
    heads = c.size("num_attention_heads")
    # the newer architecture groups queries; in the older one `multi_query` means a single KV head
    one = not newer and c.flag("multi_query", True)
    bias = c.flag("attention_bias")
    # Transformers would tie the two, but the checkpoints of all three sizes hold an LM head of its own.
    tied = c.flag("tie_word_embeddings", False)
    return _network(
        c,
        bias=bias,
        width="ffn_hidden_size",
        tied=tied,
        parallel=newer or c.flag("parallel_attn", True),
        kv_heads=1 if one else c.size("num_kv_heads", heads),
        notes=(*(() if tied else (LM_HEAD,)), *((BIASES,) if bias else ())),
    )


_OLD = {
    "n_embd": "hidden_size",
    "n_embed": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
}
_FALCON = BASE | {
    "num_kv_heads",
    "multi_query",
    "new_decoder_architecture",
    "parallel_attn",
    "attention_bias",
    "ffn_hidden_size",
}
_FALCON_FAMILY = family(
    _falcon,
    _FALCON,
    "FalconForCausalLM",
    "RWForCausalLM",
    aliases={**_OLD, "n_head_kv": "num_kv_heads", "bias": "attention_bias"},
)

OLDER = {
    "gpt2": family(
        _gpt2, BASE | {"n_inner", "n_positions", "add_cross_attention"}, "GPT2LMHeadModel", aliases=_OLD
    ),
    "gptj": family(_gptj, BASE | {"n_inner"}, "GPTJForCausalLM", aliases=_OLD),
    "bloom": family(_bloom, BASE | {"n_inner"}, "BloomForCausalLM", "BloomModel", aliases=_OLD),
    "gpt_neox": family(
        _gpt_neox,
        BASE | {"intermediate_size", "attention_bias", "use_parallel_residual"},
        "GPTNeoXForCausalLM",
    ),
    "falcon": _FALCON_FAMILY,
    "RefinedWeb": _FALCON_FAMILY,
    "RefinedWebModel": _FALCON_FAMILY,
}
"""`model_type` to its family; the last two are what Falcon was called at first."""

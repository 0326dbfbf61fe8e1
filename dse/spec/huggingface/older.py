"""Families of LLMs before LLaMA and their kin: GPT-2, GPT-NeoX, GPT-J, BLOOM, Falcon, OPT, MPT, ChatGLM."""

from dse.spec.huggingface.reader import BASE, HfConfig, Network, attention, family, words

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
    # no multiple of the hidden size: Transformers has one number for all sizes
    c.size("intermediate_size")
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


def _gpt_bigcode(c: HfConfig) -> Network:
    c.must("add_cross_attention", False)
    one = 1 if c.flag("multi_query", True) else c.size("num_attention_heads")
    tied, positions = c.flag("tie_word_embeddings", True), c.size("n_positions")
    return _network(
        c, bias=True, width="n_inner", tied=tied, kv_heads=one, positions=positions, notes=(BIASES,)
    )


def _opt(c: HfConfig) -> Network:
    """OPT, whose embedding may be narrower than its layers in one size, which is refused."""
    c.must("word_embed_proj_dim", c.size("hidden_size"))
    # Transformers has one number for all sizes where the file leaves it out
    c.size("ffn_dim")
    # two rows before the first position
    positions = c.size("max_position_embeddings") + 2
    return _network(
        c,
        bias=c.flag("enable_bias", True),
        width="ffn_dim",
        tied=c.flag("tie_word_embeddings", True),
        positions=positions,
        notes=(BIASES,),
    )


def _mpt(c: HfConfig) -> Network:
    """MPT: one KV head for all, for some or for each; ALiBi or learned positions; an FFN of two or three."""
    c.must("no_bias", True)
    inside = c.part("attn_config", *_MPT_ATTENTION)
    kind, heads = inside.get("attn_type"), c.size("num_attention_heads")
    if kind not in (None, "multihead_attention", "multiquery_attention", "grouped_query_attention"):
        raise inside.refuse(
            "attn_type", "multihead_attention, multiquery_attention or grouped_query_attention"
        )
    kv = {"multiquery_attention": 1}.get(str(kind), heads)
    if kind == "grouped_query_attention":
        kv = inside.size("kv_n_heads")
    # with others, no learned positions are kept, whatever the key says
    learned = not inside.flag("alibi") and not inside.flag("rope") and c.flag("learned_pos_emb", True)
    # -1 is no window
    none = inside.get("sliding_window_size") in (None, -1)
    reach = {} if none else {"window": inside.size("sliding_window_size")}
    layer = {
        "attention": {**attention(c, bias=False, kv_heads=kv), **reach},
        "ffn": _mpt_ffn(c),
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        learned_positions=c.size("max_seq_len") if learned else 0,
    )


def _mpt_ffn(c: HfConfig) -> dict[str, object]:
    """Two matrices, or three where `ffn_config` says so, of a width of its own."""
    width = c.size("expansion_ratio", 4) * c.size("hidden_size")
    if c.get("ffn_config") is None:
        return {"width": width, "gated": False}
    inside = c.part("ffn_config", "ffn_type", "ffn_hidden_size", "fc_type", "ffn_act_fn")
    kind = inside.get("ffn_type")
    if kind not in (None, "mptmlp", "mptglu", "mptgeglu"):
        raise inside.refuse("ffn_type", "mptmlp, mptglu or mptgeglu")
    return {
        "width": inside.size("ffn_hidden_size", width),
        "gated": kind in ("mptglu", "mptgeglu"),
    }


def _jais(c: HfConfig) -> Network:
    """Jais: GPT-2 with a gated FFN and, in place of learned positions, ALiBi."""
    for key in ("activation_function", "position_embedding_type"):
        if not isinstance(c.get(key), str | None):
            raise c.refuse(key, "a word")
    gated = c.get("activation_function") == "swiglu"
    layer = {
        "attention": attention(c, bias=True, kv_heads=c.size("num_attention_heads")),
        "ffn": {"width": c.size("n_inner", 4 * c.size("hidden_size")), "gated": gated},
    }
    learned = c.get("position_embedding_type") != "alibi"
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        learned_positions=c.size("n_positions") if learned else 0,
        notes=(BIASES,),
    )


def _chatglm(c: HfConfig) -> Network:
    """ChatGLM2 and 3, GLM-4: grouped queries and a gated FFN."""
    for key, wanted in (("add_bias_linear", False), ("multi_query_attention", True)):
        c.must(key, wanted)
    layer = {
        "attention": attention(c, bias=c.flag("add_qkv_bias")),
        "ffn": {"width": c.size("intermediate_size"), "gated": True},
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


_MPT_ATTENTION = words(
    """
    attn_type kv_n_heads alibi rope alibi_bias_max attn_impl attn_pdrop attn_uses_sequence_id clip_qkv
    prefix_lm qk_ln qk_gn softmax_scale sliding_window_size rope_theta rope_impl
    """
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

_GPT2 = family(
    _gpt2, BASE | {"n_inner", "n_positions", "add_cross_attention"}, "GPT2LMHeadModel", aliases=_OLD
)

OLDER = {
    "gpt2": _GPT2,
    "gpt-sw3": _GPT2,
    "gptj": family(_gptj, BASE | {"n_inner"}, "GPTJForCausalLM", aliases=_OLD),
    "bloom": family(_bloom, BASE | {"n_inner"}, "BloomForCausalLM", "BloomModel", aliases=_OLD),
    "gpt_neox": family(
        _gpt_neox,
        BASE | {"intermediate_size", "attention_bias", "use_parallel_residual"},
        "GPTNeoXForCausalLM",
    ),
    "gpt_bigcode": family(
        _gpt_bigcode,
        BASE | {"n_inner", "n_positions", "add_cross_attention", "multi_query"},
        "GPTBigCodeForCausalLM",
        aliases=_OLD,
        passes="num_key_value_heads attention_softmax_in_fp32 scale_attention_softmax_in_fp32 "
        "inference_runner max_batch_size max_sequence_length pad_key_length pre_allocate_kv_cache "
        "validate_runner_input",
    ),
    "codegen": family(_gptj, BASE | {"n_inner"}, "CodeGenForCausalLM", aliases=_OLD),
    "opt": family(
        _opt,
        BASE | {"ffn_dim", "word_embed_proj_dim", "max_position_embeddings", "enable_bias"},
        "OPTForCausalLM",
        passes="do_layer_norm_before layer_norm_elementwise_affine layerdrop",
    ),
    "mpt": family(
        _mpt,
        BASE | words("attn_config ffn_config no_bias learned_pos_emb expansion_ratio max_seq_len"),
        "MPTForCausalLM",
        "MptForCausalLM",
        aliases={"d_model": "hidden_size", "n_heads": "num_attention_heads", "n_layers": "num_hidden_layers"},
        passes="embedding_fraction init_config init_device logit_scale norm_type fc_type",
    ),
    "jais": family(
        _jais,
        BASE | words("n_inner n_positions activation_function position_embedding_type"),
        "JAISLMHeadModel",
        aliases=_OLD,
        passes="mup_embeddings_scale mup_output_alpha mup_width_scale mup_scale_qk_dot_by_d width_scale "
        "embeddings_scale scale_qk_dot_by_d alibi_scaling",
    ),
    "chatglm": family(
        _chatglm,
        BASE
        | words(
            "num_key_value_heads head_dim intermediate_size add_bias_linear add_qkv_bias "
            "multi_query_attention"
        ),
        "ChatGLMModel",
        "ChatGLMForConditionalGeneration",
        aliases={
            "num_layers": "num_hidden_layers",
            "padded_vocab_size": "vocab_size",
            "ffn_hidden_size": "intermediate_size",
            "kv_channels": "head_dim",
            "multi_query_group_num": "num_key_value_heads",
        },
        passes="fp32_residual_connection apply_query_key_layer_scaling pre_seq_len "
        "prefix_projection quantization_bit layernorm_epsilon",
    ),
    "falcon": _FALCON_FAMILY,
    "RefinedWeb": _FALCON_FAMILY,
    "RefinedWebModel": _FALCON_FAMILY,
}
"""`model_type` to its family; the last two are what Falcon was called at first."""

"""LLMs that denoise blocks of tokens: LLaDA, LLaDA2, Dream, Fast-dLLM v2, SDAR, DiffusionGemma."""

from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn, qwen_kinds, uniform
from dse.spec.huggingface.experts import EXPERTS
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    Family,
    HfConfig,
    Layer,
    Network,
    attention,
    every,
    family,
    kinds_of,
    reach,
    words,
)
from dse.spec.huggingface.recent.gemmas import wide_heads
from dse.spec.huggingface.recent.mixtures import MIXTURES

CONDITIONED = (
    "the FFN that feeds the guesses of one step into the next counts as matrices of the first layer; the "
    "product of these guesses with the embedding, as large as the LM head, is not counted"
)


def _llada(c: HfConfig) -> Network:
    """Keys of OLMo: one block type is a LLaMA layer with a gated FFN of its own width."""
    c.must("block_type", "llama")
    c.must("activation_type", "silu")
    for key in ("include_bias", "attention_layer_norm", "input_emb_norm"):
        c.must(key, False)
    c.must("rope", True)
    c.must("block_group_size", 1)
    # older files say one KV head by a flag
    c.must("multi_query_attention", False, "expected n_kv_heads to say it")
    heads = attention(c, bias=c.flag("include_qkv_bias"))
    ffn = gated_ffn(c)
    size, entries = c.size("vocab_size"), c.size("embedding_size", c.size("vocab_size"))
    if entries != size:
        raise c.refuse("embedding_size", f"the same as vocab_size ({size})")
    return Network(
        layers=tuple({"attention": heads, "ffn": ffn} for _ in uniform(c, FULL)),
        tied=c.flag("tie_word_embeddings"),
        generation="diffusion",
    )


def _dream(c: HfConfig) -> Network:
    """Qwen2.5: biases on query, key and value, which no key says."""
    return _qwen(c, bias=True)


def _sdar(c: HfConfig) -> Network:
    """Qwen3."""
    return _qwen(c, bias=c.flag("attention_bias"))


def _qwen(c: HfConfig, *, bias: bool) -> Network:
    heads, ffn = attention(c, bias=bias), gated_ffn(c)
    size = c.whole("block_size") if "block_size" in c.reads else 0
    return Network(
        layers=tuple({"attention": {**heads, **reach(c, kind)}, "ffn": ffn} for kind in qwen_kinds(c)),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"blocks of {size} tokens, as the file says",) if size else (),
        generation="diffusion",
    )


def _llada2(c: HfConfig) -> Network:
    """Ling 2.0, whose layers it has; a window only where the file asks for one."""
    if c.flag("use_sliding_window"):
        raise c.refuse("use_sliding_window", "false")
    return replace(_LING.network(c), generation="diffusion")


def _sdar_moe(c: HfConfig) -> Network:
    """Qwen3-MoE."""
    return replace(_MOE.network(c), generation="diffusion")


def _diffusion_gemma(c: HfConfig) -> Network:
    """Gemma 4 with experts next to an FFN; keys are values where a layer sees everything."""
    if c.get("use_bidirectional_attention") not in (None, "vision"):
        raise c.refuse("use_bidirectional_attention", "null or vision")
    which = [*kinds_of(c, (FULL, SLIDING), every(c, 6))[:-1], FULL]  # Transformers makes the last one full
    heads = attention(c, bias=c.flag("attention_bias"))
    wide = {
        **heads,
        "kv_heads": c.size("num_global_key_value_heads", c.size("num_key_value_heads")),
        "head_dim": c.size("global_head_dim"),
        **wide_heads(c, which),
        "kv": "key_is_value",
    }
    routed = {
        "count": c.size("num_experts"),
        "top_k": c.size("top_k_experts"),
        "width": c.size("moe_intermediate_size"),
    }
    hidden, width = c.size("hidden_size"), c.size("intermediate_size")
    fed_back = [{"inputs": hidden, "outputs": width}] * 2 + [{"inputs": width, "outputs": hidden}]
    layers: list[Layer] = [
        {
            "attention": {**(wide if kind == FULL else heads), **reach(c, kind)},
            "ffn": gated_ffn(c),
            "experts": routed,
            # once before all layers
            **({"matrices": fed_back} if i == 0 else {}),
        }
        for i, kind in enumerate(which)
    ]
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings", True),
        notes=(NORMS, CONDITIONED),
        generation="diffusion",
    )


_LING: Family = MIXTURES["bailing_moe_v2"]
_MOE: Family = EXPERTS["qwen3_moe"]
_QWEN = GATED | words("layer_types sliding_window use_sliding_window max_window_layers")
_OLMO = GATED | words(
    """
    block_type activation_type include_bias include_qkv_bias attention_layer_norm input_emb_norm rope
    block_group_size multi_query_attention embedding_size
    """
)
_OLMO_NAMES = {
    "d_model": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "mlp_hidden_size": "intermediate_size",
    "weight_tying": "tie_word_embeddings",
}
_GEMMA = GATED | words(
    """
    attention_bias layer_types sliding_window num_experts moe_intermediate_size global_head_dim
    num_global_key_value_heads top_k_experts use_bidirectional_attention per_layer_config
    """
)
DIFFUSIONS = {
    "llada": family(
        _llada,
        _OLMO,
        "LLaDAModelLM",
        aliases=_OLMO_NAMES,
        # of files that say mlp_hidden_size it is not read
        passes="mlp_ratio alibi_bias_max init_cutoff_factor precision rope_full_precision flash_attn_varlen",
    ),
    "Dream": family(_dream, _QWEN, "DreamModel", passes="use_mrope"),
    "Fast_dLLM_Qwen": family(
        _dream, _QWEN | {"block_size"}, "Fast_dLLM_QwenForCausalLM", aliases={"bd_size": "block_size"}
    ),
    "sdar": family(
        _sdar, _QWEN | {"attention_bias", "block_size"}, "SDARForCausalLM", passes="ep_size micro_forward"
    ),
    "sdar_moe": replace(
        _MOE,
        network=_sdar_moe,
        architectures=("SDARMoeForCausalLM",),
        passes=_MOE.passes | {"max_window_layers"},
    ),
    **{
        kind: replace(
            _LING,
            network=_llada2,
            reads=_LING.reads | {"use_sliding_window"},
            architectures=("LLaDA2MoeModelLM",),
            passes=_LING.passes | words("rotary_dim max_window_layers sliding_window"),
        )
        # the second name is of checkpoints whose experts lie in one tensor
        for kind in ("llada2_moe", "llada2_moe_veomni")
    },
    "diffusion_gemma_text": family(_diffusion_gemma, _GEMMA, "DiffusionGemmaForBlockDiffusion"),
}
"""`model_type` to its family."""

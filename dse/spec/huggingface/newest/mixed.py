"""LLMs of 2026 that mix layers with a state and attention: Ling 2.5 and 3, Qwen4, Lara; and ZAYA."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED, gated_ffn
from dse.spec.huggingface.experts import MLA, PREDICTION, experts, latent_attention
from dse.spec.huggingface.linear import state_parts
from dse.spec.huggingface.newest.picked import TAPS, matrix
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    STATE,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    reach,
    words,
)
from dse.spec.huggingface.recent.states import grouped_kinds, lightning

_PICKED = "indexed_attention"
_DELTA = (
    "short_conv_kernel_size",
    "linear_conv_kernel_dim",
    "no_kda_lora",
    "linear_attention",
)
"""Keys of Kimi Delta Attention."""
_FULL_RANK = "the decay of each element of a key is a full matrix, counted next to one number a head"


def _bailing_hybrid(c: HfConfig) -> Network:
    """Ling 3: Kimi Delta Attention and latent attention; Ling 2.5 has Lightning Attention in its place."""
    count, hidden, heads = c.size("num_hidden_layers"), c.size("hidden_size"), c.size("num_attention_heads")
    which = kinds_of(c, (FULL, STATE), grouped_kinds(c))
    for key in ("use_qkv_bias", "use_bias"):
        c.must(key, False)
    # both versions have one model_type
    older = any("MoeV2" in str(name) for name in _classes(c))
    delta = not older or any(c.get(key) is not None for key in _DELTA)
    gates = {"matrices": [matrix(hidden, heads)]} if delta else {}
    full: Layer = {"latent_attention": latent_attention(c), **gates}
    state = _full_rank(c) if delta else lightning(c)
    first = c.whole("first_k_dense_replace", None)
    usual = ["sparse" if i >= first else "dense" for i in range(count)]
    mlp = kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")
    wide = c.size("moe_shared_expert_intermediate_size", c.size("moe_intermediate_size"))
    routed = experts(c, "n_routed_experts", "moe_intermediate_size", c.whole("n_shared_experts") * wide)
    inner: dict[str, Layer] = {"dense": {"ffn": gated_ffn(c)}, "sparse": {"experts": routed}}
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple(
            {**(full if kind == FULL else state), **inner[ffn]} for kind, ffn in zip(which, mlp, strict=True)
        ),
        tied=c.flag("tie_word_embeddings"),
        notes=(*((_FULL_RANK,) if delta else ()), *((f"{PREDICTION} ({ahead})",) if ahead else ())),
    )


def _classes(c: HfConfig) -> Sequence[object]:
    found = c.data.get("architectures")
    return found if isinstance(found, list) else ()


def _full_rank(c: HfConfig) -> Layer:
    """Kimi Delta Attention whose decay and gate are whole matrices."""
    c.must("linear_attention", "kda")
    c.must("no_kda_lora", True)
    c.must("gated_attention_proj_granularity_type", "head_wise")
    # older files have the width under a name that Transformers 5 gives to the rotary part
    own, said = c.size("linear_num_heads", c.size("num_attention_heads")), c.get("linear_head_dim")
    dim = c.size("head_dim" if said is None else "linear_head_dim")
    taps = (
        "linear_conv_kernel_dim" if c.get("linear_conv_kernel_dim") is not None else "short_conv_kernel_size"
    )
    return {
        "linear_attention": {
            "heads": own,
            "key_heads": own,
            "key_dim": dim,
            "value_dim": dim,
            "gate": True,
            "delta": True,
            "conv": c.size(taps, 4),
        },
        "matrices": [matrix(c.size("hidden_size"), own * dim)],
    }


def _lara(c: HfConfig) -> Network:
    """Gated DeltaNet, windows and full attention in a pattern of five layers, with experts in each."""
    pattern = (STATE, SLIDING, STATE, FULL, SLIDING)
    usual = [pattern[i % len(pattern)] for i in range(c.size("num_hidden_layers"))]
    heads, state = attention(c, bias=c.flag("attention_bias")), state_parts(c)
    shared = c.whole("shared_expert_intermediate_size", None)
    routed = {"experts": experts(c, "num_experts", "moe_intermediate_size", shared)}
    layers: list[Layer] = [
        {**(state if kind == STATE else {"attention": {**heads, **reach(c, kind)}}), **routed}
        for kind in kinds_of(c, (FULL, SLIDING, STATE), usual)
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True))


def _zaya(c: HfConfig) -> Network:
    """Queries and keys go through two short convolutions; the router is a network of its own."""
    if c.get("ffn_hidden_size") is not None:
        return _zaya(_older_zaya(c))
    c.must("num_experts_per_tok", 1)
    c.must("lm_head_bias", False)
    hidden, inner = c.size("hidden_size"), c.size("router_hidden_size")
    heads = attention(c, bias=c.flag("attention_bias"))
    dim = c.size("head_dim")
    width = (c.size("num_attention_heads") + c.size("num_key_value_heads")) * dim
    around = [
        matrix(c.size("cca_time0"), width),
        # of every head, all channels with each other
        matrix(c.size("cca_time1") * dim, width),
        matrix(hidden, inner),
        matrix(inner, inner),
        matrix(inner, inner),
    ]
    routed = {
        "count": c.size("num_experts"),
        "top_k": 1,
        "width": c.size("moe_intermediate_size"),
        # the router may skip the experts
        "zero": 1,
    }
    usual = ["hybrid"] * c.size("num_hidden_layers")
    layers: list[Layer] = [
        {
            "attention": {**heads, **({} if kind == "hybrid" else {"window": c.size("sliding_window")})},
            "experts": routed,
            "matrices": around,
        }
        for kind in kinds_of(c, ("hybrid", "hybrid_sliding"), usual)
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=(TAPS,))


def _older_zaya(c: HfConfig) -> HfConfig:
    """Files of Transformers 4 count attention and experts as layers each, and both halves of an expert."""
    if any(c.items("swa_layers", int) or ()):
        raise c.refuse("swa_layers", "only 0")
    layers, width = c.size("num_hidden_layers"), c.size("ffn_hidden_size")
    if layers % 2 or width % 2:
        raise c.refuse("num_hidden_layers", "an even number, as of ffn_hidden_size")
    newer = {
        "num_hidden_layers": layers // 2,
        "moe_intermediate_size": width // 2,
        "num_attention_heads": c.size("cca_num_q_heads", c.size("num_attention_heads")),
        "router_hidden_size": c.size("zaya_mlp_expansion"),
        "ffn_hidden_size": None,
    }
    return replace(c, data={**c.data, **newer})


def _qwen4_exp(c: HfConfig) -> Network:
    """Gated DeltaNet, attention to what an index picks, streams of the residual, and tables of n-grams."""
    count, hidden, streams = c.size("num_hidden_layers"), c.size("hidden_size"), c.size("hc_count")
    c.must("indexer_kv_heads", 1)
    c.must("mamba_ssm_dtype", "float32")
    step = c.size("full_attention_interval", 4)
    usual = [STATE if (i + 1) % step else _PICKED for i in range(count)]
    which = kinds_of(c, (FULL, STATE, _PICKED), usual)
    state: Layer = state_parts(c)
    picked: Layer = {}
    if set(which) - {STATE}:
        heads = {**attention(c, bias=c.flag("attention_bias")), "gate": True}
        index = {"heads": c.size("indexer_n_heads"), "dim": c.size("indexer_head_dim")}
        ratio = c.size("indexer_compress_ratio")
        more = {"ratio": ratio} if ratio > 1 else {}
        picked = {
            "attention": {**heads, "top_k": c.size("indexer_budget")},
            "beside": {"index": {**index, **more}},
        }
    rank, all_of = c.size("hc_lowrank"), streams * hidden
    through = [matrix(all_of, rank), matrix(rank, all_of)]
    mixing = [*through, matrix(all_of, streams)] * 2 if streams > 1 else []
    tables = _table_layers(c, count)
    width = c.size("ple_embed_dim", hidden)
    grams = [matrix(width, all_of), matrix(width, hidden), matrix(c.size("ple_conv_kernel_size"), all_of)]
    shared = c.whole("shared_expert_intermediate_size", None)
    routed = experts(c, "num_experts", "moe_intermediate_size", shared)
    layers: list[Layer] = []
    for i, kind in enumerate(which):
        extra = [*mixing, *(grams if i in tables else []), *(through if mixing and i == count - 1 else [])]
        mixer = state if kind == STATE else picked
        layers.append({**mixer, "experts": routed, **({"matrices": extra} if extra else {})})
    lookup = {"entries": c.size("ngram_vocab_size_base"), "width": width} if tables else {}
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings"),
        lookup=(lookup,) * len(tables),
        notes=("tables of n-grams have as many rows as the file says, less those that make them prime",)
        if tables
        else (),
    )


def _table_layers(c: HfConfig, count: int) -> Sequence[int]:
    """Layers that look n-grams up; the file counts from 1."""
    found = sorted(set(c.items("ple_layer_ids", int) or ()))
    if found and (found[0] < 1 or found[-1] > count):
        raise c.refuse("ple_layer_ids", f"numbers from 1 to {count}")
    return [number - 1 for number in found]


_LINEAR = words(
    """
    linear_conv_kernel_dim linear_key_head_dim linear_num_key_heads linear_num_value_heads
    linear_value_head_dim
    """
)
_ROUTED = words("num_experts num_experts_per_tok moe_intermediate_size")
_LOCAL = {"num_local_experts": "num_experts"}

_QWEN4 = family(
    _qwen4_exp,
    (GATED - {"intermediate_size"})
    | _LINEAR
    | _ROUTED
    | words(
        """
        attention_bias layer_types full_attention_interval shared_expert_intermediate_size hc_count
        hc_lowrank ple_layer_ids ple_embed_dim ple_conv_kernel_size ngram_vocab_size_base
        indexer_n_heads indexer_kv_heads indexer_head_dim indexer_budget indexer_compress_ratio
        mamba_ssm_dtype
        """
    ),
    "Qwen4ExpForCausalLM",
    "Qwen4ExpForConditionalGeneration",
    "Qwen3_8FlashNextForConditionalGeneration",
    "Qwen3_8FlashNextForCausalLM",
    aliases=_LOCAL,
    passes="number_of_conv_states ngram_size heads_per_ngram make_ngram_vocab_size_divisible_by "
    "split_ngram_parts",
)

MIXED = {
    "bailing_hybrid": family(
        _bailing_hybrid,
        # the heads of keys are those of queries in both kinds of layers
        (MLA - {"moe_layer_freq", "num_key_value_heads"})
        | words(
            """
            layer_types mlp_layer_types layer_group_size head_dim linear_head_dim linear_num_heads
            linear_conv_kernel_dim short_conv_kernel_size no_kda_lora
            linear_attention use_qkv_bias use_bias
            gated_attention_proj_granularity_type moe_shared_expert_intermediate_size
            """
        ),
        "BailingHybridForCausalLM",
        "BailingMoeV3ForCausalLM",
        "BailingMoeV2_5ForCausalLM",
        "BailingMoeV2ForCausalLM",
        aliases={
            "num_experts": "n_routed_experts",
            "num_local_experts": "n_routed_experts",
            "num_experts_per_token": "num_experts_per_tok",
            "num_shared_experts": "n_shared_experts",
            "num_mtp_layers": "num_nextn_predict_layers",
        },
        passes="num_key_value_heads qk_head_dim group_norm_size linear_silu linear_rope mlp_bias use_qk_norm "
        "moe_router_enable_shared_expert moe_router_enable_routed_scaling rope_traditional",
    ),
    "lara_mini": family(
        _lara,
        (GATED - {"intermediate_size"})
        | _LINEAR
        | _ROUTED
        | words("attention_bias layer_types sliding_window shared_expert_intermediate_size"),
        "LaraMiniForCausalLM",
        aliases=_LOCAL,
    ),
    "zaya": family(
        _zaya,
        (GATED - {"intermediate_size"})
        | _ROUTED
        | words(
            """
            attention_bias lm_head_bias layer_types sliding_window router_hidden_size cca_time0 cca_time1
            ffn_hidden_size cca_num_q_heads zaya_mlp_expansion swa_layers
            """
        ),
        "ZayaForCausalLM",
        aliases={**_LOCAL, "moe_router_topk": "num_experts_per_tok", "kv_channels": "head_dim"},
        passes="activation_func activation_func_fp8_input_store bias_activation_fusion cca gated_linear_unit "
        "normalization num_query_groups scale_residual_merge mamba_cache_dtype zaya_use_eda zaya_use_mod "
        "zaya_high_prec norm_epsilon",
    ),
    # the second is what its first files say
    "qwen4_exp_text": _QWEN4,
    "qwen3_8_flash_next_text": _QWEN4,
}
"""`model_type` to its family."""

"""Families of LLMs with a mixture of experts: Mixtral, Qwen, gpt-oss, LLaMA-4, DeepSeek."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GQA, OUTPUT_BIAS, gated_ffn, qwen_kinds, uniform
from dse.spec.huggingface.reader import (
    BASE,
    CHUNKED,
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds,
    kinds_of,
    local,
    reach,
)

PREDICTION = "without the extra layers for multi-token prediction"
"""Note on LLMs whose checkpoint holds a draft model too."""


def experts(c: HfConfig, count: str, width: str, shared_width: int = 0) -> dict[str, object]:
    """Routed experts, with those that every token visits when `shared_width` is not 0."""
    found: dict[str, object] = {
        "count": c.size(count),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size(width),
    }
    return {**found, "shared_width": shared_width} if shared_width else found


def _mixtral(c: HfConfig) -> Network:
    kind = FULL if c.get("sliding_window") is None else SLIDING
    layer = {
        "attention": {**attention(c, bias=False), **reach(c, kind)},
        "experts": experts(c, "num_local_experts", "intermediate_size"),
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


def _qwen_moe(c: HfConfig, which: Sequence[str], *, bias: bool, shared_width: int) -> Network:
    """Experts in every `decoder_sparse_step`th layer but those of `mlp_only_layers`."""
    heads = attention(c, bias=bias)
    routed = experts(c, "num_experts", "moe_intermediate_size", shared_width)
    dense = set(c.items("mlp_only_layers", int) or ())
    step = c.size("decoder_sparse_step")
    layers = []
    for i, kind in enumerate(which):
        # the same rule as the decoder layer of Qwen2-MoE in Transformers
        sparse = i not in dense and (i + 1) % step == 0
        ffn = {"experts": routed} if sparse else {"ffn": gated_ffn(c)}
        layers.append({"attention": {**heads, **reach(c, kind)}, **ffn})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


def _qwen2_moe(c: HfConfig) -> Network:
    # some versions of the class slide from `max_window_layers` on, others every second layer before it
    if c.flag("use_sliding_window") and c.items("layer_types", str) is None:
        raise c.refuse("use_sliding_window", "layer_types next to it, which says where the window is")
    shared = c.whole("shared_expert_intermediate_size", None)
    return _qwen_moe(c, qwen_kinds(c), bias=c.flag("attention_bias", True), shared_width=shared)


def _qwen3_moe(c: HfConfig) -> Network:
    # all layers slide or none: Qwen3-MoE has no `max_window_layers`
    which = uniform(c, SLIDING if c.flag("use_sliding_window") else FULL)
    return _qwen_moe(c, kinds(c, which), bias=c.flag("attention_bias"), shared_width=0)


def _gpt_oss(c: HfConfig) -> Network:
    bias = c.flag("attention_bias", True)
    heads = attention(c, bias=bias)
    routed = experts(c, "num_local_experts", "intermediate_size")
    which = local(c)
    return Network(
        layers=tuple({"attention": {**heads, **reach(c, kind)}, "experts": routed} for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=("biases of experts and router are not counted", *((OUTPUT_BIAS,) if bias else ())),
    )


def _llama4(c: HfConfig) -> Network:
    """LLaMA-4: some layers have experts with one shared, the others a dense FFN; some attend in chunks."""
    heads = attention(c, bias=c.flag("attention_bias"))
    sparse, routed = _llama4_sparse(c), None
    if sparse:
        # one shared expert, as wide as a routed one
        shared = c.size("intermediate_size")
        routed = experts(c, "num_local_experts", "intermediate_size", shared_width=shared)
    layers = []
    for i, kind in enumerate(kinds(c, _llama4_kinds(c))):
        # dense layers have a width of their own
        ffn = {"experts": routed} if i in sparse else {"ffn": gated_ffn(c, "intermediate_size_mlp")}
        layers.append({"attention": {**heads, **reach(c, kind)}, **ffn})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


def _llama4_sparse(c: HfConfig) -> set[int]:
    given = c.items("moe_layers", int)
    if given is None and c.get("interleave_moe_layer_step") == 0:
        # MobileLLM-R1: no experts at all
        return set()
    step = c.size("interleave_moe_layer_step")
    # the last layer of each interval has experts
    return set(range(step - 1, c.size("num_hidden_layers"), step) if given is None else given)


def _llama4_kinds(c: HfConfig) -> list[str]:
    """Layers with rotary positions stay inside a chunk, the others see everything."""
    # an explicit null switches chunks off; a key left out has the default of Transformers
    if "attention_chunk_size" in c.data and c.get("attention_chunk_size") is None:
        return uniform(c, FULL)
    count, interval = c.size("num_hidden_layers"), c.size("no_rope_layer_interval")
    # despite the name of the key, 1 means a layer with rotary positions
    rotary = c.items("no_rope_layers", int) or tuple(int((i + 1) % interval != 0) for i in range(count))
    if len(rotary) != count or set(rotary) - {0, 1}:
        raise c.refuse("no_rope_layers", f"{count} numbers that are 0 or 1")
    return [CHUNKED if r else FULL for r in rotary]


def deepseek(c: HfConfig) -> Network:
    """MLA in every layer; the first layers have a dense FFN, later ones experts."""
    count = c.size("num_hidden_layers")
    mixer = _mixer(c)
    if "mlp_layer_types" in c.reads and c.get("mlp_layer_types") is not None:
        which = kinds_of(c, ("dense", "sparse"), (), "mlp_layer_types")
    else:
        first, step = c.whole("first_k_dense_replace", None), c.size("moe_layer_freq")
        # the same rule as DeepSeek's own modelling code
        which = ["sparse" if i >= first and i % step == 0 else "dense" for i in range(count)]
    # a dense DeepSeek has null here; a file without the key is refused, as its sizes would be a guess
    routed = None if c.given("n_routed_experts") is None else _deepseek_experts(c)
    layers: list[Layer] = []
    for kind in which:
        sparse = routed is not None and kind == "sparse"
        ffn = {"experts": routed} if sparse else {"ffn": gated_ffn(c)}
        layers.append({**mixer, **ffn})
    ahead = c.whole("num_nextn_predict_layers")
    notes = (f"{PREDICTION} ({ahead})",) if ahead else ()
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=notes)


def _mixer(c: HfConfig) -> dict[str, object]:
    """MLA, or plain attention in the language models of DeepSeek-VL2-Tiny and DeepSeek-OCR."""
    if "use_mla" not in c.reads or c.flag("use_mla", True):
        return {"latent_attention": latent_attention(c)}
    for key in ("kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"):
        if c.get(key) not in (None, 0):
            raise c.refuse(key, "null or 0 where use_mla is false")
    return {"attention": attention(c, bias=c.flag("attention_bias"))}


def deepseek_that_drafts(c: HfConfig) -> Network:
    """The same, with modules of one layer like those that come after a dense beginning."""
    network = deepseek(c)
    # vLLM (deepseek_mtp.py, glm4_moe_lite_mtp.py) builds the layer whose number is that of all layers
    return replace(network, draft=drafting(c, c.whole("num_nextn_predict_layers"), network.layers[-1]))


def _deepseek_experts(c: HfConfig) -> dict[str, object]:
    # null: no expert that every token visits
    shared = 0 if c.given("n_shared_experts") is None else c.whole("n_shared_experts")
    width = c.size("moe_intermediate_size")
    # the file gives the number of shared experts, each as wide as a routed one
    return experts(c, "n_routed_experts", "moe_intermediate_size", shared * width)


def latent_attention(c: HfConfig) -> dict[str, object]:
    """MLA in the keys of an LLM YAML, from the ranks and widths of DeepSeek's files."""
    heads = c.size("num_attention_heads")
    if "num_key_value_heads" in c.reads and c.size("num_key_value_heads", heads) != heads:
        hint = "MLA expands its latent to every head, so their numbers are the same."
        raise c.refuse("num_key_value_heads", f"num_attention_heads ({heads})", hint)
    if c.flag("attention_bias"):
        raise c.refuse("attention_bias", "false", "An LLM YAML cannot describe MLA with biases yet.")
    found: dict[str, object] = {
        "heads": heads,
        "latent": c.size("kv_lora_rank"),
        "rope": c.whole("qk_rope_head_dim", None),
        "nope": c.size("qk_nope_head_dim"),
        "value": c.size("v_head_dim"),
    }
    # null in DeepSeek-V2-Lite: queries are not compressed
    return found if c.given("q_lora_rank") is None else {**found, "query_latent": c.size("q_lora_rank")}


def _minimax_m2(c: HfConfig) -> Network:
    """Softmax attention and experts in every layer."""
    if set(c.items("attn_type_list", int) or ()) - {1}:
        raise c.refuse("attn_type_list", "only 1, which is softmax attention")
    c.size("head_dim")  # required: heads are wider than hidden_size over their number
    shared = c.whole("shared_intermediate_size")
    layer = {
        "attention": attention(c, bias=False),
        "experts": experts(c, "num_local_experts", "intermediate_size", shared),
    }
    notes = (PREDICTION,) if c.flag("use_mtp") else ()
    layers = (layer,) * c.size("num_hidden_layers")
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"), notes=notes)


_LOCAL = GQA | {"intermediate_size", "num_local_experts", "num_experts_per_tok"}
_QWEN = GQA | {
    "intermediate_size",
    "moe_intermediate_size",
    "num_experts",
    "num_experts_per_tok",
    "attention_bias",
    "mlp_only_layers",
    "decoder_sparse_step",
    "use_sliding_window",
    "sliding_window",
    "layer_types",
}
MLA = BASE | {
    "intermediate_size",
    "moe_intermediate_size",
    "num_key_value_heads",
    "attention_bias",
    "kv_lora_rank",
    "q_lora_rank",
    "qk_rope_head_dim",
    "qk_nope_head_dim",
    "v_head_dim",
    "n_routed_experts",
    "n_shared_experts",
    "num_experts_per_tok",
    "first_k_dense_replace",
    "moe_layer_freq",
    "num_nextn_predict_layers",
}
_LLAMA4 = _LOCAL | {
    "intermediate_size_mlp",
    "attention_bias",
    "attention_chunk_size",
    "interleave_moe_layer_step",
    "moe_layers",
    "no_rope_layers",
    "no_rope_layer_interval",
    "layer_types",
}
_MTP = {"num_mtp_layers": "num_nextn_predict_layers", "num_local_experts": "n_routed_experts"}
_WRITTEN = "head_dim qk_head_dim mlp_bias"
"""Sums of other keys, which Transformers 5 writes as well, and a bias that no code reads."""

EXPERTS = {
    "mixtral": family(_mixtral, _LOCAL | {"sliding_window"}, "MixtralForCausalLM"),
    "qwen2_moe": family(
        _qwen2_moe,
        _QWEN | {"shared_expert_intermediate_size", "max_window_layers"},
        "Qwen2MoeForCausalLM",
        aliases={"qkv_bias": "attention_bias"},
    ),
    "qwen3_moe": family(
        # Transformers 5 writes the other name
        _qwen3_moe,
        _QWEN,
        "Qwen3MoeForCausalLM",
        aliases={"num_local_experts": "num_experts"},
    ),
    "qwen3_omni_moe_text": family(
        _qwen3_moe,
        _QWEN,
        "Qwen3OmniMoeForConditionalGeneration",
        aliases={"num_local_experts": "num_experts"},
        passes="shared_expert_intermediate_size",
    ),
    "gpt_oss": family(
        _gpt_oss,
        _LOCAL | {"attention_bias", "layer_types", "sliding_window", "sliding_window_pattern"},
        "GptOssForCausalLM",
        aliases={"experts_per_token": "num_experts_per_tok"},
    ),
    "llama4_text": family(_llama4, _LLAMA4, "Llama4ForCausalLM", "Llama4ForConditionalGeneration"),
    # the one type whose files may switch latent attention off
    "deepseek_v2": family(
        deepseek,
        MLA | {"use_mla"},
        "DeepseekV2ForCausalLM",
        aliases=_MTP,
        passes=f"{_WRITTEN} lm_head rm_head",
    ),
    "deepseek_v3": family(deepseek_that_drafts, MLA, "DeepseekV3ForCausalLM", aliases=_MTP, passes=_WRITTEN),
    # published files of Kimi K2 name the class of DeepSeek-V3
    "kimi_k2": family(
        deepseek_that_drafts, MLA, "DeepseekV3ForCausalLM", "KimiK2ForCausalLM", aliases=_MTP, passes=_WRITTEN
    ),
    "minimax_m2": family(
        _minimax_m2,
        _LOCAL | {"shared_intermediate_size", "use_mtp", "attn_type_list"},
        "MiniMaxM2ForCausalLM",
    ),
}
"""`model_type` to its family."""

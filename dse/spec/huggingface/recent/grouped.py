"""LLMs of equal layers with an FFN: GLM, OLMo, Command, EXAONE, Ministral and their kin."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import NORMS, shared_heads, uniform
from dse.spec.huggingface.reader import FULL, SLIDING, Family, HfConfig, Network, family, kinds_of
from dse.spec.huggingface.recent.plain import BLOCKS_PICKED, Plain, all_full, all_or_none, every_nth, plain

_COHERE = {"use_parallel_block": True, "use_gated_activation": True, "use_embedding_sharing": True}
_WINDOWS = frozenset({"layer_types", "sliding_window"})
_TYPES = frozenset({"layer_types"})


def _smollm3(c: HfConfig) -> Sequence[str]:
    """Windows only in layers without rotary positions, and only where `use_sliding_window` is set."""
    if c.items("layer_types", str) is None and c.flag("use_sliding_window"):
        raise c.refuse("use_sliding_window", "layer_types, which says where the window is")
    return kinds_of(c, (FULL, SLIDING), uniform(c, FULL))


def _minicpm(c: HfConfig) -> Network:
    """MiniCPM and MiniCPM4, whose choice of blocks needs no weights and is off where the file has no keys."""
    found = plain(Plain(bias=False, tied=True))(c)
    return found if c.get("sparse_config") is None else replace(found, notes=(BLOCKS_PICKED,))


def _shared(c: HfConfig) -> Sequence[str]:
    """Every layer sees everything, with heads that share the hidden size."""
    shared_heads(c)
    return all_full(c)


def _own_keys(c: HfConfig) -> Sequence[str]:
    """Every head has keys of its own, so that a file with fewer KV heads is of another class."""
    heads = c.size("num_attention_heads")
    if c.size("num_key_value_heads", heads) != heads:
        raise c.refuse("num_key_value_heads", f"num_attention_heads ({heads})")
    return _shared(c)


def _row(
    shape: Plain, *classes: str, more: frozenset[str] = frozenset(), passes: str = "", **aliases: str
) -> Family:
    """A row of the table: the keys are those of the shape and `more`."""
    return family(plain(shape), shape.reads | more, *classes, aliases=aliases, passes=passes)


_OLMO = Plain(notes=(NORMS,))
_OLMO3 = Plain(which=every_nth, notes=(NORMS,))
_LLAMA = Plain(bias=False)

GROUPED = {
    "glm": _row(Plain(output_bias=False), "GlmForCausalLM"),
    "glm4": _row(Plain(output_bias=False, notes=(NORMS,)), "Glm4ForCausalLM"),
    "glm4v_text": _row(
        Plain(bias=True, output_bias=False, which=_shared, notes=(NORMS,)),
        "Glm4vForConditionalGeneration",
        passes="attention_bias",
    ),
    "nemotron": _row(Plain(gated=False), "NemotronForCausalLM", more=frozenset({"mlp_bias"})),
    "ministral": _row(Plain(bias=False, which=all_or_none), "MinistralForCausalLM", more=_WINDOWS),
    "ministral3": _row(
        Plain(bias=False, which=all_or_none),
        "Ministral3ForCausalLM",
        "Mistral3ForConditionalGeneration",
        more=_WINDOWS,
    ),
    # the second is the language model of EXAONE 4.5
    **{
        kind: _row(
            Plain(bias=False, which=every_nth, notes=(NORMS,)),
            "Exaone4ForCausalLM",
            more=_WINDOWS | {"sliding_window_pattern"},
        )
        for kind in ("exaone4", "exaone4_5_text")
    },
    "exaone": _row(
        Plain(bias=False, tied=True, only={"attention_bias": False, "mlp_bias": False}),
        "ExaoneForCausalLM",
        "LlamaForCausalLM",
        num_layers="num_hidden_layers",
    ),
    "olmo": _row(Plain(), "OlmoForCausalLM"),
    "olmo2": _row(_OLMO, "Olmo2ForCausalLM", more=_TYPES),
    "olmo3": _row(_OLMO3, "Olmo3ForCausalLM", more=_WINDOWS | {"sliding_window_pattern"}),
    "cohere": _row(Plain(parallel=True, tied=True, only=_COHERE), "CohereForCausalLM", more=_TYPES),
    "cohere2": _row(
        Plain(parallel=True, tied=True, which=every_nth, only=_COHERE),
        "Cohere2ForCausalLM",
        more=_WINDOWS | {"sliding_window_pattern"},
        passes="layer_switch order_of_interleaved_layers use_parallel_embedding",
    ),
    "seed_oss": _row(
        Plain(output_bias=False), "SeedOssForCausalLM", more=frozenset({"mlp_bias", "attention_out_bias"})
    ),
    "smollm3": _row(
        Plain(tied=True, which=_smollm3),
        "SmolLM3ForCausalLM",
        more=_WINDOWS | {"mlp_bias", "use_sliding_window"},
        passes="no_rope_layers no_rope_layer_interval",
    ),
    "apertus": _row(
        Plain(gated=False, only={"mlp_bias": False}), "ApertusForCausalLM", passes="qk_norm post_norm"
    ),
    "ernie4_5": _row(Plain(bias="use_bias", tied=True), "Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"),
    "hunyuan_v1_dense": _row(
        Plain(only={"use_cla": False}),
        "HunYuanDenseV1ForCausalLM",
        passes="cla_share_factor attention_head_dim",
    ),
    "internlm3": _row(
        Plain(output_bias=False, only={"mlp_bias": False}),
        "InternLM3ForCausalLM",
        "LlamaForCausalLM",
        qkv_bias="attention_bias",
        bias="mlp_bias",
    ),
    "stablelm": _row(
        Plain(which=_shared, bias="use_qkv_bias", output_bias=False, parallel="use_parallel_residual"),
        "StableLmForCausalLM",
        "StableLMEpochForCausalLM",
        passes="qk_layernorm",
    ),
    "starcoder2": _row(
        Plain(bias="use_bias", tied=True, gated=False, which=all_or_none),
        "Starcoder2ForCausalLM",
        more=frozenset({"sliding_window"}),
        passes="mlp_type",
    ),
    "phi": _row(
        Plain(bias=True, gated=False, parallel=True, notes=("the bias of the LM head is not counted",)),
        "PhiForCausalLM",
        passes="qk_layernorm",
    ),
    "persimmon": _row(
        Plain(bias=True, gated=False, which=_own_keys), "PersimmonForCausalLM", passes="qk_layernorm"
    ),
    "bitnet": _row(Plain(notes=(NORMS,)), "BitNetForCausalLM", "BitnetForCausalLM"),
    "arcee": _row(Plain(gated=False), "ArceeForCausalLM", more=frozenset({"mlp_bias"})),
    "helium": _row(Plain(), "HeliumForCausalLM", more=frozenset({"mlp_bias"})),
    "jais2": _row(Plain(gated=False), "Jais2ForCausalLM", more=frozenset({"mlp_bias"})),
    "minicpm": family(
        _minicpm,
        Plain(bias=False).reads | {"sparse_config"},
        "MiniCPMForCausalLM",
        passes="scale_depth dim_model_base scale_emb mup_denominator",
    ),
    # code of their own with the layers of LLaMA
    "internlm": _row(Plain(bias="bias"), "InternLMForCausalLM"),
    "xverse": _row(_LLAMA, "XverseForCausalLM", passes="max_tokenizer_truncation"),
    "aquila": _row(_LLAMA, "AquilaForCausalLM"),
    "orion": _row(_LLAMA, "OrionForCausalLM"),
    "baichuan": _row(
        _LLAMA, "BaichuanForCausalLM", "BaiChuanForCausalLM", passes="model_max_length z_loss_weight"
    ),
}
"""`model_type` to its family."""

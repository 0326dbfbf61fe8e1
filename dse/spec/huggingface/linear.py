"""Families of LLMs that mix linear with softmax attention: Qwen3-Next and 3.5, MiniMax-01 and M1."""

from collections.abc import Sequence

from dse.errors import spec_error
from dse.spec.huggingface.dense import GQA, gated_ffn
from dse.spec.huggingface.experts import PREDICTION, experts
from dse.spec.huggingface.reader import FULL, HfConfig, Layer, Network, attention, drafting, family, words
from dse.text import short

LINEAR = "linear_attention"
"""Kind of layer that Transformers writes in `layer_types`."""


def _kinds(c: HfConfig, key: str, found: Sequence[str]) -> Sequence[str]:
    """Full or linear attention for each layer, as `key` says."""
    strange = sorted(set(found) - {FULL, LINEAR})
    if strange:
        raise spec_error(c.where, f"{key}: expected only {FULL} and {LINEAR}, got {short(strange[0])}")
    count = c.size("num_hidden_layers")
    if len(found) != count:
        raise spec_error(c.where, f"{key}: expected {count} kinds of layer, got {len(found)}")
    return found


def _intervals(c: HfConfig) -> Sequence[str]:
    """As `layer_types` says; without it the last layer of each interval is full."""
    found = c.items("layer_types", str)
    if found is None:
        count, interval = c.size("num_hidden_layers"), c.size("full_attention_interval")
        found = tuple(LINEAR if (i + 1) % interval else FULL for i in range(count))
    return _kinds(c, "layer_types", found)


def _qwen3_next(c: HfConfig) -> Network:
    """Gated DeltaNet in most layers, gated softmax attention in every `full_attention_interval`th."""
    which = _intervals(c)
    full, state = _gated_parts(c)
    shared = c.whole("shared_expert_intermediate_size", None)
    routed = experts(c, "num_experts", "moe_intermediate_size", shared)
    dense, step = set(c.items("mlp_only_layers", int) or ()), c.size("decoder_sparse_step")
    layers: list[dict[str, object]] = []
    for i, kind in enumerate(which):
        # the rule of `_qwen_moe`
        sparse = i not in dense and (i + 1) % step == 0
        ffn = {"experts": routed} if sparse else {"ffn": gated_ffn(c)}
        layers.append({**(full if kind == FULL else state), **ffn})
    # no key says so, and all checkpoints hold one (qwen3_next_mtp.py of vLLM): it attends to everything
    draft = drafting(c, 1, {**full, "experts": routed})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=(PREDICTION,), draft=draft)


def _gated_parts(c: HfConfig) -> tuple[Layer, Layer]:
    """Gated softmax attention, and Gated DeltaNet."""
    full = {"attention": {**attention(c, bias=c.flag("attention_bias")), "gate": True}}
    return full, state_parts(c)


def state_parts(c: HfConfig) -> Layer:
    """Gated DeltaNet."""
    return {
        LINEAR: {
            "heads": c.size("linear_num_value_heads"),
            "key_heads": c.size("linear_num_key_heads"),
            "key_dim": c.size("linear_key_head_dim"),
            "value_dim": c.size("linear_value_head_dim"),
            "gate": True,
            "delta": True,
            "conv": c.size("linear_conv_kernel_dim"),
        }
    }


def _qwen3_5(c: HfConfig) -> Network:
    """The attention of Qwen3-Next with an FFN or with experts in every layer."""
    which = _intervals(c)
    c.must("attn_output_gate", True)
    c.must("mamba_ssm_dtype", "float32")
    full, state = _gated_parts(c)
    ffn: Layer = {"ffn": gated_ffn(c)} if "num_experts" not in c.reads else {"experts": _qwen3_5_experts(c)}
    ahead = c.whole("mtp_num_hidden_layers")
    # several would share the matrix in front of them (qwen3_5_mtp.py of vLLM), which modules do not
    draft = drafting(c, 1, {**full, **ffn}) if ahead == 1 else None
    return Network(
        layers=tuple({**(full if kind == FULL else state), **ffn} for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"{PREDICTION} ({ahead})",) if ahead else (),
        draft=draft,
    )


def _qwen3_5_experts(c: HfConfig) -> Layer:
    c.must("mlp_only_layers", [])
    shared = c.whole("shared_expert_intermediate_size", None)
    return experts(c, "num_experts", "moe_intermediate_size", shared)


def _minimax(c: HfConfig) -> Network:
    """Lightning Attention where `attn_type_list` says 0, softmax where it says 1."""
    # a list that is left out is empty, which the check of its length refuses
    given = c.items("attn_type_list", int) or ()
    if set(given) - {0, 1}:
        raise c.refuse("attn_type_list", "numbers that are 0 (linear) or 1 (softmax)")
    which = _kinds(c, "attn_type_list", [FULL if kind else LINEAR for kind in given])
    return _lightning(c, which)


def _minimax_listed(c: HfConfig) -> Network:
    """The same in the keys of Transformers."""
    return _lightning(c, _kinds(c, "layer_types", c.items("layer_types", str) or ()))


def _lightning(c: HfConfig, which: Sequence[str]) -> Network:
    heads, size = c.size("num_attention_heads"), c.size("head_dim")
    # one state a head, of keys and values as wide as the head
    state = {LINEAR: {"heads": heads, "key_heads": heads, "key_dim": size, "value_dim": size, "gate": True}}
    full = {"attention": attention(c, bias=False)}
    routed = experts(c, "num_local_experts", "intermediate_size", c.whole("shared_intermediate_size"))
    layers = tuple({**(full if kind == FULL else state), "experts": routed} for kind in which)
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"))


_QWEN = GQA | {
    "intermediate_size",
    "moe_intermediate_size",
    "num_experts",
    "num_experts_per_tok",
    "attention_bias",
    "mlp_only_layers",
    "decoder_sparse_step",
    "shared_expert_intermediate_size",
    "layer_types",
    "full_attention_interval",
    "linear_conv_kernel_dim",
    "linear_key_head_dim",
    "linear_num_key_heads",
    "linear_num_value_heads",
    "linear_value_head_dim",
}
_QWEN3_5 = GQA | words("""
    attention_bias layer_types full_attention_interval linear_conv_kernel_dim linear_key_head_dim
    linear_num_key_heads linear_num_value_heads linear_value_head_dim attn_output_gate mamba_ssm_dtype
    mtp_num_hidden_layers
    """)
_DENSE = _QWEN3_5 | {"intermediate_size"}
_MOE = _QWEN3_5 | frozenset(
    {
        "num_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
        "shared_expert_intermediate_size",
        "mlp_only_layers",
    }
)
_MTP = "mtp_use_dedicated_embeddings mtp_num_layers"
_MINIMAX = GQA | {
    "intermediate_size",
    "num_local_experts",
    "num_experts_per_tok",
    "shared_intermediate_size",
    "attn_type_list",
}

HYBRID = {
    "qwen3_next": family(_qwen3_next, _QWEN, "Qwen3NextForCausalLM"),
    **{
        kind: family(_qwen3_5, _DENSE, "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration", passes=_MTP)
        for kind in ("qwen3_5_text",)
    },
    "qwen3_5_moe_text": family(
        _qwen3_5,
        _MOE,
        "Qwen3_5MoeForCausalLM",
        "Qwen3_5MoeForConditionalGeneration",
        aliases={"num_local_experts": "num_experts"},
        passes=f"{_MTP} intermediate_size decoder_sparse_step",
    ),
    "minimax_text_01": family(_minimax, _MINIMAX, "MiniMaxText01ForCausalLM"),
    "minimax_m1": family(_minimax, _MINIMAX, "MiniMaxM1ForCausalLM"),
    "minimax": family(
        _minimax_listed,
        (_MINIMAX - {"attn_type_list"}) | {"layer_types"},
        "MiniMaxForCausalLM",
        aliases={"num_experts": "num_local_experts"},
        passes="block_size full_attn_alpha_factor full_attn_beta_factor linear_attn_alpha_factor "
        "linear_attn_beta_factor mlp_alpha_factor mlp_beta_factor",
    ),
}
"""`model_type` to its family."""

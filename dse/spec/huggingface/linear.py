"""Families of LLMs that mix linear with softmax attention: Qwen3-Next, MiniMax-01."""

from collections.abc import Sequence

from dse.errors import spec_error
from dse.spec.huggingface.dense import GQA, gated_ffn
from dse.spec.huggingface.experts import PREDICTION, experts
from dse.spec.huggingface.reader import FULL, HfConfig, Network, attention, family
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


def _qwen3_next(c: HfConfig) -> Network:
    """Gated DeltaNet in most layers, gated softmax attention in every `full_attention_interval`th."""
    count, interval = c.size("num_hidden_layers"), c.size("full_attention_interval")
    # the last layer of each interval is full, as Transformers fills in
    usual = [LINEAR if (i + 1) % interval else FULL for i in range(count)]
    which = _kinds(c, "layer_types", c.items("layer_types", str) or usual)
    full = {"attention": {**attention(c, bias=c.flag("attention_bias")), "gate": True}}
    state = {
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
    shared = c.whole("shared_expert_intermediate_size", None)
    routed = experts(c, "num_experts", "moe_intermediate_size", shared)
    dense, step = set(c.items("mlp_only_layers", int) or ()), c.size("decoder_sparse_step")
    layers: list[dict[str, object]] = []
    for i, kind in enumerate(which):
        # the rule of `_qwen_moe`
        sparse = i not in dense and (i + 1) % step == 0
        ffn = {"experts": routed} if sparse else {"ffn": gated_ffn(c)}
        layers.append({**(full if kind == FULL else state), **ffn})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=(PREDICTION,))


def _minimax(c: HfConfig) -> Network:
    """Lightning Attention where `attn_type_list` says 0, softmax where it says 1."""
    # a list that is left out is empty, which the check of its length refuses
    given = c.items("attn_type_list", int) or ()
    if set(given) - {0, 1}:
        raise c.refuse("attn_type_list", "numbers that are 0 (linear) or 1 (softmax)")
    which = _kinds(c, "attn_type_list", [FULL if kind else LINEAR for kind in given])
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
_MINIMAX = GQA | {
    "intermediate_size",
    "num_local_experts",
    "num_experts_per_tok",
    "shared_intermediate_size",
    "attn_type_list",
}

HYBRID = {
    "qwen3_next": family(_qwen3_next, _QWEN, "Qwen3NextForCausalLM"),
    "minimax_text_01": family(_minimax, _MINIMAX, "MiniMaxText01ForCausalLM"),
}
"""`model_type` to its family."""

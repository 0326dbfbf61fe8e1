"""LLMs with widths of their own for keys, values or queries: MiMo-V2 and Step-3."""

from collections.abc import Sequence

from dse.spec.huggingface.dense import GATED, gated_ffn
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds_of,
    words,
)


def _mimo_v2(c: HfConfig) -> Network:
    """Windows with KV heads of their own, values narrower than keys, experts but for a few layers."""
    if c.get("n_shared_experts") is not None:
        c.must("n_shared_experts", 0)
    full = {**attention(c, bias=c.flag("attention_bias")), "value_dim": c.size("v_head_dim")}
    sliding = {
        **full,
        "heads": c.size("swa_num_attention_heads", c.size("num_attention_heads")),
        # the class of Transformers has twice as many, and no key for them
        "kv_heads": c.size("swa_num_key_value_heads", 2 * c.size("num_key_value_heads")),
        "head_dim": c.size("swa_head_dim", c.size("head_dim")),
        # Transformers counts the row itself too, where a file has both
        "window": c.size("sliding_window" if c.get("sliding_window") is not None else "sliding_window_size"),
        "value_dim": c.size("swa_v_head_dim", c.size("v_head_dim")),
    }
    routed = {
        "count": c.size("n_routed_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
    }
    heads = {FULL: full, SLIDING: sliding}
    layers: list[Layer] = [
        {"attention": heads[kind], **({"experts": routed} if sparse else {"ffn": gated_ffn(c)})}
        for kind, sparse in zip(_kinds(c), _sparse(c), strict=True)
    ]
    # a layer that slides, without experts (mimo_v2_mtp.py of vLLM)
    draft = drafting(c, c.whole("num_nextn_predict_layers"), {"attention": sliding, "ffn": gated_ffn(c)})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), draft=draft)


def _kinds(c: HfConfig) -> Sequence[str]:
    if c.items("layer_types", str) is not None:
        return kinds_of(c, (FULL, SLIDING), ())
    return [SLIDING if mark else FULL for mark in _marks(c, "hybrid_layer_pattern")]


def _sparse(c: HfConfig) -> Sequence[bool]:
    if c.items("mlp_layer_types", str) is not None:
        return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), (), "mlp_layer_types")]
    return [bool(mark) for mark in _marks(c, "moe_layer_freq")]


def _marks(c: HfConfig, key: str) -> Sequence[int]:
    """0 or 1 for each layer."""
    count, found = c.size("num_hidden_layers"), c.items(key, int)
    if found is None or len(found) != count or set(found) - {0, 1}:
        raise c.refuse(key, f"{count} numbers that are 0 or 1")
    return found


def _step3(c: HfConfig) -> Network:
    """One KV head, queries from a latent, and experts next to a shared one in most layers."""
    heads = {**attention(c, bias=False), "query_latent": c.size("share_q_dim")}
    said, count = c.get("moe_layers_enum"), c.size("num_hidden_layers")
    if not isinstance(said, str) or not all(n.strip().isdigit() for n in said.split(",")):
        raise c.refuse("moe_layers_enum", "numbers of layers")
    sparse = {int(n) for n in said.split(",")}
    experts = {
        "count": c.size("moe_num_experts"),
        "top_k": c.size("moe_top_k"),
        "width": c.size("moe_intermediate_size"),
        "shared_width": c.size("share_expert_dim"),
    }
    return Network(
        layers=tuple(
            {"attention": heads, **({"experts": experts} if i in sparse else {"ffn": gated_ffn(c)})}
            for i in range(count)
        ),
        tied=c.flag("tie_word_embeddings"),
    )


_STEP3 = family(
    _step3,
    GATED
    | words("share_q_dim moe_layers_enum moe_num_experts moe_top_k moe_intermediate_size share_expert_dim"),
    "Step3TextForCausalLM",
    "Step3VLForConditionalGeneration",
    aliases={"num_attention_groups": "num_key_value_heads"},
    passes="norm_expert_weight max_seq_len rope_interleaved",
)
_MIMO_V2 = family(
    _mimo_v2,
    GATED
    | words(
        """
        attention_bias v_head_dim sliding_window swa_num_attention_heads swa_num_key_value_heads
        swa_head_dim swa_v_head_dim hybrid_layer_pattern moe_layer_freq n_routed_experts n_shared_experts
        sliding_window_size layer_types mlp_layer_types num_nextn_predict_layers
        num_experts_per_tok moe_intermediate_size
        """
    ),
    "MiMoV2FlashForCausalLM",
    "MiMoV2ForCausalLM",
    aliases={"num_local_experts": "n_routed_experts"},
    # a chunk that no layer of the class stays inside
    passes="layernorm_epsilon attention_chunk_size attention_value_scale add_swa_attention_sink_bias "
    "add_full_attention_sink_bias attention_projection_layout",
)

WIDTHS = {"mimo_v2_flash": _MIMO_V2, "mimo_v2": _MIMO_V2, "step3_text": _STEP3}
"""`model_type` to its family."""

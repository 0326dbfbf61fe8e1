"""LLMs with latent attention that are not DeepSeek's: LongCat, Kimi Linear and K3, GLM-4.7-Flash."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import gated_ffn
from dse.spec.huggingface.experts import MLA, PREDICTION, deepseek, deepseek_that_drafts, latent_attention
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    STATE,
    HfConfig,
    Layer,
    Network,
    drafting,
    family,
    kinds_of,
    words,
)

KDA_NOTE = "the gates of the delta rule are matrices next to it"


def _dense(c: HfConfig) -> Network:
    """Latent attention and an FFN in every layer."""
    layer = {"latent_attention": latent_attention(c), "ffn": gated_ffn(c)}
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings", True))


def _minicpm3(c: HfConfig) -> Network:
    """The same; where the file has no width of values, all heads share the hidden size."""
    hidden, heads = c.size("hidden_size"), c.size("num_attention_heads")
    return _dense(replace(c, defaults={**c.defaults, "v_head_dim": hidden // heads}))


def _longcat(c: HfConfig) -> Network:
    """Two attentions and two FFNs a layer; the experts take the input of the first FFN."""
    c.must("zero_expert_type", "identity")
    mla, ffn = latent_attention(c), gated_ffn(c)
    zero = c.whole("zero_expert_num")
    routed = {
        "count": c.size("n_routed_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        **({"zero": zero} if zero else {}),
    }
    first = {"latent_attention": mla, "ffn": ffn, "experts": routed}
    second = {"latent_attention": mla, "ffn": ffn}
    return Network(
        layers=(first, second) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings"),
        notes=("each layer of the file is two here, with attention and an FFN each",),
        # without experts (longcat_flash_mtp.py of vLLM)
        draft=drafting(c, c.whole("num_nextn_predict_layers"), second),
    )


def _kimi_linear(c: HfConfig) -> Network:
    """Kimi Delta Attention, and latent attention in some layers; K3 has narrow experts and full gates."""
    which = _kimi_kinds(c)
    mla = latent_attention(c)
    gate = _matrix(c.size("hidden_size"), c.size("num_attention_heads") * c.size("v_head_dim"))
    full: Layer = {"latent_attention": mla, **({"matrices": [gate]} if c.flag("mla_use_output_gate") else {})}
    parts: dict[str, Layer] = {FULL: full}
    if STATE in which:
        parts[STATE] = _kda(c)
    first, step = c.whole("first_k_dense_replace", None), c.size("moe_layer_freq")
    usual = ["sparse" if i >= first and i % step == 0 else "dense" for i in range(len(which))]
    mlp = kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")
    inner: dict[str, Layer] = {"dense": {"ffn": gated_ffn(c)}, "sparse": {"experts": _kimi_experts(c)}}
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple({**parts[kind], **inner[ffn]} for kind, ffn in zip(which, mlp, strict=True)),
        tied=c.flag("tie_word_embeddings"),
        notes=(KDA_NOTE, *((f"{PREDICTION} ({ahead})",) if ahead else ())),
    )


_INSIDE = words("full_attn_layers kda_layers head_dim num_heads short_conv_kernel_size use_full_rank_gate")


def _kimi_kinds(c: HfConfig) -> Sequence[str]:
    """Kinds of the layers, which older files number from 1 in `linear_attn_config`."""
    found = kinds_of(c, (FULL, STATE), ())
    if found:
        return found
    inside, count = c.part("linear_attn_config", *_INSIDE), c.size("num_hidden_layers")
    full = set(inside.items("full_attn_layers", int) or ())
    state = set(inside.items("kda_layers", int) or ())
    if full & state or full | state != set(range(1, count + 1)):
        raise inside.refuse("kda_layers", f"each of {count} layers in it or in full_attn_layers")
    return [FULL if i in full else STATE for i in range(1, count + 1)]


def _kda(c: HfConfig) -> Layer:
    """Kimi Delta Attention: its decay and its output gate are products of two narrow matrices each."""
    if c.get("linear_attn_config") is None:
        heads, size, taps = (
            c.size("linear_num_heads"),
            c.size("linear_head_dim"),
            c.size("linear_conv_kernel_dim"),
        )
        wide = False
    else:
        inside = c.part("linear_attn_config", *_INSIDE)
        heads, size = inside.size("num_heads"), inside.size("head_dim")
        taps = inside.size("short_conv_kernel_size")
        wide = inside.flag("use_full_rank_gate")
    return {
        "linear_attention": {
            "heads": heads,
            "key_heads": heads,
            "key_dim": size,
            "value_dim": size,
            **({"gate": True} if wide else {"gate_latent": size}),
            "delta": True,
            "decay_latent": size,
            "conv": taps,
        },
    }


def _matrix(inputs: int, outputs: int) -> dict[str, int]:
    return {"inputs": inputs, "outputs": outputs}


def _kimi_experts(c: HfConfig) -> dict[str, object]:
    shared = c.whole("n_shared_experts") * c.size("moe_intermediate_size")
    latent = c.get("routed_expert_hidden_size")
    return {
        "count": c.size("num_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        **({"shared_width": shared} if shared else {}),
        **({} if latent is None else {"latent": c.size("routed_expert_hidden_size")}),
    }


_LATENT = words("kv_lora_rank q_lora_rank qk_rope_head_dim qk_nope_head_dim v_head_dim num_key_value_heads")
_DENSE = BASE | _LATENT | {"intermediate_size", "attention_bias"}
_ROUTED = MLA | {"mlp_layer_types"}
_LONGCAT = _DENSE | words(
    "n_routed_experts num_experts_per_tok moe_intermediate_size zero_expert_num zero_expert_type "
    "num_nextn_predict_layers"
)
_KIMI = _DENSE | words(
    """
    linear_attn_config layer_types mlp_layer_types linear_num_heads linear_head_dim linear_conv_kernel_dim
    first_k_dense_replace moe_layer_freq num_experts num_experts_per_tok moe_intermediate_size
    n_shared_experts num_nextn_predict_layers routed_expert_hidden_size mla_use_output_gate
    """
)
_WRITTEN = "head_dim qk_head_dim mlp_bias"
_MTP = {"num_mtp_layers": "num_nextn_predict_layers", "num_local_experts": "n_routed_experts"}

LATENTS = {
    **{kind: family(_dense, _DENSE, "YoutuForCausalLM", passes=_WRITTEN) for kind in ("youtu", "youtu_llm")},
    "minicpm3": family(
        _minicpm3, _DENSE, "MiniCPM3ForCausalLM", passes=f"{_WRITTEN} scale_depth scale_emb dim_model_base"
    ),
    **{
        kind: family(deepseek, _ROUTED, *classes, aliases=_MTP | names, passes=_WRITTEN)
        for kind, classes, names in (
            ("axk1", ("AXK1ForCausalLM",), {}),
            ("mistral4", ("Mistral4ForCausalLM", "Mistral3ForConditionalGeneration"), {}),
            (
                "sarvam_mla",
                ("SarvamMLAForCausalLM", "DeepseekV3ForCausalLM"),
                {"num_experts": "n_routed_experts", "num_shared_experts": "n_shared_experts"},
            ),
        )
    },
    "glm4_moe_lite": family(
        deepseek_that_drafts, _ROUTED, "Glm4MoeLiteForCausalLM", aliases=_MTP, passes=_WRITTEN
    ),
    "longcat_flash": family(
        _longcat,
        _LONGCAT,
        "LongcatFlashForCausalLM",
        "LongcatCausalLM",
        aliases={
            "num_layers": "num_hidden_layers",
            "ffn_hidden_size": "intermediate_size",
            "expert_ffn_hidden_size": "moe_intermediate_size",
            "moe_topk": "num_experts_per_tok",
            "num_local_experts": "n_routed_experts",
        },
        passes=f"{_WRITTEN} attention_method mla_scale_q_lora mla_scale_kv_lora router_bias moe_impl",
    ),
    "kimi_linear": family(
        _kimi_linear,
        _KIMI,
        "KimiLinearForCausalLM",
        "KimiK3ForConditionalGeneration",
        aliases={
            "num_experts_per_token": "num_experts_per_tok",
            "num_shared_experts": "n_shared_experts",
            "num_local_experts": "num_experts",
        },
        passes=f"{_WRITTEN} mla_use_nope num_expert_group moe_renormalize moe_router_activation_func "
        "use_grouped_topk latent_moe_use_norm attn_res_block_size model_max_length pruned_heads",
    ),
}
"""`model_type` to its family."""

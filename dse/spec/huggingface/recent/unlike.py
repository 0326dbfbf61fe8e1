"""LLMs whose layers differ in more than their reach, or have an FFN next to the experts."""

from collections.abc import Sequence

from dse.spec.huggingface.dense import GATED, GQA, NORMS, gated_ffn, uniform
from dse.spec.huggingface.experts import PREDICTION
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    reach,
    words,
)

HEAD_GATES = "gates of heads are not counted"


def _dbrx(c: HfConfig) -> Network:
    """DBRX keeps the keys of its parts inside two others."""
    heads = c.part("attn_config", "kv_n_heads", "clip_qkv", "rope_theta", "attn_pdrop")
    inner = c.part(
        "ffn_config",
        *words("ffn_hidden_size moe_num_experts moe_top_k moe_jitter_eps moe_loss_weight hidden_size"),
        *words("moe_normalize_expert_weights ffn_act_fn uniform_expert_assignment"),
    )
    layer = {
        "attention": attention(c, bias=False, kv_heads=heads.size("kv_n_heads")),
        "experts": {
            "count": inner.size("moe_num_experts"),
            "top_k": inner.size("moe_top_k"),
            "width": inner.size("ffn_hidden_size"),
        },
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


def _arctic(c: HfConfig) -> Network:
    """Experts in each layer, and an FFN as wide as the hidden size next to them."""
    c.must("parallel_attn_mlp_res", True)
    c.must("moe_layer_frequency", 1)
    layer = {
        "attention": attention(c, bias=False),
        "ffn": {"width": c.size("hidden_size"), "gated": True},
        "experts": _experts(c, c.size("intermediate_size")),
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


def _ouro(c: HfConfig) -> Network:
    """All layers several times; each time has a KV cache of its own."""
    c.must("use_sliding_window", False)
    layer = {"attention": attention(c, bias=False), "ffn": gated_ffn(c)}
    return Network(
        layers=(layer,) * len(kinds_of(c, (FULL,), uniform(c, FULL))),
        tied=c.flag("tie_word_embeddings"),
        notes=(NORMS, "every token goes through all of the loops"),
        repeats=c.size("total_ut_steps"),
    )


def _grok(c: HfConfig) -> Network:
    """Experts, and in Grok-2 an FFN next to them."""
    c.must("global_attn_every_n", 1)
    residual = c.flag("residual_moe")
    width = c.size("moe_intermediate_size") if residual else c.size("intermediate_size")
    layer = {
        "attention": attention(c, bias=False),
        **({"ffn": gated_ffn(c)} if residual else {}),
        "experts": _experts(c, width),
    }
    notes = (NORMS,)
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"), notes=notes
    )


def _experts(c: HfConfig, width: int) -> dict[str, object]:
    return {"count": c.size("num_local_experts"), "top_k": c.size("num_experts_per_tok"), "width": width}


def _one_each(c: HfConfig, key: str) -> Sequence[int]:
    """A number for each layer: a list of them, or one for all."""
    count = c.size("num_hidden_layers")
    if not isinstance(c.get(key), list):
        return [c.whole(key, None)] * count
    found = c.items(key, int) or ()
    if len(found) != count or min(found) < 0:
        raise c.refuse(key, f"{count} whole numbers of at least 0")
    return found


def _hunyuan(c: HfConfig) -> Network:
    """Experts with a shared one; numbers and widths may be lists."""
    # of so many layers the first has keys and values, and the others read them
    together = c.size("cla_share_factor") if c.flag("use_cla") else 1
    heads = attention(c, bias=c.flag("attention_bias"))
    # the class of Transformers has one shared expert as wide as a routed one
    widths = _one_each(
        c, "moe_intermediate_size" if c.get("moe_intermediate_size") is not None else "intermediate_size"
    )
    shared = (
        _one_each(c, "num_shared_expert") if c.get("num_shared_expert") is not None else [1] * len(widths)
    )
    counts, top = _one_each(c, "num_experts"), _one_each(c, "num_experts_per_tok")
    dense = c.whole("moe_layer_num_skipped")
    if any(n > 1 for n in counts):
        c.must("use_mixed_mlp_moe", True)
    layers: list[Layer] = []
    for i, width in enumerate(widths):
        found = {"count": counts[i], "top_k": top[i], "width": width, "shared_width": shared[i] * width}
        inner = {"ffn": gated_ffn(c)} if i < dense or counts[i] == 1 else {"experts": found}
        lent = {"kv": "shared"} if i % together else {}
        layers.append({"attention": {**heads, **lent}, **inner})
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


def _laguna(c: HfConfig) -> Network:
    """Heads for each layer, and gates of heads."""
    c.must("gating", True)
    heads, count = _one_each(c, "num_attention_heads_per_layer"), c.size("num_hidden_layers")
    which = kinds_of(c, (FULL, SLIDING), uniform(c, FULL))
    sparse = kinds_of(c, ("dense", "sparse"), ["dense", *["sparse"] * (count - 1)], "mlp_layer_types")
    experts = {
        "count": c.size("num_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        "shared_width": c.size("shared_expert_intermediate_size"),
    }
    usual = attention(c, bias=c.flag("attention_bias"))
    layers = [
        {
            "attention": {**usual, "heads": heads[i], **reach(c, which[i])},
            **({"experts": experts} if sparse[i] == "sparse" else {"ffn": gated_ffn(c)}),
        }
        for i in range(count)
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=(HEAD_GATES,))


def _step(c: HfConfig) -> Network:
    """Step-3.5 and 3.7: more heads in layers that slide, a shared expert, and a few dense layers."""
    count = c.size("num_hidden_layers")
    which, sparse = _step_kinds(c, count), _step_sparse(c, count)
    full = attention(c, bias=c.flag("attention_bias"))
    sliding = {**full, **_step_other(c)}
    shared = c.whole("share_expert_dim")
    experts = {
        "count": c.size("num_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        **({"shared_width": shared} if shared else {}),
    }
    ahead = c.whole("num_nextn_predict_layers")
    layers = [
        {
            "attention": {**(full if kind == FULL else sliding), **reach(c, kind)},
            **({"experts": experts} if routed else {"ffn": gated_ffn(c)}),
        }
        for kind, routed in zip(which, sparse, strict=True)
    ]
    _step_again(c, layers)
    notes = (HEAD_GATES, *((f"{PREDICTION} ({ahead})",) if ahead else ()))
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=notes)


def _step_again(c: HfConfig, layers: Sequence[Layer]) -> None:
    """Refuses what `per_layer_config` of Transformers 5 says of a layer, if it is not what other keys say."""
    said = c.get("per_layer_config")
    if said is None:
        return
    for number, keys in said.items() if isinstance(said, dict) else [("", said)]:
        whole = number.isdigit() and int(number) < len(layers)
        heads = layers[int(number)]["attention"] if whole else None
        if not isinstance(heads, dict) or keys != {"num_attention_heads": heads["heads"]}:
            raise c.refuse("per_layer_config", "num_attention_heads of layers as num_sliding_attention_heads")


def _step_kinds(c: HfConfig, count: int) -> Sequence[str]:
    """Kinds of attention; the list may go on with the layers for multi-token prediction."""
    found = c.items("layer_types", str)
    if found is not None and len(found) == count + c.whole("num_nextn_predict_layers"):
        found = found[:count]
    if found is None or len(found) != count or set(found) - {FULL, SLIDING}:
        more = "and as many more as num_nextn_predict_layers says, or none"
        raise c.refuse("layer_types", f"{count} words that are {FULL} or {SLIDING}, {more}")
    return found


def _step_sparse(c: HfConfig, count: int) -> Sequence[bool]:
    """Which layers have experts, in any of three ways that files say it."""
    listed = c.items("mlp_layer_types", str)
    if listed is not None:
        return [kind == "sparse" for kind in listed[:count]]
    said = c.get("moe_layers_enum")
    if said is not None:
        numbers = said.split(",") if isinstance(said, str) else said
        if not isinstance(numbers, list) or not numbers or not all(str(n).strip().isdigit() for n in numbers):
            raise c.refuse("moe_layers_enum", "numbers of layers")
        chosen = {int(n) for n in numbers}
        return [i in chosen for i in range(count)]
    first = c.whole("first_k_dense_replace", None)
    return [i >= first for i in range(count)]


def _step_other(c: HfConfig) -> Layer:
    """Heads of layers that slide, where they differ."""
    if c.get("num_sliding_attention_heads") is not None:
        return {"heads": c.size("num_sliding_attention_heads")}
    if c.get("attention_other_setting") is None:
        return {}
    keys = words("attention_type num_attention_heads num_attention_groups head_dim true_head_dim")
    other = c.part("attention_other_setting", *keys)
    return {
        "heads": other.size("num_attention_heads"),
        "kv_heads": other.size("num_attention_groups"),
        "head_dim": other.size("head_dim"),
    }


_ROUTED = words("num_experts num_experts_per_tok moe_intermediate_size")
_STEP = (
    GATED
    | _ROUTED
    | words(
        """
    attention_bias layer_types sliding_window share_expert_dim first_k_dense_replace moe_layers_enum
    mlp_layer_types num_nextn_predict_layers attention_other_setting num_sliding_attention_heads
    per_layer_config
    """
    )
)
_STEP_FAMILY = family(
    _step,
    _STEP,
    "Step3p5ForCausalLM",
    "Step3p7FlashForCausalLM",
    "Step3p7ForCausalLM",
    "Step3p7ForConditionalGeneration",
    aliases={
        "num_attention_groups": "num_key_value_heads",
        "moe_num_experts": "num_experts",
        "n_routed_experts": "num_experts",
        "num_local_experts": "num_experts",
        "moe_top_k": "num_experts_per_tok",
        "share_expert_dims": "share_expert_dim",
        "num_mtp_layers": "num_nextn_predict_layers",
    },
    passes="use_moe use_moe_router_bias moe_router_scaling_factor moe_router_activation need_fp32_gate "
    "use_head_wise_attn_gate swiglu_limits swiglu_limits_shared yarn_only_types partial_rotary_factors "
    "n_shared_experts moe_every_n_layer max_seq_len norm_expert_weight mlp_bias mtp_layer_types "
    "mtp_mlp_layer_types query_pre_attn_scalar use_rope_layers sink vision_config",
)

_HUNYUAN_FAMILY = family(
    _hunyuan,
    GATED
    | _ROUTED
    | words(
        """
        attention_bias num_shared_expert moe_layer_num_skipped use_cla cla_share_factor use_mixed_mlp_moe
        """
    ),
    "HunYuanMoEV1ForCausalLM",
    "HunYuanForCausalLM",
    aliases={
        "moe_topk": "num_experts_per_tok",
        "attention_head_dim": "head_dim",
        "num_local_experts": "num_experts",
    },
    passes="capacity_factor moe_drop_tokens moe_random_routing_dropped_token mlp_bias "
    "group_limited_greedy kv_lora_rank q_lora_rank qk_rope_head_dim qk_nope_head_dim v_head_dim use_mla "
    "dense_list class_num pool_type anyres_pooling_size anyres_vit_max_image_size anyres_vit_two_views",
)

UNLIKE = {
    "dbrx": family(
        _dbrx,
        (GQA - {"num_key_value_heads", "head_dim"}) | {"attn_config", "ffn_config"},
        "DbrxForCausalLM",
        aliases={"d_model": "hidden_size", "n_heads": "num_attention_heads", "n_layers": "num_hidden_layers"},
        passes="num_key_value_heads",
    ),
    "arctic": family(
        _arctic,
        GATED | words("num_local_experts num_experts_per_tok parallel_attn_mlp_res moe_layer_frequency"),
        "ArcticForCausalLM",
        passes="enable_expert_tensor_parallelism moe_eval_capacity_factor moe_min_capacity "
        "moe_token_dropping moe_train_capacity_factor use_residual sliding_window",
    ),
    # the published file of Grok-2 says `git`, which is another model to Transformers; its class is checked
    "git": family(
        _grok,
        GATED
        | words(
            "num_local_experts num_experts_per_tok moe_intermediate_size residual_moe global_attn_every_n"
        ),
        "Grok1ForCausalLM",
        passes="sliding_window_size attn_temperature_len attn_factor embedding_multiplier_scale "
        "router_logit_softcapping",
    ),
    "hunyuan_v1_moe": _HUNYUAN_FAMILY,
    "hunyuan": _HUNYUAN_FAMILY,
    "ouro": family(
        _ouro,
        GATED | words("layer_types use_sliding_window total_ut_steps"),
        "OuroForCausalLM",
        passes="sliding_window max_window_layers early_exit_threshold",
    ),
    "laguna": family(
        _laguna,
        GATED
        | _ROUTED
        | words(
            """
            attention_bias layer_types sliding_window num_attention_heads_per_layer mlp_layer_types
            shared_expert_intermediate_size gating
            """
        ),
        "LagunaForCausalLM",
        aliases={"num_local_experts": "num_experts"},
        passes="moe_routed_scaling_factor moe_apply_router_weight_on_input moe_router_logit_softcapping",
    ),
    "step3p5": _STEP_FAMILY,
    "step3p7": _STEP_FAMILY,
}
"""`model_type` to its family."""

"""Which keys of a `config.json` may be passed over, and which must not be."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from dse.errors import Problem, nearest
from dse.text import short

_IGNORED: Final = {
    "names and the file itself": """
        auto_map transformers_version tokenizer_class task_specific_params custom_pipelines
    """,
    "positions and rotations, whose tables are computed; `rope_problems` reads the kind": """
        original_max_position_embeddings rope_scaling rope_parameters rope_theta
        rope_local_base_freq rope_interleave rotary rotary_dim rotary_pct rotary_emb_base
        partial_rotary_factor alibi offset_alibi initial_context_length
    """,
    "norms, activations and scales without weights worth counting": """
        rms_norm_eps norm_eps layer_norm_eps layer_norm_epsilon hidden_act hidden_activation activation
        activation_function swiglu_limit use_qk_norm qk_norm_type attn_logit_softcapping
        final_logit_softcapping query_pre_attn_scalar attention_multiplier embedding_multiplier
        residual_multiplier logits_scaling scale_attn_weights scale_attn_by_inverse_layer_idx
        reorder_and_upcast_attn attention_softmax_in_fp32 attn_scale attn_temperature_tuning floor_scale
        apply_residual_connection_post_layernorm postnorm shared_moe_mode layernorm_full_attention_alpha
        layernorm_full_attention_beta layernorm_linear_attention_alpha layernorm_linear_attention_beta
        layernorm_mlp_alpha layernorm_mlp_beta num_ln_in_parallel_attn masked_softmax_fusion
    """,
    "routing: which experts are chosen, not how many there are": """
        norm_topk_prob scoring_func topk_method topk_group n_group routed_scaling_factor use_routing_bias
        router_aux_loss_coef router_jitter_noise router_z_loss_coef output_router_logits aux_loss_alpha
        seq_aux ep_size
    """,
    "an extra head that drafts tokens, in addition to the LLM; `use_mtp` is read": """
        mtp_transformer_layers num_mtp_modules
    """,
    "training and memory of training": """
        attention_dropout attention_probs_dropout_prob hidden_dropout hidden_dropout_prob resid_pdrop
        embd_pdrop attn_pdrop classifier_dropout dropout initializer_range pretraining_tp
        bias_dropout_fusion skip_bias_add skip_bias_add_qkv slow_but_exact gradient_checkpointing
        use_deepspeed_checkpointing
    """,
    "which kernels run it, how it is saved, and how text is generated": """
        attn_implementation cache_implementation use_cache use_bfloat16 torchscript tie_encoder_decoder
        chunk_size_feed_forward no_repeat_ngram_size encoder_no_repeat_ngram_size max_window_layers
        for_llm_compressor
    """,
    "heads for other tasks than language": """
        summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout
    """,
}
"""Why keys may be passed over, to the keys."""

CONTEXTS: Final = (
    "max_position_embeddings",
    "model_max_length",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
    "n_positions",
    "n_ctx",
)
"""Keys for the longest context; where a file has several, the largest counts."""
SECTIONS: Final = ("quantization_config", "compression_config", "quantization")
"""Keys that say how weights are quantised."""
TYPES: Final = ("dtype", "torch_dtype")
"""Keys that say the format of what is not quantised."""
READ: Final = frozenset({"model_type", "architectures", *CONTEXTS, *SECTIONS, *TYPES})
"""Keys that are read in every family."""

_REASONS: Final = {key: why for why, keys in _IGNORED.items() for key in keys.split()}
IGNORED: Final = frozenset(_REASONS)
"""Keys that change no size, no FLOP and no byte that an LLM YAML describes."""

_AROUND: Final = """
    text_config vision_config audio_config spatial_merge_size vision_feature_layer image_seq_length
    alignment_intermediate_size downsample_factor adapter_layer_norm_eps scale_factor mm_tokens_per_image
    language_config llm_config thinker_config talker_config code2wav_config projector_config
    max_dynamic_patch min_dynamic_patch dynamic_image_size force_image_size select_layer use_backbone_lora
    use_llm_lora global_view_pos candidate_resolutions multimodal_projector_bias image_grid_pinpoints
    vision_feature_select_strategy projector_hidden_act vision_aspect_ratio
"""
WRAPPER: Final = frozenset(_AROUND.split())
"""Keys around a language model inside a larger one; only the language model is imported."""

SIZES = re.compile(
    "layer|head|expert|size|dim|rank|window|attention|attn|encoder|inner|moe|mlp|ffn|kv|ssm|conv|mamba|"
    "pattern|lora|depth|width|block"
)
"""Words of keys that change sizes; a key with one of them is refused unless it is known."""

# `su` is what `longrope` was called at first
ROPES = ("default", "linear", "dynamic", "yarn", "llama3", "longrope", "su", "mrope", "proportional")
"""Rotary positions that only change angles."""


def key_problems(data: Mapping[str, object], known: Collection[str], where: str) -> Iterator[Problem]:
    """A problem for each unknown key whose name is about a size, unless it is off or empty."""
    for key, value in data.items():
        # a leading underscore marks what Transformers writes for itself, such as `_name_or_path`
        passed = key in known or key in IGNORED or key in READ or key.startswith("_") or _off(value)
        if not passed and SIZES.search(key.lower()):
            yield Problem(
                where,
                f"{key}: expected no unknown key that may change a size, got {short(value)}. "
                f"{nearest(key, known)}",
            )


EMPTY: Final = "left empty, off or 0"
OTHER: Final = "names about no size"
"""Why keys are passed over that are in no list."""


def ignored(
    data: Mapping[str, object], read: Collection[str], passed: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Keys that are not read, by why not; `passed` are those whose sizes a family does not use."""
    found: dict[str, list[str]] = {}
    for key, value in data.items():
        if key not in read and key not in READ:
            found.setdefault(_why(key, value, passed), []).append(key)
    return {why: tuple(keys) for why, keys in found.items()}


def _why(key: str, value: object, passed: Collection[str]) -> str:
    """Why a key may be passed over."""
    if _off(value):
        return EMPTY
    if key in _REASONS:
        return _REASONS[key]
    if key in passed:
        return "sizes that this family does not use"
    if key in WRAPPER:
        return "what is around the language model"
    return "what Transformers writes for itself" if key.startswith("_") else OTHER


def rope_problems(data: Mapping[str, object], where: str) -> Iterator[Problem]:
    """Kinds of rotary positions that are not known to leave all sizes as they are."""
    for key in ("rope_scaling", "rope_parameters"):
        for kind in _ropes(data.get(key)):
            if kind not in ROPES:
                hint = nearest(str(kind), ROPES)
                yield Problem(where, f"{key}: expected one of {', '.join(ROPES)}, got {short(kind)}. {hint}")


def _ropes(value: object) -> Iterator[object]:
    """Kinds in a `rope_scaling`, or in one for each kind of layer."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield value
    elif value and all(isinstance(v, dict) for v in value.values()):
        for inner in value.values():
            yield from _ropes(inner)
    else:
        # older files say `type`, newer ones `rope_type`
        yield value.get("rope_type", value.get("type", "default"))


def _off(value: object) -> bool:
    """Whether a key says no more than one that is left out."""
    return value is None or value is False or value in (0, "", [], {})

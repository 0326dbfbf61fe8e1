"""Keys of a `config.json` that change no size in any family: by name, by meaning, or at some values."""

import re
from collections.abc import Mapping
from typing import Final

_FILE = "names and the file itself"
_TEXT = "tokens with a meaning, and how text is generated"
_TURN = "positions and rotations, whose tables are computed; a kind that is not known is refused"
_SCALE = "norms, activations and scales without weights worth counting"
_ROUTE = "routing: which experts are chosen, not how many there are"
_TRAIN = "training and memory of training"
_RUN = "which kernels run it, and how it is saved"
_AHEAD = "extra layers that draft tokens, in addition to the LLM"
SEES = "what sees or hears, around the language model"

_NAMED: Final = {
    _FILE: """
        auto_map transformers_version tokenizer_class task_specific_params custom_pipelines note notes comment
        license model_name name finetuning_task id2label label2id num_labels problem_type language languages
        is_llama_config transformers.js_config quantized_by parent_model base_model author
        release_date version revision seed random_seed add_bos_token add_eos_token add_prefix_space
        processor_class feature_extractor_type model_version tokenizer_type tokenizer_name sentencepiece
        config_version git_hash tags
    """,
    _TEXT: """
        max_length min_length do_sample temperature top_k top_p min_p typical_p repetition_penalty
        length_penalty num_beams num_beam_groups diversity_penalty early_stopping num_return_sequences
        bad_words_ids output_scores output_attentions output_hidden_states return_dict
        return_dict_in_generate remove_invalid_values exponential_decay_length_penalty suppress_tokens
        begin_suppress_tokens forced_decoder_ids prefix sep_token max_new_tokens min_new_tokens
        generation_config chat_template chat_format system_message no_repeat_ngram_size
        encoder_no_repeat_ngram_size penalty_alpha
        ignore_index num_logits_to_keep logits_to_keep use_cache pad_token bos_token eos_token unk_token
        stop_words_ids unk_index mask_index system_prompt
    """,
    _TURN: """
        original_max_position_embeddings rope_scaling rope_parameters rope_theta rope_local_base_freq
        rope_interleave rope_interleaved rope_ratio rope_pct rope_percentage rope_base rope_impl rope_freqs
        rope_type rope_scaling_type rotary rotary_dim rotary_pct rotary_percent rotary_emb_base rotary_base
        rotary_emb_fraction rotary_emb_interleaved rotary_emb_scale_base rotary_scaling_factor
        rotary_interleaved rotary_compress
        partial_rotary_factor partial_rotary_factors alibi offset_alibi alibi_bias_max use_alibi
        initial_context_length interpolate_factor use_dynamic_ntk use_logn_attn use_logn use_ntk
        use_mrope mrope_section mrope_interleaved no_rope_layers no_rope_layer_interval nope_layer_interval
        use_rope_layers nope_layers rope_layers no_rope yarn_only_types use_rope use_rotary use_yarn
        yarn apply_yarn_scaling swa_rope_theta global_rope_theta local_rope_theta layer_rope_theta
        rope_theta_base sliding_window_rope_theta swa_rope_parameters indexer_rope_interleave
        log_scaling_alpha log_scaling_n_floor llama_4_scaling original_context_length use_nope
        rope_theta_global rope_theta_local max_rope_length use_dynamic_ntk_scaling rope_local_theta
        rope_style rope_on_all_layers no_rope_layer_indices apply_rope_fusion rope_traditional original_rope
    """,
    _SCALE: """
        normalization_function
        hidden_act hidden_activation activation activation_function activation_fn act_fn mlp_hidden_act
        mlp_activation afn moe_act mamba_hidden_act
        swiglu_limit swiglu_limits swiglu_limits_shared swiglu_alpha swiglu_beta clip_qkv qkv_clip
        activation_situ_beta activation_situ_linear_beta output_gate_type
        attn_logit_softcapping final_logit_softcapping logits_soft_cap attn_logit_softcap
        final_logit_softcap router_logit_softcapping query_pre_attn_scalar attention_multiplier
        embedding_multiplier residual_multiplier lm_head_multiplier key_multiplier ssm_in_multiplier
        ssm_out_multiplier ssm_multipliers mlp_multipliers attention_in_multiplier attention_out_multiplier
        logits_scaling scale_attn_weights scale_attn_by_inverse_layer_idx reorder_and_upcast_attn
        attention_softmax_in_fp32 scale_attention_softmax_in_fp32 attn_temperature_tuning attn_temperature_len
        floor_scale attn_factor scale_emb scale_depth scale_embedding scale_embeddings mup_denominator
        dim_model_base embedding_multiplier_scale residual_in_fp32 use_mup mup_enabled
        layernorm_full_attention_alpha layernorm_full_attention_beta layernorm_linear_attention_alpha
        layernorm_linear_attention_beta layernorm_mlp_alpha layernorm_mlp_beta num_ln_in_parallel_attn
        norm_head head_norm shared_moe_mode masked_softmax_fusion softmax_scale use_attention_sinks
        attention_sink attn_sink_bias add_swa_attention_sink_bias add_full_attention_sink_bias sink
        linear_silu
        time_step_min time_step_max time_step_floor time_step_limit time_step_init_scheme time_step_scale
        mamba_dt_min mamba_dt_max mamba_dt_limit mamba_dt_init_floor linear_a_log_max linear_dt_min
        linear_dt_max linear_dt_init_floor kda_lower_bound kda_safe_gate gate_lower_bound A_init_range
        dt_min dt_max dt_init_floor dt_limit use_qk_layernorm qk_layernorm use_temp_attn mup_scale_qk_dot_by_d
    """,
    _ROUTE: """
        norm_topk_prob norm_after_topk norm_expert_weight
        scoring_func score_func score_function topk_method topk_group n_group num_expert_group
        num_expert_groups num_expert_groups_per_tok num_limited_groups group_limited_greedy use_grouped_topk
        routed_scaling_factor route_scale routed_scale moe_routed_scaling_factor moe_router_scaling_factor
        router_scaling_factor use_routing_bias router_bias use_router_bias moe_router_enable_expert_bias
        use_expert_bias expert_bias use_moe_router_bias moe_router_activation moe_router_activation_func
        moe_router_use_sigmoid moe_router_score_function moe_router_dtype moe_router_score_func
        router_score_function router_type router_dtype router_jitter_noise
        input_jitter_noise router_ignore_padding_tokens output_router_logits seq_aux
        moe_router_topk_scaling_factor moe_router_pre_softmax moe_renormalize moe_apply_router_weight_on_input
        moe_router_logit_softcapping expert_selection_fn shared_expert_combination_strategy ep_size
        moe_gate moe_gate_act moe_use_aux_free moe_use_hard_gate moe_group moe_norm_min moe_impl
        capacity_factor moe_capacity moe_capacity_factor moe_eval_capacity_factor moe_train_capacity_factor
        moe_min_capacity moe_token_dropping moe_drop_tokens moe_token_drop_policy
        moe_token_dispatcher_type moe_grouped_gemm moe_random_routing_dropped_token load_balance_coeff
        moe_multimodal_dispatch_use_allgather need_fp32_gate enable_moe_fp32_combine use_fp32_gate
        moe_router_force_load_balancing router_bias_update_rate moe_router_bias_update_rate
        expert_parallel expert_model_parallel enable_expert_tensor_parallelism use_hash_router
    """,
    _TRAIN: """
        pretraining_tp bias_dropout_fusion skip_bias_add skip_bias_add_qkv slow_but_exact
        gradient_checkpointing use_deepspeed_checkpointing layerdrop mask_time_prob mask_feature_prob
        aux_free_bias_update_rate label_smoothing use_bfloat16 max_batch_size rescale_every
        rescale_prenorm_residual token_dropping
    """,
    _RUN: """
        attn_implementation cache_implementation torchscript chunk_size_feed_forward output_past
        for_llm_compressor use_flash_attn use_flash_attention use_flash_attention_2 flash_attn flash_attention
        use_sdpa attn_impl attn_uses_sequence_id use_kernels use_mamba_kernels use_fused_kernels fused_mlp
        fused_bias_fc fused_dropout_add_ln fused_swiglu use_fused_rms_norm use_triton use_liger_kernel
        use_cache_kernel use_cache_quantization use_associative_scan softmax_in_fp32 fp32_residual_connection
        enable_attention_fp32_softmax enable_lm_head_fp32 use_fp32_lm_head apply_query_key_layer_scaling
        fp16 bf16 fp32 params_dtype rounter_params_dtype sequence_parallel tensor_parallel use_tensor_parallel
        inference_runner pre_allocate_kv_cache validate_runner_input pad_key_length onnx_export
        torch_compile use_legacy_cache pruned_heads chunkwise_kernel sequence_kernel step_kernel
        use_parallel_embedding autocast_kernel_dtype return_last_states mode init_device
        attention_method max_tokenizer_truncation use_fast_path use_mambapy use_falcon_mambapy
        use_chunked_prefill fuse_cross_entropy fuse_swiglu fuse_norm fuse_linear_cross_entropy
    """,
    _AHEAD: "mtp_transformer_layers num_mtp_modules num_mtp_layers num_nextn_predict_layers num_nextn_layers",
    SEES: """
        processor_config preprocessor_config
        vision_config audio_config speech_config visual_config vision_tower mm_vision_tower
        boi_token_index eoi_token_index do_image_splitting min_tiles max_tiles use_thumbnail
        encoder_patch_size tile_tag global_view_pos candidate_resolutions process_image_mode
        use_image_special_tokens max_pixels min_pixels max_pixels_tolerance img_processor embd_layer
        spatial_merge_size temporal_patch_size tokens_per_second position_id_per_seconds
        seconds_per_chunk unfreeze_mm_vision_tower tune_mm_mlp_adapter freeze_mm_mlp_adapter
        tune_mm_vision_resampler freeze_mm_vision_resampler
        use_unified_vision_chunk class_num pool_type anyres_pooling_size anyres_vit_max_image_size
        anyres_vit_two_views position_embedding_xdrope xdrope_section use_mm_proj slice_mode query_num
        batch_vision_input slice_config drop_vision_last_layer perceiver_config qformer_config
    """,
    "a window of families that have none": "max_window_layers",
    "heads for other tasks than language": """
        summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout
        summary_last_dropout classifier_bias classifier_activation classifier_pooling
    """,
}
"""Why keys may be passed over, to the keys."""

_MEANT: Final = (
    (r".*_token(_id|_ids|_index|_idx|s|)$", _TEXT),
    (r".*_placeholder$", _TEXT),
    (r".*(^|_)(dropout|pdrop|drop_rate|drop_path|dropout_prob)(_.*|$)", _TRAIN),
    (r".*(^|_)(loss|losses)(_.*|$)", _TRAIN),
    (r".*_(aux|z|balance|balancing)_(alpha|coef|coeff|weight)$", _TRAIN),
    (r".*(^|_)(init|initializer|initialization)(_(?!.*(size|dim|rank|layer|head|expert|width)).*|$)", _TRAIN),
    (r".*(^|_)eps(ilon)?(_.*|$)", _SCALE),
    # norms are vectors, unless they have a rank or a width of their own
    (
        r"(?!.*(rank|lora|size|dim|width|layers|interval|head$)).*(^|_|layer|rms|de|pre|post)norm(s|_.*|)$",
        _SCALE,
    ),
    (r".*_(scale|scaling|scaling_factor|softcap|soft_cap|softcapping)$", _SCALE),
    (r".*_(act|activation|activation_fn|activation_func|activation_function)$", _SCALE),
    (r"(moe_)?(router|routing|gate)_.*_(coef|coeff|noise|temperature|rate)$", _ROUTE),
    (
        r"(moe_)?(router|routing|score|scoring)_(.*_)?(func|function|fn|type|mode|method|dtype|activation)$",
        _ROUTE,
    ),
    (r"(.*_)?mtp(_.*)?", _AHEAD),
    (r"unsloth_.*", _FILE),
    (r".*_version$", _FILE),
    (r"(image|img|video|vision|visual|audio|speech|mm|media|vit|pixel|patch)_.*", SEES),
)
"""Patterns of whole names, to why keys that match may be passed over."""

_AT: Final[Mapping[str, tuple[str, tuple[object, ...]]]] = {
    **dict.fromkeys(("causal", "is_causal", "lm_head"), ("a decoder", (True,))),
    **dict.fromkeys(
        ("use_gated_mlp", "gated_mlp", "use_glu", "use_swiglu", "swiglu", "glu", "use_gated_activation"),
        ("an FFN of three matrices", (True,)),
    ),
    "is_decoder": ("a decoder", (True, False)),
    "use_mla": ("no latent attention", (False,)),
    "use_moe": ("a mixture of experts", (True,)),
    "position_embedding_type": (_TURN, ("rope", "rotary", "rope_emb", "alibi", "none", "nope")),
    "pos_emb_type": (_TURN, ("rope", "rotary", "alibi", "none")),
    "positional_embedding_type": (_TURN, ("rope", "rotary", "alibi", "none")),
    "attention_type": (
        "plain attention",
        ("full", "full_attention", "softmax", "default", "gqa", "mha", "mqa"),
    ),
    **dict.fromkeys(
        (
            "hc_mult",
            "hc_count",
            "total_ut_steps",
            "num_loops",
            "n_loops",
            "loop_num_passes",
            "n_recurrent_loops",
            "num_recurrent_steps",
            "num_repeats",
            "layer_repeats",
            "altup_num_inputs",
            "cla_share_factor",
            "kv_share_factor",
            "moe_layer_freq",
            "moe_layer_frequency",
            "moe_layer_interval",
            "moe_every_n_layer",
            "moe_every_n_layers",
            "expert_interval",
            "route_every_n",
            "decoder_sparse_step",
            "interleave_moe_layer_step",
            "full_attention_interval",
            "full_attn_mod",
            "tensor_parallel_size",
            "world_size",
            "model_parallel_size",
        ),
        ("of every layer, and once", (1,)),
    ),
}
"""Keys that change no size at some values alone, to why and to those values."""

_REASONS: Final = {key: why for why, keys in _NAMED.items() for key in keys.split()}
HARMLESS: Final = frozenset(_REASONS)
"""Names of keys that change no size, no FLOP and no byte that an LLM YAML describes."""
_COMPILED: Final = tuple((re.compile(pattern), why) for pattern, why in _MEANT)
_LONGEST: Final = 80
"""Letters of a name that is compared with patterns."""


def harmless(key: str, value: object) -> str:
    """Why a key with this value changes no size in any family; the empty string where that is not known."""
    if key in _AT:
        why, values = _AT[key]
        # not `in`, since 1 and true are equal in Python
        return why if value is None or any(type(v) is type(value) and v == value for v in values) else ""
    if _off(value):
        return EMPTY
    if key in _REASONS:
        return _REASONS[key]
    # a leading underscore marks what Transformers writes for itself, such as `_name_or_path`
    if key.startswith("_"):
        return "what Transformers writes for itself"
    if len(key) > _LONGEST:
        return ""
    return next((why for pattern, why in _COMPILED if pattern.fullmatch(key)), "")


EMPTY: Final = "left empty, off or 0"


def _off(value: object) -> bool:
    """Whether a key says no more than one that is left out."""
    return value is None or value is False or value in (0, "", [], {})

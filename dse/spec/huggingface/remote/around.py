"""Models that see or hear, with the keys of their language model at the top: MiniCPM-V, Phi-3-V, Molmo."""

from dataclasses import replace

from dse.spec.huggingface.dense import GATED, VISION, dense, gated_ffn, uniform
from dse.spec.huggingface.experts import MLA, deepseek
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    HfConfig,
    Network,
    attention,
    family,
    kinds_of,
    words,
)

_BIASED = {"2.6": True, "4.0": False, "4": False, "4.5": False}
"""Version of MiniCPM-V to whether queries, keys and values have a bias: Qwen2, LLaMA or Qwen3 is inside."""
_LORA = "adapters for pictures and sound are not counted"


def _minicpm_v(c: HfConfig) -> Network:
    """MiniCPM-V and -o: which language model they hold follows from the version."""
    said = c.get("version")
    version = "2.6" if said is None else str(said)
    if version not in _BIASED:
        raise c.refuse("version", f"one of {', '.join(_BIASED)}, which says what the language model is")
    c.must("use_sliding_window", False)
    return Network(
        layers=dense(c, uniform(c, FULL), bias=c.flag("attention_bias", _BIASED[version])),
        tied=c.flag("tie_word_embeddings"),
        notes=(VISION,),
    )


def _biased(c: HfConfig) -> Network:
    """Qwen2 as it is, with keys of the towers next to it."""
    c.must("use_sliding_window", False)
    layers = dense(c, kinds_of(c, (FULL,), uniform(c, FULL)), bias=c.flag("attention_bias", True))
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"), notes=(VISION,))


def _phi3(c: HfConfig) -> Network:
    """Phi-3 with towers, and in Phi-4-multimodal with adapters that its language model uses for them."""
    for key in ("mlp_bias", "lm_head_bias", "attention_bias"):
        c.must(key, False)
    c.must("full_attn_mod", 1)
    # a window as long as the context or longer hides nothing
    window, context = c.get("sliding_window"), c.size("max_position_embeddings")
    if window is not None and c.size("sliding_window") < context - 1:
        raise c.refuse("sliding_window", f"null, or at least max_position_embeddings ({context})")
    return Network(
        layers=dense(c, uniform(c, FULL), bias=False),
        tied=c.flag("tie_word_embeddings"),
        notes=(VISION, _LORA) if c.get("vision_lora") or c.get("speech_lora") else (VISION,),
    )


def _molmo(c: HfConfig) -> Network:
    """Molmo: `intermediate_size` is the width of gate and up matrix together."""
    width = c.size("intermediate_size")
    if width % 2:
        raise c.refuse("intermediate_size", "an even number, of which each of two matrices has half")
    layer = {
        "attention": attention(c, bias=c.flag("qkv_bias")),
        "ffn": {"width": width // 2, "gated": True},
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"), notes=(VISION,)
    )


def _ernie_vl(c: HfConfig) -> Network:
    """ERNIE-4.5-VL: experts for text and experts for pictures, of which a token visits one kind."""
    counts, widths = _two(c, "num_experts"), _two(c, "moe_intermediate_size")
    first, last = _edge(c, "moe_layer_start_index", min), _edge(c, "moe_layer_end_index", max)
    shared = c.whole("n_shared_experts") * widths[0]
    text = {
        "count": counts[0],
        "top_k": c.size("num_experts_per_tok"),
        "width": widths[0],
        **({"shared_width": shared} if shared else {}),
    }
    heads = attention(c, bias=c.flag("use_bias"))
    layers = []
    for i in range(c.size("num_hidden_layers")):
        sparse = first <= i <= last and (i + 1) % c.size("moe_layer_interval", 1) == 0
        layers.append({"attention": heads, **({"experts": text} if sparse else {"ffn": gated_ffn(c)})})
    size = 3 * c.size("hidden_size") * counts[1] * widths[1] * sum("experts" in layer for layer in layers)
    note = f"the experts for pictures ({counts[1]} of width {widths[1]}, {size:,} in all) are not counted"
    notes = (VISION, note) if counts[1] else (VISION,)
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=notes)


def _dots(c: HfConfig) -> Network:
    """DeepSeek-V3 as it is, with keys of a tower next to it."""
    found = deepseek(c)
    return replace(found, notes=(VISION, *found.notes))


def _two(c: HfConfig, key: str) -> tuple[int, int]:
    """A number for text and one for pictures; one alone is for text."""
    if not isinstance(c.get(key), list):
        return c.size(key), 0
    found = c.items(key, int) or ()
    if len(found) != 2 or min(found) < 1:
        raise c.refuse(key, "two whole numbers, for text and for pictures")
    return found[0], found[1]


def _edge(c: HfConfig, key: str, pick: object) -> int:
    """The first or last layer with experts, of text or of pictures."""
    count = c.size("num_hidden_layers")
    if isinstance(c.get(key), list):
        found = c.items(key, int) or (0,)
        return min(found) if pick is min else max(found)
    return c.whole(key, 0 if pick is min else count - 1)


_QWEN = GATED | words("attention_bias use_sliding_window")
_MINICPM = (
    "sliding_window max_window_layers audio_pool_step audio_chunk_length init_audio init_tts init_vision "
    "listen_speak_type stream_input tts_config use_image_id vision_batch_size drop_vision_last_layer "
    "scale_depth scale_emb dim_model_base hidden_dim audio_config"
)
_PHI = GATED | words(
    "mlp_bias lm_head_bias attention_bias full_attn_mod sliding_window max_position_embeddings "
    "vision_lora speech_lora"
)
_VERSIONS = family(
    _minicpm_v,
    _QWEN | {"version"},
    *words("MiniCPMV MiniCPMO MiniCPMVForCausalLM MiniCPMV4_5ForCausalLM MiniCPMV4_0ForCausalLM"),
    passes=_MINICPM,
)

AROUND = {
    "minicpmv": _VERSIONS,
    "minicpmo": _VERSIONS,
    "phi3_v": family(_phi3, _PHI, "Phi3VForCausalLM", passes="embd_layer img_processor"),
    "phi4mm": family(
        _phi3,
        _PHI,
        "Phi4MMForCausalLM",
        passes="embd_layer img_processor audio_processor interpolate_factor",
    ),
    "dots_ocr": family(
        _biased,
        _QWEN | {"layer_types"},
        "DotsOCRForCausalLM",
        passes="sliding_window max_window_layers",
    ),
    "kimi_audio": family(
        _biased,
        _QWEN | {"layer_types"},
        "MoonshotKimiaForCausalLM",
        passes="sliding_window max_window_layers kimia_mimo_layers kimia_mimo_transformer_from_layer_index "
        "kimia_adaptor_input_dim kimia_mimo_audiodelaytokens kimia_text_output_vocab "
        "kimia_audio_output_vocab kimia_token_offset num_audio_special_tokens num_base_tokens "
        "use_whisper_feature",
    ),
    "molmo": family(
        _molmo,
        BASE | words("intermediate_size num_key_value_heads qkv_bias"),
        "MolmoForCausalLM",
        aliases={"weight_tying": "tie_word_embeddings"},
        passes="embedding_size additional_vocab_size attention_layer_norm norm_after use_position_ids",
    ),
    "ernie4_5_moe_vl": family(
        _ernie_vl,
        GATED
        | words(
            "use_bias num_experts moe_intermediate_size num_experts_per_tok n_shared_experts "
            "moe_layer_start_index moe_layer_end_index moe_layer_interval"
        ),
        "Ernie4_5_VLMoeForConditionalGeneration",
        aliases={
            "moe_num_experts": "num_experts",
            "moe_k": "num_experts_per_tok",
            "moe_num_shared_experts": "n_shared_experts",
        },
        passes="moe_capacity freq_allocation rope_3d im_patch_id pixel_hidden_size spatial_conv_size "
        "temporal_conv_size compression_ratio moe_use_token_type_bias modality_detach "
        "use_recompute_resampler use_temporal_conv im_patch_id moe_multimodal_dispatch_use_allgather "
        "moe_norm_gate_logits moe_use_aux_free moe_gate_act hidden_dropout_prob resampler_fuse_rms_norm "
        "token_balance_seqlen max_sequence_length moe_dense_experts_token_type_id fuse_linear fuse_ln "
        "num_acc_steps ignored_index moe_gate moe_norm_min moe_group moe_use_hard_gate weight_share_add_bias "
        "micro_batch_size multi_token_pred_depth use_flash_attn_with_mask use_rmsnorm fuse_rms_norm "
        "resampler_config projector_config",
    ),
    "dots_vlm": family(_dots, MLA, "DotsVLMForCausalLM", passes="head_dim qk_head_dim"),
}
"""`model_type` to its family."""

"""Models that see or hear, with the keys of their language model at the top: MiniCPM-V, Phi-3-V, Molmo."""

from dataclasses import replace

from dse.spec.huggingface.dense import DENSE, GATED, VISION, dense, uniform
from dse.spec.huggingface.experts import MLA, deepseek
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    Family,
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


def _dots(c: HfConfig) -> Network:
    """DeepSeek-V3 as it is, with keys of a tower next to it."""
    found = deepseek(c)
    return replace(found, notes=(VISION, *found.notes))


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


def _llava(kind: str, *architectures: str) -> Family:
    """A language model as it is, with keys of a tower next to its own, which begin with `mm_`."""
    base = DENSE[kind]

    def network(c: HfConfig) -> Network:
        found = base.network(c)
        return replace(found, notes=(VISION, *found.notes))

    return replace(base, network=network, architectures=architectures, passes=base.passes | _TOWER)


_TOWER = words(
    "delay_load unfreeze_language_model tokenizer_model_max_length tokenizer_padding_side add_faster_video "
    "add_time_instruction faster_token_stride force_sample pos_skipping_range"
)

REMOTE_AROUND = {
    # files of LLaVA's own code; those of Transformers have a language model inside
    "llava": _llava("llama", "LlavaLlamaForCausalLM"),
    "llava_llama": _llava("llama", "LlavaLlamaForCausalLM"),
    "llava_mistral": _llava("mistral", "LlavaMistralForCausalLM"),
    "llava_qwen": _llava("qwen2", "LlavaQwenForCausalLM"),
    # FastVLM
    "llava_qwen2": _llava("qwen2", "LlavaQwen2ForCausalLM"),
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
    "dots_vlm": family(_dots, MLA, "DotsVLMForCausalLM", passes="head_dim qk_head_dim"),
}
"""`model_type` to its family."""

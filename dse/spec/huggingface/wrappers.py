"""Larger models around a language model: they see or hear, and their `text_config` is what is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Tie = Literal["outside", "either", "inside", "never"]
"""Which `tie_word_embeddings` counts where two differ: the outer one, the true one, or the inner one; none in
a class whose LM head is its own."""


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """What a larger model may hold."""

    classes: tuple[str, ...]
    inside: tuple[str, ...]
    """`model_type`s of the language model; the first where the file leaves it out."""
    at: tuple[str, ...] = ("text_config",)
    """Keys that lead to the language model."""
    tie: Tie = "outside"
    passes: frozenset[str] = frozenset()
    """Keys around the language model about what sees or hears."""


def _wrapper(
    classes: str, *inside: str, at: str = "text_config", tie: Tie = "outside", passes: str = ""
) -> Wrapper:
    return Wrapper(
        classes=tuple(classes.split()),
        inside=inside,
        at=tuple(at.split(".")),
        tie=tie,
        passes=frozenset(passes.split()),
    )


_QWENS: Final = ("qwen2", "qwen3", "qwen3_moe")


WRAPPERS: Mapping[str, Wrapper] = {
    "aya_vision": _wrapper("AyaVisionForConditionalGeneration", "cohere2", "cohere"),
    "cohere2_vision": _wrapper("Cohere2VisionForConditionalGeneration", "cohere2"),
    "diffusion_gemma": _wrapper("DiffusionGemmaForBlockDiffusion", "diffusion_gemma_text"),
    "exaone4_5": _wrapper("Exaone4_5_ForConditionalGeneration", "exaone4", "exaone4_5_text"),
    "gemma3": _wrapper("Gemma3ForConditionalGeneration", "gemma3_text"),
    "gemma3n": _wrapper("Gemma3nForConditionalGeneration", "gemma3n_text"),
    "gemma4": _wrapper("Gemma4ForConditionalGeneration", "gemma4_text"),
    "glm4v": _wrapper("Glm4vForConditionalGeneration", "glm4v_text", "glm4", tie="either"),
    "glm4v_moe": _wrapper("Glm4vMoeForConditionalGeneration", "glm4v_moe_text", tie="either"),
    "idefics3": _wrapper("Idefics3ForConditionalGeneration", "llama"),
    "internvl": _wrapper(
        "InternVLForConditionalGeneration",
        "qwen2",
        "qwen3",
        "qwen3_moe",
        "llama",
        "gpt_oss",
        passes="downsample_ratio",
    ),
    "internvl_chat": _wrapper(
        "InternVLChatModel", *_QWENS, "llama", "internlm2", "gpt_oss", "phi3", at="llm_config", tie="inside"
    ),
    "kimi_k25": _wrapper(
        "KimiK25ForConditionalGeneration Kimi_K25ForConditionalGeneration",
        "kimi_k2",
        "deepseek_v3",
        passes="projection_hidden_size",
    ),
    "kimi_k3": _wrapper("KimiK3ForConditionalGeneration", "kimi_linear"),
    "kimi_vl": _wrapper("KimiVLForConditionalGeneration", "deepseek_v3", tie="inside"),
    # DeepSeek-OCR has the type of DeepSeek-VL2 and a class of its own
    "deepseek_vl_v2": _wrapper(
        "DeepseekVLV2ForCausalLM DeepseekOCRForCausalLM DeepseekOCR2ForCausalLM",
        *("deepseek_v2", "deepseek_v3"),
        at="language_config",
        tie="inside",
    ),
    "h2ovl_chat": _wrapper("H2OVLChatModel", "llama", "mistral", at="llm_config", tie="inside"),
    "NVLM_D": _wrapper("NVLM_D NVLM_D_Model", "qwen2", at="llm_config", tie="inside"),
    "ovis": _wrapper("Ovis", *("qwen2", "gemma2", "llama"), at="llm_config", tie="inside"),
    "ovis2_5": _wrapper("Ovis2_5", *_QWENS, at="llm_config", tie="inside"),
    "pointsv1.5_chat": _wrapper("POINTSV15ChatModel", "qwen2", at="llm_config", tie="inside"),
    "locateanything": _wrapper("LocateAnythingForConditionalGeneration", "qwen2"),
    "jet_vlm": _wrapper("JetVLMForConditionalGeneration", "jet_nemotron"),
    "intern_s2_preview": _wrapper("InternS2PreviewForConditionalGeneration", "qwen3_5_moe_text"),
    "midashenglm": _wrapper("MiDashengLMModel", "qwen2_5_omni_text", tie="inside"),
    "NemotronH_Nano_VL_V2": _wrapper(
        "NemotronH_Nano_VL_V2", *("nemotron_h", "nemotron_h_puzzle"), at="llm_config", tie="inside"
    ),
    "NemotronH_Nano_Omni_Reasoning_V3": _wrapper(
        "NemotronH_Nano_Omni_Reasoning_V3",
        *("nemotron_h", "nemotron_h_puzzle"),
        at="llm_config",
        tie="inside",
    ),
    "Llama_Nemotron_Nano_VL": _wrapper("Llama_Nemotron_Nano_VL", "llama", at="llm_config", tie="inside"),
    "interns1": _wrapper("InternS1ForConditionalGeneration", "qwen3", "qwen3_moe"),
    "llama4": _wrapper("Llama4ForConditionalGeneration", "llama4_text"),
    "llava": _wrapper("LlavaForConditionalGeneration", "llama", "mistral", "qwen2", tie="either"),
    "llava_next": _wrapper("LlavaNextForConditionalGeneration", "llama", "mistral", "granite", "qwen2"),
    "llava_onevision": _wrapper("LlavaOnevisionForConditionalGeneration", "qwen2", "qwen3", tie="either"),
    "minimax_vl_01": _wrapper("MiniMaxVL01ForConditionalGeneration", "minimax_text_01", tie="inside"),
    "lfm2_vl": _wrapper("Lfm2VlForConditionalGeneration", "lfm2", "lfm2_moe"),
    "lfm3_vl": _wrapper("Lfm3VlForConditionalGeneration", "lfm3"),
    "minimax_m3_vl": _wrapper(
        "MiniMaxM3SparseForConditionalGeneration",
        "minimax_m3_vl_text",
        "minimax_m3",
        tie="either",
        passes="merged_hidden_size",
    ),
    "mistral3": _wrapper(
        "Mistral3ForConditionalGeneration", "mistral", "ministral3", "mistral4", "deepseek_v3"
    ),
    "qwen2_vl": _wrapper("Qwen2VLForConditionalGeneration", "qwen2_vl_text", tie="either"),
    "qwen2_5_vl": _wrapper("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl_text", tie="either"),
    "qwen3_vl": _wrapper("Qwen3VLForConditionalGeneration", "qwen3_vl_text"),
    "qwen3_vl_moe": _wrapper("Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe_text"),
    "qwen3_5": _wrapper("Qwen3_5ForConditionalGeneration", "qwen3_5_text"),
    "qwen3_5_moe": _wrapper("Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe_text"),
    "qwen3_omni_moe": _wrapper(
        "Qwen3OmniMoeForConditionalGeneration", "qwen3_omni_moe_text", at="thinker_config.text_config"
    ),
    "qwen2_5_omni": _wrapper(
        "Qwen2_5OmniModel Qwen2_5OmniForConditionalGeneration",
        "qwen2_5_omni_text",
        at="thinker_config.text_config",
        passes="enable_audio_output token2wav_config",
    ),
    "voxtral": _wrapper(
        "VoxtralForConditionalGeneration",
        "llama",
        tie="never",
    ),
    "step3_vl": _wrapper("Step3VLForConditionalGeneration", "step3_text", tie="either"),
    "step3p7": _wrapper("Step3p7ForConditionalGeneration", "step3p5"),
    "glm5_next": _wrapper("Glm5NextForConditionalGeneration", "glm5_next_text"),
    "mistral_large4": _wrapper("MistralLarge4ForConditionalGeneration", "mistral_large4_text"),
    "qwen4_exp": _wrapper("Qwen4ExpForConditionalGeneration", "qwen4_exp_text"),
    "qwen3_8_flash_next": _wrapper("Qwen3_8FlashNextForConditionalGeneration", "qwen3_8_flash_next_text"),
    "inkling_mm_model": _wrapper(
        "InklingForConditionalGeneration",
        "inkling_text",
        tie="never",
    ),
    "inkling2": _wrapper(
        "Inkling2ForConditionalGeneration",
        "inkling2_text",
        tie="never",
    ),
    "inkling2_loop": _wrapper(
        "Inkling2LoopForConditionalGeneration",
        "inkling2_loop_text",
        tie="never",
    ),
    "gemma4_unified": _wrapper("Gemma4UnifiedForConditionalGeneration", "gemma4_unified_text"),
    "aria": _wrapper(
        "AriaForConditionalGeneration",
        "aria_text",
        passes="projector_patch_to_query_dict max_value_projector_patch_to_query_dict",
    ),
    "apertus1p5": _wrapper(
        "Apertus1p5ForConditionalGeneration",
        "apertus1p5_text",
        passes="image_token_offset audio_token_offset",
    ),
    "blip-2": _wrapper(
        "Blip2ForConditionalGeneration",
        "opt",
        passes="use_decoder_only_language_model num_query_tokens",
        tie="either",
    ),
    "cohere_compass": _wrapper("CohereCompassForConditionalGeneration", "cohere_compass_text"),
    "cosmos3_edge": _wrapper(
        "Cosmos3EdgeForConditionalGeneration",
        "cosmos3_edge_text",
        tie="never",
    ),
    "cosmos3_omni": _wrapper("Cosmos3OmniForConditionalGeneration", "qwen3_vl_text"),
    "deepseek_ocr2": _wrapper("DeepseekOcr2ForConditionalGeneration", "deepseek_ocr2_text"),
    "deepseek_vl": _wrapper("DeepseekVLForConditionalGeneration", "llama"),
    "deepseek_vl_hybrid": _wrapper(
        "DeepseekVLHybridForConditionalGeneration",
        "llama",
        passes="high_res_vision_config",
    ),
    "emu3": _wrapper(
        "Emu3ForConditionalGeneration",
        "emu3_text_model",
        passes="vq_config vocabulary_map",
    ),
    "ernie4_5_vl_moe": _wrapper("Ernie4_5_VLMoeForConditionalGeneration", "ernie4_5_vl_moe_text"),
    "fast_vlm": _wrapper("FastVlmForConditionalGeneration", "qwen2", tie="either"),
    "fuyu": _wrapper(
        "FuyuForCausalLM",
        "persimmon",
        passes="num_channels",
    ),
    "glm46v": _wrapper("Glm46VForConditionalGeneration", "glm4v_text", "glm4v_moe_text", "glm4"),
    "glmga": _wrapper("Glm46VForConditionalGeneration GlmgaForConditionalGeneration", "glm4v_text"),
    "glm_ocr": _wrapper("GlmOcrForConditionalGeneration", "glm_ocr_text", tie="either"),
    "got_ocr2": _wrapper("GotOcr2ForConditionalGeneration", "qwen2"),
    "granite4_vision": _wrapper(
        "Granite4VisionForConditionalGeneration",
        "granite4_vision_text",
        "granite",
        "granitemoehybrid",
        passes="downsample_rate deepstack_layer_map spatial_vision_layer spatial_target_layers",
    ),
    "granite_docling": _wrapper(
        "GraniteDoclingForConditionalGeneration",
        "granite_docling_text",
        passes="density_router_hidden_size density_router_threshold density_router_loss_weight",
    ),
    "hunyuan_vl": _wrapper(
        "HunYuanVLForConditionalGeneration",
        "hunyuan_vl_text",
        tie="either",
        passes="im_start_id im_end_id im_newline_id org_vocab_size",
    ),
    "hy_v4_vl": _wrapper("HYV4VLForConditionalGeneration", "hy_v4_vl_text"),
    "hyperclovax_vision_v2": _wrapper("HyperCLOVAXVisionV2ForConditionalGeneration", "hyperclovax"),
    "idefics2": _wrapper("Idefics2ForConditionalGeneration", "mistral"),
    "instructblip": _wrapper(
        "InstructBlipForConditionalGeneration",
        "opt",
        "llama",
        passes="use_decoder_only_language_model num_query_tokens",
        tie="either",
    ),
    "instructblipvideo": _wrapper(
        "InstructBlipVideoForConditionalGeneration",
        "opt",
        "llama",
        passes="use_decoder_only_language_model num_query_tokens",
        tie="either",
    ),
    "janus": _wrapper(
        "JanusForConditionalGeneration",
        "llama",
        passes="vq_config",
    ),
    "kosmos-2": _wrapper(
        "Kosmos2ForConditionalGeneration",
        "kosmos_2_text_model",
        passes="latent_query_num",
        tie="either",
    ),
    "kosmos-2.5": _wrapper(
        "Kosmos2_5ForConditionalGeneration",
        "kosmos_2_5_text_model",
        passes="latent_query_num",
        tie="either",
    ),
    "lighton_ocr": _wrapper("LightOnOcrForConditionalGeneration", "qwen3"),
    "llava_next_video": _wrapper(
        "LlavaNextVideoForConditionalGeneration",
        "llama",
        "mistral",
        "qwen2",
        tie="either",
        passes="spatial_pool_mode spatial_pool_stride",
    ),
    "minicpmv4_6": _wrapper(
        "MiniCPMV4_6ForConditionalGeneration",
        "qwen3_5_text",
        "qwen3",
        passes="downsample_mode insert_layer_id merge_kernel_size merger_times",
    ),
    "minicpmv4_7": _wrapper(
        "MiniCPMV4_7ForConditionalGeneration",
        "qwen3_5_text",
        "qwen3",
        passes="downsample_mode insert_layer_id merge_kernel_size merger_times",
    ),
    "minicpm_ocr": _wrapper(
        "MiniCPMOcrForConditionalGeneration",
        "qwen3_5_text",
        passes="downsample_mode insert_layer_id merge_kernel_size merger_times",
    ),
    "molmo2": _wrapper(
        "Molmo2ForConditionalGeneration",
        "molmo2_text",
        passes="adapter_config use_frame_special_tokens",
        tie="never",
    ),
    "muse_glimmer": _wrapper(
        "MuseGlimmerForConditionalGeneration",
        "muse_glimmer_text",
        passes="out_hidden_size",
    ),
    "muse_spark": _wrapper(
        "MuseSparkForConditionalGeneration",
        "muse_spark_text",
        passes="out_hidden_size",
        tie="never",
    ),
    "nemotron_h_omni": _wrapper(
        "NemotronH_Omni_Reasoning_V3",
        "nemotron_h",
        passes="downsample_ratio",
        tie="either",
    ),
    "ovis2": _wrapper(
        "Ovis2ForConditionalGeneration",
        "qwen2",
        "qwen3",
        passes="hidden_size vocab_size visual_indicator_token_ids",
    ),
    "paddleocr_vl": _wrapper("PaddleOCRVLForConditionalGeneration", "paddleocr_vl_text", tie="either"),
    "paligemma": _wrapper(
        "PaliGemmaForConditionalGeneration",
        "gemma",
        "gemma2",
        passes="projection_dim hidden_size vocab_size",
    ),
    "perception_lm": _wrapper(
        "PerceptionLMForConditionalGeneration",
        "llama",
        passes="vision_use_cls_token projector_pooling_ratio",
    ),
    "pp_chart2table": _wrapper("GotOcr2ForConditionalGeneration", "qwen2"),
    "qianfan_ocr": _wrapper(
        "QianfanOCRForConditionalGeneration",
        "qwen3",
        passes="downsample_ratio",
    ),
    "qwen2_5_omni_thinker": _wrapper("Qwen2_5OmniThinkerForConditionalGeneration", "qwen2_5_omni_text"),
    "qwen3_omni_moe_thinker": _wrapper("Qwen3OmniMoeThinkerForConditionalGeneration", "qwen3_omni_moe_text"),
    "shieldgemma2": _wrapper(
        "Gemma3ForConditionalGeneration ShieldGemma2ForImageClassification", "gemma3_text", tie="either"
    ),
    "unlimited_ocr": _wrapper("UnlimitedOcrForConditionalGeneration", "unlimited_ocr_text"),
    "video_llama_3": _wrapper("VideoLlama3ForConditionalGeneration", "qwen2", tie="either"),
    "video_llava": _wrapper("VideoLlavaForConditionalGeneration", "llama"),
    "vipllava": _wrapper("VipLlavaForConditionalGeneration", "llama"),
    "qwen2_audio": _wrapper(
        "Qwen2AudioForConditionalGeneration",
        "qwen2",
        tie="never",
    ),
    "qwen3_asr": _wrapper("Qwen3ASRForConditionalGeneration", "qwen3"),
    "granite_speech": _wrapper(
        "GraniteSpeechForConditionalGeneration",
        "granite",
        passes="downsample_rate encoder_config has_lora_adapter window_size",
    ),
    "granite_speech_plus": _wrapper(
        "GraniteSpeechPlusForConditionalGeneration",
        "granite",
        passes="downsample_rate encoder_config has_lora_adapter window_size",
    ),
    "glmasr": _wrapper("GlmAsrForConditionalGeneration", "llama"),
    "audioflamingo3": _wrapper(
        "AudioFlamingo3ForConditionalGeneration",
        "qwen2",
        tie="never",
    ),
    "musicflamingo": _wrapper(
        "MusicFlamingoForConditionalGeneration",
        "qwen2",
        passes="head_dim max_position_embeddings",
        tie="never",
    ),
    "vibevoice_asr": _wrapper(
        "VibeVoiceAsrForConditionalGeneration",
        "qwen2",
        passes="acoustic_tokenizer_chunk_size acoustic_tokenizer_encoder_config "
        "semantic_tokenizer_encoder_config",
        tie="never",
    ),
    "voxtral_realtime": _wrapper(
        "VoxtralRealtimeForConditionalGeneration",
        "voxtral_realtime_text",
        passes="hidden_size default_num_delay_tokens downsample_factor audio_length_per_tok",
    ),
    "nemo_speechlm": _wrapper(
        "Nemotron3_5TranscribeForConditionalGeneration",
        "nemotron_h",
        passes="word_timestamp_config",
        tie="never",
    ),
    "moss_transcribe_diarize": _wrapper("MossTranscribeDiarizeForConditionalGeneration", "qwen3"),
    "fun_asr_nano": _wrapper(
        "FunAsrNanoForConditionalGeneration",
        "qwen3",
        passes="adaptor_config",
    ),
    "omniasr": _wrapper(
        "OmniASRForConditionalGeneration",
        "llama",
        tie="never",
    ),
    "dots3_note": _wrapper("Dots3NoteForConditionalGeneration", "dots3_note_text"),
    "smolvlm": _wrapper("SmolVLMForConditionalGeneration", "llama"),
}
"""`model_type` of a larger model to what it may hold."""

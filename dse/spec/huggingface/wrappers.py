"""Larger models around a language model: they see or hear, and their `text_config` is what is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Tie = Literal["outside", "either", "inside"]
"""Which `tie_word_embeddings` counts where two differ: the outer one, the true one, or the inner one."""


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """What a larger model may hold."""

    classes: tuple[str, ...]
    inside: tuple[str, ...]
    """`model_type`s of the language model; the first where the file leaves it out."""
    at: tuple[str, ...] = ("text_config",)
    """Keys that lead to the language model."""
    tie: Tie = "outside"


def _wrapper(classes: str, *inside: str, at: str = "text_config", tie: Tie = "outside") -> Wrapper:
    return Wrapper(classes=tuple(classes.split()), inside=inside, at=tuple(at.split(".")), tie=tie)


_QWENS: Final = ("qwen2", "qwen3", "qwen3_moe")


WRAPPERS: Mapping[str, Wrapper] = {
    "aya_vision": _wrapper("AyaVisionForConditionalGeneration", "cohere2", "cohere"),
    "cohere2_vision": _wrapper("Cohere2VisionForConditionalGeneration", "cohere2"),
    "exaone4_5": _wrapper("Exaone4_5_ForConditionalGeneration", "exaone4", "exaone4_5_text"),
    "gemma3": _wrapper("Gemma3ForConditionalGeneration", "gemma3_text"),
    "gemma3n": _wrapper("Gemma3nForConditionalGeneration", "gemma3n_text"),
    "gemma4": _wrapper("Gemma4ForConditionalGeneration", "gemma4_text"),
    "glm4v": _wrapper("Glm4vForConditionalGeneration", "glm4v_text", "glm4", tie="either"),
    "glm4v_moe": _wrapper("Glm4vMoeForConditionalGeneration", "glm4v_moe_text", tie="either"),
    "idefics3": _wrapper("Idefics3ForConditionalGeneration", "llama"),
    "internvl": _wrapper(
        "InternVLForConditionalGeneration", "qwen2", "qwen3", "qwen3_moe", "llama", "gpt_oss"
    ),
    "internvl_chat": _wrapper(
        "InternVLChatModel", *_QWENS, "llama", "internlm2", "gpt_oss", "phi3", at="llm_config", tie="inside"
    ),
    "kimi_k25": _wrapper("KimiK25ForConditionalGeneration", "kimi_k2", "deepseek_v3"),
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
    "lfm2_vl": _wrapper("Lfm2VlForConditionalGeneration", "lfm2", "lfm2_moe", tie="either"),
    "minimax_m3_vl": _wrapper(
        "MiniMaxM3SparseForConditionalGeneration", "minimax_m3_vl_text", "minimax_m3", tie="either"
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
    ),
    "voxtral": _wrapper("VoxtralForConditionalGeneration", "llama"),
    "step3_vl": _wrapper("Step3VLForConditionalGeneration", "step3_text", tie="either"),
    "step3p7": _wrapper("Step3p7ForConditionalGeneration", "step3p5"),
    "smolvlm": _wrapper("SmolVLMForConditionalGeneration", "llama"),
}
"""`model_type` of a larger model to what it may hold."""

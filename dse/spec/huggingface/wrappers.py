"""Larger models around a language model: they see or hear, and their `text_config` is what is imported."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """What a larger model may hold."""

    classes: tuple[str, ...]
    inside: tuple[str, ...]
    """`model_type`s of the language model; the first where the file leaves it out."""


def _wrapper(classes: str, *inside: str) -> Wrapper:
    return Wrapper(classes=tuple(classes.split()), inside=inside)


WRAPPERS: Mapping[str, Wrapper] = {
    "aya_vision": _wrapper("AyaVisionForConditionalGeneration", "cohere2", "cohere"),
    "cohere2_vision": _wrapper("Cohere2VisionForConditionalGeneration", "cohere2"),
    "exaone4_5": _wrapper("Exaone4_5_ForConditionalGeneration", "exaone4"),
    "gemma3": _wrapper("Gemma3ForConditionalGeneration", "gemma3_text"),
    "gemma4": _wrapper("Gemma4ForConditionalGeneration", "gemma4_text"),
    "glm4v": _wrapper("Glm4vForConditionalGeneration", "glm4v_text", "glm4"),
    "glm4v_moe": _wrapper("Glm4vMoeForConditionalGeneration", "glm4v_moe_text"),
    "idefics3": _wrapper("Idefics3ForConditionalGeneration", "llama"),
    "internvl": _wrapper(
        "InternVLForConditionalGeneration", "qwen2", "qwen3", "qwen3_moe", "llama", "gpt_oss"
    ),
    "kimi_k25": _wrapper("KimiK25ForConditionalGeneration", "kimi_k2", "deepseek_v3"),
    "kimi_k3": _wrapper("KimiK3ForConditionalGeneration", "kimi_linear"),
    "llama4": _wrapper("Llama4ForConditionalGeneration", "llama4_text"),
    "llava": _wrapper("LlavaForConditionalGeneration", "llama", "mistral", "qwen2"),
    "mistral3": _wrapper(
        "Mistral3ForConditionalGeneration", "mistral", "ministral3", "mistral4", "deepseek_v3"
    ),
    "qwen2_vl": _wrapper("Qwen2VLForConditionalGeneration", "qwen2_vl_text"),
    "qwen2_5_vl": _wrapper("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl_text"),
    "qwen3_vl": _wrapper("Qwen3VLForConditionalGeneration", "qwen3_vl_text"),
    "qwen3_vl_moe": _wrapper("Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe_text"),
    "qwen3_5": _wrapper("Qwen3_5ForConditionalGeneration", "qwen3_5_text"),
    "qwen3_5_moe": _wrapper("Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe_text"),
    "step3p7": _wrapper("Step3p7ForConditionalGeneration", "step3p5"),
    "smolvlm": _wrapper("SmolVLMForConditionalGeneration", "llama"),
}
"""`model_type` of a larger model to what it may hold."""

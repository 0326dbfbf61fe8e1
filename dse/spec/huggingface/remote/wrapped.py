"""Larger models whose code comes with the checkpoint, or that inference engines alone have."""

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


def wrapper(
    classes: str, *inside: str, at: str = "text_config", tie: Tie = "outside", passes: str = ""
) -> Wrapper:
    """A `Wrapper`, in the short form of a row of a table; `at` has its keys with a dot between them."""
    return Wrapper(
        classes=tuple(classes.split()),
        inside=inside,
        at=tuple(at.split(".")),
        tie=tie,
        passes=frozenset(passes.split()),
    )


QWENS: Final = ("qwen2", "qwen3", "qwen3_moe")
"""Language models of Qwen, by `model_type`."""

REMOTE_WRAPPERS: Mapping[str, Wrapper] = {
    "internvl_chat": wrapper(
        "InternVLChatModel", *QWENS, "llama", "internlm2", "gpt_oss", "phi3", at="llm_config", tie="inside"
    ),
    "multi_modality": wrapper("MultiModalityCausalLM", "llama", at="language_config", tie="inside"),
    "h2ovl_chat": wrapper("H2OVLChatModel", "llama", "mistral", at="llm_config", tie="inside"),
    "NVLM_D": wrapper("NVLM_D NVLM_D_Model", "qwen2", at="llm_config", tie="inside"),
    "ovis": wrapper("Ovis", *("qwen2", "gemma2", "llama"), at="llm_config", tie="inside"),
    "ovis2_5": wrapper("Ovis2_5", *QWENS, at="llm_config", tie="inside"),
    "pointsv1.5_chat": wrapper("POINTSV15ChatModel", "qwen2", at="llm_config", tie="inside"),
    "locateanything": wrapper("LocateAnythingForConditionalGeneration", "qwen2"),
    "jet_vlm": wrapper("JetVLMForConditionalGeneration", "jet_nemotron"),
    "midashenglm": wrapper("MiDashengLMModel", "qwen2_5_omni_text", tie="inside"),
    "NemotronH_Nano_VL_V2": wrapper(
        "NemotronH_Nano_VL_V2", *("nemotron_h", "nemotron_h_puzzle"), at="llm_config", tie="inside"
    ),
    "NemotronH_Nano_Omni_Reasoning_V3": wrapper(
        "NemotronH_Nano_Omni_Reasoning_V3",
        *("nemotron_h", "nemotron_h_puzzle"),
        at="llm_config",
        tie="inside",
    ),
    "Llama_Nemotron_Nano_VL": wrapper("Llama_Nemotron_Nano_VL", "llama", at="llm_config", tie="inside"),
    # files like those of InternVL
    "skywork_chat": wrapper("SkyworkChatModel SkyworkR1VChatModel", "qwen2", at="llm_config", tie="inside"),
    "eagle_2_5_vl": wrapper("Eagle2_5_VLForConditionalGeneration", *QWENS, "llama", tie="inside"),
    "step_robotics": wrapper("Step3VL10BForCausalLM StepVLForConditionalGeneration", "qwen3", tie="inside"),
}
"""`model_type` of a larger model to what it may hold."""

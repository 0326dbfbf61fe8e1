"""Which `model_type`s are understood, what may be around a language model, and why others are refused."""

import json
from collections.abc import Mapping
from functools import lru_cache

from dse.spec.catalog.config_paths import bundled
from dse.spec.huggingface.dense import DENSE, VISION
from dse.spec.huggingface.experts import EXPERTS
from dse.spec.huggingface.linear import HYBRID
from dse.spec.huggingface.older import OLDER
from dse.spec.huggingface.reader import Family
from dse.spec.huggingface.recent.grouped import GROUPED
from dse.spec.huggingface.wrappers import WRAPPERS

FAMILIES: Mapping[str, Family] = {**DENSE, **EXPERTS, **HYBRID, **OLDER, **GROUPED}
"""`model_type` to its family."""

WRAPPED: Mapping[str, tuple[str, ...]] = {kind: w.inside for kind, w in WRAPPERS.items()}
"""`model_type` of a larger model to those that the language model in its `text_config` may have."""

OUTER: Mapping[str, tuple[str, ...]] = {kind: w.classes for kind, w in WRAPPERS.items()}
"""Classes of the larger models."""

INNER_NOTE = VISION

_STATE = "it has state-space or recurrent layers, which an LLM YAML cannot describe yet"
_LINEAR = "it has a kind of linear attention whose sizes an LLM YAML cannot describe yet"
_SPARSE = "its attention picks tokens by an index, which an LLM YAML cannot describe yet"
_REASONS = (
    (
        (
            "mamba",
            "jamba",
            "zamba",
            "bamba",
            "rwkv",
            "recurrent",
            "hybrid",
            "falcon_h1",
            "nemotron_h",
            "nemotron-h",
            "lfm2",
            "plamo2",
        ),
        _STATE,
    ),
    (("qwen3_5", "kimi_linear", "kimi_k3", "minimax_m1", "bailing_moe_linear"), _LINEAR),
    (("deepseek_v32", "deepseek_v4", "glm_moe_dsa"), _SPARSE),
    (("bert", "t5", "clip", "whisper"), "it is not a decoder that generates text token by token"),
)


def reason(model_type: str) -> str:
    """Why a `model_type` is not among the families, where that is known; else the empty string."""
    found = (why for words, why in _REASONS if any(w in model_type.lower() for w in words))
    return next(found, "")


@lru_cache(maxsize=1)
def _defaults() -> Mapping[str, Mapping[str, object]]:
    path = bundled("configs") / "hf-config-defaults.json"
    found: Mapping[str, Mapping[str, object]] = json.loads(path.read_text(encoding="utf-8"))["defaults"]
    return found


def defaults(model_type: str) -> Mapping[str, object]:
    """Values of the keys that published files of a `model_type` leave out."""
    return _defaults().get(model_type, {})

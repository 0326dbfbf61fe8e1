"""Keys of published `config.json` files of LLMs since 2024, without those that say nothing about sizes."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "spec" / "hf_recent"
CONFIGS: dict[str, dict[str, Any]] = {
    name: config
    for path in sorted(FOLDER.glob("*.json"))
    for name, config in json.loads(path.read_text(encoding="utf-8")).items()
}
"""Name of an LLM to its keys."""

ENCODERS: dict[str, dict[str, Any]] = json.loads(
    (FOLDER.parent / "hf_encoders" / "encoders.json").read_text(encoding="utf-8")
)
"""The same of networks with an encoder."""


def kind(config: dict[str, Any]) -> str:
    """`model_type` of the language model, which may be inside."""
    inner = config.get("text_config", config)
    return str(inner.get("model_type", config["model_type"]))


KINDS = {kind(config) for config in (*CONFIGS.values(), *ENCODERS.values())} | {
    str(config["model_type"]) for config in ENCODERS.values()
}
"""Families that have at least one."""

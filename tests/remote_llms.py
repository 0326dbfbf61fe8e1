"""Keys of LLMs whose code comes with the checkpoint, or that inference engines alone have.

Names of keys and kinds of layers are those of that code. Sizes are shapes to count by hand: where no
published file was at hand (TeleChat2, Solar Pro, Skywork, PLaMo 1, Baichuan-M1, XVERSE-MoE, Klear, Grok-1,
MiniCPM-V, Molmo, dots.vlm, LongCat, Pangu Ultra, Nemotron-H Puzzle, DeepSeek-OCR), they need not be those
of a checkpoint.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "spec" / "hf_remote"
REMOTE: dict[str, dict[str, Any]] = {
    name: config
    for path in sorted(FOLDER.glob("*.json"))
    for name, config in json.loads(path.read_text(encoding="utf-8")).items()
}
"""Name of an LLM to its keys."""

OTHER_NAMES = {"grok1", "minicpmo", "pangu_embedded", "TeleChat3", "PanguUltraMoE"}
"""Further names of families that have an LLM here."""
REMOTE_KINDS = {str(config["model_type"]) for config in REMOTE.values()} | OTHER_NAMES
"""Families that have at least one."""

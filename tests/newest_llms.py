"""Configs as Transformers 5.24.0 writes them, with what its classes make of them.

`USUAL` are the values that a class has by itself, `SMALL` the same with another value of each size.
`elements` are counted on a device without memory, without what sees or hears; `vectors` are those of
norms and biases; `kv` is by how much the KV cache of a small network on a CPU grows with a token.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "spec" / "hf_newest"
Found = dict[str, dict[str, Any]]

USUAL: Found = json.loads((FOLDER / "usual.json").read_text(encoding="utf-8"))
"""Name to its config and its elements."""
SMALL: Found = json.loads((FOLDER / "small.json").read_text(encoding="utf-8"))
"""Name to its config, elements, elements of vectors, and elements of KV cache that a token leaves."""

PUBLISHED: Found = json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))
"""Sizes of published files, under the keys that they have, and the elements of their class."""

BY_HAND = {
    "cpmant",
    "gpt-sw3",
    "emu3_text_model",
    "dots3_note",
    "ernie4_5_moe_vl",
    "hunyuan_vl",
    "paddleocr_vl",
}
"""Families that the tests count by hand instead."""


def kinds_of(config: dict[str, Any]) -> set[str]:
    """`model_type` of a config and of the language model inside."""
    return {str(each.get("model_type")) for each in (config, config.get("text_config", config))}


KINDS = {
    kind for found in (USUAL, SMALL, PUBLISHED) for one in found.values() for kind in kinds_of(one["config"])
} | BY_HAND
"""Families that have at least one."""

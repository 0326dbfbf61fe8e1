"""Files that keep what generates text, and what it attends to, under keys of their own."""

from collections.abc import Mapping
from typing import Final

from dse.errors import spec_error
from dse.spec.huggingface.checkpoint.harmless import harmless
from dse.spec.huggingface.keys import READ
from dse.text import short

_INSIDE: Final = {"t5gemma": "decoder", "t5gemma2": "decoder", "mllama": "text_config"}
"""`model_type` to the key of what generates text."""
_OUTER: Final = ("model_type", "architectures", "vision_config", "encoder")
"""Keys that are those of the whole file, whatever is said inside."""


def one_level(data: Mapping[str, object], where: str) -> Mapping[str, object]:
    """The keys of a file, with those of what generates text among them."""
    kind = data.get("model_type")
    key = _INSIDE.get(kind) if isinstance(kind, str) else None
    if key is None:
        return data
    inside = data.get(key)
    if not isinstance(inside, dict):
        raise spec_error(where, f"{key}: expected the keys of a language model, got {short(inside)}")
    around = {name: value for name, value in data.items() if name != key}
    for name, value in around.items():
        own = inside.get(name, value)
        # what is said twice and differs is no size that can be read
        if own != value and name not in (*_OUTER, *READ) and not harmless(name, value):
            raise spec_error(where, f"{name}: expected {short(own)} as in {key}, got {short(value)}")
    kept = {name: around[name] for name in _OUTER if name in around}
    return {**around, **inside, **kept}

"""What an imported LLM is called, and its parameter count in words."""

import re
from collections.abc import Mapping
from pathlib import Path

_SIZE = re.compile(r"(?:^|[-_])(\d+(?:\.\d+)?)([bmt])(?=[-_]|$)")
_UNITS = {"m": 1e6, "b": 1e9, "t": 1e12}
_NEAR = 0.25
"""A size in a name means all parameters when it is this near to their count; not 8x7b, not a22b."""


def name_in(file: Path, data: Mapping[str, object]) -> str:
    """The name in a path, such as `Qwen3-32B/config.json` or a cache of the hub, or the one in the file."""
    absolute = file.absolute()
    # the cache of the hub has folders `models--ORG--NAME`
    cached = [p.name for p in absolute.parents if p.name.startswith("models--")]
    if cached:
        return cached[0].rpartition("--")[2]
    # of a plain `config.json` nothing is left, so the name comes from elsewhere
    stem = re.sub(r"[._-]?(config|params)$", "", file.stem).rpartition("--")[2]
    said = data.get("_name_or_path")
    # a path on the machine that made the checkpoint, which may have been one of Windows
    inside = said.rstrip("/\\").replace("\\", "/").rpartition("/")[2] if isinstance(said, str) else ""
    return stem or inside or absolute.parent.name or "imported"


def slug(name: str) -> str:
    """`name` in the letters that names of configs have."""
    found = re.sub(r"[^a-z0-9.+-]+", "-", name.lower()).strip("-.+")
    return found or "imported"


def text_of(count: float, digits: int) -> str:
    """A count such as '70.55B' or '124.4M'."""
    scale, letter = (1e6, "M") if count < 1e9 else (1e9, "B")
    # rounded first, printed with more digits: `.3g` would write 1200 as 1.2e+03
    number = float(f"{count / scale:.{digits}g}")
    return f"{number:.10g}{letter}"


def nominal(name: str, count: float) -> str:
    """Parameters as the name says, such as '70B'; where it says none that fit, the count in three digits."""
    for number, letter in _SIZE.findall(name.lower()):
        said = float(number) * _UNITS[letter]
        if abs(said / count - 1.0) <= _NEAR:
            return f"{number}{letter.upper()}"
    return text_of(count, 3)

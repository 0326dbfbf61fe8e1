"""How many bytes a quantised element has, and the format that is nearest."""

from dataclasses import dataclass, field
from typing import Final

from dse.text import short
from objectives.equations.chip.formats import FORMATS

KEPT: Final = ""
"""Said of modules that stay as they were before quantisation."""
UNKNOWN: Final = "?"
"""Said of modules in a format that there is no name for; a note says which."""
SCALE: Final = 2.0
"""Bytes of the scale of a group, fp16."""
_NEAR: Final = 0.02
"""Of a format that is taken for another one without a remark."""
_FAR: Final = 0.06
"""Of one that cannot be taken for it."""
_INTEGERS: Final = ("int4", "q4_0", "q5_k_m", "q6_k", "int8", "q8_0")
"""Formats of integers with scales, each of another size."""
_ANY: Final = (*_INTEGERS, "exl2-3.6", "q4_k_m")


@dataclass
class Remarks:
    """Remarks while a section is read; each once."""

    texts: dict[str, None] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Remember a remark."""
        self.texts[text] = None


def integers(bits: object, group: object, notes: Remarks, scale: float = SCALE) -> str:
    """The format of whole numbers in groups that share a scale; -1 or null is a whole row."""
    number = count(bits)
    if number is None or not 1 <= number <= 16:
        notes.add(f"it is quantised to {short(bits)} bits, which is not understood")
        return UNKNOWN
    shared = count(group)
    size = number / 8 + (scale / shared if shared else 0.0)
    said = f"{number} bits" + (f" in groups of {shared}" if shared else "")
    if number == 16:
        return KEPT
    if not shared and number in (4, 8):
        return f"int{number}"
    return nearest(said, size, notes)


def nearest(said: str, size: float, notes: Remarks, *, any_bits: bool = False) -> str:
    """The format of about so many bytes: of whole numbers, or with `any_bits` of bits with a fraction too."""
    found = min(_ANY if any_bits else _INTEGERS, key=lambda name: abs(FORMATS[name] / size - 1.0))
    off = abs(FORMATS[found] / size - 1.0)
    if off > _FAR:
        notes.add(f"it is quantised to {said}, for which there is no format")
        return UNKNOWN
    if off > _NEAR or found not in ("int4", "int8"):
        notes.add(f"{said} ({size:.4g} B an element) counted as {found} ({FORMATS[found]:.4g} B)")
    return found


def count(value: object) -> int | None:
    """A whole number above 0, which some files write as 4.0; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

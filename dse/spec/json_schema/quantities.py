"""JSON Schema of text with a unit: what an editor can check while a file is written."""

from typing import Final

UNIT: Final = "x-unit"
"""Key of a schema that holds the unit of a number; "1" for a plain one."""

TYPE: Final = "x-type"
"""Key of a schema that says in words what may be written, where its own words would not."""

NUMBER: Final = r"[-+]?(([0-9]{1,3}(_[0-9]{3})+|[0-9]+)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?"
"""Digits, in groups of three where they are separated; no sign in it is ever computed."""

_ATOMS: Final = {
    "B": r"([kMGTPE]|[KMGTP]i)?(B|bytes?|b|bits?)",
    "s": r"([pnum]?s|min|h|days?|years?)",
    "USD": r"[kMG]?USD",
    "W": r"[munkMG]?W",
    "J": r"([pnumkMG]?J|[kMG]?Wh)",
    "FLOP": r"[kMGTPE]?(FLOP|flop|OP|op)",
    "token": r"[kMG]?tokens?",
    "m": r"[numc]?m",
    "m2": r"(mm2|cm2|um2|m2)",
}
"""Unit to what may be written for it."""


def quantity_schema(unit: str) -> dict[str, object]:
    """Schema of a quantity of the dimension of `unit`: text with a unit, or the number 0.

    The pattern knows plain units and ratios of two, such as B/s. For the others it takes any unit, and only
    `dse check` knows whether it is the right one.
    """
    pattern = rf"^\s*{NUMBER}\s*{_unit_pattern(unit)}\s*$" if unit else rf"^\s*{NUMBER}\s*$"
    # 0 is the same in every unit, so it alone may be a bare number
    bare = {} if not unit else {"minimum": 0, "maximum": 0}
    example = f"1 {unit}".strip()
    return {
        "type": ["string", "number"],
        "pattern": pattern,
        **bare,
        "examples": [example],
        UNIT: unit or "1",
    }


def _unit_pattern(unit: str) -> str:
    parts = unit.split("/")
    if len(parts) > 2 or any(part not in _ATOMS for part in parts):
        return r"[A-Za-z%/(1].*"
    return r"\s*/\s*".join(_ATOMS[part] for part in parts)

"""One number for people."""

from dse.spec.yaml.units import pretty

NONE = "-"
"""Text of a missing value."""


def format_quantity(value: float | None, unit: str) -> str:
    """A number in SI for people, `-` for a gap; dollars are named in the header."""
    if value is None:
        return NONE
    return pretty(float(value), "" if unit.startswith("USD") else unit)

"""One number for people."""

from dse.spec.yaml.units import pretty

NONE = "-"
"""What stands for a gap."""


def shown(value: float | None, unit: str) -> str:
    """A number in SI for people, `-` for a gap; dollars stand in the header."""
    if value is None:
        return NONE
    return pretty(float(value), "" if unit.startswith("USD") else unit)

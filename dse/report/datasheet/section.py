"""A section of a datasheet, and numbers in the units that people know them in."""

from dataclasses import dataclass

from dse.question.variation import Fact
from dse.report.words.part_names import word
from dse.spec.yaml.units import pretty

NONE = "-"
MOST = 12
"""Numbers that a table of numbers shows; the JSON has them all."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table with its title, and a sentence below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    """Columns from the left that are words; the others are numbers."""
    note: str = ""
    wide: str = ""
    """Column that may be wrapped."""


def fact_words(fact: Fact) -> str:
    """The place of a number, for people: `n5 compute density`, `static-dataflow sram efficiency`."""
    kind, _, config = fact.place.config.partition("/")
    path = fact.place.path.removeprefix("nodes.").replace("_", " ").replace(".", " ")
    # a study has one of these, so that the name of the file would say nothing
    text = path if kind in ("technology", "economy") else f"{config} {path}"
    # `word` knows abbreviations by the parts between underscores
    return word(text.replace(" ", "_"))


def written(fact: Fact, value: float) -> str:
    """`value` in the unit that people know the number in."""
    return written_in(value, fact.unit)


_YEAR, _DAY = 31557600.0, 86400.0
"""Seconds of a Julian year and of a day."""


def written_in(value: float, unit: str) -> str:
    """A number in SI in the unit that people know it in; times of days and longer in days or years."""
    if unit == "s" and value >= _DAY:
        scale, name = (_YEAR, "years") if value >= 0.5 * _YEAR else (_DAY, "days")
        return f"{pretty(value / scale, '')} {name}"
    return pretty(value, unit) if unit in _SCALED else _rare(value, unit)


_SCALED = ("B", "B/s", "FLOP/s", "W", "m2", "s", "USD", "", "J", "token", "token/s")
# factor from the SI unit to the unit of the field, and its name: 1e12 / 8 pJ/bit are one J/byte
_RARE = {
    "FLOP/s/m2": (1e-18, "TFLOP/s/mm2"),
    "m2/B": (2**20 * 1e6, "mm2/MiB"),
    "m2*s/B": (1e15, "mm2/(GB/s)"),
    "USD/B": (1e9, "USD/GB"),
    "USD*s/B": (1e9, "USD/(GB/s)"),
    "J/B": (1e12 / 8, "pJ/bit"),
    "J/FLOP": (1e12, "pJ/FLOP"),
    "1/m2": (1e-4, "/cm2"),
    "W/m2": (1e-6, "W/mm2"),
    "USD/m2": (1e-6, "USD/mm2"),
    "1/s": (2**20 * 1e-9, "GB/s/MiB"),
    "B/s/m": (1e-12, "GB/s/mm"),
    "m": (1e3, "mm"),
    "USD/W": (1.0, "USD/W"),
    "USD/J": (3.6e6, "USD/kWh"),
}


def _rare(value: float, unit: str) -> str:
    scale, name = _RARE.get(unit, (1.0, unit))
    return f"{pretty(value * scale, '')} {name}"

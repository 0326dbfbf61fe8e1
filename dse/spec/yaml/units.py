"""The one door of pint: text with a unit in, SI float out, and back.

GB is 1e9 B and GiB is 2^30 B; a token, a FLOP and a dollar are dimensions of their own, so that
"188 TFLOP/s" is never taken for tokens a second.
"""

import re
from functools import cache, lru_cache
from math import floor, isfinite, log10
from typing import Any, Final

from dse.errors import UnitError
from dse.spec.json_schema.quantities import NUMBER
from dse.text import short

_PREFIXES = (
    *(
        f"{name}- = 1e{power} = {symbol}-"
        for name, power, symbol in (
            ("pico", -12, "p"),
            ("nano", -9, "n"),
            ("micro", -6, "u"),
            ("milli", -3, "m"),
            ("centi", -2, "c"),
            ("kilo", 3, "k"),
            ("mega", 6, "M"),
            ("giga", 9, "G"),
            ("tera", 12, "T"),
            ("peta", 15, "P"),
            ("exa", 18, "E"),
        )
    ),
    *(
        f"{name}- = 2**{power} = {symbol}-"
        for name, power, symbol in (
            ("kibi", 10, "Ki"),
            ("mebi", 20, "Mi"),
            ("gibi", 30, "Gi"),
            ("tebi", 40, "Ti"),
        )
    ),
)
_UNITS = (
    "second = [time] = s",
    "minute = 60 s = min",
    "hour = 3600 s = h",
    "day = 24 h",
    "year = 365.25 day",
    "meter = [length] = m",
    # names of their own, since `parse` refuses **
    "mm2 = 1e-6 m**2",
    "cm2 = 1e-4 m**2",
    "m2 = m**2",
    "um2 = 1e-12 m**2",
    "gram = [mass] = g",
    "joule = 1000 g * m**2 / s**2 = J",
    "watt = J / s = W",
    "Wh = 3600 J",
    "byte = [information] = B = bytes",
    "bit = byte / 8 = b = bits",
    "FLOP = [arithmetic] = _ = flop = op = OP",
    "USD = [currency]",
    "token = [token] = _ = tokens",
    "percent = 0.01 = %",
    # a count, so that a rate may be written as 40 req/s or as 40 /s
    "request = 1 = req = requests",
)


LARGEST: Final = 1e30
"""In SI, and one over the smallest but 0: products of a few such numbers are still floats."""

_NUMBER: Final = re.compile(NUMBER)
_NAME: Final = r"(?:[A-Za-z_][A-Za-z0-9_]*|%)"
_PRODUCT: Final = rf"{_NAME}(?:\s*[*/]\s*{_NAME})*"
_FACTOR: Final = rf"(?:{_NAME}|1|\(\s*{_PRODUCT}\s*\))"
_UNIT: Final = re.compile(rf"(?:/\s*)?{_FACTOR}(?:\s*[*/]\s*{_FACTOR})*")
"""Names, products and quotients, and such in brackets: a power is a name of its own, such as mm2."""
_LONGEST: Final = 80
"""Letters of a quantity."""


@cache
def _registry() -> Any:  # pint types its registry by the class of its numbers, which it makes at run time
    """A registry of our units alone."""
    import pint  # 0.3 s: commands that read no unit, such as `dse --help`, go without it

    # None: an empty registry, so that no unit of pint's own is taken for one of ours
    registry: Any = pint.UnitRegistry(None, cache_folder=None)
    for definition in (*_PREFIXES, *_UNITS):
        registry.define(definition)
    return registry


@lru_cache(maxsize=4096)
def parse(text: str, unit: str) -> float:
    """SI value of `text`, which must carry a unit of the dimension of `unit`.

    Raises `UnitError` with what was expected and what was got.

    >>> parse("3.35 TB/s", "B/s")
    3350000000000.0
    >>> parse("16 GiB", "B")
    17179869184.0
    """
    try:
        number, written = _split(text)
        value = _si(number, written, unit)
    except UnitError as error:
        raise UnitError(f"expected {_example(unit)}, got {short(text)} ({error})") from None
    return float(f"{value:.15g}")  # 3.35 TB/s is 3.35e12, not 3.3500000000000003e12


def plain_number(given: str | float) -> int | float | None:
    """The number that a text is, whole where it is written so; None where it is none or has a unit."""
    # typer has defaults of options parsed too, which are numbers already
    text = str(given)
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        return None
    digits = found[0].replace("_", "")
    return int(digits) if digits.lstrip("+-").isdigit() else float(digits)


def _split(text: str) -> tuple[float, str]:
    """The number and the unit of a text; pint, which would compute an expression, sees the unit alone."""
    if len(text) > _LONGEST:
        raise UnitError("longer than any quantity")
    plain = text.strip()
    found = _NUMBER.match(plain)
    unit = plain[found.end() :].strip() if found else plain
    if unit and not _UNIT.fullmatch(unit):
        raise UnitError(
            "no number with a unit; write mm2, not mm**2" if "*" in unit else "no number with a unit"
        )
    if found is None:
        raise UnitError("no number")
    return float(found[0].replace("_", "")), unit


def _si(number: float, written: str, unit: str) -> float:
    """A number in a unit as one in another; raises `UnitError`."""
    registry = _registry()
    # a quotient of nothing, as in `0.05 / cm2`
    named = f"1 {written}" if written.startswith("/") else written or "dimensionless"
    try:
        value = float(registry.Quantity(number, named).to(unit or "dimensionless").magnitude)
    except Exception as error:  # pint raises a dozen kinds; the user needs one sentence
        raise UnitError(_reason(error)) from None
    # `1e400 B` reads as infinity
    if not isfinite(value):
        raise UnitError("not finite")
    if value and not 1 / LARGEST <= abs(value) <= LARGEST:
        raise UnitError(f"not between {1 / LARGEST:g} and {LARGEST:g}")
    return value


def _example(unit: str) -> str:
    return f"a number with a unit such as '1 {unit}'" if unit else "a plain number"


def _reason(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return first or "not a quantity"


_SCALES = {
    "s": (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)),
    "m2": (("mm2", 1e-6),),
}
_THOUSANDS = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15), ("E", 1e18))


def pretty(value: float, unit: str, digits: int = 3) -> str:
    """`value` in SI written for people: `pretty(3.35e12, "B/s")` is "3.35 TB/s"."""
    # neither has a logarithm that a prefix could follow from
    if value == 0 or not isfinite(value):
        return f"{value:g} {unit}".strip()
    # no prefix: dollars, tokens and chips are written in full
    if unit.startswith("USD") or unit in ("", "token", "chip"):
        return f"{_grouped(value, digits)} {unit}".strip()
    scales = _SCALES.get(unit) or tuple((p + unit, s) for p, s in _THOUSANDS)
    # from 0.9995 on three digits round up to the next prefix
    name, scale = next((pair for pair in reversed(scales) if abs(value) >= pair[1] * 0.9995), scales[0])
    return f"{_significant(value / scale, digits)} {name}"


def _significant(value: float, digits: int) -> str:
    decimals = max(0, digits - 1 - floor(log10(abs(value)))) if value else 0
    return f"{value:.{decimals}f}"


def _grouped(value: float, digits: int) -> str:
    # never 0, for which `pretty` has returned already
    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:,.{decimals}f}"

"""The one door of pint: text with a unit in, SI float out, and back.

GB is 1e9 B and GiB is 2^30 B; a token, a FLOP and a dollar are dimensions of their own, so that
"188 TFLOP/s" is never taken for tokens a second.
"""

import re
from functools import cache, lru_cache
from math import floor, isfinite, log10
from typing import Any

from dse.errors import UnitError

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
)


_NUMBER = re.compile(r"(?<![A-Za-z])\d")
"""A digit that is no part of a unit such as mm2."""


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
    registry = _registry()
    if "**" in text:  # pint evaluates what it is given, powers of powers too
        raise UnitError(f"expected {_example(unit)}, got {text!r} (write mm2, not mm**2)")
    try:
        quantity = registry.Quantity(text)
        value = float(quantity.to(unit or "dimensionless").magnitude)
    except Exception as error:  # pint raises a dozen kinds; the user needs one sentence
        raise UnitError(f"expected {_example(unit)}, got {text!r} ({_reason(error)})") from None
    # `1e400 B` reads as infinity
    if not isfinite(value):
        raise UnitError(f"expected {_example(unit)}, got {text!r} (not finite)")
    # pint reads a unit alone as one of it
    if not _NUMBER.search(text):
        raise UnitError(f"expected {_example(unit)}, got {text!r} (no number)")
    return float(f"{value:.15g}")  # 3.35 TB/s is 3.35e12, not 3.3500000000000003e12


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

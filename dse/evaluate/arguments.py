"""Arguments of a call from Python, which no command line has parsed."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from numbers import Integral, Real
from typing import Final

from dse.errors import Problem, SpecError, spec_error
from dse.text import short

MOST: Final = 10**9
"""Largest size of a deployment."""


def hold_arguments(texts: Mapping[str, object], sizes: Mapping[str, object]) -> None:
    """Raise `SpecError` for every name that is no text and every size that is no whole number.

    None is one that is left out.
    """
    problems = [
        Problem(f"--{name.replace('_', '-')}", f"expected a name, got {short(value)}")
        for name, value in texts.items()
        if value is not None and not isinstance(value, str)
    ]
    problems += _sizes(sizes)
    if problems:
        raise SpecError(problems)


def durations(name: str, values: object) -> tuple[float, ...]:
    """Durations above 0 [s], as numbers; raises `SpecError` for any other value, and for what is no list."""
    # the letters of a text are no list of durations
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise spec_error(f"--{name}", f"expected a list of durations in seconds, got {short(values)}")
    given = tuple(values)
    problems = [
        Problem(f"--{name}", f"expected durations above 0 in seconds, got {short(value)}")
        for value in given
        if not isinstance(value, Real) or isinstance(value, bool) or value <= 0 or not value < inf
    ]
    if problems:
        raise SpecError(problems)
    return given


def _sizes(sizes: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in sizes.items():
        # true is a whole number in Python
        if value is None or (
            isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) <= MOST
        ):
            continue
        yield Problem(f"--{name}", f"expected a whole number of at most {MOST:,}, got {short(value)}")

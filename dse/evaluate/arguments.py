"""Arguments of a call from Python, which no command line has parsed."""

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Final

from dse.errors import Problem, SpecError
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


def _sizes(sizes: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in sizes.items():
        # true is a whole number in Python
        if value is None or (isinstance(value, Integral) and not isinstance(value, bool) and value <= MOST):
            continue
        yield Problem(f"--{name}", f"expected a whole number of at most {MOST:,}, got {short(value)}")

"""A JSON file to plain data: what another program would read otherwise is refused."""

import json
from collections import Counter
from collections.abc import Iterator
from math import inf, isfinite
from pathlib import Path
from typing import Final

from dse.errors import SpecError, spec_error
from dse.reading import JSON_LIMIT, read_text
from dse.text import no_text, short

_DIGITS: Final = 18
"""Of a whole number; more do not fit into 64 bits."""


def read_json(file: Path) -> object:
    """Data of a JSON file; raises `SpecError`, with the line where it is known.

    A key that is written twice is refused, of which JSON would keep the last, and so are NaN, minus
    infinity and whole numbers of more than 18 digits.
    """
    text = read_text(file, JSON_LIMIT, pipes=True)
    return _Strict(text, str(file)).data()


class _Strict:
    """One text that is read once."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where

    def data(self) -> object:
        """What the text says."""
        try:
            data: object = json.loads(
                self._text,
                # the one place where two equal keys of an object are still seen
                object_pairs_hook=self._unique,
                parse_int=self._whole,
                parse_float=self._number,
                parse_constant=self._constant,
            )
        except json.JSONDecodeError as error:
            raise spec_error(f"{self._where}:{error.lineno}", f"expected JSON, got: {error.msg}") from None
        except RecursionError:
            what = "expected JSON with a few levels of nesting, got hundreds"
            raise spec_error(f"{self._where}:1", what) from None
        for found in _texts(data):
            # JSON can spell it, and no file can hold it
            if no_text(found):
                raise self._refuse("\\u", f"expected text, got {short(found)}")
        return data

    def _unique(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            raise self._refuse(json.dumps(twice), f"the key {short(twice)} is written twice", last=True)
        return found

    def _whole(self, digits: str) -> int:
        if len(digits.lstrip("-")) > _DIGITS:
            raise self._refuse(
                digits, f"expected a whole number of at most {_DIGITS} digits, got {short(digits)}"
            )
        return int(digits)

    def _number(self, digits: str) -> float:
        number = float(digits)
        if not isfinite(number):
            raise self._refuse(digits, f"expected a finite number, got {short(digits)}")
        return number

    def _constant(self, name: str) -> float:
        # Transformers writes it for a limit that is none, such as that of the time steps of Mamba
        if name == "Infinity":
            return inf
        raise self._refuse(name, f"expected a number, got {name}")

    def _refuse(self, literal: str, what: str, *, last: bool = False) -> SpecError:
        return spec_error(f"{self._where}:{self._line(literal, last=last)}", what)

    def _line(self, literal: str, *, last: bool = False) -> int:
        """Line of a text as it is written, the first or the last; 1 where it is written otherwise."""
        at = self._text.rfind(literal) if last else self._text.find(literal)
        return self._text.count("\n", 0, max(at, 0)) + 1


def _texts(data: object) -> Iterator[str]:
    """Every text of some plain data, keys too."""
    left = [data]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += [*one, *one.values()]

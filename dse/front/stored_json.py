"""JSON from elsewhere as plain data of bounded size, or one sentence about why it is none."""

import json
from math import isfinite
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from dse import reading
from dse.errors import ResultsError

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What JSON can say."""

MANIFEST_LIMIT: Final = 16 * 2**20
"""Bytes of a manifest; the largest of ours has 20 kB."""
TABLE_LIMIT: Final = 256 * 2**20
"""Bytes of a table: half a million designs."""
DEPTH: Final = 32
"""Levels of a manifest; ours have six."""
_LARGEST: Final = 10**40
"""The points of a grid may be many."""


def read_text(path: Path, limit: int) -> str:
    """The UTF-8 text of a regular file of at most `limit` bytes; raises `ResultsError` with the line."""
    return reading.read_text(path, limit, refuse=_damaged)


def _damaged(where: str, what: str) -> ResultsError:
    return ResultsError(f"{where}: {what}.")


def parse_json(text: str, where: str) -> Plain:
    """Plain data: finite numbers, whole ones up to 1e40, no key twice, at most `DEPTH` levels.

    Raises `ResultsError` with the line.
    """
    try:
        data: Plain = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{where}:{error.lineno}: expected JSON, got no JSON text ({error.msg})."
        ) from None
    except RecursionError:
        raise ResultsError(f"{where}: expected at most {DEPTH} levels, got more.") from None
    except ValueError as error:  # of ours, and of whole numbers of thousands of digits
        raise ResultsError(f"{where}: expected plain data, got {error}.") from None
    _check(data, where, "", DEPTH)
    return data


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def _once(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(k for i, (k, _) in enumerate(pairs) if k in {name for name, _ in pairs[:i]})
        raise ValueError(f"the key {twice[:200]!r} twice")
    return found


def _check(data: Plain, where: str, key: str, levels: int) -> None:
    """Raise where data is deep, or holds what other parts of the program cannot print or compute with."""
    if isinstance(data, str):
        _check_text(data, where, key)
    elif isinstance(data, float) and not isfinite(data):
        raise ResultsError(f"{where}: {key}: expected a finite number, got {data}.")
    elif isinstance(data, int) and abs(data) > _LARGEST:
        raise ResultsError(f"{where}: {key}: expected a whole number of at most 1e40, got a larger one.")
    elif isinstance(data, dict | list):
        if not levels:
            raise ResultsError(f"{where}: expected at most {DEPTH} levels, got more.")
        for name, value in data.items() if isinstance(data, dict) else enumerate(data):
            inner = f"{key}.{name}" if key else str(name)
            if isinstance(name, str):
                _check_text(name, where, key)
            _check(value, where, inner, levels - 1)


def _check_text(text: str, where: str, key: str) -> None:
    # a half of a letter is text that cannot be written
    if any("\ud800" <= sign <= "\udfff" for sign in text) or "\0" in text:
        raise ResultsError(f"{where}: {key}: expected text, got a character that cannot be printed.")

"""A trace of requests in a file: CSV or JSON lines, packed or not."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np

from dse.csv_rows import csv_rows
from dse.errors import Problem, SpecError, spec_error, told
from dse.reading import MIB, read_bytes, text_in
from dse.spec.yaml.units import plain_number
from dse.text import from_cell, short
from dse.traffic.requests import PrefixBlocks, Requests
from dse.traffic.spellings import ARRIVAL, chosen, seconds_of

LIMIT: Final = 512 * MIB
"""Bytes of a trace, packed and unpacked."""
BLOCK_TOKENS: Final = 512
"""Tokens of a block unless others are stated, as in Mooncake's traces."""
MOST_TOKENS: Final = 10**9
"""Of a prompt or an answer."""
_MOST_PROBLEMS: Final = 200
"""A file of another kind is wrong on every line, and more than these are not looked for."""

Row = tuple[int, Mapping[str, object] | str]
"""The line on which a request ends, and its values by their columns, or what is wrong with the line."""
Said = tuple[float, int, int, tuple[int, ...]]
"""Arrival [s], ISL, OSL, ids of blocks."""


def read_trace(path: Path, *, block_tokens: int = BLOCK_TOKENS) -> Requests:
    """The requests of a trace, the first at 0 s; raises `SpecError` with all problems, file and line.

    `block_tokens` is what a block of its `blocks` or `hash_ids` holds. Requests that are not in the order of
    their arrival are sorted, which is a remark of the result.
    """
    text = _text(path)
    rows = _json_rows(text) if text.lstrip().startswith("{") else _csv_rows(path, text)
    first = next(rows, None)
    if first is None:
        raise spec_error(str(path), "expected a trace with a request a line, got an empty file")
    # of a CSV the first row is its header
    columns = {} if isinstance(first[1], str) else first[1]
    found, wrong = chosen(columns) if columns else ({}, [str(first[1])])
    if wrong:
        raise SpecError(Problem(f"{path}:{first[0]}", what) for what in wrong)
    requests: list[Said] = []
    problems: list[Problem] = []
    for line, values in rows if _HEADER in columns.values() else chain([first], rows):
        try:
            requests.append(_request(values, found, block_tokens))
        except SpecError as error:
            problems += [Problem(f"{path}:{line}", p.what) for p in error.problems]
            if len(problems) > _MOST_PROBLEMS:
                break
    if problems:
        raise SpecError(told(problems))
    if not requests:
        raise spec_error(str(path), "expected a trace with a request a line, got a header alone")
    return _in_order(requests, "blocks" in found, block_tokens)


def _text(path: Path) -> str:
    """The text of a file, unpacked where it is packed."""
    data = read_bytes(path, LIMIT)
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=BytesIO(data)) as packed:
                data = packed.read(LIMIT + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise spec_error(str(path), f"cannot be read: expected a gzip file, {error}") from None
        if len(data) > LIMIT:
            what = f"cannot be read: expected at most {LIMIT // MIB} MiB unpacked, got more"
            raise spec_error(str(path), what)
    return text_in(data, path)


_HEADER: Final = object()
"""The value of each column in the header of a CSV."""


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    """The header, then the rows of a CSV; blank lines are left out."""
    names: list[str] = []
    for line, cells in csv_rows(path, text):
        if not any(c.strip() for c in cells):
            continue
        if not names:
            names = [c.strip() for c in cells]
            twice = sorted({n for n in names if names.count(n) > 1})
            yield (
                line,
                f"the column {short(twice[0])} is there twice" if twice else dict.fromkeys(names, _HEADER),
            )
        elif len(cells) != len(names):
            yield line, f"expected {len(names)} cells, as in the header, got {len(cells)}"
        else:
            yield line, dict(zip(names, map(from_cell, cells), strict=True))


def _json_rows(text: str) -> Iterator[Row]:
    """The objects of JSON lines; blank lines are left out."""
    for line, part in enumerate(text.split("\n"), start=1):
        if not part.strip():
            continue
        try:
            found = json.loads(part, object_pairs_hook=_once, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            yield line, f"expected a JSON object on one line, {error}"
            continue
        yield line, found if isinstance(found, dict) else f"expected a JSON object, got {short(found)}"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _request(values: Mapping[str, object] | str, found: Mapping[str, str], tokens: int) -> Said:
    """The request of a row; raises `SpecError` with all that is wrong with it."""
    if isinstance(values, str):
        raise spec_error("", values)
    wrong: list[str] = []
    arrival = isl = osl = None
    for key, column in found.items():
        if column not in values:
            wrong.append(f"expected the key {column}, as in the first line, got none")
        elif key == "arrival_s":
            arrival = _arrival(values[column], ARRIVAL[column])
            if arrival is None:
                what = "expected a time of at least 0, as a number or as a date like 2023-11-16 18:15:46.68"
                wrong.append(f"{column}: {what}, got {short(values[column])}")
        elif key in ("isl", "osl"):
            count = _whole(values[column])
            if count is None or not 1 <= count <= MOST_TOKENS:
                what = f"expected a whole number of tokens from 1 to {MOST_TOKENS:,}"
                wrong.append(f"{column}: {what}, got {short(values[column])}")
            elif key == "isl":
                isl = count
            else:
                osl = count
    ids: tuple[int, ...] = ()
    if found.get("blocks") in values:
        ids, what = _blocks(values[found["blocks"]], isl, tokens)
        wrong += [f"{found['blocks']}: {what}"] if what else []
    if wrong or arrival is None or isl is None or osl is None:
        raise SpecError(Problem("", what) for what in wrong)
    return arrival, isl, osl, ids


def _number(value: object) -> int | float | None:
    """A plain number of JSON or in a cell; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = plain_number(value) if isinstance(value, str) else value
    return found if found is not None and isfinite(found) else None


def _arrival(value: object, unit_s: float) -> float | None:
    number = _number(value)
    if number is not None:
        return float(number) * unit_s if number >= 0 else None
    try:
        return seconds_of(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _whole(value: object) -> int | None:
    """A whole number, which a table may write as 12.0."""
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _blocks(value: object, isl: int | None, tokens: int) -> tuple[tuple[int, ...], str]:
    """The ids of the blocks of a prompt, and what is wrong with them."""
    given = value.split() if isinstance(value, str) else value
    if not isinstance(given, list):
        return (), f"expected ids of blocks, got {short(value)}"
    ids = tuple(found for found in map(_whole, given) if found is not None and abs(found) < 2**63)
    if len(ids) < len(given):
        return (), f"expected whole numbers as ids of blocks, got {short(value)}"
    if isl is not None and len(ids) > -(-isl // tokens):
        most = -(-isl // tokens)
        return (
            (),
            f"expected at most {most:,} blocks of {tokens:,} tokens for {isl:,} tokens, got {len(ids):,}",
        )
    return ids, ""


def _in_order(requests: list[Said], with_blocks: bool, tokens: int) -> Requests:
    """Sorted by arrival; those of the same moment stay in the order of the file."""
    arrival = np.array([r[0] for r in requests], dtype=np.float64)
    order = np.argsort(arrival, kind="stable")
    back = int(np.count_nonzero(np.diff(arrival) < 0.0))
    remarks = (
        (f"{back:,} requests came before the one above them; all are sorted by arrival",) if back else ()
    )
    blocks = None
    if with_blocks:
        ids = [requests[i][3] for i in order]
        blocks = PrefixBlocks(
            ids=np.fromiter(chain.from_iterable(ids), dtype=np.int64),
            starts=np.concatenate([[0], np.cumsum([len(i) for i in ids])]).astype(np.int64),
            tokens=tokens,
        )
    return Requests(
        arrival_s=arrival[order] - arrival.min(),
        isl=np.array([r[1] for r in requests], dtype=np.int64)[order],
        osl=np.array([r[2] for r in requests], dtype=np.int64)[order],
        blocks=blocks,
        remarks=remarks,
    )

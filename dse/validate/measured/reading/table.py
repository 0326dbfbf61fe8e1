"""A CSV of measurements as cells by our names of columns, within stated bounds."""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final

from dse.csv_rows import csv_rows
from dse.errors import spec_error
from dse.reading import MIB, TABLE_LIMIT, read_bytes, text_in
from dse.text import LONGEST
from dse.validate.measured.reading import spellings
from dse.validate.measured.reading.metric_names import named

MOST_ROWS: Final = 20_000
"""Rows of a table; the largest of ours has 900."""
MOST_COLUMNS: Final = 1_000
MOST_METRICS: Final = 100
"""Columns of values in a table with a column for each metric."""
MOST_LETTERS: Final = 4_000
"""Of a cell."""
_HEAD: Final = 2**16
"""Letters of a header that are searched for what separates its cells."""

SETTING: Final = ("chip", "llm", "weights", "isl", "osl")
REQUIRED: Final = (*SETTING, "metric", "value")


@dataclass(frozen=True, kw_only=True)
class RawLine:
    """One line of a table."""

    number: int
    cells: tuple[str, ...]
    """As they are written."""
    given: Mapping[str, str]
    """By our names of columns, what says nothing as the empty string; no entries in a blank line."""


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """A table as it is written."""

    path: Path
    header: tuple[str, ...]
    lines: tuple[RawLine, ...]
    """All of them, blank ones too."""
    values: tuple[int, ...]
    """Columns that each hold a metric; none in a table with a metric a line."""
    above: tuple[str, ...] = ()
    """Lines above the header: remarks, which begin with #, and blank ones."""
    unread: tuple[str, ...] = ()
    """Headings that say nothing to us, in a table with a column for each metric."""


def raw_table(path: Path) -> RawTable:
    """Read a table; raises `SpecError`."""
    text = _text(path)
    above = _above(text)
    # blank instead of dropped, so that lines keep their numbers; a remark may hold half of a quote
    below = text[sum(map(len, above)) :]
    rows = csv_rows(path, "\n" * len(above) + below, _delimiter(below))
    for _ in above:
        next(rows)
    at, header = next(rows, (len(above) + 1, []))
    names, values = _names(f"{path}:{at}", header)
    lines, count = [], 0
    for line, cells in rows:
        where = f"{path}:{line}"
        if any(len(text) > MOST_LETTERS for text in cells):
            raise spec_error(where, f"expected cells of at most {MOST_LETTERS:,} letters, got a longer one")
        # a line that ends early has blanks there, cells beyond the header are dropped
        given = {name: spellings.cell(name, text) for name, text in zip(names, cells, strict=False)}
        blank = not any(given.values())
        count += not blank
        if count > MOST_ROWS:
            raise spec_error(where, f"expected at most {MOST_ROWS:,} rows, got more")
        lines.append(RawLine(number=line, cells=tuple(cells), given={} if blank else given))
    return RawTable(
        path=path,
        header=tuple(header),
        lines=tuple(lines),
        values=values,
        above=tuple(map(_unquoted, above)),
        unread=_unread(header, names, values),
    )


def _above(text: str) -> list[str]:
    """Lines above the header, with their ends: those that begin with #, and blank lines behind such.

    A header may begin with # as well, as in "# Accelerators": it names two of our columns or more.
    """
    found: list[str] = []
    for line in StringIO(text, newline=""):
        remark = line.startswith(("#", '"#')) and not _is_header(line)
        if not remark and (line.strip() or not found):
            break
        found.append(line)
    return found


def _unquoted(line: str) -> str:
    """A line above the header without its end, and without the quotes that `dse` writes around it."""
    plain = line.strip()
    return plain[1:].removesuffix('"').replace('""', '"') if plain.startswith('"') else plain


def _is_header(line: str) -> bool:
    names = [spellings.column(name.strip(' "')) for name in line[:_HEAD].split(_delimiter(line))]
    return sum(map(spellings.is_ours, names)) > 1


def _unread(header: Sequence[str], names: Sequence[str], values: Sequence[int]) -> tuple[str, ...]:
    """Headings of a table with a column for each metric that are neither metrics nor columns of ours."""
    if not values:
        return ()
    return tuple(
        heading.strip()
        for i, (heading, name) in enumerate(zip(header, names, strict=True))
        if heading.strip() and i not in values and not spellings.is_ours(name)
    )


def _names(where: str, header: Sequence[str]) -> tuple[list[str], tuple[int, ...]]:
    """Our names of the columns of a header, and the places of those that each hold a metric.

    Raises `SpecError` where some are missing, or far too many.
    """
    if len(header) > MOST_COLUMNS:
        raise spec_error(where, f"expected at most {MOST_COLUMNS:,} columns, got {len(header):,}")
    names = spellings.columns(name[:LONGEST] for name in header)
    values = () if "metric" in names or "value" in names else _values(header, names)
    # a column of units such as Tokens/s, as MLPerf has it, names the metric
    by_unit = "metric" not in names and "value" in names and "unit" in names
    if len(values) > MOST_METRICS:
        what = f"expected at most {MOST_METRICS} columns of metrics, got {len(values):,}"
        raise spec_error(where, what)
    needed = SETTING if values else [n for n in REQUIRED if n != "metric" or not by_unit]
    if missing := [n for n in needed if n not in names]:
        what = f"expected the columns {', '.join(needed)}, missing {', '.join(missing)}"
        raise spec_error(where, what)
    return names, values


def _values(header: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Places of columns that hold a metric each: known ones, and times without a unit, which are refused."""
    found = [(i, named(heading[:LONGEST])) for i, heading in enumerate(header)]
    return tuple(i for i, n in found if (n.known or n.without_unit) and not spellings.is_ours(names[i]))


def _text(path: Path) -> str:
    # a named pipe too, such as <(...) of a shell
    data = read_bytes(path, TABLE_LIMIT, pipes=True)
    return text_in(_unpacked(data, path) if path.suffix == ".gz" else data, path)


def _unpacked(data: bytes, path: Path) -> bytes:
    """What gzip packed; raises `SpecError` for what it did not, and for more than a table may hold."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as packed:
            found = packed.read(TABLE_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise spec_error(str(path), f"expected a CSV, cannot read it: {error}") from None
    if len(found) > TABLE_LIMIT:
        what = f"cannot be read: expected at most {TABLE_LIMIT // MIB} MiB unpacked, got more"
        raise spec_error(str(path), what)
    return found


def _delimiter(text: str) -> str:
    """Comma, unless the header has more semicolons or tabs."""
    head = text[:_HEAD].partition("\n")[0]
    # of equal counts the first, which is the comma
    return max(",;\t", key=head.count)

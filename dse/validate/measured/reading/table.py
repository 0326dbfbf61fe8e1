"""A CSV of measurements as cells by our names of columns, within stated bounds."""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from dse.errors import spec_error
from dse.reading import MIB, TABLE_LIMIT, read_bytes, text_in
from dse.text import LONGEST
from dse.validate.csv_rows import csv_rows
from dse.validate.measured.reading import spellings

MOST_ROWS: Final = 20_000
"""Rows of a table; the largest of ours has 900."""
MOST_COLUMNS: Final = 1_000
MOST_LETTERS: Final = 4_000
"""Of a cell."""
_HEAD: Final = 2**16
"""Letters of a header that are searched for what separates its cells."""

REQUIRED: Final = ("chip", "llm", "weights", "isl", "osl", "metric", "value")


def rows_in(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The number of each line that is not blank, and its cells; raises `SpecError`."""
    text = _text(path)
    rows, count = csv_rows(path, text, _delimiter(text)), 0
    names = _names(path, next(rows, (1, []))[1])
    for line, cells in rows:
        where = f"{path}:{line}"
        if any(len(text) > MOST_LETTERS for text in cells):
            raise spec_error(where, f"expected cells of at most {MOST_LETTERS:,} letters, got a longer one")
        # a line that ends early has blanks there, cells beyond the header are dropped
        given = {name: spellings.cell(name, text) for name, text in zip(names, cells, strict=False)}
        if not any(given.values()):
            continue
        count += 1
        if count > MOST_ROWS:
            raise spec_error(where, f"expected at most {MOST_ROWS:,} rows, got more")
        yield line, given


def _names(path: Path, header: Sequence[str]) -> list[str]:
    """Our names of the columns of a header; raises `SpecError` where some are missing, or far too many."""
    if len(header) > MOST_COLUMNS:
        raise spec_error(f"{path}:1", f"expected at most {MOST_COLUMNS:,} columns, got {len(header):,}")
    names = spellings.columns(name[:LONGEST] for name in header)
    missing = [n for n in REQUIRED if n not in names]
    if missing:
        what = f"expected the columns {', '.join(REQUIRED)}, missing {', '.join(missing)}"
        raise spec_error(f"{path}:1", what)
    return names


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

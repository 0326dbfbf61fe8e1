"""Tables as text and bytes: every float survives the way to disk and back, byte for byte."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from itertools import islice, zip_longest
from math import isfinite
from typing import Any, Literal, TypeAlias

import pandas as pd

from dse.errors import spec_error, unknown
from dse.front.columns import Kind, canonical, is_cp, kind_of
from dse.question.chip_names import branch_of, chip_name
from dse.text import cell, from_cell, visible, visible_json

Format = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")

_BLOCK = 20_000
"""Rows of a CSV text that are read at once."""
_EXACT = 2**53
_GAP = float("nan")
_ODD = re.compile(r"[^0-9eE+.,-]")
"""What is in no number that we write; a float may be `inf`, which takes the slower way."""

Table: TypeAlias = pd.DataFrame
"""A table of designs, for packages that do not import pandas."""

Column: TypeAlias = pd.Series

Index: TypeAlias = pd.Index

Row: TypeAlias = Mapping[str, Any]
"""One row of a table by column; a cell is a number, a text, or missing, which depends on its column."""


def to_csv(frame: pd.DataFrame) -> str:
    """`frame` in its fixed order of columns; floats with the fewest digits that read back the same.

    No cell is a formula to a spreadsheet, see `dse.text.cell`.
    """
    return _harmless(canonical(frame)).to_csv(index=False, lineterminator="\n")


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in frame.columns if kind_of(frame[name]) == "text"]
    return frame.assign(**{str(name): frame[name].map(_cell) for name in texts})


def _cell(value: object) -> object:
    return cell(value) if isinstance(value, str) else value


def kinds(frame: pd.DataFrame) -> dict[str, Kind]:
    """Column to what it holds, in the order of `to_csv`."""
    table = canonical(frame)
    return {str(name): kind_of(table[name]) for name in table.columns}


class BadCell(ValueError):
    """A cell, or a row, that is not what its table says; `row` counts from 0, -1 is that of the names."""

    def __init__(self, row: int | None, what: str) -> None:
        self.row = row
        super().__init__(what)


def from_csv(text: str, columns: Mapping[str, Kind]) -> pd.DataFrame:
    """The table that `to_csv` wrote, with the `kinds` it had; raises `BadCell` when they do not fit."""
    # not by pandas: how exactly it reads floats depends on its version, and a chip may be called "NA"
    lines, row, names = csv.reader(StringIO(text), strict=True), 0, list(columns)
    parts: dict[str, list[pd.Series]] = {name: [] for name in names}
    try:
        found = next(lines, [])
        if found != names:
            raise BadCell(-1, _other_names(names, found))
        # block by block, since cells as text take ten times the memory of numbers
        while block := list(islice(lines, _BLOCK)):
            for i, cells in enumerate(block):
                if len(cells) != len(names):
                    raise BadCell(row + i, f"expected {len(names)} cells, got {len(cells)}")
            for name, column in zip(names, zip(*block, strict=True), strict=True):
                parts[name].append(_read(name, column, columns[name], row))
            row += len(block)
    except csv.Error as error:
        raise BadCell(None, f"expected a table in CSV, got: {error} near line {lines.line_num}") from None
    return pd.DataFrame({n: _joined(parts[n], columns[n]) for n in names})


def line_of(text: str, row: int) -> int:
    """The line on which a row of a CSV text begins, counted from 1; the names are before row 0."""
    lines = csv.reader(StringIO(text), strict=True)
    # a cell may hold line breaks
    for _ in islice(lines, row + 1):
        pass
    return lines.line_num + 1


def _other_names(expected: list[str], found: list[str]) -> str:
    """The first column that differs; a table may have hundreds."""
    pairs = zip_longest(expected, found, fillvalue="no more")
    at, (wanted, got) = next((i, pair) for i, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
    return f"column {at}: expected {wanted[:200]!r} as manifest.json says, got {got[:200]!r}"


def _joined(parts: list[pd.Series], kind: Kind) -> pd.Series:
    if not parts:
        return _read("", (), kind, 0)
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _read(name: str, cells: Sequence[str], kind: Kind, first: int) -> pd.Series:
    """Cells of a column, of which the first is in row `first`."""
    if kind == "text":
        column = pd.Series(list(cells), dtype="str")
        return column.where(column != "").map(from_cell, na_action="ignore")
    read = _READERS[kind]
    try:
        if kind == "float" and not _ODD.search(",".join(cells)):
            # nearly all columns: three times as fast as cell by cell
            return pd.Series([float(v) if v else _GAP for v in cells], dtype=_DTYPES[kind])
        return pd.Series([read(v) for v in cells], dtype=_DTYPES[kind])
    except (ValueError, OverflowError):
        at = next(i for i, v in enumerate(cells) if not _readable(read, v))
        what = f"column {name}: expected {_WORDS[kind]}, got {cells[at][:80]!r}"
        raise BadCell(first + at, what) from None


def _readable(read: Callable[[str], object], cell: str) -> bool:
    try:
        read(cell)
    except ValueError:
        return False
    return True


def _float(cell: str) -> float:
    return float(_plain(cell)) if cell else float("nan")


def _int(cell: str) -> int:
    number = int(_plain(cell))
    if abs(number) > _EXACT:
        raise ValueError("too large")
    return number


def _plain(cell: str) -> str:
    # Python also reads digits of other scripts, 1_000, and numbers with spaces around them
    if not cell.isascii() or "_" in cell or cell != cell.strip():
        raise ValueError("no number of ours")
    return cell


def _bool(cell: str) -> bool:
    if cell not in ("True", "False"):
        raise ValueError("neither")
    return cell == "True"


_READERS: dict[Kind, Callable[[str], object]] = {"float": _float, "int": _int, "bool": _bool}
_DTYPES: dict[Kind, str] = {"float": "float64", "int": "int64", "bool": "bool"}
_WORDS: dict[Kind, str] = {
    "float": "a number",
    "int": "a whole number of at most 2^53",
    "bool": "True or False",
}


def to_format(frame: pd.DataFrame, form: str) -> bytes:
    """`frame` for programs, in its own order of columns.

    `csv` and `json` (a list of objects, gaps as null) are UTF-8 text that ends in a newline. Raises
    `SpecError` when `form` is none of `csv`, `json`, `parquet`.
    """
    if form == "csv":
        return visible(_harmless(frame).to_csv(index=False, lineterminator="\n")).encode()
    if form == "json":
        text = json.dumps(plain_rows(frame), indent=1, ensure_ascii=False, allow_nan=False)
        return (visible_json(text) + "\n").encode()
    if form == "parquet":
        buffer = BytesIO()
        frame.to_parquet(buffer, engine="pyarrow", index=False)
        return buffer.getvalue()
    raise spec_error("--format", unknown("format", form, FORMATS))


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain data; gaps are None."""
    return [{str(k): _json(v) for k, v in row.items()} for row in frame.astype(object).to_dict("records")]


def _json(value: Any) -> Any:
    if pd.isna(value):
        return None
    # JSON has no word for infinity
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not isfinite(plain) else plain


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain data, gaps as they are."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def one_row(values: Mapping[str, Any]) -> Table:
    """A table of one design."""
    return Table([dict(values)])


def stack(tables: Iterable[Table]) -> Table:
    """Tables of the same columns one below the other, rows numbered again; the first when all are empty."""
    given = list(tables)
    # an empty table has columns of no kind, which would change those of the others
    full = [table for table in given if len(table)]
    if full:
        whole = pd.concat(full, ignore_index=True)
        # a table in which all CP is 1 may be without it
        gaps = {str(c): whole[c].fillna(1).astype("int64") for c in whole.columns if is_cp(str(c))}
        return whole.assign(**gaps) if gaps else whole
    return given[0] if given else Table()


def size_in(row: Row, column: str) -> int:
    """A size of the deployment of a row; CP is 1 in a table without it, see `columns.canonical`."""
    return 1 if column.endswith("cp") and column not in row else int(row[column])


_DESIGN = ("chip", "role", "batch", "tp", "cp", "pp", "ep", "dp")


def distinct(table: Table) -> Table:
    """The first row of each design: a chip in one deployment, which several targets may have found.

    Columns of a pool, such as `decode.tp`, count as those of a chip do.
    """
    named = [name for name in table.columns if name.rpartition(".")[2] in _DESIGN]
    return table.drop_duplicates(named, ignore_index=True) if named else table


def renumbered(table: Table, numbers: Mapping[int, int]) -> Table:
    """Rows of `table` whose trial has a number in `numbers`, with that number, also in the chips' names."""
    kept = table[table["trial"].isin(list(numbers))]
    found = kept["trial"].map(numbers).astype("int64")
    names = [
        # baselines have names of the catalog, which hold no number of a trial
        chip_name(branch_of(chip), number) if role == "search" else chip
        for chip, number, role in zip(kept["chip"], found, kept["role"], strict=True)
    ]
    return kept.assign(trial=found, chip=names)

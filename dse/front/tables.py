"""Tables as text and bytes: every float survives the way to disk and back, byte for byte."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO, StringIO
from math import isfinite
from typing import Any, Literal, TypeAlias

import pandas as pd

from dse.errors import spec_error, unknown
from dse.front.columns import Kind, canonical, kind_of
from dse.question.chip_names import branch_of, chip_name
from dse.text import cell, from_cell, visible, visible_json

Format = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")


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


def from_csv(text: str, columns: Mapping[str, Kind]) -> pd.DataFrame:
    """The table that `to_csv` wrote, with the `kinds` it had; raises `ValueError` when they do not fit."""
    # as text first: how exactly pandas reads floats depends on its version, and a chip may be called "NA"
    raw = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    if list(raw.columns) != list(columns):
        raise ValueError(f"expected the columns {', '.join(columns)}, got {', '.join(map(str, raw.columns))}")
    return pd.DataFrame({name: _read(raw[name], kind) for name, kind in columns.items()})


def _read(column: pd.Series, kind: Kind) -> pd.Series:
    if kind == "float":
        return pd.Series([float(v) if v else float("nan") for v in column], dtype="float64")
    if kind == "int":
        return pd.Series([int(v) for v in column], dtype="int64")
    return (
        column == "True" if kind == "bool" else column.where(column != "").map(from_cell, na_action="ignore")
    )


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
        return pd.concat(full, ignore_index=True)
    return given[0] if given else Table()


_DESIGN = ("chip", "role", "batch", "tp", "pp", "ep", "dp")


def distinct(table: Table) -> Table:
    """The first row of each design: a chip in one deployment, which several targets may have found."""
    named = [name for name in _DESIGN if name in table.columns]
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

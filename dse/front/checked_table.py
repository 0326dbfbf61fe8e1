"""A stored table, checked cell by cell before anything computes with it."""

from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from dse.errors import ResultsError
from dse.front.axis import Axis
from dse.front.columns import Kind, number_in
from dse.front.tables import BadCell, from_csv, line_of
from dse.spec.stored.manifest import StoredTable

_LONGEST = 1_000
"""Letters of a text in a cell."""
_MOST = 1e9
"""Sequences, chips and stages of a deployment."""
_TEXTS = ("chip", "branch", "role")
_NUMBERS: tuple[Kind, ...] = ("int", "float")
_WANTED: dict[str, tuple[Kind, ...]] = {"trial": ("int",), **dict.fromkeys(_TEXTS, ("text",))}
_SIZES = ("batch", "tp", "cp", "pp", "ep", "dp")
_NAMED = ("chip", "role")
"""What every design has."""
_ROLES = ("search", "baseline")


def checked_table(text: str, entry: StoredTable, axes: Iterable[Axis], where: str) -> pd.DataFrame:
    """The table in `text` as its `entry` in the manifest describes it.

    Raises `ResultsError` with the line of the first cell that is not what its column holds.
    """
    kinds: Mapping[str, Kind] = entry.columns
    goals = {axis.column for axis in axes}
    try:
        frame = from_csv(text, kinds)
        if len(frame) != entry.rows:
            raise BadCell(None, f"expected {entry.rows:,} rows as manifest.json says, got {len(frame):,}")
        _check_kinds(frame, kinds, goals, where)
        for name in frame.columns:
            _check_column(frame[name], str(name), goals)
    except BadCell as bad:
        line = "" if bad.row is None else f":{line_of(text, bad.row)}"
        before = f" The {bad.row:,} rows before it are whole." if (bad.row or 0) > 0 else ""
        raise ResultsError(f"{where}{line}: {bad}.{before}") from None
    return frame


def _check_kinds(frame: pd.DataFrame, kinds: Mapping[str, Kind], goals: set[str], where: str) -> None:
    """Raise where a column that parts of the program know by its name holds something else."""
    missing = sorted(goals - set(kinds))
    if missing:
        raise ResultsError(f"{where}: expected the columns of the objectives, missing {', '.join(missing)}.")
    unnamed = [name for name in _NAMED if name not in kinds]
    if len(frame) and unnamed:
        raise ResultsError(f"{where}: expected the columns of every design, missing {', '.join(unnamed)}.")
    for name, kind in kinds.items():
        # a column without a value is of no kind, and is stored as text
        if not frame[name].notna().any():
            continue
        wanted = _WANTED.get(name) or (
            _NUMBERS if name in goals or number_in(name) else tuple(get_args(Kind))
        )
        if kind not in wanted:
            raise ResultsError(
                f"{where}: column {name}: expected {' or '.join(wanted)}, manifest.json says {kind}."
            )


def _check_column(column: pd.Series, name: str, goals: set[str]) -> None:
    """Raise `BadCell` for the first cell that is out of range."""
    if column.dtype == object or not pd.api.types.is_numeric_dtype(column.dtype):
        long = column.map(lambda v: isinstance(v, str) and len(v) > _LONGEST)
        _refuse(long, name, f"expected at most {_LONGEST:,} letters")
        if name in _TEXTS:
            _refuse(column.isna(), name, "expected text")
        if name == "role":
            _refuse(~column.isin(_ROLES), name, "expected search or baseline")
        return
    if name in goals:
        _refuse(column.isna(), name, "expected a number")
    _refuse(np.isinf(column.astype(float)), name, "expected a finite number")
    if name in _SIZES:
        _refuse((column < 1) | (column > _MOST), name, f"expected a number from 1 to {_MOST:.0e}")


def _refuse(bad: npt.ArrayLike, name: str, what: str) -> None:
    found = np.flatnonzero(np.asarray(bad))
    if len(found):
        raise BadCell(int(found[0]), f"column {name}: {what}, got another")

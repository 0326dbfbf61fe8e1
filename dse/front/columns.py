"""Columns of a table of designs: their fixed order, their kinds, and the unit that each name carries."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

Kind = Literal["int", "float", "bool", "text"]

_FIRST = ("trial", "chip", "branch", "role")
_THEN = (
    "batch",
    "tp",
    "pp",
    "ep",
    "dp",
    "chips",
    "capex_usd",
    "tpot_s",
    "ttft_s",
    "tokens_per_s",
    "usd_per_token_per_s",
    "usd_per_million_tokens",
    "price_usd",
)

_UNITS = (  # the longest ending that fits decides
    ("usd_per_million_tokens", "USD/Mtoken"),
    ("usd_per_token_per_s", "USD/(token/s)"),
    ("tokens_per_s", "token/s"),
    ("bandwidth_per_byte", "1/s"),
    ("bandwidth", "B/s"),
    ("bytes", "B"),
    ("flops", "FLOP/s"),
    ("param_sram", "B"),
    ("latency", "s"),
    ("_usd", "USD"),
    ("_m2", "m2"),
    ("_w", "W"),
    ("_s", "s"),
)
_TYPES: dict[Kind, type[np.generic]] = {"int": np.int64, "float": np.float64, "bool": np.bool_}


def whole_numbers(column: Any) -> Any:
    """A column as integers where all of it is whole, such as chips; a fleet of pools has fractions of one."""
    return column.astype(np.int64) if (column == np.round(column)).all() else column


def ordered(names: Iterable[str]) -> list[str]:
    """Who and where, parameters, deployment and metrics, everything else, violations.

    The order depends on the set of names only, so that a table is the same whichever row came first.
    """
    given = set(names)

    def key(name: str) -> tuple[int, int, str]:
        if name in _FIRST:
            return 0, _FIRST.index(name), name
        if name in _THEN:
            return 2, _THEN.index(name), name
        group = 1 if name.startswith("param_") else 4 if name.startswith("violation_") else 3
        return group, 0, name

    return sorted(given, key=key)


def unit_of(column: str) -> str:
    """SI unit that the name of a column tells; the empty string for a plain number."""
    return next((unit for ending, unit in _UNITS if column.endswith(ending)), "")


def kind_of(column: pd.Series) -> Kind:
    """What a column holds; whole numbers with gaps are floats, anything that is no number is text."""
    if types.is_bool_dtype(column.dtype) and not column.isna().any():
        return "bool"
    if types.is_integer_dtype(column.dtype) and not column.isna().any():
        return "int"
    return "float" if types.is_numeric_dtype(column.dtype) else "text"


def canonical(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` in the fixed order of columns, each of one of the four kinds, rows numbered from 0."""
    out: dict[str, pd.Series] = {}
    for name in ordered(frame.columns):
        column, kind = frame[name], kind_of(frame[name])
        if kind == "text":
            out[name] = column.map(str, na_action="ignore")
        else:
            out[name] = pd.Series(column.to_numpy(dtype=_TYPES[kind], na_value=np.nan), index=frame.index)
    return pd.DataFrame(out, index=frame.index).reset_index(drop=True)

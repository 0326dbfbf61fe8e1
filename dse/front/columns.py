"""Columns of a table of designs: their fixed order, their kinds, and the unit that each name carries."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

from dse.plugins import metric_of, metrics

Kind = Literal["int", "float", "bool", "text"]

_FIRST = ("trial", "chip", "branch", "role")
_LAYOUT = ("batch", "tp", "cp", "pp", "ep", "dp")

_UNSPLIT = "violation_context_parallel"

_ENDINGS = (  # of columns that hold no metric; the first that fits decides
    ("bandwidth_per_byte", "1/s"),
    ("bandwidth", "B/s"),
    ("bytes", "B"),
    ("flops", "FLOP/s"),
    ("param_sram", "B"),
    ("param_link_speed", "B/s"),
    ("param_price", "USD"),
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


def _leading() -> tuple[str, ...]:
    """Deployment, the metrics that come first, the price of a chip."""
    ranked = sorted((m.rank, m.column) for m in metrics() if m.rank is not None)
    return (*_LAYOUT, *(column for _, column in ranked), "price_usd")


def ordered(names: Iterable[str]) -> list[str]:
    """Who and where, parameters, deployment and metrics, everything else, violations.

    The order depends on the set of names only, so that a table is the same whichever row came first.
    """
    given, leading = set(names), _leading()

    def key(name: str) -> tuple[int, int, str]:
        if name in _FIRST:
            return 0, _FIRST.index(name), name
        if name in leading:
            return 2, leading.index(name), name
        # places 0 and 2 are of the named columns above
        group = 1 if name.startswith("param_") else 4 if name.startswith("violation_") else 3
        return group, 0, name

    return sorted(given, key=key)


def unit_of(column: str) -> str:
    """SI unit that the ending of a column implies, a metric's before others; empty for a plain number."""
    return next((unit for ending, unit in _endings() if column.endswith(ending)), "")


def number_in(column: str) -> bool:
    """Whether a column of this name holds numbers, in all results that this program writes."""
    known = column in _LAYOUT or column.startswith(("param_", "violation_")) or metric_of(column) is not None
    return known or bool(unit_of(column))


@cache
def _endings() -> tuple[tuple[str, str], ...]:
    """Endings and their units, metrics first: `usd_per_token_per_s` ends in `_s` too."""
    # the longest name first, since one metric's column may end in another's
    longest = sorted(metrics(), key=lambda metric: -len(metric.column))
    return (*((metric.column, metric.unit) for metric in longest), *_ENDINGS)


def kind_of(column: pd.Series) -> Kind:
    """What a column holds; whole numbers with gaps are floats, anything that is no number is text."""
    # first, since pandas counts truth values as numbers
    if types.is_bool_dtype(column.dtype) and not column.isna().any():
        return "bool"
    if types.is_integer_dtype(column.dtype) and not column.isna().any():
        return "int"
    return "float" if types.is_numeric_dtype(column.dtype) else "text"


def is_cp(name: str) -> bool:
    """Whether a column is the CP of a deployment, or of that of a part of a mix."""
    return name == "cp" or name.endswith(".cp")


def canonical(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` in the fixed order of columns, each of one of the four kinds, rows numbered from 0.

    Without CP where all of it is 1, as in the tables of versions that did not know it.
    """
    out: dict[str, pd.Series] = {}
    for name in ordered(frame.columns):
        if (is_cp(name) and (frame[name] == 1).all()) or (name == _UNSPLIT and (frame[name] <= 0.0).all()):
            continue
        column, kind = frame[name], kind_of(frame[name])
        if kind == "text":
            # `str` would make the text "nan" of a gap
            out[name] = column.map(str, na_action="ignore")
        else:
            # nullable and narrow types become plain ones, so that equal tables have equal bytes
            out[name] = pd.Series(column.to_numpy(dtype=_TYPES[kind], na_value=np.nan), index=frame.index)
    return pd.DataFrame(out, index=frame.index).reset_index(drop=True)

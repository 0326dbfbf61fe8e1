"""Questions to a stored front: which rows meet some conditions, which is best at each target."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from dse.errors import Problem, SpecError, UnitError, nearest, spec_error
from dse.front.axis import Axis
from dse.front.columns import kind_of, unit_of
from dse.front.dominance import Mask
from dse.front.tables import to_format
from dse.spec.yaml.units import parse

__all__ = ["best_at_targets", "checked", "to_format", "unmet", "where"]

_SPLIT = re.compile(r"\s*,\s*|\s+and\s+", re.IGNORECASE)
_CONDITION = re.compile(r"\s*([\w.-]+)\s*([<>=!~]+)\s*(.+?)\s*")
_OPERATORS = ("<=", ">=", "<", ">", "=", "==", "!=")
_MEANT = {
    "=<": "<=",
    "=>": ">=",
    "<>": "!=",
    "=!": "!=",
    "!": "!=",
    "===": "=",
    "<<": "<",
    ">>": ">",
}
_EXAMPLE = "a condition such as 'tpot<=10 ms' or 'batch>=32 and tp=8'"
SAME = 1e-9
"""A number typed by a person matches a float that is this close, relatively."""


@dataclass(frozen=True)
class Condition:
    """One condition as it was written: `NAME OPERATOR VALUE`."""

    name: str
    operator: str
    value: str

    @property
    def text(self) -> str:
        """The condition again."""
        return f"{self.name}{self.operator}{self.value}"

    def bounds(self, direction: str) -> bool:
        """Whether it bounds what is made small, or large, from its bad side."""
        return self.operator in (("<", "<=") if direction == "minimize" else (">", ">="))

    def number(self, unit: str) -> float:
        """Its value in SI; raises `SpecError` for another unit than that of the column."""
        try:
            return parse(self.value, unit)
        except UnitError as error:
            raise spec_error("--where", f"{self.text!r}: {error}.") from None


def conditions(text: str) -> list[Condition]:
    """Every condition in `text`; raises `SpecError` for one that is none."""
    return [Condition(*_condition(part)) for part in _SPLIT.split(text.strip())]


@dataclass(frozen=True)
class _Name:
    column: str
    unit: str


def where(
    frame: pd.DataFrame, text: str, axes: Sequence[Axis], units: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Rows of `frame` that meet every condition in `text`, joined by `and` or commas.

    A condition is `NAME OPERATOR VALUE` with one of <= >= < > = !=. A name is that of an axis or of a
    column, the latter with or without `param_`. A number carries the unit of its axis or of the ending of
    its column; `units` gives it for columns whose name does not. Raises `SpecError` with all problems.
    """
    names = _names(frame, axes, units or {})
    keep = np.ones(len(frame), dtype=np.bool_)
    problems: list[Problem] = []
    for part in _SPLIT.split(text.strip()):
        try:
            # after a mistake too, so that one error names all of them
            keep &= _mask(frame, part, names)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return frame[keep].reset_index(drop=True)


def checked(text: str) -> None:
    """Raise `SpecError` with every condition in `text` that is none, whatever the columns are."""
    problems: list[Problem] = []
    for part in _SPLIT.split(text.strip()):
        try:
            _condition(part)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)


def unmet(frames: Sequence[pd.DataFrame], text: str, axes: Sequence[Axis]) -> list[str]:
    """A sentence for each value of a condition that no row of any frame has: it may be misspelt."""
    sentences = []
    for part in _SPLIT.split(text.strip()):
        found = _CONDITION.fullmatch(part)
        if not found:
            continue
        columns = [f[n.column] for f in frames if (n := _names(f, axes, {}).get(found.group(1))) is not None]
        texts = [column for column in columns if kind_of(column) == "text"]
        had = sorted({str(value) for column in texts for value in column.dropna()})
        value = found.group(3).strip("'\"")
        # a column of numbers has no texts, and is no place for a spelling mistake
        if had and value not in had:
            sentences.append(f"no design has {found.group(1)} {value!r}; {nearest(value, had)}")
    return sentences


def _names(frame: pd.DataFrame, axes: Sequence[Axis], units: Mapping[str, str]) -> dict[str, _Name]:
    """Column and unit by every name that a condition may use; the name of an axis wins."""
    columns = [str(c) for c in frame.columns]
    # merged below by rising precedence: of equal names the last dictionary wins
    full = {c: _Name(c, units.get(c, unit_of(c))) for c in columns}
    short = {c.removeprefix("param_"): name for c, name in full.items()}
    of_axes = [(axis, _Name(axis.column, axis.unit)) for axis in axes if axis.column in full]
    return {
        **short,
        **full,
        **{axis.column: name for axis, name in of_axes},
        **{a.name: name for a, name in of_axes},
    }


def _condition(part: str) -> tuple[str, str, str]:
    """Name, operator and value of one condition; raises `SpecError`."""
    found = _CONDITION.fullmatch(part)
    if not found:
        raise spec_error("--where", f"expected {_EXAMPLE}, got {part!r}.")
    name, operator, value = found.groups()
    if operator not in _OPERATORS:
        hint = f" Did you mean {_MEANT[operator]!r}?" if operator in _MEANT else ""
        # `==` is understood, and not recommended
        known = ", ".join(o for o in _OPERATORS if o != "==")
        raise spec_error("--where", f"expected one of {known}, got {operator!r} in {part!r}.{hint}")
    return name, operator, value


def _mask(frame: pd.DataFrame, part: str, names: Mapping[str, _Name]) -> Mask:
    """Rows that meet one condition."""
    name, operator, value = _condition(part)
    if name not in names:
        raise spec_error("--where", f"unknown name {name!r} in {part!r}; {nearest(name, names)}")
    column = frame[names[name].column]
    # texts have neither order nor unit
    if kind_of(column) == "text":
        return _text(column, operator, value, part)
    try:
        number = _number(value, names[name].unit)
    except UnitError as error:
        raise spec_error("--where", f"{part!r}: {error}.") from None
    return _compare(column.to_numpy(dtype=np.float64), operator, number)


def _number(value: str, unit: str) -> float:
    if value.lower() in ("true", "false"):
        return float(value.lower() == "true")
    return parse(value, unit)


def _text(column: pd.Series, operator: str, value: str, part: str) -> Mask:
    if operator not in ("=", "==", "!="):
        raise spec_error(
            "--where", f"expected = or != for the text {column.name!r}, got {operator!r} in {part!r}."
        )
    # a gap is another text than any
    same = (column == value.strip("'\"")).fillna(False).to_numpy(dtype=np.bool_)
    return same if operator != "!=" else ~same


def _compare(values: npt.NDArray[np.float64], operator: str, number: float) -> Mask:
    """Gaps meet no condition."""
    known = ~np.isnan(values)
    # 10 ms typed is not the very float of 0.01 s computed, and <= must include it
    same = np.isclose(values, number, rtol=SAME, atol=0.0)
    masks: dict[str, Callable[[], Mask]] = {
        "<=": lambda: (values < number) | same,
        ">=": lambda: (values > number) | same,
        "<": lambda: (values < number) & ~same,
        ">": lambda: (values > number) & ~same,
        "=": lambda: same,
        "==": lambda: same,
        "!=": lambda: ~same,
    }
    return masks[operator]() & known


def best_at_targets(
    frame: pd.DataFrame, axis: Axis, targets: Sequence[float], objective: Axis, tolerance: float = 0.0
) -> pd.DataFrame:
    """For each target the row with the best `objective` among those that meet it on `axis`.

    One row per target [unit of `axis`], loosest last, led by the column `target_<column of axis>` and by
    `found`, which is false where no row meets the target: its other texts are "none", its numbers gaps.
    Of equally good rows the one that is better on `axis` is taken; of those of the same chip within the share
    `tolerance` of the best the one with the fewest chips.
    """
    sign, goal = (-1.0 if axis.maximised else 1.0), (-1.0 if objective.maximised else 1.0)
    on_axis = sign * frame[axis.column].to_numpy(dtype=np.float64)
    value = goal * frame[objective.column].to_numpy(dtype=np.float64)
    # the best first, of equal ones the better on the axis: the first that meets a target is its answer
    order = np.lexsort((on_axis, value))
    order = order[np.isfinite(on_axis[order]) & np.isfinite(value[order])]
    # of what is made large the smallest target is the loosest
    wanted = sorted({float(t) for t in targets}, reverse=axis.maximised)
    meets = [order[on_axis[order] <= sign * t] for t in wanted]
    # -1 has no row, see `_picked`
    picks = [_smallest(frame, value, rows, tolerance) if len(rows) else -1 for rows in meets]
    table = pd.DataFrame({f"target_{axis.column}": wanted, "found": [i >= 0 for i in picks]})
    return table.join(_picked(frame, picks))


def _smallest(
    frame: pd.DataFrame, value: npt.NDArray[np.float64], rows: npt.NDArray[np.intp], tolerance: float
) -> int:
    """Of `rows`, the best first, the smallest system of the same chip within the tolerance of the best."""
    first = int(rows[0])
    if not tolerance or not {"chip", "chips"} <= set(frame.columns):
        return first
    chip, chips = frame["chip"].to_numpy(), frame["chips"].to_numpy(dtype=np.float64)
    # a goal that is made large is negative here, hence the absolute value
    near = rows[value[rows] <= value[first] + tolerance * abs(value[first])]
    # the tolerance is for layouts: another chip is another answer, whatever its size
    near = near[chip[near] == chip[first]]
    # argmin takes the first of equals, and the best come first
    return int(near[np.argmin(chips[near])])


def _picked(frame: pd.DataFrame, picks: Sequence[int]) -> pd.DataFrame:
    """Rows `picks` of `frame`; -1 is a row of gaps, so whole numbers become `Int64`, which has them."""
    # a label beyond the table makes a row of gaps
    rows = frame.reset_index(drop=True).reindex([i if i >= 0 else len(frame) for i in picks])
    for name in rows.columns:
        kind = kind_of(frame[name])
        if kind == "int":
            rows[name] = rows[name].astype("Int64")
        elif kind == "text":
            rows.loc[[i < 0 for i in picks], name] = "none"
    return rows.reset_index(drop=True)

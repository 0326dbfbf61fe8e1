"""What parallel coordinates show: one upright axis per quantity, one line per design."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dse.arrays import Floats
from dse.front.files import Front
from dse.front.tables import Table
from dse.report.drawing.scales import tick_label
from dse.report.drawing.style import Style, styles
from dse.report.words.quantities import Quantity, designs, quantity
from objectives.systems.split import ROLES

MOST = 400
"""Lines; of more designs as many are shown, evenly spread along the first axis of the front."""
_LAST = ("batch", "tp", "cp", "pp", "chips", "price_usd", "capex_usd")


@dataclass(frozen=True, eq=False)
class Upright:
    """One axis: where values lie between 0 (bottom) and 1 (top)."""

    quantity: Quantity
    log: bool
    limits: tuple[float, float]
    """In the unit shown."""
    ticks: tuple[tuple[float, str], ...]
    """Position and text."""
    names: Mapping[float, str] = field(default_factory=dict)
    """Name of each value, where values are names, such as nodes."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Lines of one kind of chip."""

    style: Style
    rows: tuple[int, ...]
    """Number of each design's row on the front (n,)."""
    names: tuple[str, ...]
    """Chip of each design (n,)."""
    at: Floats
    """Position of each design on each axis (n, axes); NaN where it has no such part."""
    shown: Floats
    """The same in the units shown."""


@dataclass(frozen=True, eq=False)
class ParallelInfo:
    """All numbers and words of the picture."""

    title: str
    subtitle: str
    axes: tuple[Upright, ...]
    bundles: tuple[Bundle, ...]


def parallel_info(front: Front, looks: Mapping[str, Style] | None = None) -> ParallelInfo:
    """What to draw of a front: what was searched, how it is deployed, what it costs, what it reaches.

    `looks` says how designs of each branch look, where they are no kinds of chips.
    """
    table, total = _few(front.frame), len(front.frame)
    columns = _columns(front)
    uprights = tuple(_upright(quantity(c), _numbers(table, c), _names(table, c)) for c in columns)
    kinds = [str(b) for b in table["branch"].fillna("")] if "branch" in table.columns else [""] * len(table)
    bundles = []
    for name, style in (looks or styles(set(kinds))).items():
        mine = table[[kind == name for kind in kinds]]
        # an empty list cannot be stacked, and a front may have no column that varies
        shown = np.column_stack(
            [_numbers(mine, u.quantity.column) * u.quantity.factor for u in uprights] or [np.empty(0)]
        )
        at = np.column_stack([_at(u, shown[:, i]) for i, u in enumerate(uprights)] or [np.empty(0)])
        rows = tuple(int(i) for i in mine.index)
        names = tuple(str(chip) for chip in mine["chip"]) if "chip" in mine.columns else ("",) * len(mine)
        bundles.append(Bundle(style, rows, names, at, shown))
    few = f", {len(table):,} of them drawn" if len(table) < total else ""
    manifest, of_pairs = front.manifest, bool(front.manifest.get("pools"))
    count = designs(total, of_pairs)
    return ParallelInfo(
        title=f"What the {'pairs' if of_pairs else 'designs'} on the front have in common",
        subtitle=f"{manifest.get('study') or manifest.get('title') or 'front'}: {count}{few}",
        axes=uprights,
        bundles=tuple(bundles),
    )


def _columns(front: Front) -> list[str]:
    """Searched parameters, deployment, objectives; without those that never vary."""
    given = list(front.frame.columns)
    names = [c for c in given if _own(c).startswith("param_")]
    goals = [axis.column for axis in front.axes]
    # from cause to effect: what was searched at the left, what it reaches at the right
    sizes = [c for last in _LAST for c in given if _last(c, last) and c not in goals]
    chosen = [*names, *sizes, *(c for c in goals if c in given)]
    # objectives stay, since a reader looks for them
    return [c for c in chosen if c in goals or front.frame[c].nunique() > 1]


def _own(column: object) -> str:
    """The name of a column without the role of its pool."""
    role, _, own = str(column).partition(".")
    return own if role in ROLES else str(column)


def _last(column: object, name: str) -> bool:
    """Whether a column is that of a size, of a pool too; numbers of chips of pools add up to that of all."""
    return column == name or (_own(column) == name and name not in ("chips", "price_usd", "capex_usd"))


def _few(frame: Table) -> Table:
    if len(frame) <= MOST:
        return frame
    # rows are in the order of the front, so evenly spread rows keep both of its ends
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, MOST).round().astype(int))]


def _numbers(table: Table, column: str) -> Floats:
    # a nullable column has gaps that a plain array refuses
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))


def _names(table: Table, column: str) -> dict[float, str]:
    """What the numbers of a column stand for, in the column of names beside it; empty for mere numbers."""
    own = column.replace("param_", "", 1)
    if own == column or own not in table.columns:
        return {}
    pairs = zip(_numbers(table, column).tolist(), table[own].tolist(), strict=True)
    return {number: name for number, name in sorted(pairs) if isinstance(name, str)}


def _upright(q: Quantity, values: Floats, names: Mapping[float, str]) -> Upright:
    """The axis of a quantity: logarithmic where its values span a factor of 4."""
    shown = values[np.isfinite(values)] * q.factor
    if not shown.size:
        return Upright(q, False, (0.0, 1.0), ())
    low, high = float(shown.min()), float(shown.max())
    if names:
        made = Upright(q, False, (low, high), ())
        # every name that occurs is a mark, since nothing is between two names
        named = zip(_at(made, np.array([*names])).tolist(), names.values(), strict=True)
        return Upright(q, False, (low, high), tuple(named), names)
    log = low > 0 and high / low >= 4.0
    made = Upright(q, log, (low, high), ())
    marks = np.geomspace(low, high, 4) if log else np.linspace(low, high, 4)
    # one mark: the spacing above gives it four times
    if low == high:
        marks = np.array([low])
    # three digits: marks at equal distances are no round numbers
    texts = [tick_label(float(f"{v:.3g}")) for v in marks]
    places = _at(made, marks)
    return Upright(q, log, (low, high), tuple(zip([float(p) for p in places], texts, strict=True)))


def _at(upright: Upright, shown: Floats) -> Floats:
    low, high = upright.limits
    if low == high:
        # a single value is drawn in the middle; its place on a scale would be 0 / 0
        return np.where(np.isfinite(shown), 0.5, np.nan)
    if upright.log:
        return np.asarray(np.log(shown / low) / np.log(high / low))
    return np.asarray((shown - low) / (high - low))

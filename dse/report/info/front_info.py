"""What a picture of a front shows, as plain arrays: computed here, drawn in `front_plot`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dse.arrays import Floats
from dse.errors import spec_error, unknown
from dse.evaluate.batch import axis_of
from dse.front.axis import Axis, axis_named
from dse.front.exact import is_exact
from dse.front.files import Front
from dse.front.tables import Column, Table
from dse.plugins import objective
from dse.report.drawing.scales import Scale, is_near, scale_of, tick_label
from dse.report.drawing.style import Style, chip_look, styles
from dse.report.info.curves import Axes, Curve, Intervals, Scales, curves, drawn, edge, known, within, xy
from dse.report.words.quantities import designs

_PARTNERS = ("tpot", "usd_per_token_per_second")
"""Objectives that a front of a single one is drawn against."""


@dataclass(frozen=True, eq=False)
class Series:
    """Designs of one branch, in the units shown."""

    label: str
    style: Style
    real: bool
    """Whether these are baselines, chips of the catalog; they are drawn hollow."""
    x: Floats
    y: Floats
    rows: tuple[int, ...]
    """Row of each point in the front (n,)."""
    within: tuple[Floats, Floats]
    """Factor up and down of each point on both axes (n,) that its stack is known to; NaN where it is not."""


@dataclass(frozen=True)
class Target:
    """A latency target or another bound, in the unit shown."""

    axis: Literal["x", "y"]
    value: float
    label: str
    row: int = 0
    """Row of its name above the frame, from below: names of neighbours that are close would touch in one."""


@dataclass(frozen=True, eq=False)
class FrontInfo:
    """All numbers and words of a picture of a front."""

    title: str
    subtitle: str
    x: Scale
    y: Scale
    series: tuple[Series, ...]
    baselines: tuple[Curve, ...]
    """One for each baseline chip that has a deployment, or for each chip of a comparison."""
    targets: tuple[Target, ...]
    steps: tuple[Floats, Floats]
    """Corners (m,) of the staircase from one edge of the view to the other; empty for an empty front."""
    exact: tuple[Floats, Floats]
    """The same of the front of an exact sweep; empty without one."""
    reference: tuple[float, float] | None
    """Reference point of the hypervolume where it is inside the view."""
    notes: tuple[str, ...]
    """What the picture leaves out."""
    compared: bool = False
    """Whether chips are compared: each differs from all others and none of them is a baseline."""
    of_pairs: bool = False
    """Whether designs are pairs of chips."""

    @property
    def has_intervals(self) -> bool:
        """Whether any point has an error bar."""
        drawn = [*(s.within for s in self.series), *(b.within for b in self.baselines)]
        return any(bool(np.isfinite(side).any()) for within in drawn for side in within)


def front_info(
    front: Front,
    x: str | None = None,
    y: str | None = None,
    *,
    intervals: Intervals | None = None,
    exact: Front | None = None,
    looks: Mapping[str, Style] | None = None,
) -> FrontInfo:
    """What to draw of `front` on the axes of those names.

    Left out, the first two objectives are taken, time across and the other one up. `intervals` gives error
    bars, `exact` is the front of a sweep over the same space, drawn behind; `looks` says how designs of each
    branch look, where they are no kinds of chips. Raises `SpecError` for a name that is no objective of the
    front.
    """
    across, up = _axes(front, x, y)
    reference = _numbers(front.manifest.get("reference_point"))
    bounds = _targets(front.manifest.get("targets"))
    axes = (across, up)
    table, baselines = known(front.frame, axes), drawn(known(front.baselines, axes), axes)
    # without rows but with the same columns, so that nothing below needs a second case
    behind = known(exact.frame, axes) if exact is not None else table.iloc[:0]
    shown = [
        np.concatenate(
            [
                *(t[a.column].to_numpy(dtype=np.float64) for t in (table, baselines, behind)),
                # targets are to be in view too
                bounds.get(a.name, ()),
            ]
        )
        for a in axes
    ]
    # the reference point is often far out, and must not squeeze the front into a corner
    near = all(
        a.name in reference and is_near(reference[a.name], v) for a, v in zip(axes, shown, strict=True)
    )
    sx, sy = (scale_of(a, [v], reference[a.name] if near else None) for a, v in zip(axes, shown, strict=True))
    scales = (sx, sy)
    # the empty name is that of rows without a branch
    branches = {str(b) for t in (table, baselines) if "branch" in t for b in t["branch"].dropna()}
    looks = looks or styles(branches | {""})
    spreads = intervals or {}
    lines = curves(baselines, axes, scales, looks, spreads)
    compared = "compared" in front.manifest
    return FrontInfo(
        title=_title(front.manifest),
        subtitle=_subtitle(front),
        x=sx,
        y=sy,
        # compared chips are drawn as curves alone
        series=()
        if compared
        else _series(table, axes, scales, looks, {curve.style for curve in lines}, spreads),
        baselines=_side_by_side(lines, baselines) if compared else lines,
        targets=(*_lines("x", across, sx, bounds), *_lines("y", up, sy, bounds)),
        steps=edge(table, axes, scales),
        exact=edge(behind, axes, scales),
        reference=(reference[across.name] * sx.factor, reference[up.name] * sy.factor) if near else None,
        notes=_notes(front, axes, scales, {} if near else reference),
        compared=compared,
    )


def _axes(front: Front, x: str | None, y: str | None) -> tuple[Axis, Axis]:
    """The two axes to draw: those that are named, else the first objectives, time across."""
    for name in (x, y):
        if name is not None and name not in {axis.name for axis in front.axes}:
            raise spec_error("--plot", unknown("axis", name, (a.name for a in front.axes)))
    chosen = {name: axis_named(front.axes, name) for name in (x, y) if name is not None}
    partners = (axis_of(objective(name)) for name in _PARTNERS)
    # partners last: only a front of a single objective needs one
    rest = [axis for axis in (*front.axes, *partners) if axis.name not in chosen]
    if x is None and y is None:
        first, second = rest[:2]
        return (second, first) if second.unit == "s" and first.unit != "s" else (first, second)
    return chosen[x] if x else rest[0], chosen[y] if y else rest[0]


def _series(
    table: Table,
    axes: Axes,
    scales: Scales,
    looks: Mapping[str, Style],
    others: set[Style],
    intervals: Intervals,
) -> tuple[Series, ...]:
    """Designs by branch; one that only has baselines, its style among `others`, stays as an empty series."""
    branch = table["branch"].fillna("").astype(str) if "branch" in table else Column("", table.index)
    real = table["role"] == "baseline" if "role" in table else Column(False, table.index)
    out = []
    for name, style in looks.items():
        for exists in (False, True):
            rows = table[(branch == name) & (real == exists)]
            # so that the legend explains the colour of a kind that only curves show
            only_baselines = name and not exists and style in others and not (branch == name).any()
            if len(rows) or only_baselines:
                count = f"{len(rows)}" if len(rows) else "baselines only"
                label = f"{style.label or 'design'}{', baseline chip' if exists else ''} ({count})"
                # labels of rows, which filters have left as they were: a page finds the design by them
                points = tuple(int(i) for i in rows.index)
                spread = within(rows, axes, intervals)
                out.append(Series(label, style, exists, *xy(rows, axes, scales), points, spread))
    return tuple(out)


def _side_by_side(lines: tuple[Curve, ...], table: Table) -> tuple[Curve, ...]:
    """The curves of compared chips, each in a look of its own, called by chip and kind."""
    # compared chips have the role of a search where they exist on paper only, see `compare`
    made_up = set(table["chip"][table["role"] == "search"]) if "role" in table else set()
    out = []
    for i, curve in enumerate(lines):
        texts = (curve.label, curve.style.label, "hypothetical" if curve.label in made_up else "")
        label = ", ".join(part for part in texts if part)
        style, dashes = chip_look(label, i)
        out.append(replace(curve, label=label, style=style, dashes=dashes))
    return tuple(out)


def _lines(
    where: Literal["x", "y"], axis: Axis, scale: Scale, bounds: Mapping[str, tuple[float, ...]]
) -> tuple[Target, ...]:
    shown = [value * scale.factor for value in sorted(set(bounds.get(axis.name, ())))]
    rows = _rows(shown, scale) if where == "x" else [0] * len(shown)
    texts = [f"{value:.4g} {scale.unit}".strip() for value in shown]
    return tuple(Target(where, *each) for each in zip(shown, texts, rows, strict=True))


_CLOSE = 0.075
"""Share of the width: names of targets nearer than this to each other would touch."""


def _rows(shown: Sequence[float], scale: Scale) -> list[int]:
    """The lowest row for each name in which it touches none; `shown` ascends."""
    ends: list[float] = []
    found = []
    for value in shown:
        place = _share(value, scale)
        row = next((i for i, end in enumerate(ends) if place - end >= _CLOSE), len(ends))
        ends[row : row + 1] = [place]
        found.append(row)
    return found


def _share(value: float, scale: Scale) -> float:
    """Where a value is between the limits, from 0 to 1."""
    at = [np.log(v) if scale.log else v for v in (value, *scale.limits)]
    return float((at[0] - at[1]) / (at[2] - at[1]))


def _title(manifest: Mapping[str, object]) -> str:
    return str(manifest.get("title") or manifest.get("study") or "Front")


def _subtitle(front: Front) -> str:
    """How many designs, trials or swept points are behind a front."""
    manifest = front.manifest
    if "compared" in manifest:
        chips = len(manifest["compared"])
        return f"{chips} chip{'' if chips == 1 else 's'}, each with its own front"
    # without a title the name of the study is in its place already
    parts = [str(manifest["study"])] if manifest.get("study") and manifest.get("title") else []
    parts.append(f"{designs(len(front.frame), of_pairs=bool(manifest.get('pools')))} on the front")
    if isinstance(manifest.get("trials"), int):
        parts.append(f"{manifest['trials']:,} trials")
    if swept := manifest.get("sweep"):
        parts.append(f"{'exact' if is_exact(front) else 'not exact'} over {swept['points']:,} points")
    if isinstance(manifest.get("hypervolume"), int | float):
        parts.append(f"hypervolume {manifest['hypervolume']:.4g}")
    return "  ·  ".join(parts)


def _notes(front: Front, axes: Axes, scales: Scales, far: Mapping[str, float]) -> tuple[str, ...]:
    """What is not drawn; `far` is the reference point where the view leaves it out."""
    notes = []
    others = [axis.label for axis in front.axes if axis not in axes]
    if others:
        notes.append(f"also optimised, not drawn: {', '.join(others)}")
    shown = set(known(front.baselines, axes).get("chip", ()))
    asked = front.baselines["chip"].unique() if "chip" in front.baselines else ()
    gone = [str(chip) for chip in front.manifest.get("compared", asked) if chip not in shown]
    if gone:
        notes.append(f"no deployment found: {', '.join(gone)}")
    # empty where the point is drawn
    if all(axis.name in far for axis in axes):
        place = [
            f"{tick_label(far[axis.name] * scale.factor)} {scale.unit}".strip()
            for axis, scale in zip(axes, scales, strict=True)
        ]
        notes.append(f"reference point beyond the view, at {' and '.join(place)}")
    return tuple(notes)


def _numbers(value: object) -> dict[str, float]:
    return {str(k): float(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _targets(value: object) -> dict[str, tuple[float, ...]]:
    """Bounds by objective; a manifest may hold one number or several for each."""
    if not isinstance(value, Mapping):
        return {}
    many = {str(k): v if isinstance(v, list | tuple) else [v] for k, v in value.items()}
    return {name: tuple(float(v) for v in values) for name, values in many.items()}

"""Draws a front: every number comes from `front_info`, here is only ink."""

from pathlib import Path

import numpy as np

from dse.arrays import Floats
from dse.report.drawing.canvas import MplAxes, MplFigure, MplText, foot, frame, head, nothing, render, save
from dse.report.drawing.labels import Mark, place_labels
from dse.report.drawing.scales import Scale
from dse.report.drawing.ticks import set_scale
from dse.report.info.curves import Curve
from dse.report.info.front_info import FrontInfo

_CROWD = 120  # points from which on the markers shrink
_ROW = 11  # points that a row of names of targets takes
_BARS = 12  # error bars of a series at most; the others are as long
_EXACT = "#C9CED6"


def draw_front(info: FrontInfo, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing.

    The same `info` gives the same bytes. Raises `SpecError` for another suffix and `ResultsError` for a place
    that cannot be written.
    """
    save(lambda figure: _draw(figure, info), path)


def render_front(info: FrontInfo, form: str) -> bytes:
    """The picture as bytes; `form` is one of `canvas.SUFFIXES`."""
    return render(lambda figure: _draw(figure, info), form)


def _draw(figure: MplFigure, info: FrontInfo) -> None:
    """Draw axes, designs and bounds, then place names where nothing shifts any more."""
    axes = figure.add_subplot()
    _scales(axes, info)
    _designs(axes, info)
    _bounds(axes, info)
    title = _words(figure, axes, info)
    figure.draw_without_rendering()  # settles the layout
    # names are placed in pixels, so that nothing may shift after this
    figure.set_layout_engine("none")
    # only now is it known where the axes begin
    title.set_x(axes.get_position().x0)
    place_labels(axes, _marks(info), _points(info), _lines(info))


def _scales(axes: MplAxes, info: FrontInfo) -> None:
    for scale, direction in ((info.x, axes.xaxis), (info.y, axes.yaxis)):
        set_scale(direction, scale)
    axes.set_xlim(info.x.limits)
    axes.set_ylim(info.y.limits)
    axes.set_xlabel(_better(info.x))
    axes.set_ylabel(_better(info.y))
    frame(axes)


def _better(scale: Scale) -> str:
    return f"{scale.label}   ({'more' if scale.maximised else 'less'} is better)"


def _designs(axes: MplAxes, info: FrontInfo) -> None:
    """Fronts, designs and baselines, with error bars and legend entries."""
    crowd = sum(len(s.x) for s in info.series) > _CROWD
    if len(info.exact[0]):
        axes.plot(*info.exact, color=_EXACT, linewidth=4.5, zorder=1.5, label="Exact front of the sweep")
    if len(info.steps[0]) and info.compared:
        axes.plot(*info.steps, color=_EXACT, linewidth=5.0, zorder=1.5, label="Best of all")
    elif len(info.steps[0]):
        axes.plot(*info.steps, color="#555555", linewidth=1.1, zorder=2, label="Front")
    for s in info.series:
        ink = {"facecolor": s.style.colour, "edgecolor": "white", "linewidth": 0.0 if crowd else 0.4}
        if s.real:
            ink = {"facecolor": "white", "edgecolor": s.style.colour, "linewidth": 1.2}
        _error_bars(axes, s.x, s.y, s.within, s.style.colour)
        axes.scatter(s.x, s.y, s=18 if crowd else 46, marker=s.style.marker, zorder=3, label=s.label, **ink)
    for curve in info.baselines:
        _curve(axes, curve, compared=info.compared)
    # drawn empty, for one entry in the legend
    if info.has_intervals:
        axes.errorbar(
            [], [], xerr=[], yerr=[], label="80 % interval of the stack", **_INTERVAL, ecolor="#777777"
        )
    if info.baselines and not info.compared:
        ink = {"color": "#222222", "linewidth": 1.2, "marker": "D", "markersize": 4.0}
        label = "Pair of the catalog, its own front" if info.of_pairs else "Baseline chip, its own front"
        axes.plot([], [], markerfacecolor="white", label=label, **ink)


def _curve(axes: MplAxes, curve: Curve, *, compared: bool) -> None:
    """The line of one chip with its marks: hollow for a baseline; full, and in the legend, if compared."""
    ink = {"color": curve.style.colour, "linewidth": 1.4, "zorder": 2.5}
    dashes = (0, curve.dashes) if curve.dashes else "-"
    # a chip with a single deployment has no line, so its mark is larger
    if len(curve.x) > 1:
        axes.plot(*curve.steps, linestyle=dashes, **ink)
    _error_bars(axes, curve.x, curve.y, curve.within, curve.style.colour, most=4)
    size = (4.5 if compared else 3.0) if len(curve.x) > 1 else 7.0
    mark = {
        "marker": curve.style.marker,
        "markersize": size,
        "markeredgewidth": 0.8,
        "markerfacecolor": curve.style.colour if compared else "white",
    }
    axes.plot(curve.x, curve.y, linestyle="none", **mark, **ink)
    if compared:
        axes.plot([], [], linestyle=dashes, label=curve.label, **mark, **ink)


_INTERVAL = {"fmt": "none", "elinewidth": 0.7, "capsize": 1.5, "capthick": 0.7, "alpha": 0.55, "zorder": 1.8}


def _error_bars(
    axes: MplAxes, x: Floats, y: Floats, within: tuple[Floats, Floats], colour: str, most: int = _BARS
) -> None:
    """Bars from value / factor to value * factor, for a few points spread over the series."""
    known = np.flatnonzero(np.isfinite(within[0]) | np.isfinite(within[1]))
    if not known.size:
        return
    # evenly over the series, its ends among them; unique, as rounding may give an index twice
    few = known[np.unique(np.linspace(0, known.size - 1, min(known.size, most)).round().astype(int))]
    sides = []
    for value, factor in ((x[few], within[0][few]), (y[few], within[1][few])):
        # a bar of no length on the axis whose interval is unknown
        f = np.where(np.isfinite(factor), factor, 1.0)
        # (2, points): distances down and up, unequal since a factor is symmetric on a log scale only
        sides.append(np.stack([value - value / f, value * f - value]))
    axes.errorbar(x[few], y[few], xerr=sides[0], yerr=sides[1], ecolor=colour, **_INTERVAL)


def _bounds(axes: MplAxes, info: FrontInfo) -> None:
    for i, target in enumerate(info.targets):
        draw = axes.axvline if target.axis == "x" else axes.axhline
        label = "Target" if i == 0 else None
        draw(target.value, color="#888888", linestyle=(0, (5, 5)), linewidth=0.8, zorder=1, label=label)
    _target_names(axes, info)
    if info.reference:
        x, y = info.reference
        axes.scatter([x], [y], marker="x", s=42, color="#333333", zorder=4, label="Reference point")


def _target_names(axes: MplAxes, info: FrontInfo) -> None:
    """Above the frame, in rows where neighbours are close; beside the frame for the upright axis."""
    for target in info.targets:
        if target.axis == "y":
            place, ink = (1.005, target.value), {"va": "center", "transform": axes.get_yaxis_transform()}
        else:
            place = (target.value, 1.01 + 0.035 * target.row)
            ink = {"va": "bottom", "ha": "center", "transform": axes.get_xaxis_transform()}
        axes.text(*place, target.label, fontsize=8, color="#333333", **ink)


def _words(figure: MplFigure, axes: MplAxes, info: FrontInfo) -> MplText:
    """Everything around the picture; returns the title, which still has to move above the axes."""
    # names of targets on x take two rows between axes and title, and more where many are close
    more = _ROW * max(0, max((t.row for t in info.targets), default=0) - 1)
    title = head(figure, axes, info.title, info.subtitle, pad=26 + more if info.targets else 8)
    # compared chips are curves alone, so an empty series says nothing of them
    if not any(len(s.x) for s in info.series) and not (info.compared and info.baselines):
        nothing(
            axes, "no chip has a feasible deployment" if info.compared else "no feasible design found yet"
        )
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        # names of targets on y stand right of the axes, and the legend beyond them
        aside = 1.1 if any(t.axis == "y" for t in info.targets) else 1.01
        axes.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(aside, 1.0), frameon=False, fontsize=8.5
        )
    foot(figure, info.notes)
    return title


def _marks(info: FrontInfo) -> list[Mark]:
    """Names to write beside lines: of baselines, as compared chips are in the legend."""
    if info.compared:
        return []
    return [Mark(curve.label, curve.ends, (np.column_stack(curve.steps),)) for curve in info.baselines]


def _points(info: FrontInfo) -> Floats:
    """Everything drawn that a name should not cover (n, 2)."""
    parts = [np.column_stack([s.x, s.y]) for s in info.series]
    corner = [np.array([info.reference])] if info.reference else []
    # starts with no point, since an empty list cannot be joined
    return np.concatenate([np.empty((0, 2)), *parts, *corner])


def _lines(info: FrontInfo) -> list[Floats]:
    """Corners (n, 2) of every line drawn."""
    (left, right), (bottom, top) = info.x.limits, info.y.limits
    bounds = [
        [(t.value, bottom), (t.value, top)] if t.axis == "x" else [(left, t.value), (right, t.value)]
        for t in info.targets
    ]
    return [np.column_stack(info.steps), *(np.array(ends) for ends in bounds)]

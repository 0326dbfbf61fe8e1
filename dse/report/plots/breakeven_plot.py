"""Draws a break-even: a map of who wins over two assumptions, or both costs over one."""

from pathlib import Path

import numpy as np

from dse.arrays import Floats
from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.breakeven import NEITHER, BreakEven
from dse.report.drawing.canvas import MplAxes, MplAxis, MplFigure, MplStyle, foot, frame, head, save
from dse.report.drawing.style import styles
from dse.report.info.breakeven_info import amount, lines, segments, summary

_GREY = "#BBBBBB"
_PALE = 0.28


def draw_breakeven(found: BreakEven, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix)."""
    save(lambda figure: _draw(found, figure), path)


def _draw(found: BreakEven, figure: MplFigure) -> None:
    """The map, or the curves of both sides, with its titles and legend."""
    axes = figure.add_subplot()
    if found.y is None:
        _curves(found, axes)
    else:
        _map(found, found.y, axes)
    _scale(axes.xaxis, found.x)
    axes.set_xlim(found.xs[0], found.xs[-1])
    # curves have the values of their break-even points between frame and subtitle
    head(figure, axes, _title(found), summary(found), pad=22 if found.y is None else 8)
    frame(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5)
    # a system of pools is named by all its chips
    what = "pairs" if any(" | " in str(name) for name in found.best_chips.ravel()) else "chips"
    foot(
        figure,
        (
            f"{found.tried:,} {what} evaluated, the {found.carried} best kept; each has its best "
            "deployment at every point; the boundary is found by bisection",
        ),
    )


def _title(found: BreakEven) -> str:
    at = ", ".join(
        f"{n.upper()} {v * 1e3:g} ms" if n in ("tpot", "ttft") else f"{n} {v:g}"
        for n, v in found.limits.items()
    )
    return f"{found.sides[0]} or {found.sides[1]}: who wins{f' at {at}' if at else ''}"


def _colour(found: BreakEven, name: str) -> str:
    looks = styles({"sram-only", "dram-only", "hybrid"})
    if name == NEITHER:
        return "#FFFFFF"
    if name in looks:
        return looks[name].colour
    # a side that is no storage kind takes the colour of a kind that is not shown
    free = [style.colour for kind, style in looks.items() if kind not in found.sides]
    return free[found.sides.index(name) % len(free)]


def _curves(found: BreakEven, axes: MplAxes) -> None:
    """Cost of both sides over one assumption, with the break-even points."""
    for k, side in enumerate(found.sides):
        # not-a-number breaks the line where the side is infeasible
        cost = np.where(np.isfinite(found.costs[0, :, k]), found.costs[0, :, k], np.nan)
        # by dashes as well, for those who see no hue
        style = "-" if k == 0 else (0, (5, 2))
        axes.plot(
            found.xs,
            cost,
            color=_colour(found, side),
            linewidth=1.8,
            linestyle=style,
            marker="o",
            markersize=3.5,
            label=side,
        )
    for c in found.boundary:
        axes.axvline(c.x, color="#333333", linewidth=1.0)
        # the value is above the frame, at the top end of its line
        axes.annotate(
            amount(found.x, c.x),
            (c.x, 1.0),
            xycoords=("data", "axes fraction"),
            fontsize=8,
            ha="center",
            va="bottom",
            xytext=(0, 2),
            textcoords="offset points",
        )
    if found.x.now is not None and found.xs[0] <= found.x.now <= found.xs[-1]:
        axes.axvline(found.x.now, color=_GREY, linewidth=1.2, linestyle=":", label="as the study assumes")
    axes.set_yscale("log")
    axes.set_ylabel(f"{found.goal_label}   (less is better)")
    _plain(axes.yaxis)


def _map(found: BreakEven, up: Assumption, axes: MplAxes) -> None:
    """Regions of the winners over two assumptions, with the break-even lines."""
    edges = _edges(found.ys, up)
    for j in range(len(found.ys)):
        for left, right, name in segments(found, j):
            # the solved boundary ends a region, not the border of a cell
            axes.fill_between([left, right], edges[j], edges[j + 1], **_ink(found, name))
    for n in dict.fromkeys(found.winner(j, i) for j in range(len(found.ys)) for i in range(len(found.xs))):
        label = "neither side is feasible" if n == NEITHER else f"{n} win" if n == "others" else f"{n} wins"
        # empty: one entry in the legend for each winner
        axes.fill_between([], [], [], label=label, **{**_ink(found, n), "linewidth": 0.6})
    for k, line in enumerate(lines(found)):
        xs, ys = zip(*line, strict=True)
        axes.plot(
            xs,
            ys,
            color="#222222",
            linewidth=1.6,
            marker="o",
            markersize=3,
            label="break-even, solved" if k == 0 else None,
        )
    if found.x.now is not None and up.now is not None:
        axes.plot(
            [found.x.now],
            [up.now],
            marker="*",
            markersize=12,
            color="#222222",
            linestyle="none",
            markerfacecolor="white",
            label="as the study assumes",
        )
    _scale(axes.yaxis, up)
    # the outer halves of the first and the last row of cells are cut off, as their values were not tried
    axes.set_ylim(found.ys[0], found.ys[-1])


def _ink(found: BreakEven, name: str) -> MplStyle:
    """How the region of a winner is filled: the second side is hatched as well, for those who see no hue."""
    from matplotlib.colors import to_rgba

    hatch = "//" if name == found.sides[1] else ""
    # in the colour of the face, as `alpha` would make the hatch pale too
    face = to_rgba(_colour(found, name), _PALE)
    return {"facecolor": face, "edgecolor": "#888888", "linewidth": 0.0, "hatch": hatch}


def _edges(values: Floats, assumption: Assumption) -> Floats:
    """Cell borders around values, on the assumption's scale."""
    # a middle on the scale of the axis, so that cells look equally wide
    v = np.log(values) if assumption.log else np.asarray(values, dtype=float)
    inner = 0.5 * (v[1:] + v[:-1])
    # the outermost cells are symmetric around their values
    out = np.concatenate([[2 * v[0] - inner[0]], inner, [2 * v[-1] - inner[-1]]])
    return np.asarray(np.exp(out) if assumption.log else out)


def _scale(axis: MplAxis, assumption: Assumption) -> None:
    """Scale, ticks and label of the axis of an assumption."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    # for one axis there is no public call, see `ticks.set_scale`
    axis._set_axes_scale("log" if assumption.log else "linear")
    axis.set_major_formatter(FuncFormatter(lambda v, _: amount(assumption, float(v))))
    axis.set_label_text(assumption.label)
    if assumption.log:
        axis.set_major_locator(LogLocator(base=10, subs=_steps(assumption.high / assumption.low)))
        axis.set_minor_locator(NullLocator())


def _steps(reach: float) -> tuple[float, ...]:
    """Ticks of each decade: fewer where there are more decades, so that amounts with units do not touch."""
    if reach <= 60.0:
        return (1.0, 2.0, 5.0)
    return (1.0, 3.0) if reach <= 1000.0 else (1.0,)


def _plain(axis: MplAxis) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))

"""Draws the fronts of the cases of a study, one panel each, on common axes: here is only ink."""

from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any

from dse.front.files import write_files
from dse.report.drawing.scales import tick_label, ticks
from dse.report.info.cases_info import CasesInfo, Panel

_PANEL = (3.6, 2.9)  # inches
_ACROSS = 3
_DPI = 130
_TITLE = 42
"""Letters of a title in one line of a panel."""
_LEGEND = {1: 2, 2: 3, 3: 5}
"""Columns of the legend, by the panels side by side."""


def draw_cases(info: CasesInfo, path: Path) -> None:
    """Write the picture to `path`, a .png; raises `ResultsError` for a place that cannot be written."""
    write_files({path: render_cases(info)})


def render_cases(info: CasesInfo) -> bytes:
    """The picture as the bytes of a PNG; the front of the first case stays in every panel, in grey."""
    import matplotlib as mpl
    import seaborn as sns  # type: ignore[import-untyped, unused-ignore]

    style = {**sns.axes_style("whitegrid"), "text.parse_math": False, "font.size": 8.5}
    with mpl.rc_context(style):
        buffer = BytesIO()
        cases_figure(info).savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def cases_figure(info: CasesInfo) -> Any:
    """The panels on a matplotlib figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(info.panels)) if len(info.panels) != 4 else 2  # no row of one
    down = -(-len(info.panels) // across)
    figure = Figure(figsize=(across * _PANEL[0], down * _PANEL[1] + 0.4), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for place in grid.flat[len(info.panels) :]:
        place.set_visible(False)
    for i, (place, panel) in enumerate(zip(grid.flat, info.panels, strict=False)):
        _draw(place, panel, info)
        place.tick_params(labelbottom=i + across >= len(info.panels))
    figure.supxlabel(f"{info.x.label}   (less is better)")
    figure.supylabel(f"{info.y.label}   (less is better)")
    handles = {h.get_label(): h for place in grid.flat for h in place.get_legend_handles_labels()[0]}
    figure.legend(
        handles=list(handles.values()), loc="outside upper center", ncols=_LEGEND[across], frameon=False
    )
    return figure


def _draw(axes: Any, panel: Panel, info: CasesInfo) -> None:
    """One panel: targets, the front of the first case in grey, its own front and designs."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axes.set_title(fill(panel.title, _TITLE), loc="left", fontsize=9, fontweight="bold")
    for scale, side in ((info.x, axes.xaxis), (info.y, axes.yaxis)):
        places = ticks(scale)
        side._set_axes_scale("log" if scale.log else "linear")
        side.set_major_locator(FixedLocator(places))
        side.set_major_formatter(FixedFormatter([tick_label(v) for v in places]))
        side.set_minor_locator(NullLocator())
    axes.set(xlim=info.x.limits, ylim=info.y.limits)
    for limit in info.limits:
        axes.axvline(limit * info.x.factor, color="#BBBBBB", linestyle=(0, (5, 5)), linewidth=0.6, zorder=1)
    first = info.panels[0]
    if panel is not first and len(first.steps[0]):
        told = fill(f"front of: {first.title}", _TITLE)
        axes.plot(*first.steps, color="#AAAAAA", linewidth=1.6, zorder=1.5, label=told)
    if len(panel.steps[0]):
        axes.plot(*panel.steps, color="#333333", linewidth=1.0, zorder=2)
    else:
        middle = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, "nothing feasible", color="#666666", **middle)
    for look, x, y in panel.groups:
        axes.scatter(
            x,
            y,
            s=16,
            marker=look.marker,
            facecolor=look.colour,
            edgecolor="white",
            linewidth=0.3,
            zorder=3,
            label=look.label,
        )

"""Draws the fronts of the cases of a study, one panel each, on common axes: here is only ink."""

from pathlib import Path
from textwrap import fill

from dse.front.files import write_files
from dse.report.drawing.canvas import MplAxes, MplFigure, render_styled
from dse.report.drawing.ticks import set_scale
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
    import seaborn as sns  # type: ignore[import-untyped, unused-ignore]

    style = {**sns.axes_style("whitegrid"), "text.parse_math": False, "font.size": 8.5}
    return render_styled(lambda figure: draw_panels(figure, info), ".png", figure_size(info), _DPI, style)


def _grid(info: CasesInfo) -> tuple[int, int]:
    """Panels side by side and one below the other."""
    across = min(_ACROSS, len(info.panels)) if len(info.panels) != 4 else 2  # no row of one
    return across, -(-len(info.panels) // across)


def figure_size(info: CasesInfo) -> tuple[float, float]:
    """Width and height of the picture [inches]."""
    across, down = _grid(info)
    return across * _PANEL[0], down * _PANEL[1] + 0.4


def draw_panels(figure: MplFigure, info: CasesInfo) -> None:
    """One panel for each case, on common axes, with one legend above them."""
    across, down = _grid(info)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    # the last row may have more places than cases
    for place in grid.flat[len(info.panels) :]:
        place.set_visible(False)
    for i, (place, panel) in enumerate(zip(grid.flat, info.panels, strict=False)):
        _draw(place, panel, info)
        # the lowest panel of each column has the numbers: the last row may not be full
        place.tick_params(labelbottom=i + across >= len(info.panels))
    figure.supxlabel(f"{info.x.label}   (less is better)")
    figure.supylabel(f"{info.y.label}   (less is better)")
    # by label, since the panels repeat each other's entries
    handles = {h.get_label(): h for place in grid.flat for h in place.get_legend_handles_labels()[0]}
    figure.legend(
        handles=list(handles.values()), loc="outside upper center", ncols=_LEGEND[across], frameon=False
    )


def _draw(axes: MplAxes, panel: Panel, info: CasesInfo) -> None:
    """One panel: targets, the front of the first case in grey, its own front and designs."""
    axes.set_title(fill(panel.title, _TITLE), loc="left", fontsize=9, fontweight="bold")
    for scale, side in ((info.x, axes.xaxis), (info.y, axes.yaxis)):
        set_scale(side, scale)
    axes.set(xlim=info.x.limits, ylim=info.y.limits)
    for limit in info.limits:
        axes.axvline(limit * info.x.factor, color="#BBBBBB", linestyle=(0, (5, 5)), linewidth=0.6, zorder=1)
    first = info.panels[0]
    # in its own panel the first front is drawn in black already
    if panel is not first and len(first.steps[0]):
        first_label = fill(f"front of: {first.title}", _TITLE)
        axes.plot(*first.steps, color="#AAAAAA", linewidth=1.6, zorder=1.5, label=first_label)
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

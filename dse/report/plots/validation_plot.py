"""Draws predictions against measurements: every number comes from `validation_info`, here is only ink."""

from pathlib import Path

import numpy as np

from dse.front.files import write_files
from dse.report.drawing.canvas import (
    MplAxes,
    MplFigure,
    MplStyle,
    MplText,
    form_of,
    render_styled,
)
from dse.report.info.validation_info import Panel, ValidationInfo

_SIDE = 4.2  # inches of a panel
_LEGEND = 2.4  # inches beside them
_DPI = 90
_MARKERS = "os^vDPX<>"
_BAND = 0.25  # of the measured value, to either side of the diagonal


def draw_validation(info: ValidationInfo, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing.

    Raises `SpecError` for another suffix and `ResultsError` for a place that cannot be written.
    """
    write_files({path: render_validation(info, form_of(path))})


def render_validation(info: ValidationInfo, form: str) -> bytes:
    """The picture as bytes; `form` is one of the suffixes."""
    across, down = _grid(info)
    size = (across * _SIDE + _LEGEND, down * _SIDE)
    style = {"text.parse_math": False, "svg.hashsalt": "dse", "font.size": 8.5}
    return render_styled(lambda figure: _draw_all(figure, info), form, size, _DPI, style)


def _grid(info: ValidationInfo) -> tuple[int, int]:
    """Panels side by side and one below the other."""
    # without rows the picture still has one place
    across = min(len(info.panels), 2) or 1
    return across, -(-len(info.panels) // across) or 1


def _draw_all(figure: MplFigure, info: ValidationInfo) -> None:
    """All panels, with one legend to the right of them."""
    across, down = _grid(info)
    inks = _inks(info)
    for i, panel in enumerate(info.panels):
        _draw(figure.add_subplot(down, across, i + 1), panel, inks)
    # made by hand, since no panel has to have every stack
    handles = [_handle(inks[stack], stack) for stack in info.stacks]
    figure.legend(handles=handles, loc="outside right upper", frameon=False)
    figure.suptitle(info.title, ha="left", x=0.01, fontweight="bold")


def _inks(info: ValidationInfo) -> dict[str, MplStyle]:
    """Colour and marker of each stack: twenty colours, told apart by shape as well."""
    from matplotlib import colormaps

    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    return {
        # tab20 is ten pairs of dark and light: the ten dark ones come first
        stack: {"color": colours[(2 * i + i // 10) % 20], "marker": _MARKERS[i % len(_MARKERS)]}
        for i, stack in enumerate(info.stacks)
    }


def _handle(ink: MplStyle, label: str) -> MplText:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", markersize=5, label=label, **ink)


def _draw(axes: MplAxes, panel: Panel, inks: dict[str, MplStyle]) -> None:
    """Predicted against measured values of one metric, with the band of accepted error."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ends = np.asarray(panel.limits)
    # a band of shares has straight edges on logarithmic axes, so its ends are enough
    axes.fill_between(ends, ends * (1.0 - _BAND), ends * (1.0 + _BAND), color="#EEEEEE", zorder=0)
    axes.plot(ends, ends, color="#555555", linewidth=0.8, zorder=1)
    for cloud in panel.clouds:
        axes.plot(
            cloud.measured,
            cloud.predicted,
            linestyle="none",
            markersize=2.6,
            alpha=0.7,
            markeredgewidth=0.0,
            zorder=2,
            **inks[cloud.stack],
        )
    axes.set(xscale="log", yscale="log", xlim=panel.limits, ylim=panel.limits)
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(LogLocator(numticks=7))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        side.set_minor_locator(NullLocator())
    axes.grid(color="#E8E8E8", linewidth=0.5)
    axes.set_xlabel(f"measured [{panel.unit}]")
    axes.set_ylabel(f"predicted [{panel.unit}]")
    count = sum(len(c.measured) for c in panel.clouds)
    axes.set_title(f"{panel.title}, {count:,} rows (band: {_BAND:.0%})", loc="left", fontsize=9)

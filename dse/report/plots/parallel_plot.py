"""Draws parallel coordinates: every number comes from `parallel_info`, here is only ink."""

from pathlib import Path
from textwrap import fill

import numpy as np

from dse.report.drawing.canvas import MplFigure, head, nothing, render, save
from dse.report.info.parallel_info import ParallelInfo

_SIZE = (11.5, 5.2)
_FIT = 13
"""Axes that the usual width has room for."""
_DASHES = ("-", "--", ":", "-.")


def draw_parallel(info: ParallelInfo, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, info), path, _size(info))


def render_parallel(info: ParallelInfo, form: str) -> bytes:
    """The picture as bytes; `form` is one of `canvas.SUFFIXES`."""
    return render(lambda figure: _draw(figure, info), form, _size(info))


def _size(info: ParallelInfo) -> tuple[float, float]:
    """Wider for more axes than names fit below, as pairs of searched chips have."""
    width, height = _SIZE
    return width * max(1.0, len(info.axes) / _FIT), height


def _draw(figure: MplFigure, info: ParallelInfo) -> None:
    """Upright axes with their ticks, and one line for each design."""
    axes = figure.add_subplot()
    head(figure, axes, info.title, info.subtitle)
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    if not any(len(b.at) for b in info.bundles):
        nothing(axes, "no design to draw")
        return
    places = np.arange(len(info.axes))
    for place, upright in zip(places, info.axes, strict=True):
        axes.plot([place, place], [0, 1], color="#333333", linewidth=1.0, zorder=3)
        for at, text in upright.ticks:
            ink = {"fontsize": 7.5, "color": "#333333", "va": "center", "zorder": 4}
            axes.text(
                place + 0.04,
                at,
                text,
                **ink,
                bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.6, "edgecolor": "none"},
            )
    axes.set_xticks(places, [fill(u.quantity.title, 11) for u in info.axes], fontsize=7.5)
    # of all bundles, so that their lines are equally faint
    crowd = sum(len(b.at) for b in info.bundles)
    for i, bundle in enumerate(info.bundles):
        ink = {
            "color": bundle.style.colour,
            "linewidth": 1.1,
            "linestyle": _DASHES[i % len(_DASHES)],
            "marker": bundle.style.marker,
            "markersize": 3.2,
            # many lines add up to an area, so the more there are the fainter each is
            "alpha": float(np.clip(25 / crowd, 0.25, 0.9)),
        }
        # transposed, as each column becomes a line
        axes.plot(places, bundle.at.T, **ink)
        # the legend has a line of its own, since those drawn may be too faint to read
        strong = {**ink, "alpha": 1.0}
        axes.plot([], [], label=f"{bundle.style.label or 'design'} ({len(bundle.at):,})", **strong)
    # room at the right for the numbers of the last axis
    axes.set(xlim=(-0.15, len(places) - 0.4), ylim=(-0.05, 1.05))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5)

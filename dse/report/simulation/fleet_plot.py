"""Draws what fleets cost over the load: a line for each chip."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dse.decide.fleet.fleet import Curve
from dse.report.drawing.canvas import MplFigure, frame, save
from dse.report.plots.lines_plot import COLOURS, MARKERS

_SIZE = (8.4, 4.8)


def draw_fleets(curves: Sequence[Curve], rate: float, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, curves, rate), path, _SIZE)


def _draw(figure: MplFigure, curves: Sequence[Curve], rate: float) -> None:
    """A line for each chip, and the load itself."""
    axes = figure.add_subplot()
    frame(axes)
    for k, curve in enumerate(curves):
        axes.plot(
            curve.rates,
            curve.usd_per_hour,
            marker=MARKERS[k % len(MARKERS)],
            color=COLOURS[k % len(COLOURS)],
            label=curve.chip + "".join(_chips(curve, rate)),
        )
    axes.axvline(rate, linestyle=":", color="grey")
    axes.set(
        xlabel="load [req/s]",
        ylabel="USD an hour",
        title="Cost of a fleet over its load, within the targets",
        xlim=(0, None),
        ylim=(0, None),
    )
    if curves:
        axes.legend(frameon=False)


def _chips(curve: Curve, rate: float) -> Iterator[str]:
    """How many chips that is at the load itself."""
    for each, chips in zip(curve.rates, curve.chips, strict=True):
        if each == rate:
            yield f": {chips:,} at {rate:,.4g} req/s"

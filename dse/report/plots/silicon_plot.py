"""Draws predicted against published areas, powers and unit costs."""

from collections.abc import Iterator, Sequence
from math import log10
from pathlib import Path
from typing import Protocol

from dse.report.drawing.canvas import QUIET, MplAxes, MplFigure, frame, head, save
from dse.report.drawing.scales import Scale, tick_label, ticks

_SIZE = (13.2, 5.0)
_PANELS = {
    "die_area": ("die area", "mm2", 1e-6, 0.12),
    "tdp": ("TDP", "W", 1.0, 0.25),
    "unit_cost": ("unit cost", "USD", 1.0, 0.12),
}
"""Metric to its name, unit, size of the unit and the band that is aimed at."""
_LOOKS = (
    ("used in the fit", "s", "#DDAA33", "#DDAA33"),
    ("not used in the fit", "o", "#004488", "#004488"),
    ("power capped by the manufacturer", "o", "none", "#BB5566"),
)
"""Label, marker, fill and edge of rows that set constants, of others, and of capped chips."""
_NAMED, _CLEAR = 6, 0.045
"""Rows that are named at most, and the part of an axis that their names keep clear of each other."""


class SiliconRow(Protocol):
    """A published figure of a chip and its prediction, in SI."""

    @property
    def chip(self) -> str:
        """Name of the chip."""
        ...

    @property
    def metric(self) -> str:
        """One of the panels; with `_capped` where the manufacturer caps it."""
        ...

    @property
    def published(self) -> float:
        """The figure of the source."""
        ...

    @property
    def low(self) -> float:
        """Lower end of the published range."""
        ...

    @property
    def high(self) -> float:
        """Upper end of the published range."""
        ...

    @property
    def predicted(self) -> float:
        """The figure of the model."""
        ...

    @property
    def error(self) -> float:
        """Predicted / published - 1."""
        ...

    @property
    def fitted(self) -> object:
        """What the row was used to fit; empty where it was not used."""
        ...


def draw_silicon(rows: Sequence[SiliconRow], path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, rows), path, _SIZE)


def _draw(figure: MplFigure, rows: Sequence[SiliconRow]) -> None:
    """One panel for each metric."""
    for place, (metric, (name, unit, size, band)) in enumerate(_PANELS.items()):
        axes = figure.add_subplot(1, len(_PANELS), place + 1)
        frame(axes)
        subtitle = f"{name} [{unit}], band {band:.0%}"
        if place == 0:
            head(figure, axes, "Area, power and unit cost of chips: predicted against published", subtitle)
        else:
            axes.set_title(subtitle, loc="left", fontsize=9, color=QUIET)
        # capped chips are in the panel of their metric, in a look of their own
        mine = [r for r in rows if r.metric == metric or r.metric == f"{metric}_capped"]
        _panel(axes, mine, size, band)
        axes.set(xlabel=f"published [{unit}]", ylabel=f"predicted [{unit}]")


def _panel(axes: MplAxes, rows: Sequence[SiliconRow], size: float, band: float) -> None:
    """Predicted against published values of one metric, with its tolerance band."""
    # ends of published ranges are to be in view, too
    values = [v / size for r in rows for v in (r.low, r.high, r.published, r.predicted)]
    ends = (min(values) * 0.75, max(values) * 1.35)
    axes.fill_between(ends, [e * (1 - band) for e in ends], [e * (1 + band) for e in ends], color="#EEEEEE")
    axes.plot(ends, ends, color="#555555", linewidth=0.8)
    for kind, (label, marker, fill, edge) in enumerate(_LOOKS):
        mine = [r for r in rows if _kind(r) == kind]
        if mine:
            axes.plot(
                [r.published / size for r in mine],
                [r.predicted / size for r in mine],
                linestyle="none",
                marker=marker,
                markerfacecolor=fill,
                markeredgecolor=edge,
                markersize=5,
                label=label,
            )
    for r in rows:
        # a figure that was published once has no range to draw
        if r.low < r.high:
            axes.plot([r.low / size, r.high / size], [r.predicted / size] * 2, color="#004488", linewidth=1.0)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    _ticks(axes, ends)
    for r in _named(rows, band, ends[1] / ends[0]):
        # names are on the side away from the diagonal, which they would cover
        over = r.error > 0.0
        axes.annotate(
            r.chip,
            (r.published / size, r.predicted / size),
            fontsize=7,
            xytext=(-5 if over else 5, 0),
            textcoords="offset points",
            color=QUIET,
            ha="right" if over else "left",
            va="center",
        )
    axes.legend(frameon=False, fontsize=8, loc="upper left", handletextpad=0.2)


def _kind(row: SiliconRow) -> int:
    """Place of a row among the looks."""
    return 2 if row.metric.endswith("_capped") else 0 if row.fitted else 1


def _ticks(axes: MplAxes, ends: tuple[float, float]) -> None:
    """The same round numbers on both axes, without exponents."""
    found = ticks(Scale("", "", 1.0, True, ends, False))
    # many ticks: of each decade only those at 1 and 3
    found = [v for v in found if len(found) <= 6 or str(f"{v:e}")[0] in "13"]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(found, [tick_label(v) for v in found])
        axis.set_ticks([], minor=True)


def _named(rows: Sequence[SiliconRow], band: float, span: float) -> Iterator[SiliconRow]:
    """Rows outside the band and their published range, the worst first, with room for their names."""
    taken: list[float] = []
    off = [r for r in rows if abs(r.error) > band and not r.low <= r.predicted <= r.high]
    for r in sorted(off, key=lambda r: -abs(r.error)):
        # in shares of the logarithmic axis
        at = log10(r.predicted) / log10(span)
        if len(taken) < _NAMED and all(abs(at - t) > _CLEAR for t in taken):
            taken.append(at)
            yield r

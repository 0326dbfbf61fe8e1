"""Draws one number over the cases of a study, or over another number, as lines: here is only ink."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from dse.arrays import Floats
from dse.front.axis import Axis
from dse.report.drawing.canvas import MplFigure, save
from dse.report.drawing.scales import scale_of
from dse.report.drawing.style import DASHES, PARTS
from dse.report.drawing.ticks import set_scale

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# of parts that colour alone tells apart, since a line cannot be hatched
COLOURS = tuple(part.colour for part in PARTS if not part.hatch)
SIZE = (8.0, 4.4)  # inches
WRAP = 14  # letters of a name under the axis


@dataclass(frozen=True, eq=False)
class Line:
    """One line; a gap in `y` is no design."""

    label: str
    x: Floats
    y: Floats


@dataclass(frozen=True, eq=False)
class LinesInfo:
    """Words and numbers of a picture; with `names` the places across are 0, 1, 2, ... and have names."""

    lines: tuple[Line, ...]
    x: Axis
    y: Axis
    names: tuple[str, ...] = ()


def draw_lines(info: LinesInfo, path: Path) -> None:
    """Write the picture to `path`, a .png, .svg or .pdf."""
    save(lambda figure: _draw(figure, info), path, SIZE)


def _draw(figure: MplFigure, info: LinesInfo) -> None:
    """The lines over names or over numbers, with axes, markers and legend."""
    axes = figure.add_subplot()
    # one scale over all lines
    y = scale_of(info.y, [line.y for line in info.lines], None)
    set_scale(axes.yaxis, y)
    axes.set_ylim(*y.limits)
    factor = 1.0
    if info.names:
        axes.set_xticks(range(len(info.names)), [_wrapped(name) for name in info.names])
        axes.set_xlim(-0.3, len(info.names) - 0.7)
        axes.set_xlabel(info.x.label)
    else:
        x = scale_of(info.x, [line.x for line in info.lines], None)
        set_scale(axes.xaxis, x)
        axes.set(xlim=x.limits, xlabel=x.label)
        factor = x.factor
    for i, line in enumerate(info.lines):
        axes.plot(
            line.x * factor,
            line.y * y.factor,
            marker=MARKERS[i % len(MARKERS)],
            markersize=5,
            color=COLOURS[i % len(COLOURS)],
            linewidth=1.6,
            label=line.label,
            # (None, None) is an unbroken line
            dashes=DASHES[i % len(DASHES)] or (None, None),
        )
    better = "more" if info.y.maximised else "less"
    axes.set_ylabel(f"{y.label}   ({better} is better)")
    figure.legend(loc="outside upper center", ncols=min(5, len(info.lines)), frameon=False)


def _wrapped(name: str) -> str:
    return fill(name, WRAP, break_long_words=False)

"""Draws stacked bars: every number comes from `stacked_bars_info`, here is only ink."""

from pathlib import Path

import numpy as np

from dse.choose.rule import Ints
from dse.report.drawing.canvas import MplAxes, MplFigure, foot, frame, head, nothing, render, save
from dse.report.drawing.style import PARTS, styles
from dse.report.info.stacked_bars_info import StackInfo

_SIZE = (10.4, 5.6)
_TICKS = 14
"""Labels along a front at most."""


def draw_stack(info: StackInfo, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, info), path, _SIZE)


def render_stack(info: StackInfo, form: str) -> bytes:
    """The picture as bytes; `form` is one of `canvas.SUFFIXES`."""
    return render(lambda figure: _draw(figure, info), form, _SIZE)


def _draw(figure: MplFigure, info: StackInfo) -> None:
    """Stacked bars with totals, kinds of chips and a legend in stacking order."""
    axes = figure.add_subplot()
    frame(axes)
    axes.grid(visible=False, axis="x")
    head(figure, axes, info.title, info.subtitle, pad=18)
    axes.set_ylabel(info.y_label)
    axes.set_xlabel(info.x_label)
    if not info.parts:
        nothing(axes, info.notes[0] if info.notes else "no design to draw")
        axes.set(xticks=[], yticks=[])
        return
    at, below = np.arange(len(info.bars)), np.zeros(len(info.bars))
    for i, (name, values) in enumerate(info.parts):
        look = PARTS[i % len(PARTS)]
        axes.bar(
            at,
            values,
            bottom=below,
            # along a front bars touch, and read as areas
            width=0.98 if info.dense else 0.7,
            label=name,
            color=look.colour,
            hatch=look.hatch,
            # also the ink of the hatch, so it stays where the edge itself has no width
            edgecolor="white",
            linewidth=0.0 if info.dense else 0.5,
        )
        below = below + values
    # along a front bars have no totals
    for place, top, total in zip(at, below, info.totals, strict=False):
        axes.text(place, top, total, ha="center", va="bottom", fontsize=8.5)
    # bars are centred at whole numbers
    axes.set_xlim(-0.6, len(info.bars) - 0.4)
    # room for the totals above the bars
    axes.set_ylim(0.0, (1.0 if info.dense else 1.08) * float(below.max()))
    _kinds(axes, info, at)
    _labels(axes, info, at)
    handles, labels = axes.get_legend_handles_labels()
    # from top to bottom, as the parts are stacked
    axes.legend(
        handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5
    )
    foot(figure, info.notes)


def _kinds(axes: MplAxes, info: StackInfo, at: Ints) -> None:
    """The kind of each chip above its bar, in its shape and colour."""
    for name, style in styles(set(info.kinds)).items():
        mine = [i for i, kind in enumerate(info.kinds) if kind == name]
        axes.plot(
            at[mine],
            # above the frame, whatever the heights of the bars are
            np.full(len(mine), 1.03),
            linestyle="none",
            marker=style.marker,
            color=style.colour,
            markersize=4 if info.dense else 7,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
            label=style.label or "design",
        )


def _labels(axes: MplAxes, info: StackInfo, at: Ints) -> None:
    if info.dense:
        # rounded up, so that there are no more labels than that
        few = at[:: -(-len(at) // _TICKS)]
        axes.set_xticks(at[few], [info.bars[i] for i in few])
        return
    # more names than that touch each other when they are level
    crowd = len(info.bars) > 6
    axes.set_xticks(at, info.bars, rotation=35 if crowd else 0, ha="right" if crowd else "center")
    axes.tick_params(axis="x", labelsize=7.5 if crowd else 8.5)

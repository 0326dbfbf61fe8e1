"""Draws the progress of a search: every number comes from `progress_info`, here is only ink."""

from pathlib import Path

import numpy as np

from dse.report.drawing.canvas import MplFigure, foot, frame, head, nothing, render, save
from dse.report.drawing.scales import ticks
from dse.report.drawing.ticks import set_ticks
from dse.report.info.progress_info import ProgressInfo


def draw_progress(info: ProgressInfo, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, info), path)


def render_progress(info: ProgressInfo, form: str) -> bytes:
    """The picture as bytes; `form` is one of `canvas.SUFFIXES`."""
    return render(lambda figure: _draw(figure, info), form)


def _draw(figure: MplFigure, info: ProgressInfo) -> None:
    """Missing hypervolume over finished trials, as steps on a log axis."""
    axes = figure.add_subplot()
    frame(axes)
    head(figure, axes, info.title, info.subtitle, pad=24 if info.event else 8)  # room for what it says below
    axes.set(xlabel="finished trials", ylabel=info.y_label)
    if not info.trials.size:
        nothing(axes, "no feasible design found yet" if info.complete is None else "found at once")
        axes.set(xticks=[], yticks=[])
        return
    # the last value holds until nothing was missing, which a log axis cannot show
    end = info.complete if info.complete is not None else info.end
    x, y = np.append(info.trials, end), np.append(info.missing, info.missing[-1])
    # a step, since the front does not change between two trials that improve it
    axes.plot(x, y, drawstyle="steps-post", color="#004488", linewidth=1.6)
    axes.set_yscale("log")
    set_ticks(axes.yaxis, ticks(info.y))
    axes.set_ylim(info.y.limits)
    # of the whole search, so that a reader sees how long nothing more was found
    axes.set_xlim(0, 1.02 * info.end)
    if info.complete is not None:
        axes.axvline(end, color="#888888", linestyle=(0, (5, 5)), linewidth=0.8)
        axes.text(
            end,
            1.01,
            info.event,
            # towards the middle, so that the words stay inside
            ha="right" if end > info.end / 2 else "left",
            va="bottom",
            fontsize=8,
            color="#333333",
            transform=axes.get_xaxis_transform(),
        )
    foot(figure, info.notes)

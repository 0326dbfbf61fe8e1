"""Draws which parameters decide; the numbers come from `dse.search.analysis.importance`."""

from collections.abc import Sequence
from pathlib import Path

from dse.report.drawing.canvas import MplFigure, foot, frame, head, nothing, render, save
from dse.report.drawing.style import styles
from dse.report.words.quantities import quantity
from dse.search.analysis.importance import LEAST, Importance
from objectives.systems.split import ROLES

TITLE = "Which parameters decide whether a chip reaches the front"
NOTE = (
    "PED-ANOVA: how far the best tenth of the feasible trials of a branch, by non-domination, differs in "
    "each parameter from all of them; shares sum to 100 % within a branch"
)
NOTHING = f"this analysis needs {LEAST} feasible trials of a branch; no branch has as many yet"
_SIZE = (9.6, 4.8)


def draw_importance(found: Sequence[Importance], study: str, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, found, study), path, _SIZE)


def render_importance(found: Sequence[Importance], study: str, form: str) -> bytes:
    """The picture as bytes; `form` is one of `canvas.SUFFIXES`."""
    return render(lambda figure: _draw(figure, found, study), form, _SIZE)


def parameter_label(name: str) -> str:
    """A parameter of a trial in the words of the field."""
    # the swept latency limit is a parameter of a trial, and has no column of its own
    if name.endswith("_target"):
        return f"{quantity(name.removesuffix('_target') + '_s').label} target"
    role, _, own = name.partition(".")
    if own and role in ROLES:
        return f"{role}: {parameter_label(own)}"
    return quantity(f"param_{name}").label


def _draw(figure: MplFigure, found: Sequence[Importance], study: str) -> None:
    """One panel of horizontal bars for each branch."""
    if not found:
        axes = figure.add_subplot()
        head(figure, axes, TITLE, study)
        axes.set(xticks=[], yticks=[])
        nothing(axes, NOTHING)
        return
    # not squeezed: an array of panels even for a single branch
    panels = figure.subplots(1, len(found), sharex=True, squeeze=False)[0]
    # over all branches, so that each has another colour
    looks = styles({one.branch for one in found})
    for axes, one in zip(panels, found, strict=True):
        frame(axes)
        axes.grid(visible=False, axis="y")
        look = looks[one.branch]
        # bars are counted from below, and the largest share belongs on top
        names = [parameter_label(name) for name, _ in one.shares][::-1]
        values = [100 * share for _, share in one.shares][::-1]
        axes.barh(names, values, color=look.colour, height=0.6)
        for i, value in enumerate(values):
            axes.text(value + 1.5, i, f"{value:.0f}", va="center", fontsize=8.5)
        axes.set_title(f"{look.label}: {one.trials:,} trials", loc="left", fontsize=9)
        # room for the number behind a bar of 100 %
        axes.set(xlim=(0, 108), xlabel="share [%]")
    figure.suptitle(TITLE, ha="left", x=0.01, fontsize=12, fontweight="bold")
    foot(figure, (study, NOTE))

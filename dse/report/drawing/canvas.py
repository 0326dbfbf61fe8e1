"""What all pictures share: a figure of our style to bytes, the same bytes for the same numbers."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any, TypeAlias

from dse.errors import spec_error
from dse.front.files import write_files

SUFFIXES = (".png", ".svg", ".pdf")
SIZE = (9.6, 5.6)  # inches
DPI = 150
QUIET, FAINT = "#444444", "#E4E4E4"
_SETTINGS = {
    # a $ in a label is a dollar, not the start of a formula
    "text.parse_math": False,
    # text of an SVG stays text: it can be searched and copied
    "svg.fonttype": "none",
    # names inside an SVG are random otherwise; equal pictures must be equal bytes
    "svg.hashsalt": "dse",
    # comes with matplotlib, so that text is as wide on every machine
    "font.family": "DejaVu Sans",
    "hatch.linewidth": 0.5,
}

# matplotlib takes half a second to import and seaborn more than one, while most commands draw nothing. Both
# are imported when a picture is rendered, so their types are no more than names here.
MplFigure: TypeAlias = Any
"""A figure of matplotlib."""
MplAxes: TypeAlias = Any
"""The axes of one panel, of matplotlib."""
MplAxis: TypeAlias = Any
"""The horizontal or the vertical axis of a panel, of matplotlib."""
MplText: TypeAlias = Any
"""A text or another mark on a figure, of matplotlib."""
MplStyle: TypeAlias = dict[str, Any]
"""Options of a drawing function of matplotlib."""
MplSettings: TypeAlias = dict[Any, Any]
"""Settings of matplotlib by name."""

Draw = Callable[[MplFigure], None]
"""Draws on a figure."""


def form_of(path: Path) -> str:
    """Suffix of a picture; raises `SpecError` for one that we cannot draw."""
    form = path.suffix.lower()
    if form not in SUFFIXES:
        raise spec_error(
            str(path), f"expected a picture ending in {', '.join(SUFFIXES)}, got {path.suffix!r}."
        )
    return form


def save(draw: Draw, path: Path, size: tuple[float, float] = SIZE) -> None:
    """Write a picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing.

    Raises `SpecError` for another suffix and `ResultsError` for a place that cannot be written.
    """
    form = form_of(path)
    write_files({path: render(draw, form, size)})


def render(draw: Draw, form: str, size: tuple[float, float] = SIZE) -> bytes:
    """The picture as bytes; `form` is one of `SUFFIXES`, `size` in inches."""
    import seaborn as sns  # type: ignore[import-untyped, unused-ignore]

    # as dictionaries: `set_theme` would change the settings of the whole process
    style = {**sns.axes_style("whitegrid"), **sns.plotting_context("notebook", font_scale=0.85), **_SETTINGS}
    return render_styled(draw, form, size, DPI, style)


def render_styled(draw: Draw, form: str, size: tuple[float, float], dpi: int, style: MplSettings) -> bytes:
    """The picture as bytes, with settings of matplotlib; the same bytes for the same numbers."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # for this picture only: a program that imports us keeps its own settings
    with mpl.rc_context(style):
        # without pyplot, which keeps every figure and chooses a backend by the display
        figure = Figure(figsize=size, dpi=dpi, layout="constrained")
        FigureCanvasAgg(figure)  # text is measured without a display
        draw(figure)
        buffer = BytesIO()
        # without the date of today, for the same reason
        stamp = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(form, {"Software": None})
        figure.savefig(buffer, format=form[1:], dpi=dpi, metadata=stamp)
    return buffer.getvalue()


def head(figure: MplFigure, axes: MplAxes, title: str, subtitle: str, *, pad: float = 8) -> MplText:
    """Title above the whole figure, subtitle above the axes; returns the title."""
    axes.set_title(fill(subtitle, 108), loc="left", fontsize=9, color=QUIET, pad=pad)
    return figure.suptitle(fill(title, 80), ha="left", x=0.01, fontsize=12, fontweight="bold")


def frame(axes: MplAxes) -> None:
    """Faint grid, no box."""
    axes.grid(color=FAINT, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def foot(figure: MplFigure, notes: tuple[str, ...]) -> None:
    """What the picture leaves out, below it."""
    if notes:
        text = fill("; ".join(notes), 150)
        figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color="#666666")


def nothing(axes: MplAxes, text: str) -> None:
    """A sentence in the middle of an empty picture."""
    middle = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    axes.text(0.5, 0.5, fill(text, 70), color="#666666", fontsize=11, **middle)

"""Words in pictures stand clear: of bars, of other words, and of the edges."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from dse.front.axis import Axis
from dse.front.files import Front
from dse.report.info.cases_info import cases_info
from dse.report.info.progress_info import ProgressInfo
from dse.report.plots.cases_plot import draw_panels, figure_size
from dse.report.plots.progress_plot import render_progress
from dse.report.plots.tornado_plot import Bar, TornadoInfo, draw_tornado, ends, render_tornado

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")


def tornado(*bars: tuple[float | None, float | None], words: str = "end") -> TornadoInfo:
    made = tuple(Bar(f"bar {i}", *b, f"low {words}", f"high {words}") for i, b in enumerate(bars))
    return TornadoInfo("chip", "each number over its range", "change [%]", made)


VALUES = (-0.4, -0.1, 0.0, 0.2, 0.5)


@pytest.mark.parametrize(("low", "high"), [*product(VALUES, VALUES)])
def test_no_words_of_a_tornado_are_on_a_bar_or_on_each_other(low: float, high: float) -> None:
    found = ends(tornado((low, high)))
    assert [e.text for e in found] == ["low end", "high end"]
    assert {e.side for e in found} == {1, -1}  # each has a side for itself
    left, right = 100 * min(low, high, 0.0), 100 * max(low, high, 0.0)
    assert all(e.place >= right if e.side > 0 else e.place <= left for e in found)


def test_an_end_at_zero_stands_on_the_free_side() -> None:
    sides = [e.side for e in ends(tornado((0.0, -0.2), (0.2, 0.0), (0.0, 0.2), (0.0, 0.0)))]
    assert sides == [1, -1, 1, -1, -1, 1, -1, 1]


@pytest.mark.parametrize("words", ["3 W", "128 GB of HBM3e in four stacks beside the die, as sold"])
@pytest.mark.parametrize(
    "bars",
    [
        [(-0.6, 0.6), (None, 0.1)],
        [(None, None)],
        [(0.0, 0.0)],
        [(0.01, 3.0), (-0.9, None)],
        [(1.0, None), (0.1, None)],
    ],
)
def test_words_of_a_tornado_end_before_the_axis_does(
    bars: list[tuple[float | None, float | None]], words: str
) -> None:
    figure = Figure(figsize=(9.6, 3.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    draw_tornado(tornado(*bars, words=words), figure)
    figure.canvas.draw()
    (axes,) = figure.axes
    frame = axes.get_window_extent()
    boxes = [Text.get_window_extent(t) for t in axes.texts]
    assert boxes and all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    gone = [patch.get_window_extent() for patch in axes.patches if patch.get_hatch()]
    assert not any(box.overlaps(patch) for box in boxes for patch in gone)
    assert all(patch.get_width() for patch in axes.patches if patch.get_hatch())  # none is a mere line


def test_both_ends_that_are_infeasible_are_told() -> None:
    assert "low end and high end" in render_tornado(tornado((None, None), (-0.1, 0.1)), ".svg").decode()


def searched(missing: list[float], complete: float | None) -> ProgressInfo:
    return ProgressInfo(
        title="How fast",
        subtitle="a study: hypervolume 123 at the end",
        y_label="missing [%]",
        trials=np.arange(1.0, len(missing) + 1),
        missing=np.array(missing),
        complete=complete,
        end=1000.0,
        event="no gain after so many trials" if complete else "",
        notes=(),
    )


def height(svg: str, words: str) -> float:
    """Where a text of an SVG stands, from above."""
    (found,) = re.findall(rf'<text [^>]*?(?:y="([-\d.]+)"|translate\([-\d.]+ ([-\d.]+)\))[^>]*>{words}', svg)
    return float(found[0] or found[1])


@pytest.mark.parametrize("complete", [3.0, 400.0, 1000.0])
def test_what_a_search_came_to_is_written_below_the_subtitle(complete: float) -> None:
    svg = render_progress(searched([30.0, 25.0], complete), ".svg").decode()
    assert height(svg, "no gain") - height(svg, "a study") > 9.0  # points: a line


@pytest.mark.parametrize(
    "missing", [[30.0, 18.0], [3.3], [99.9, 99.8], [60.0, 0.003], [50.0, 1e-9], [12.0, 8.0]]
)
def test_the_upright_axis_of_progress_has_two_numbers_at_least(missing: list[float]) -> None:
    svg = render_progress(searched(missing, None), ".svg").decode()
    axis = svg.split('id="matplotlib.axis_2"')[1]
    assert len(re.findall(r"<text[^>]*>[\d.,]+</text>", axis)) >= 2


@pytest.mark.parametrize("panels", [1, 2, 3, 4, 5])
def test_titles_and_legend_of_cases_stay_on_their_panels(panels: int) -> None:
    title = "real chips at the article's prices, by compute ratio, with the memory of the eight cards"
    frame = pd.DataFrame(
        {
            "chip": "a",
            "branch": ["sram-only", "hybrid", "dram-only"],
            "role": "search",
            "tpot_s": [0.001, 0.01, 0.1],
            "usd_per_token_per_s": [9.0, 5.0, 2.0],
        }
    )
    front = Front(frame, pd.DataFrame(), (COST, TPOT), {"targets": {"tpot": [0.01]}})
    info = cases_info([(title, front)] * panels)
    figure = Figure(figsize=figure_size(info), layout="constrained")
    FigureCanvasAgg(figure)
    draw_panels(figure, info)
    figure.canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    for axes in (a for a in figure.axes if a.get_visible()):
        words = axes._left_title
        assert words.get_text().replace("\n", " ") == title
        assert words.get_window_extent().x1 <= axes.get_window_extent().x1
        assert words.get_window_extent().y1 <= figure.bbox.y1

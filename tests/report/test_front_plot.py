"""Pictures of fronts: what they compute, what they say, and that they are whole files."""

import re
import struct
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from dse.decide.compare.chips import compare
from dse.errors import ResultsError, SpecError
from dse.front.axis import Axis
from dse.front.files import Front
from dse.report.drawing.labels import Mark, place_labels
from dse.report.drawing.scales import scale_of, tick_label, ticks
from dse.report.drawing.style import styles
from dse.report.info.front_info import front_info
from dse.report.plots.front_plot import draw_front, render_front

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
OUTPUT = Axis("tokens_per_second", "tokens_per_s", "Output", "token/s", "maximize")
BRANCHES = ("sram-only", "hybrid", "dram-only")
MANIFEST = {
    "study": "groq-vs-h100",
    "title": "The lowest $/(token/s) at $20k a chip",
    "question": "Can an SRAM-only chip have the lowest $/(token/s), at $20k a chip?",
    "trials": 400,
    "targets": {"tpot": [0.005, 0.01]},
    "reference_point": {"usd_per_token_per_second": 2000.0, "tpot": 0.5},
}


def front(n: int, axes: tuple[Axis, ...] = (COST, TPOT), chips: int = 4) -> Front:
    tpot = np.geomspace(1e-3, 0.2, n)
    frame = pd.DataFrame(
        {
            "chip": [f"hypothetical-{i}" for i in range(n)],
            "branch": [BRANCHES[3 * i // n] for i in range(n)],
            "role": ["baseline" if i % 10 == 9 else "search" for i in range(n)],
            "tpot_s": tpot,
            "usd_per_token_per_s": 1.0 / tpot,
            "tokens_per_s": 1.0 / tpot,
        }
    )
    baselines = pd.DataFrame(
        {
            "chip": ["groq-lpu", "h100-sxm", "h200-sxm", "fpga-ddr4"][:chips],
            "branch": ["sram-only", "dram-only", "dram-only", "dram-only"][:chips],
            "tpot_s": [0.002, 0.020, 0.021, 0.300][:chips],
            "usd_per_token_per_s": [900.0, 150.0, 148.0, 1500.0][:chips],
            "tokens_per_s": [500.0, 50.0, 49.0, 3.0][:chips],
            "violation_tpot_s": [0.0, 0.0, 0.0, 0.1][:chips],
        }
    )
    return Front(frame, baselines, axes, MANIFEST)


def texts(svg: bytes) -> set[str]:
    return set(re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode()))


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_a_front_of_any_size_is_a_whole_picture(tmp_path: Path, n: int) -> None:
    path = tmp_path / "new" / "front.png"
    draw_front(front_info(front(n)), path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    assert struct.unpack(">II", data[16:24]) == (1440, 840)
    assert 15_000 < len(data) < 500_000
    assert [p.name for p in path.parent.iterdir()] == ["front.png"]


def test_the_picture_says_what_it_shows() -> None:
    svg = render_front(front_info(front(30)), ".svg")
    said = texts(svg)
    assert {"groq-lpu", "h100-sxm", "h200-sxm", "fpga-ddr4 (infeasible)"} <= said
    assert {"SRAM-only (9)", "SRAM-only, baseline chip (1)", "Hybrid (9)", "DRAM-only (9)"} <= said
    assert {"5 ms", "10 ms", "Target", "Front", "Reference point"} <= said
    assert any(t.startswith("TPOT [ms]") for t in said)
    assert any(t.startswith("$/(token/s)") and "less is better" in t for t in said)
    assert "Baseline chip, its own front" in said
    assert MANIFEST["title"] in said  # two dollar signs are not mathematics
    assert not any(t.startswith("Can an SRAM-only chip") for t in said)
    untitled = Front(front(3).frame, pd.DataFrame(), (COST, TPOT), {"study": "groq-vs-h100"})
    assert front_info(untitled).title == "groq-vs-h100"
    assert front_info(untitled).subtitle == "3 designs on the front"


def test_an_empty_front_says_so() -> None:
    empty = Front(pd.DataFrame(), pd.DataFrame(), (COST, TPOT), {})
    assert "no feasible design found yet" in texts(render_front(front_info(empty), ".svg"))


@pytest.mark.parametrize("form", [".png", ".svg"])
def test_the_same_front_gives_the_same_bytes(form: str) -> None:
    assert render_front(front_info(front(20)), form) == render_front(front_info(front(20)), form)


def test_time_goes_across_in_milliseconds_whichever_objective_comes_first() -> None:
    for axes in ((COST, TPOT), (TPOT, COST)):
        info = front_info(front(3, axes))
        assert info.x.label == "TPOT [ms]" and info.y.label == "$/(token/s)"
        assert sorted(np.concatenate([s.x for s in info.series])) == pytest.approx([1, 200**0.5, 200])
        assert [t.value for t in info.targets] == [5, 10]
        assert info.x.log and info.y.log


def test_the_staircase_joins_the_designs_by_their_worse_corners() -> None:
    frame = pd.DataFrame({"tpot_s": [0.004, 0.001, 0.002], "usd_per_token_per_s": [10.0, 30.0, 20.0]})
    info = front_info(Front(frame, pd.DataFrame(), (COST, TPOT), {}))
    x, y = info.steps
    right, top = info.x.limits[1], info.y.limits[1]
    assert x.tolist() == pytest.approx([1, 1, 2, 2, 4, 4, right])
    assert y.tolist() == pytest.approx([top, 30, 30, 20, 20, 10, 10])


def test_the_staircase_of_a_maximised_axis_runs_towards_less() -> None:
    frame = pd.DataFrame({"tokens_per_s": [100.0, 300.0], "usd_per_token_per_s": [10.0, 30.0]})
    info = front_info(Front(frame, pd.DataFrame(), (OUTPUT, COST), {}))
    x, y = info.steps
    left, top = info.x.limits[0], info.y.limits[1]
    assert x.tolist() == pytest.approx([300, 300, 100, 100, left])
    assert y.tolist() == pytest.approx([top, 30, 30, 10, 10])


def test_two_of_three_objectives_are_drawn_and_the_third_is_named() -> None:
    frame = pd.DataFrame(
        {
            "tpot_s": [0.001, 0.002, 0.003],
            "usd_per_token_per_s": [3.0, 2.0, 2.5],
            "tokens_per_s": [1.0, 2.0, 9.0],
        }
    )
    info = front_info(Front(frame, pd.DataFrame(), (COST, TPOT, OUTPUT), {}))
    assert sum(len(s.x) for s in info.series) == 3
    assert 3.0 not in info.steps[0].tolist()  # dominated in the two that are drawn
    assert "also optimised, not drawn: Output" in info.notes
    other = front_info(
        Front(frame, pd.DataFrame(), (COST, TPOT, OUTPUT), {}), x="tokens_per_second", y="tpot"
    )
    assert (other.x.label, other.y.label) == ("Output [token/s]", "TPOT [ms]")


def test_a_front_of_one_objective_is_drawn_against_latency() -> None:
    info = front_info(front(1, (COST,)))
    assert (info.x.label, info.y.label) == ("TPOT [ms]", "$/(token/s)")


def test_an_unknown_axis_gets_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="did you mean 'tpot'"):
        front_info(front(1), x="tpott")


def test_a_baseline_without_a_deployment_is_named_below() -> None:
    good = front(3)
    gone = good.baselines.assign(tpot_s=[0.002, np.nan, 0.021, 0.3])
    info = front_info(Front(good.frame, gone, good.axes, {}))
    assert "no deployment found: h100-sxm" in info.notes
    assert [c.label for c in info.baselines] == ["groq-lpu", "h200-sxm", "fpga-ddr4 (infeasible)"]


def own_fronts(chips: int, rows: int) -> pd.DataFrame:
    """Fronts of several chips, each a little slower than the one before and some crossing."""
    x = np.geomspace(1.0, 30.0, rows)
    return pd.concat(
        pd.DataFrame(
            {
                "chip": f"chip-{i}",
                "branch": BRANCHES[i % 3],
                "tpot_s": 1e-3 * x * (1 + 0.2 * i),
                "usd_per_token_per_s": 100.0 / x ** (1 + 0.1 * i),
                "violation_capacity": -1.0,
            }
        )
        for i in range(chips)
    )


@pytest.mark.parametrize("chips", [1, 3, 7])
def test_a_baseline_of_many_deployments_is_one_line_with_one_name(chips: int) -> None:
    info = front_info(Front(front(3).frame, own_fronts(chips, 40), (COST, TPOT), {}))
    assert [c.label for c in info.baselines] == [f"chip-{i}" for i in range(chips)]
    assert [len(c.x) for c in info.baselines] == [40] * chips
    svg = render_front(info, ".svg").decode()
    for i in range(chips):
        assert len(re.findall(f"<text[^>]*>chip-{i}</text>", svg)) == 1
    looks = {(c.dashes, c.style.marker) for c in info.baselines}
    assert len(looks) == chips  # told apart without colour


def test_a_baseline_is_drawn_by_what_its_own_feasible_deployments_do_not_beat() -> None:
    rows = pd.DataFrame(
        {
            "chip": "h100-sxm",
            "branch": "dram-only",
            "tpot_s": [0.004, 0.003, 0.002, 0.001],
            "usd_per_token_per_s": [10.0, 40.0, 30.0, 5.0],
            "violation_tpot_s": [-1.0, -1.0, -1.0, 0.1],
        }
    )
    (curve,) = front_info(Front(front(3).frame, rows, (COST, TPOT), {})).baselines
    assert curve.label == "h100-sxm"
    assert list(zip(curve.x, curve.y, strict=True)) == [(2, 30), (4, 10)]
    assert [list(part) for part in curve.steps] == [[2, 4, 4], [30, 30, 10]]
    assert curve.ends == ((4, 10), (2, 30))


def test_a_baseline_of_one_deployment_is_one_point() -> None:
    curve = front_info(front(3)).baselines[0]
    assert len(curve.ends) == 1 and curve.ends[0] == pytest.approx((2, 900))
    assert [list(part) for part in curve.steps] == [pytest.approx([2]), pytest.approx([900])]


def test_a_chip_that_lacks_only_some_numbers_is_drawn_and_not_called_missing() -> None:
    rows = own_fronts(1, 5)
    rows["tpot_s"] = rows["tpot_s"].where(rows.index != 2)
    info = front_info(Front(front(3).frame, rows, (COST, TPOT), {}))
    assert [len(c.x) for c in info.baselines] == [4] and info.notes == ()


def test_deployments_that_are_not_drawn_do_not_stretch_the_view() -> None:
    rows = pd.concat([own_fronts(1, 5), own_fronts(1, 1).assign(tpot_s=1e3, usd_per_token_per_s=1e6)])
    info = front_info(Front(front(3).frame, rows, (COST, TPOT), {}))
    assert info.x.limits[1] < 1e3 and info.y.limits[1] < 1e4


def test_a_kind_that_only_baselines_have_is_in_the_legend() -> None:
    good = front(3)
    frame = good.frame[good.frame["branch"] == "sram-only"]
    said = texts(render_front(front_info(Front(frame, good.baselines, good.axes, {})), ".svg"))
    assert {"SRAM-only (1)", "DRAM-only (baselines only)"} <= said and "Hybrid (0)" not in said
    nothing = front_info(Front(frame.iloc[:0], good.baselines, good.axes, {}))
    assert "no feasible design found yet" in texts(render_front(nothing, ".svg"))


@pytest.mark.parametrize(
    ("usd", "tpot", "place"),
    [(1e9, 1e4, "10,000,000 ms and 1,000,000,000"), (2000.0, 1.0, "1,000 ms and 2,000"), (0.0, 0.5, "500")],
)
def test_a_far_reference_point_does_not_squeeze_the_view(usd: float, tpot: float, place: str) -> None:
    good = front(3)
    far = {"reference_point": {"usd_per_token_per_second": usd, "tpot": tpot}}
    info = front_info(Front(good.frame, good.baselines, good.axes, far))
    plain = front_info(Front(good.frame, good.baselines, good.axes, {}))
    assert info.reference is None and (info.x, info.y) == (plain.x, plain.y)
    assert any(note.startswith(f"reference point beyond the view, at {place}") for note in info.notes)


def test_a_near_reference_point_is_in_the_view() -> None:
    info = front_info(front(3))
    assert info.reference == pytest.approx((500, 2000)) and info.notes == ()
    assert info.x.limits[1] > 500 and info.y.limits[1] > 2000


def compared(chips: int, rows: int = 20) -> Front:
    """Chips of one kind side by side, every other one hypothetical."""
    curves = own_fronts(chips, rows).assign(branch="dram-only")
    number = curves["chip"].str[5:].astype(int)
    curves = curves.assign(role=np.where(number % 2, "search", "baseline")).reset_index(drop=True)
    names = list(curves["chip"].unique())
    return Front(curves.iloc[:5], curves, (COST, TPOT), {"title": "all", "compared": [*names, "too-small"]})


@pytest.mark.parametrize("chips", [1, 2, 4, 9, 20])
def test_compared_chips_of_one_kind_differ_and_are_in_the_legend(chips: int) -> None:
    info = front_info(compared(chips))
    assert info.series == () and len(info.baselines) == chips
    assert len({(c.style.colour, c.style.marker) for c in info.baselines}) == chips
    assert len({c.style.colour for c in info.baselines}) == min(chips, 8)
    assert [c.label for c in info.baselines[:2]] == ["chip-0, DRAM-only", "chip-1, DRAM-only, hypothetical"][
        :chips
    ]
    assert info.subtitle.startswith(f"{chips + 1} chips") and "no deployment found: too-small" in info.notes
    svg = render_front(info, ".svg").decode()
    for curve in info.baselines:
        assert len(re.findall(f"<text[^>]*>{curve.label}</text>", svg)) == 1  # in the legend, nowhere else
    assert "aseline" not in svg and "Best of all" in svg


def test_a_comparison_of_chips_that_do_not_fit_says_so() -> None:
    nothing = Front(pd.DataFrame(), pd.DataFrame(), (COST, TPOT), {"compared": ["a"], "title": "all"})
    assert "no chip has a feasible deployment" in texts(render_front(front_info(nothing), ".svg"))


def test_a_comparison_is_drawn_as_one() -> None:
    found = compare(["h100", "h200"], llm="llama2-70b", workload="article", weights="int8")
    info = front_info(found.front())
    assert info.compared and [c.label for c in info.baselines] == [
        "h100-sxm, DRAM-only",
        "h200-sxm, DRAM-only",
    ]
    assert len({c.style.colour for c in info.baselines}) == 2


def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"expected a picture ending in \.png, \.svg, \.pdf, got '\.gif'"):
        draw_front(front_info(front(1)), tmp_path / "front.gif")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    with pytest.raises(ResultsError, match="results"):
        draw_front(front_info(front(1)), tmp_path / "results" / "front.svg")


def test_kinds_of_chips_differ_in_shape_and_in_lightness() -> None:
    looks = list(styles({*BRANCHES, "photonic"}).values())
    assert len({s.marker for s in looks}) == 4

    def luma(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    light = sorted(luma(s.colour) for s in looks[:3])
    assert min(np.diff(light)) > 40  # of 255: told apart in grey


CROWDS = {
    "corners": [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)],
    "one spot": [(0.5, 0.5)] * 5,
    "one spot at the edge": [(1.0, 0.2)] * 4,
    "a row": [(0.3 + 0.02 * i, 0.4) for i in range(7)],
    "a column": [(0.0, 0.3 + 0.01 * i) for i in range(7)],
    "a cluster": [(0.40, 0.30), (0.41, 0.31), (0.42, 0.31), (0.43, 0.29), (0.41, 0.28), (0.45, 0.30)],
}


@pytest.mark.parametrize("places", CROWDS.values(), ids=CROWDS)
def test_names_of_marks_never_touch_each_other_or_leave_the_frame(places: list[tuple[float, float]]) -> None:
    figure = Figure(figsize=(8, 5), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.05, 0.05, 0.9, 0.9))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    marks = [Mark(f"some-chip-{i}", (place,)) for i, place in enumerate(places)]
    place_labels(axes, marks, np.empty((0, 2)))
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # the name without its leader
    frame = axes.get_window_extent()
    assert len(boxes) == len(places)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_a_name_goes_to_the_end_of_its_line_where_no_other_line_runs() -> None:
    figure = Figure(figsize=(8, 5), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.05, 0.05, 0.9, 0.9))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    across, up = np.array([[0.1, 0.5], [0.9, 0.5]]), np.array([[0.5, 0.9], [0.5, 0.5]])
    marks = [Mark("up", ((0.5, 0.5), (0.5, 0.9)), (up,)), Mark("across", ((0.9, 0.5), (0.1, 0.5)), (across,))]
    place_labels(axes, marks, np.empty((0, 2)))
    assert {t.get_text(): t.xy for t in axes.texts if isinstance(t, Annotation)} == {
        "up": (0.5, 0.9),
        "across": (0.9, 0.5),
    }


@given(st.floats(-6, 6), st.floats(0, 8))
def test_ticks_are_few_round_and_inside_the_view(start: float, decades: float) -> None:
    values = np.array([10.0**start, 10.0 ** (start + decades)])
    scale = scale_of(Axis("x", "x", "X", "", "minimize"), [values], None)
    found = ticks(scale)
    assert 2 <= len(found) <= 10 and found == sorted(found)
    assert scale.limits[0] <= found[0] and found[-1] <= scale.limits[1]
    assert scale.limits[0] <= values[0] and values[1] <= scale.limits[1]


def test_an_axis_with_zero_or_less_is_linear() -> None:
    scale = scale_of(Axis("x", "x", "X", "", "minimize"), [np.array([-1.0, 0.0, 3.0])], None)
    assert not scale.log and ticks(scale) == [-1, 0, 1, 2, 3]


def test_numbers_on_axes_have_no_exponents() -> None:
    assert [tick_label(v) for v in (0.05, 1.0, 20.0, 1000.0, 2e6)] == [
        "0.05",
        "1",
        "20",
        "1,000",
        "2,000,000",
    ]

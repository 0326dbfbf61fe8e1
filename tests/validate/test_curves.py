"""Ranking and regret on measured curves: correlations, choices at equal batch and under limits, by hand."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from said import call
from scipy.stats import spearmanr

from dse.choose.confidence import margin
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.curves.limits import LIMITS, limits_of, under_limits
from dse.validate.curves.points import Curve, Point, curves
from dse.validate.curves.ranking import ranks, rate_choices, spearman, tpot_choices
from dse.validate.curves.summary import curve_groups, curve_rows
from dse.validate.measured.predictions import predictions
from dse.validate.measured.rows import read_rows

COLUMNS = st.lists(st.integers(0, 6), min_size=3, max_size=12)


def test_the_correlation_of_a_printed_example() -> None:
    # IQ and hours of television a week of ten people: rho = -29 / 165
    # (en.wikipedia.org/wiki/Spearman's_rank_correlation_coefficient, "Example")
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks([3.0, 1.0, 3.0, 7.0]).tolist() == [2.5, 1.0, 2.5, 4.0]
    # deviations (-1.5, 0, 0, 1.5) and (-1.5, -0.5, 0.5, 1.5): 4.5 / sqrt(4.5 x 5)
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / 22.5**0.5)
    assert spearman([1, 1, 1], [1, 2, 3]) is None


@given(st.permutations(range(8)))
def test_without_equal_values_it_is_the_closed_form(order: Sequence[int]) -> None:
    n, d = 8, np.arange(8) - np.asarray(order)
    assert spearman(range(8), order) == pytest.approx(1.0 - 6.0 * (d * d).sum() / (n * (n * n - 1)))


@given(COLUMNS, st.randoms(use_true_random=False))
def test_it_is_that_of_scipy(one: list[int], random: Any) -> None:
    other = [random.randint(0, 6) for _ in one]
    found = spearman(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(float(spearmanr(one, other).statistic))


def point(
    batch: float, tp: float, tpot: tuple[float, float], rate: tuple[float, float], f: float | None = 1.4
) -> Point:
    """Measured and predicted TPOT [ms] and rate of a run."""
    ms = (tpot[0] / 1e3, tpot[1] / 1e3)
    return Point(batch=batch, layout=(tp, 1.0, 1.0, 1.0), tpot=ms, rate=rate, factor=f)


def curve(*points: Point) -> Curve:
    return Curve(
        chip="h100-sxm", llm="llama2-70b", isl=1024.0, osl=128.0, formats="fp8", engine="vLLM", source="me",
        stack="gpu-serving", points=points,
    )  # fmt: skip


CROSSED = curve(
    # at batch 8 TP 4 is predicted to be the best: measured at 90 instead of 100 token/s, 12 instead of 10 ms
    point(8, 2, (10, 13), (100, 80)),
    point(8, 4, (12, 11), (90, 95)),
    # at batch 32 it takes the best, at batch 64 there is one layout alone
    point(32, 2, (20, 22), (200, 210)),
    point(32, 4, (25, 26), (150, 170)),
    point(64, 2, (40, 30), (300, 280)),
)


def test_choices_at_equal_batch_by_hand() -> None:
    one, two = rate_choices(CROSSED)
    assert (one.right, two.right) == (False, True)
    assert one.regret == pytest.approx(0.1)
    assert two.regret == 0.0
    one, two = tpot_choices(CROSSED)
    assert (one.right, two.right) == (False, True)
    assert one.regret == pytest.approx(0.2)


def test_limits_are_spread_from_the_fastest_to_the_slowest_point() -> None:
    found = limits_of(CROSSED.tpot(predicted=False))
    assert len(found) == LIMITS
    assert found[[0, -1]].tolist() == pytest.approx([0.010, 0.040])
    assert np.ptp(np.diff(np.log(found))) < 1e-12


def test_choices_under_limits_by_hand() -> None:
    # limits of 10 x 4^(i/8) ms: 10, 11.9, 14.1, 16.8, 20, 23.8, 28.3, 33.6, 40
    found = under_limits([CROSSED], 0.5)
    # predicted within: none at 10; 11 ms at 11.9 (measured 12, over); 11 and 13 ms at 14.1 and 16.8 and 20,
    # of which 95 token/s is taken, measured 12 ms and 90 of 100 (of 200 at 20); 22 ms at 23.8 (measured 20);
    # 26 ms at 28.3 has 170 < 210; 30 ms at 33.6 (measured 40, over) and at 40
    assert (found.limits, found.chosen) == (9, 8)
    assert found.violated == pytest.approx(2 / 8)
    over = [12 / (10 * 4 ** (1 / 8)) - 1, 40 / (10 * 4 ** (7 / 8)) - 1]
    assert found.overshoot == pytest.approx(np.median(over))
    shares = [0.9, 0.9, 0.45, 1.0, 1.0, 1.0]
    assert found.lost == pytest.approx(1.0 - np.median(shares))
    assert found.reached == pytest.approx(sum(shares) / 9)


def test_the_margin_is_that_of_the_interval() -> None:
    # x 1.2473 at 80 %: 13.7, 16.2, 27.4, 32.4, 37.4 ms are predicted
    assert margin(1.4, 0.8) == pytest.approx(1.2473, rel=1e-4)
    found = under_limits([CROSSED], 0.8)
    # none below 13.7: limits 14.1 to 23.8 take 13.7 (measured 12 ms), 28.3 and 33.6 take 27.4, 40 takes 37.4
    assert (found.chosen, found.violated, found.overshoot) == (7, 0.0, None)


def test_a_curve_without_an_interval_has_no_limits() -> None:
    (group,) = curve_groups([curve(*(point(8, i, (i, i), (i, i), None) for i in (1, 2, 3)))])
    assert group.without_interval == 1
    assert [u.limits for u in group.limits] == [0, 0]
    assert [r.spearman for r in group.rankings] == [1.0, 1.0]


@given(
    st.lists(
        st.tuples(st.floats(5, 50), st.floats(5, 50), st.floats(10, 500), st.floats(10, 500)),
        min_size=3, max_size=8,
    ),
    st.floats(0.5, 0.95),
)  # fmt: skip
def test_more_margin_never_chooses_at_more_limits(
    values: list[tuple[float, float, float, float]], confidence: float
) -> None:
    made = curve(*(point(1, i, (a, b), (c, d)) for i, (a, b, c, d) in enumerate(values)))
    plain, sure = under_limits([made], 0.5), under_limits([made], confidence)
    assert sure.limits == plain.limits == LIMITS
    assert sure.chosen <= plain.chosen
    for found in (plain, sure):
        assert 0.0 <= (found.reached or 0.0) <= 1.0


@given(st.lists(st.tuples(st.floats(5, 50), st.floats(10, 500)), min_size=3, max_size=8))
def test_a_prediction_that_is_the_measurement_chooses_the_best_everywhere(
    values: list[tuple[float, float]],
) -> None:
    made = curve(*(point(1, i, (a, a), (c, c)) for i, (a, c) in enumerate(values)))
    found = under_limits([made], 0.5)
    assert (found.chosen, found.violated) == (LIMITS, 0.0)
    assert found.reached == pytest.approx(1.0)
    assert all(c.right and c.regret == 0.0 for c in (*rate_choices(made), *tpot_choices(made)))


HEADER = (
    *("run_id", "source_key", "chip", "n_chips", "llm", "weights", "kv", "tp", "dp", "batch"),
    *("batch_kind", "isl", "osl", "metric", "value", "engine"),
)


def row(run: str, tp: int, batch: int, metric: str, value: float, **changes: object) -> list[object]:
    own = {
        "run_id": run, "source_key": "mine", "chip": "H100-SXM-80GB", "n_chips": 8, "llm": "llama2-70b",
        "weights": "fp8", "kv": "fp8", "tp": tp, "dp": 8 // tp, "batch": batch, "batch_kind": "static",
        "isl": 1024, "osl": 128, "metric": metric, "value": value, "engine": "TensorRT-LLM 0.9",
    }  # fmt: skip
    return [{**own, **changes}[name] for name in HEADER]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Sequence[object]]) -> Path:
        path = tmp_path / "mine.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        return path

    return write


ROWS = (
    *(row(f"r{batch}", 8, batch, "tpot_ms", 10 + batch / 8) for batch in (8, 32, 64)),
    *(row(f"r{batch}", 8, batch, "decode_tok_s_total", 90.0 * batch) for batch in (8, 32, 64)),
    # the speed of a user and the rate of a chip are the same quantities in other words
    row("u32", 4, 32, "tok_s_user", 80.0),
    row("u32", 4, 32, "tok_s_per_chip", 300.0),
    # no rate, hence no point; and another LLM, hence another curve, which is too short
    row("alone", 8, 128, "tpot_ms", 30.0),
    row("other", 8, 8, "tpot_ms", 9.0, llm="llama3-70b"),
    row("other", 8, 8, "decode_tok_s_total", 800.0, llm="llama3-70b"),
)


def test_runs_with_a_time_and_a_rate_are_the_points_of_a_curve(table: Callable[..., Path]) -> None:
    found = predictions(cost_model("roofline"), read_rows(table(ROWS)), Catalog())
    (made,) = curves(found.found)
    assert sorted(made.rate(predicted=False)) == pytest.approx([90.0, 300.0, 360.0, 720.0])
    assert sorted(made.tpot(predicted=False)) == pytest.approx([0.011, 0.0125, 0.014, 0.018])
    assert made.factors is not None
    (flat,) = curve_rows([made])
    assert (flat["chip"], flat["points"], flat["limits"]) == ("h100-sxm", 4, LIMITS)


def test_the_verb_prints_writes_and_groups_curves(table: Callable[..., Path], tmp_path: Path) -> None:
    path = table(ROWS)
    said = call("validate", path, "--curves", "--out", tmp_path / "curves.csv")
    assert said.code == 0, said.err
    for text in ("Spearman", "80 %", "violated", "reached"):
        assert text in said.out
    with (tmp_path / "curves.csv").open() as file:
        (flat,) = csv.DictReader(file)
    (found,) = call("validate", path, "--curves", "--by", "chip", "--format", "json").json
    assert found["chip"] == flat["chip"] == "h100-sxm"
    assert [u["confidence"] for u in found["under_tpot_limits"]] == [0.5, 0.8]
    (other,) = call("validate", path, "--curves", "--confidence", "0.95", "--format", "json").json
    assert [u["confidence"] for u in other["under_tpot_limits"]] == [0.5, 0.95]


def test_a_table_without_curves_says_what_one_needs(table: Callable[..., Path]) -> None:
    said = call("validate", table(ROWS[:2]), "--curves")
    assert said.code == 1
    assert "expected 3 runs of one chip" in said.err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--confidence", "0.8"), "--confidence: expected --curves"),
        (("--curves", "--plot", "x.png"), "--plot: expected either this or --curves"),
        (("--curves", "--by", "batch"), "unknown column"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    table: Callable[..., Path], options: tuple[str, ...], text: str
) -> None:
    said = call("validate", table(ROWS), *options)
    assert said.code == 2
    assert text in said.err


@pytest.mark.parametrize("name", ["article", "dataflow", "silicon"])
def test_other_tables_have_no_curves(name: str) -> None:
    said = call("validate", name, "--curves")
    assert said.code == 2
    assert "applies to published, published-full and a CSV only" in said.err

"""Tables of errors: medians, shares and groups counted by hand; constants that are fitted without a chip."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.validate.measured.summary import BY, columns, reasons, summary
from dse.validate.silicon.errors import groups, interval, left_out, rows_of
from dse.validate.silicon.rows import SiliconRow


def prediction(error: float, inside: bool | None = None, metric: str = "tpot", **more: Any) -> Any:
    """A prediction of which only its error and what it has in common with others count."""
    usual = {"engine": "e", "batch": 1.0, "source": "s", "kind": "static", "quality": "A", "chip": "c",
             "llm": "l", "stack": "k"}  # fmt: skip
    told = {**usual, **more}
    row = SimpleNamespace(**{k: told[k] for k in ("engine", "batch", "source", "kind", "quality")})
    named = {k: SimpleNamespace(name=told[k]) for k in ("chip", "llm", "stack")}
    return SimpleNamespace(
        metric=metric, family_error=error, inside=inside, case=SimpleNamespace(row=row, **named)
    )


# --- measured rows


def test_errors_of_a_group_are_counted_by_hand() -> None:
    (found,) = summary([prediction(e, i) for e, i in ((-0.4, True), (0.1, None), (0.2, False), (0.3, True))])
    assert found.n == 4
    assert found.median_abs_error == pytest.approx(0.25)  # of 0.1, 0.2, 0.3, 0.4
    assert found.mean_abs_error == pytest.approx(0.25)
    assert found.p90_abs_error == pytest.approx(0.3 + 0.7 * 0.1)  # at 0.9 x 3 = 2.7 of the ordered ones
    assert found.bias == pytest.approx(0.15)  # of -0.4, 0.1, 0.2, 0.3
    assert found.inside_interval == pytest.approx(2 / 3)  # the second has no interval
    (none,) = summary([prediction(0.1)])
    assert none.inside_interval is None


@LAW
@given(
    st.lists(
        st.tuples(st.floats(-0.9, 3.0), st.sampled_from(("tpot", "ttft")), st.sampled_from(("a", "b"))),
        min_size=1,
    )
)
def test_every_prediction_is_in_one_group_of_its_metric_and_column(
    rows: list[tuple[float, str, str]],
) -> None:
    found = summary([prediction(e, metric=m, chip=c) for e, m, c in rows], ["chip"])
    assert {(g.metric, g.keys["chip"]): g.n for g in found} == {
        pair: sum((m, c) == pair for _, m, c in rows) for pair in {(m, c) for _, m, c in rows}
    }
    for g in found:
        mine = [abs(e) for e, m, c in rows if (m, c) == (g.metric, g.keys["chip"])]
        assert g.median_abs_error == pytest.approx(float(np.median(mine)))
        assert g.median_abs_error <= g.p90_abs_error + 1e-12
        assert list(g.as_dict())[:3] == ["metric", "chip", "n"]


def test_groups_are_in_the_order_of_metrics_then_numbers_by_size_then_words() -> None:
    rows = [
        prediction(0.1, metric=m, batch=b) for m in ("throughput", "tpot") for b in (100.0, 8.0, None, 64.0)
    ]
    found = [(g.metric, g.keys["batch"]) for g in summary(rows, ["batch"])]
    assert found == [(m, b) for m in ("tpot", "throughput") for b in (None, 8.0, 64.0, 100.0)]
    words = [prediction(0.1, chip=c) for c in ("b", "a", "c")]
    assert [g.keys["chip"] for g in summary(words, ["chip"])] == ["a", "b", "c"]


def test_columns_are_named_once_and_metrics_are_always_told_apart() -> None:
    assert columns("chip, llm,chip") == ("chip", "llm")
    assert columns("metric,chip") == ("chip",)
    assert columns(None) == columns(" , ") == ()
    assert set(BY) >= {"chip", "llm", "metric"}
    with pytest.raises(SpecError) as caught:
        columns("chp,llm,engin")
    told = [str(p) for p in caught.value.problems]
    assert len(told) == 2
    assert "unknown column 'chp'; did you mean 'chip'" in told[0]
    assert "unknown column 'engin'; did you mean 'engine'" in told[1]


def test_reasons_are_counted_and_the_most_frequent_comes_first() -> None:
    refused = [SimpleNamespace(reason=r) for r in ("b", "a", "c", "c")]
    assert reasons(refused) == [("c", 2), ("a", 1), ("b", 1)]


# --- silicon


def row(
    chip: str,
    published: float,
    parts: tuple[float, float],
    fixed: float = 0.0,
    metric: str = "tdp",
    **more: Any,
) -> SiliconRow:
    usual = {"low": published, "high": published, "fitted": "", "source": "s", "note": ""}
    return SiliconRow(
        chip=chip, metric=metric, published=published, predicted=fixed + sum(parts), fitted_parts=parts,
        made=None, **{**usual, **more},
    )  # fmt: skip


PARTS = [(1.0, 5.0), (4.0, 2.0), (3.0, 3.0), (7.0, 1.0), (2.0, 6.0), (5.0, 4.0)]


@pytest.mark.parametrize(("a", "b", "fixed"), [(1.0, 1.0, 0.0), (0.5, 2.0, 3.0), (1.7, 0.6, 5.0)])
def test_constants_that_all_other_chips_share_predict_the_one_that_is_left_out(
    a: float, b: float, fixed: float
) -> None:
    rows = [row(str(i), fixed + a * p + b * q, (p, q), fixed) for i, (p, q) in enumerate(PARTS)]
    for found in left_out(rows):
        assert found.predicted == pytest.approx(found.row.published, rel=1e-6)
        assert found.error == pytest.approx(0.0, abs=1e-6)
        assert found.met


def test_one_chip_that_is_far_off_hardly_moves_the_others() -> None:
    """Least absolute deviations: five of six chips agree on 1 and 1, the sixth is three times as much."""
    rows = [row(str(i), (3.0 if i == 5 else 1.0) * (p + q), (p, q)) for i, (p, q) in enumerate(PARTS)]
    found = {(o.row.chip, o.metric): o for o in left_out(rows)}
    for i in range(5):
        assert found[str(i), "tdp"].error == pytest.approx(0.0, abs=0.03)
    assert found["5", "tdp"].predicted == pytest.approx(9.0, rel=1e-6)
    assert not found["5", "tdp"].met


def test_capped_powers_count_among_all_powers_and_not_among_the_plain_ones() -> None:
    rows = [row("a", 1.0, (1.0, 0.0)), row("b", 1.0, (0.0, 1.0), metric="tdp_capped")]
    assert [r.chip for r in rows_of(rows, "tdp")] == ["a"]
    assert [r.chip for r in rows_of(rows, "tdp_capped")] == ["b"]
    assert [r.chip for r in rows_of(rows, "tdp_all")] == ["a", "b"]


def test_a_chip_that_alone_set_the_ratio_of_its_node_is_not_predicted_from_others() -> None:
    alone = [row("a", 6.0, (1.0, 5.0), metric="die_area", fitted="n7 matrix")]
    others = [row(str(i), p + q, (p, q), metric="die_area", fitted="n5") for i, (p, q) in enumerate(PARTS)]
    assert {o.row.chip for o in left_out(alone + others)} == {str(i) for i in range(6)}


@pytest.mark.parametrize(
    ("low", "high", "predicted", "met"),
    [
        (90.0, 110.0, 89.9, False), (90.0, 110.0, 90.0, True), (90.0, 110.0, 110.0, True),
        (90.0, 110.0, 110.1, False), (100.0, 100.0, 111.9, True), (100.0, 100.0, 112.1, False),
        (100.0, 100.0, 88.1, True), (100.0, 100.0, 87.9, False),
    ],
)  # fmt: skip
def test_a_figure_is_met_inside_its_range_or_within_an_eighth(
    low: float, high: float, predicted: float, met: bool
) -> None:
    assert row("a", 100.0, (100.0, 0.0), low=low, high=high).meets(predicted) is met


def test_rows_are_grouped_by_use_and_every_row_is_in_one_use() -> None:
    rows = [row(str(i), 1.1 * (p + q), (p, q), fitted="x" if i < 2 else "") for i, (p, q) in enumerate(PARTS)]
    (whole,) = [g for g in groups(rows) if g.metric == "tdp"]
    assert (whole.n, whole.bias) == (6, pytest.approx(1 / 1.1 - 1))
    uses = {g.keys["use"]: g for g in groups(rows, by_use=True) if g.metric == "tdp"}
    assert {name: g.n for name, g in uses.items()} == {"fitted": 2, "not fitted": 4, "left out": 6}
    areas = [
        row(f"a{i}", p + q, (p, q), metric="die_area", fitted="n5") for i, (p, q) in enumerate(PARTS[:4])
    ]
    both = {(g.metric, g.keys["use"]): g.n for g in groups(rows + areas, by_use=True)}
    assert (both["tdp", "left out"], both["die_area", "left out"]) == (6, 4)
    assert uses["left out"].median_abs_error == pytest.approx(0.0, abs=1e-6)
    assert uses["fitted"].median_abs_error == pytest.approx(1 - 1 / 1.1)


def test_the_interval_holds_eighty_per_cent_of_what_was_left_out() -> None:
    others = [
        SimpleNamespace(metric="tdp", predicted=2.0**i, row=SimpleNamespace(published=1.0)) for i in range(6)
    ]
    others += [SimpleNamespace(metric="die_area", predicted=99.0, row=SimpleNamespace(published=1.0))]
    assert interval("tdp", others) == pytest.approx(2.0**4)  # the fifth of six misses
    assert interval("claim", others) is None

"""Columns of tables: their order, kinds and units, and what people are shown of them."""

import numpy as np
import pandas as pd
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.front.columns import canonical, kind_of, ordered, unit_of, whole_numbers
from dse.front.tables import distinct, from_csv, kinds, one_row, plain_rows, renumbered, stack, to_csv
from dse.plugins import metrics, metrics_of
from dse.report.words.quantities import chosen, designs, is_of_member, quantity, shown, written
from dse.spec.schema.space import NAME, PARAMETERS
from dse.spec.yaml.units import parse

COLUMNS = [m.column for m in metrics()]


@pytest.mark.parametrize("metric", metrics(), ids=lambda m: m.column)
def test_the_unit_of_a_metric_is_that_of_its_row_of_the_table(metric) -> None:
    assert unit_of(metric.column) == metric.unit
    assert unit_of(f"llama2-70b.chat.{metric.column}") == metric.unit


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("param_sram", "B"), ("param_sram_bandwidth_per_byte", "1/s"), ("param_link_bandwidth", "B/s"),
        ("param_peak_flops", "FLOP/s"), ("price_usd", "USD"), ("power_w", "W"), ("area_excess_m2", "m2"),
        ("violation_capacity_bytes", "B"), ("batch", ""), ("chip", ""), ("param_dram_stacks", ""),
        ("usd_per_token_per_s", "USD/(token/s)"), ("request_overhead_s", "s"),
    ],
)  # fmt: skip
def test_the_ending_of_a_column_tells_its_unit(column: str, unit: str) -> None:
    assert unit_of(column) == unit


@pytest.mark.parametrize("name", [n for n, unit in PARAMETERS.items() if unit != NAME])
def test_the_column_of_a_parameter_tells_the_unit_of_the_parameter(name: str) -> None:
    assert unit_of(f"param_{name}") == PARAMETERS[name]


@pytest.mark.parametrize("column", [*COLUMNS, "price_usd", *(f"param_{name}" for name in PARAMETERS)])
def test_the_number_shown_is_the_stored_one_in_the_unit_shown(column: str) -> None:
    """Factor and unit are written apart: the parser of units must agree that they belong together."""
    q, si = quantity(column), unit_of(column)
    if not q.unit:
        return
    over = {"GB/s": "GB/s/MiB"}[q.unit] if column == "param_sram_bandwidth_per_byte" else q.unit
    assert parse(f"{1e6 * q.factor!r} {over}", si) == pytest.approx(1e6, rel=1e-12)


def test_a_metric_of_one_member_of_a_mix_is_called_by_the_member_and_the_metric() -> None:
    own, inner = quantity("llama2-70b.chat.tpot_s"), quantity("tpot_s")
    assert own.label == f"llama2-70b.chat: {inner.label}"
    assert (own.unit, own.factor) == (inner.unit, inner.factor)
    assert own.title == f"llama2-70b.chat: {inner.label} [ms]"
    assert is_of_member("llama2-70b.chat.tp")
    assert not is_of_member("tpot_s")
    assert not is_of_member("param_0.5")
    assert not is_of_member("violation_llama2-70b.chat")


def test_a_label_that_is_its_own_unit_stays_alone() -> None:
    assert quantity("usd_per_token_per_s").title == "$/(token/s)"
    assert quantity("ttft_s").title == "TTFT [ms]"
    assert quantity("violation_die_area_m2").title == "violation die area m2 [mm2]"


def test_a_name_is_chosen_only_by_a_parameter_whose_values_are_names() -> None:
    row = {"process": "n5", "param_process": 1.0, "param_sram": 2.0**20, "chip": "x"}
    assert chosen(row, "param_process") == "n5"
    assert chosen(row, "param_sram") is None
    assert chosen(row, "chip") is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"), (1234.5, "USD", "$1,234"), (None, "s", "-"), (float("nan"), "s", "-"),
        (float("inf"), "USD", "-"), (2.5, "USD/(token/s)", "2.50"), (0.5, "USD/Mtoken", "0.500"),
        (80e9, "B", "80.0 GB"), (7, "", "7.00"),
    ],
)  # fmt: skip
def test_a_number_is_shown_with_its_unit_and_a_gap_as_a_dash(value: object, unit: str, text: str) -> None:
    assert shown(value, unit) == text


@LAW
@given(st.floats(1e-3, 1e9))
def test_what_is_written_reads_back_to_four_digits(value: float) -> None:
    # three decimals of the leading digit: half a unit of the fourth digit is at most 0.05 %
    assert float(written(value).replace(",", "")) == pytest.approx(value, rel=5.1e-4)
    assert float(written(-value).replace(",", "")) == -float(written(value).replace(",", ""))


def test_one_design_is_singular() -> None:
    assert [designs(n) for n in (0, 1, 2, 12345)] == ["0 designs", "1 design", "2 designs", "12,345 designs"]


# --- order and kinds


@LAW
@given(
    st.permutations(["violation_a", "param_b", "tpot_s", "chip", "batch", "zz", "trial", "price_usd", "dp"])
)
def test_the_order_of_columns_depends_on_their_names_alone(names: list[str]) -> None:
    assert ordered(names) == [
        "trial", "chip", "param_b", "batch", "dp", "tpot_s", "price_usd", "zz", "violation_a",
    ]  # fmt: skip


def test_first_metrics_stand_in_the_order_of_their_ranks() -> None:
    ranked = [
        m.column for m in sorted(metrics(), key=lambda m: (m.rank is None, m.rank)) if m.rank is not None
    ]
    assert [c for c in ordered(COLUMNS) if c in ranked] == ranked
    others = [c for c in ordered(COLUMNS) if c not in ranked]
    assert others == sorted(others)
    assert ordered(COLUMNS)[: len(ranked)] == ranked


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"), ([1.0, 2.5], "float"), ([True, False], "bool"), (["a", "b"], "text"),
        (pd.array([1, None], dtype="Int64"), "float"), ([1.0, None], "float"), (["a", None], "text"),
        (pd.array([True, None], dtype="boolean"), "float"),
    ],
)  # fmt: skip
def test_whole_numbers_with_gaps_are_floats_and_what_is_no_number_is_text(values, kind: str) -> None:
    assert kind_of(pd.Series(values)) == kind


def test_a_column_becomes_whole_only_where_all_of_it_is() -> None:
    assert whole_numbers(np.array([1.0, 8.0])).dtype == np.int64
    assert whole_numbers(np.array([1.0, 8.5])).dtype == np.float64


def test_a_canonical_table_is_numbered_from_zero_and_every_kind_survives_text() -> None:
    given_ = pd.DataFrame(
        {
            "b": pd.array([3, None], dtype="Int64"),
            "tpot_s": [0.1, 0.2],
            "chip": ["NA", None],
            "ok": [True, False],
        },
        index=[7, 9],
    )
    made = canonical(given_)
    assert list(made.index) == [0, 1]
    assert list(made.columns) == ["chip", "tpot_s", "b", "ok"]
    back = from_csv(to_csv(given_), kinds(given_))
    pd.testing.assert_frame_equal(back, made, check_exact=True)
    assert back["chip"][0] == "NA"
    assert pd.isna(back["chip"][1])


def test_text_with_other_columns_than_expected_is_refused() -> None:
    with pytest.raises(ValueError, match=r"column 2: expected 'b' as manifest.json says, got 'c'"):
        from_csv("a,c\n1,2\n", {"a": "int", "b": "int"})


# --- tables


def test_plain_rows_hold_no_gap_and_no_infinity() -> None:
    rows = plain_rows(
        pd.DataFrame({"a": [1.0, np.nan, np.inf], "b": [np.int64(1), 2, 3], "c": ["x", None, "y"]})
    )
    assert rows == [
        {"a": 1.0, "b": 1, "c": "x"},
        {"a": None, "b": 2, "c": None},
        {"a": None, "b": 3, "c": "y"},
    ]
    assert all(type(row["b"]) is int for row in rows)


def test_tables_are_stacked_and_numbered_again_and_empty_ones_change_nothing() -> None:
    one, two = pd.DataFrame({"a": [1, 2]}, index=[5, 6]), pd.DataFrame({"a": [3]})
    assert stack([one, one.iloc[:0], two]).to_dict("list") == {"a": [1, 2, 3]}
    assert list(stack([one, two]).index) == [0, 1, 2]
    assert stack([one.iloc[:0], two.iloc[:0]]).columns.tolist() == ["a"]
    assert stack([]).empty
    assert one_row({"a": 1, "b": "x"}).to_dict("records") == [{"a": 1, "b": "x"}]


def test_a_design_is_distinct_by_chip_role_and_deployment() -> None:
    rows = [
        {"chip": "a", "role": "search", "batch": 1, "tp": 1, "x": 1.0},
        {"chip": "a", "role": "search", "batch": 1, "tp": 1, "x": 2.0},
        {"chip": "a", "role": "baseline", "batch": 1, "tp": 1, "x": 3.0},
        {"chip": "a", "role": "search", "batch": 2, "tp": 1, "x": 4.0},
        {"chip": "b", "role": "search", "batch": 1, "tp": 1, "x": 5.0},
    ]
    assert distinct(pd.DataFrame(rows))["x"].tolist() == [1.0, 3.0, 4.0, 5.0]
    assert distinct(pd.DataFrame({"x": [1.0, 1.0]}))["x"].tolist() == [1.0, 1.0]


def test_trials_are_renumbered_in_the_names_of_searched_chips_too_and_others_are_left_out() -> None:
    rows = pd.DataFrame(
        {
            "trial": [4, 7, 9],
            "chip": ["sram-only-4", "h100-sxm", "sram-only-9"],
            "role": ["search", "baseline", "search"],
        }
    )
    made = renumbered(rows, {4: 0, 7: 1})
    assert made.to_dict("records") == [
        {"trial": 0, "chip": "sram-only-0", "role": "search"},
        {"trial": 1, "chip": "h100-sxm", "role": "baseline"},
    ]


def test_each_place_shows_each_metric_once() -> None:
    for place in ("estimate", "mix", "table", "member", "comparison"):
        shown_ = [m.column for m in metrics_of(place)]
        assert len(shown_) == len(set(shown_))
        assert {"tpot_s", "usd_per_token_per_s"} <= set(shown_)

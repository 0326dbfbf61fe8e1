"""Conditions with units, and the best design at each latency target."""

import json
from io import BytesIO

import pandas as pd
import pytest

from dse.errors import SpecError
from dse.front.axis import Axis
from dse.front.query import best_at_targets, checked, to_format, unmet, where
from dse.front.tables import from_csv, kinds

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
OUTPUT = Axis("tokens_per_second", "tokens_per_s", "Output", "token/s", "maximize")
AXES = (COST, TPOT)

FRAME = pd.DataFrame(
    {
        "chip": ["lpu", "h100", "none-such"],
        "batch": [1, 32, 256],
        "param_sram": [2e8, float("nan"), 5e7],
        "tpot_s": [0.002, 0.010, 0.030],
        "tokens_per_s": [500.0, 3200.0, 8000.0],
        "usd_per_token_per_s": [900.0, 120.0, 60.0],
        "capex_usd": [25e3, 1e6, 2e6],
        "violation_tpot": [0.0, 0.0, -1.0],
    }
)


@pytest.mark.parametrize(
    ("text", "chips"),
    [
        ("tpot<=10 ms", ["lpu", "h100"]),
        ("tpot_s <= 10000 us", ["lpu", "h100"]),
        ("tpot < 10ms", ["lpu"]),
        ("tpot != 0.01 s", ["lpu", "none-such"]),
        ("batch>=32 and tpot=10 ms", ["h100"]),
        ("batch>=32, batch<256", ["h100"]),
        ("usd_per_token_per_second <= 120 USD/(token/s)", ["h100", "none-such"]),
        ("tokens_per_s > 3 ktoken/s", ["h100", "none-such"]),
        ("capex_usd <= 25 kUSD", ["lpu"]),
        ("param_sram >= 100 MB", ["lpu"]),
        ("sram < 100 MB", ["none-such"]),
        ("sram != 200 MB", ["none-such"]),
        ("chip=h100 AND tpot<1 s", ["h100"]),
        ("chip!=h100", ["lpu", "none-such"]),
        ("tpot<1 us", []),
    ],
)
def test_a_condition_keeps_the_rows_that_meet_it(text: str, chips: list[str]) -> None:
    kept = where(FRAME, text, AXES)
    assert kept["chip"].tolist() == chips
    assert kept.index.tolist() == list(range(len(chips)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tpt<=10 ms", "unknown name 'tpt'.*did you mean 'tpot'"),
        ("tpot<=10", "expected a number with a unit such as '1 s', got '10'"),
        ("tpot<=10 GB", "expected a number with a unit such as '1 s', got '10 GB'"),
        ("batch>=many", "expected a plain number, got 'many'"),
        ("tpot", "expected a condition such as"),
        ("", "expected a condition such as"),
        ("tpot<=10 ms,", "expected a condition such as"),
        ("tpot=<10 ms", "got '=<' in 'tpot=<10 ms'. Did you mean '<='"),
        ("tpot => 10 ms", "got '=>' in 'tpot => 10 ms'. Did you mean '>='"),
        ("batch<>8", "expected one of <=, >=, <, >, =, !=, got '<>' in 'batch<>8'. Did you mean '!='"),
        ("chip=~h100", "got '=~' in 'chip=~h100'"),
        ("chip<h100", "expected = or != for the text 'chip'"),
    ],
)
def test_a_condition_that_says_nothing_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        where(FRAME, text, AXES)
    assert len(str(caught.value).splitlines()) == 1


def test_conditions_can_be_checked_without_any_design() -> None:
    checked("whatever<=10 ms and batch!=8")
    with pytest.raises(SpecError) as caught:
        checked("tpot=<10 ms and batch, tp=8")
    assert len(caught.value.problems) == 2


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        where(FRAME, "tpt<=10 ms and batch>=x and tp=8", AXES)
    assert len(caught.value.problems) == 3


def test_units_may_be_given_for_columns_whose_names_do_not() -> None:
    frame = FRAME.assign(param_depth=[1.0, 2.0, 3.0])
    assert where(frame, "depth>=2000 mm2", AXES, units={"param_depth": "mm2"}).empty
    assert len(where(frame, "depth>=2", AXES)) == 2


def test_the_best_design_is_found_at_each_target() -> None:
    best = best_at_targets(FRAME, TPOT, [0.020, 0.001, 0.010, 1.0], COST)
    assert best["target_tpot_s"].tolist() == [0.001, 0.010, 0.020, 1.0]
    assert best["found"].tolist() == [False, True, True, True]
    assert best["chip"].tolist() == ["none", "h100", "h100", "none-such"]
    assert best["batch"].isna().tolist() == [True, False, False, False]
    assert best["batch"].tolist()[1:] == [32, 32, 256]


def test_targets_on_a_maximised_axis_are_lower_bounds() -> None:
    best = best_at_targets(FRAME, OUTPUT, [1000.0, 9000.0, 400.0], TPOT)
    assert best["target_tokens_per_s"].tolist() == [9000.0, 1000.0, 400.0]
    assert best["chip"].tolist() == ["none", "h100", "lpu"]


def test_an_objective_may_be_maximised_at_targets() -> None:
    assert best_at_targets(FRAME, TPOT, [0.01], OUTPUT)["chip"].tolist() == ["h100"]


def test_of_equally_good_designs_the_faster_one_is_taken() -> None:
    frame = FRAME.assign(usd_per_token_per_s=[120.0, 120.0, 120.0])
    assert best_at_targets(frame, TPOT, [1.0], COST)["chip"].tolist() == ["lpu"]


def test_an_empty_front_has_no_best_design() -> None:
    best = best_at_targets(FRAME.iloc[:0], TPOT, [0.01], COST)
    assert best["found"].tolist() == [False] and best["chip"].tolist() == ["none"]
    assert json.loads(to_format(best, "json"))[0]["batch"] is None


def test_every_format_carries_the_same_table() -> None:
    csv = from_csv(to_format(FRAME, "csv").decode(), {str(c): kinds(FRAME)[str(c)] for c in FRAME.columns})
    parquet = pd.read_parquet(BytesIO(to_format(FRAME, "parquet")))
    rows = json.loads(to_format(FRAME, "json"))
    pd.testing.assert_frame_equal(csv, FRAME, check_exact=True)
    pd.testing.assert_frame_equal(parquet, FRAME, check_exact=True)
    assert rows[1]["param_sram"] is None and rows[0]["batch"] == 1
    assert [row["tpot_s"] for row in rows] == FRAME["tpot_s"].tolist()


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'parquet'"):
        to_format(FRAME, "parket")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chip=lpu", []),
        ("chip!=h100 and tpot<=10 ms", []),
        ("tpot<=1 ns", []),
        ("what", []),
        ("chip=h10", ["no design has chip 'h10'; did you mean 'h100'? Known: h100, lpu, none-such"]),
        (
            "batch=1 and chip='lp'",
            ["no design has chip 'lp'; did you mean 'lpu'? Known: h100, lpu, none-such"],
        ),
    ],
)
def test_names_that_no_design_has_are_reported_with_the_nearest_one(text: str, said: list[str]) -> None:
    assert unmet([FRAME, FRAME.head(1)], text, AXES) == said

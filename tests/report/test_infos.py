"""What pictures draw is what the table says: every number looked up in it or worked out by hand."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from fronts_for_tests import COST, RATE, TPOT, design, front, table

from dse.report.info.cases_info import cases_info
from dse.report.info.curves import curves, drawn, edge, known, within
from dse.report.info.front_info import front_info
from dse.report.info.parallel_info import MOST, parallel_info
from dse.report.info.progress_info import progress_info
from dse.report.info.validation_info import Point, validation_info
from dse.search.analysis.progress import Progress

SRAM = [design(0.002, 8.0), design(0.004, 3.0)]
DRAM = [design(0.020, 1.5, branch="dram-only"), design(0.050, 0.5, branch="dram-only")]


# --- the picture of a front


def test_points_of_a_front_are_its_rows_in_milliseconds() -> None:
    info = front_info(front([*SRAM, *DRAM]))
    shown = {(s.label, tuple(s.x), tuple(s.y), s.rows) for s in info.series}
    assert shown == {
        ("SRAM-only (2)", (2.0, 4.0), (8.0, 3.0), (0, 1)),
        ("DRAM-only (2)", (20.0, 50.0), (1.5, 0.5), (2, 3)),
    }


def test_every_row_is_drawn_once_whatever_its_branch_or_role() -> None:
    rows = [*SRAM, *DRAM, design(0.003, 5.0, branch="odd"), design(0.006, 2.5, role="baseline")]
    info = front_info(front(rows))
    assert sorted(i for s in info.series for i in s.rows) == list(range(len(rows)))
    assert [s.real for s in info.series if 5 in s.rows] == [True]
    for series in info.series:
        for x, y, i in zip(series.x, series.y, series.rows, strict=True):
            assert (x, y) == (rows[i]["tpot_s"] * 1e3, rows[i]["usd_per_token_per_s"])


def test_targets_are_drawn_once_each_ascending_and_in_the_unit_shown() -> None:
    info = front_info(front(SRAM, targets={"tpot": [0.02, 0.005, 0.02], "usd_per_token_per_second": 4}))
    assert [(t.axis, t.value, t.label) for t in info.targets] == [
        ("x", 5.0, "5 ms"), ("x", 20.0, "20 ms"), ("y", 4.0, "4 USD/(token/s)"),
    ]  # fmt: skip


def test_the_subtitle_counts_what_the_manifest_counts() -> None:
    info = front_info(front(SRAM, title="T", trials=1234, sweep={"points": 5678}, hypervolume=0.25))
    assert info.title == "T"
    parts = info.subtitle.split("  ·  ")
    assert parts == [
        "by-hand", "2 designs on the front", "1,234 trials", "exact over 5,678 points", "hypervolume 0.25",
    ]  # fmt: skip
    assert front_info(front(SRAM[:1])).subtitle == "1 design on the front"


def test_a_reference_point_that_is_near_is_drawn_in_the_units_shown() -> None:
    corner = {"usd_per_token_per_second": 10.0, "tpot": 0.006}
    assert front_info(front(SRAM, reference_point=corner)).reference == (6.0, 10.0)
    assert front_info(front(SRAM, reference_point=corner), y="tpot").reference == (10.0, 6.0)
    far = front_info(front(SRAM, reference_point={**corner, "tpot": 60.0}))
    assert far.reference is None
    assert "60,000 ms" in far.notes[0]


def test_axes_may_be_chosen_and_the_rest_is_named_as_not_drawn() -> None:
    rows = [design(0.002, 8.0, tokens_per_s=100.0), design(0.004, 3.0, tokens_per_s=50.0)]
    whole = front(rows, axes=(COST, TPOT, RATE))
    info = front_info(whole, "tokens_per_second", "tpot")
    assert (info.x.label, info.y.label) == ("throughput [token/s]", "TPOT [ms]")
    assert list(info.series[0].x) == [100.0, 50.0]
    assert info.notes == ("also optimised, not drawn: $/(token/s)",)
    assert front_info(whole, "tpot").y.label == "$/(token/s)"  # the first of the others
    assert front_info(whole, y="tpot").x.label == "$/(token/s)"


def test_the_edge_runs_from_the_bad_end_of_one_axis_to_that_of_the_other() -> None:
    info = front_info(front([*SRAM, *DRAM, design(0.030, 9.0)]))  # the last is dominated
    across, up = info.steps
    assert (across[0], up[0]) == (2.0, info.y.limits[1])
    assert (across[-1], up[-1]) == (info.x.limits[1], 0.5)
    assert list(across[1:-1]) == [2.0, 4.0, 4.0, 20.0, 20.0, 50.0, 50.0]
    assert list(up[1:-1]) == [8.0, 8.0, 3.0, 3.0, 1.5, 1.5, 0.5]
    assert 9.0 not in up[1:]


def test_the_edge_of_a_maximised_axis_ends_at_its_small_end() -> None:
    rows = [design(0.002, 0.0, tokens_per_s=10.0), design(0.004, 0.0, tokens_per_s=90.0)]
    info = front_info(front(rows, axes=(TPOT, RATE)), "tpot", "tokens_per_second")
    assert info.steps[1][0] == info.y.limits[0]


def test_a_baseline_is_drawn_by_its_feasible_rows_and_says_so_where_it_has_none() -> None:
    fits = [design(0.003, 6.0, chip="a"), design(0.001, 1.0, chip="a", violation_capacity=5.0)]
    never = [design(0.002, 2.0, chip="b", violation_capacity=1.0)]
    rows = [{**r, "violation_capacity": r.get("violation_capacity", 0.0)} for r in (*fits, *never)]
    info = front_info(front(SRAM, rows))
    assert [(c.label, list(c.x), c.rows) for c in info.baselines] == [
        ("a", [3.0], (0,)), ("b (infeasible)", [2.0], (2,)),
    ]  # fmt: skip


def test_a_violation_of_exactly_zero_is_none() -> None:
    rows = table([design(0.003, 6.0, chip="a", violation_capacity=0.0)], "baseline")
    made = curves(drawn(rows, (TPOT, COST)), (TPOT, COST), _scales(), _looks(rows), {})
    assert [c.label for c in made] == ["a"]


def test_only_the_best_deployments_of_a_baseline_are_drawn_best_first() -> None:
    rows = [design(0.009, 1.0, chip="a"), design(0.003, 6.0, chip="a"), design(0.010, 2.0, chip="a")]
    (curve,) = front_info(front(SRAM, rows)).baselines
    assert (list(curve.x), list(curve.y), curve.rows) == ([3.0, 9.0], [6.0, 1.0], (1, 0))
    assert curve.ends == ((9.0, 1.0), (3.0, 6.0))
    (alone,) = front_info(front(SRAM, rows[:1])).baselines
    assert alone.ends == ((9.0, 1.0),)


def test_error_bars_are_those_of_the_chip_and_of_the_metric_of_each_axis() -> None:
    rows = table([design(0.002, 8.0, chip="a"), design(0.004, 3.0, chip="b")])
    spreads = {"a": {"tpot": 1.5, "throughput": 1.2}}
    x, y = within(rows, (TPOT, COST), spreads)
    assert x[0] == 1.5
    assert y[0] == 1.2  # $/(token/s) is capital over throughput
    assert np.isnan([x[1], y[1]]).all()
    assert front_info(front([design(0.002, 8.0, chip="a")]), intervals=spreads).has_intervals
    assert not front_info(front([design(0.002, 8.0, chip="b")]), intervals=spreads).has_intervals


def test_rows_without_a_number_on_an_axis_are_left_out_and_the_others_keep_their_numbers() -> None:
    rows = table([design(np.nan, 1.0), design(0.5, np.inf), design(0.1, 2.0)])
    assert list(known(rows, (TPOT, COST)).index) == [2]
    assert known(table([{"tpot_s": 1.0}]), (TPOT, COST)).empty


def _scales():
    info = front_info(front(SRAM))
    return info.x, info.y


def _looks(rows):
    from dse.report.drawing.style import styles

    return styles(set(rows["branch"]))


def test_the_edge_of_an_empty_table_is_empty() -> None:
    across, up = edge(table([]), (TPOT, COST), _scales())
    assert (len(across), len(up)) == (0, 0)


# --- parallel coordinates


def test_every_line_is_at_the_share_of_the_range_that_its_number_is() -> None:
    rows = [design(0.002, 8.0, batch=1), design(0.004, 3.0, batch=4), design(0.0025, 5.0, batch=16)]
    info = parallel_info(front(rows))
    by_name = {u.quantity.column: i for i, u in enumerate(info.axes)}
    assert "tp" not in by_name  # it never varies
    (bundle,) = info.bundles
    batch = bundle.at[:, by_name["batch"]]
    assert info.axes[by_name["batch"]].log  # 16 is more than four times 1
    assert list(batch) == pytest.approx([0.0, log(4) / log(16), 1.0])
    tpot = bundle.at[:, by_name["tpot_s"]]
    assert not info.axes[by_name["tpot_s"]].log  # 4 ms are twice 2 ms
    assert list(tpot) == pytest.approx([0.0, 1.0, 0.25])
    assert list(bundle.shown[:, by_name["tpot_s"]]) == pytest.approx([2.0, 4.0, 2.5])


def test_ticks_of_an_upright_axis_stand_where_their_numbers_are() -> None:
    rows = [design(0.001, 8.0, param_price=0.0), design(0.001 * 4, 3.0, param_price=90.0)]
    info = parallel_info(front(rows))
    assert [u.log for u in info.axes] == [False, False, True]  # the price begins at 0
    for upright in info.axes:
        low, high = upright.limits
        for place, text in upright.ticks:
            value = float(text.replace(",", ""))
            share = log(value / low) / log(high / low) if upright.log else (value - low) / (high - low)
            assert place == pytest.approx(share, abs=0.01)  # texts have three digits
        assert [p for p, _ in upright.ticks] == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0], abs=0.01)


def test_names_have_ticks_of_their_own_and_gaps_have_no_place() -> None:
    rows = [
        design(0.002, 8.0, param_process=0.0, process="n7", param_dram_stacks=np.nan),
        design(0.004, 3.0, param_process=2.0, process="n3", param_dram_stacks=4.0),
        design(0.005, 2.0, param_process=1.0, process="n5", param_dram_stacks=6.0),
    ]
    info = parallel_info(front(rows))
    by_name = {u.quantity.column: (i, u) for i, u in enumerate(info.axes)}
    i, process = by_name["param_process"]
    assert process.ticks == ((0.0, "n7"), (0.5, "n5"), (1.0, "n3"))
    assert list(info.bundles[0].at[:, i]) == [0.0, 1.0, 0.5]
    j, _ = by_name["param_dram_stacks"]
    assert np.isnan(info.bundles[0].at[0, j])
    assert list(info.bundles[0].at[1:, j]) == [0.0, 1.0]


def test_parameters_come_first_then_the_deployment_then_the_objectives() -> None:
    rows = [design(0.002, 8.0, param_sram=2.0**20, batch=1), design(0.004, 3.0, param_sram=2.0**21, batch=2)]
    info = parallel_info(front(rows))
    names = [u.quantity.column for u in info.axes]
    assert names == ["param_sram", "batch", "usd_per_token_per_s", "tpot_s"]
    assert list(info.bundles[0].shown[:, 0]) == [1.0, 2.0]  # MiB


@pytest.mark.parametrize("n", [1, 2, MOST, MOST + 1, 2 * MOST, 2 * MOST + 7])
def test_of_many_designs_the_first_and_the_last_and_evenly_spread_ones_are_drawn(n: int) -> None:
    rows = [design(0.001 * (i + 1), 1.0 / (i + 1)) for i in range(n)]
    info = parallel_info(front(rows))
    drawn_rows = sorted(i for b in info.bundles for i in b.rows)
    assert len(drawn_rows) == min(n, MOST)
    assert (drawn_rows[0], drawn_rows[-1]) == (0, n - 1)
    steps = np.diff(drawn_rows)
    assert n == 1 or steps.max() - steps.min() <= 1
    assert ("of them drawn" in info.subtitle) is (n > MOST)


def test_designs_are_bundled_by_branch_and_keep_their_names() -> None:
    info = parallel_info(front([*SRAM, *DRAM]))
    assert {(b.style.label, b.rows, b.names) for b in info.bundles} == {
        ("SRAM-only", (0, 1), ("sram-only-0", "sram-only-1")),
        ("DRAM-only", (2, 3), ("dram-only-2", "dram-only-3")),
    }


# --- progress


def _progress(values: list[float], trials: list[int] | None = None) -> Progress:
    return Progress(np.array(trials or range(1, len(values) + 1)), np.array(values, dtype=float))


def test_what_is_missing_is_one_minus_the_share_of_the_end() -> None:
    info = progress_info(_progress([1.0, 3.0, 4.0, 4.0], [1, 10, 20, 30]), front(SRAM))
    later = progress_info(_progress([1.0, 2.0, 8.0]), front(SRAM))
    assert (list(later.missing), later.complete) == ([87.5, 75.0], 3.0)
    assert "hypervolume 8 at the end" in later.subtitle
    assert list(info.missing) == [75.0, 25.0]
    assert list(info.trials) == [1.0, 10.0]
    assert (info.complete, info.end) == (20.0, 30.0)
    assert info.event == "no gain after 20 of 30 trials"
    assert info.y.limits == pytest.approx((0.7 * 25.0, 1.4 * 75.0))
    assert "hypervolume 4 at the end" in info.subtitle


def test_beside_an_exact_front_its_hypervolume_is_the_whole() -> None:
    # two designs under the corner (10 USD, 10 s): (10 - 2) x (10 - 8) + (10 - 8) x (8 - 4) = 16 + 8 = 24
    exact = front([design(8.0, 2.0), design(4.0, 8.0)])
    corner = {"usd_per_token_per_second": 10.0, "tpot": 10.0}
    mine = front([design(8.0, 2.0)], reference_point=corner)
    info = progress_info(_progress([6.0, 18.0]), mine, exact)
    assert list(info.missing) == pytest.approx([75.0, 25.0])
    assert info.complete is None
    assert info.event == ""
    assert "the exact front of the sweep" in info.y_label
    assert info.notes == ("hypervolume up to the reference point $/(token/s) 10 USD/(token/s), TPOT 10 s",)
    # sums of volumes in another order differ in their last digits
    done = progress_info(_progress([6.0, 24.0 * (1.0 - 1e-13)]), mine, exact)
    assert (done.complete, done.event) == (2.0, "complete after 2 of 2 trials")


def test_a_search_that_found_nothing_is_missing_nothing() -> None:
    info = progress_info(_progress([0.0, 0.0]), front([]))
    assert (len(info.trials), len(info.missing), info.complete) == (0, 0, None)
    empty = progress_info(_progress([]), front([]))
    assert (empty.end, empty.complete) == (0.0, None)


# --- validation


def _point(
    family: str, column: str, measured: float, predicted: float, stack: str = "s", *, own: bool = True
):
    return Point(
        family=family, column=column, stack=stack, own_stack=own, measured=measured, predicted=predicted
    )


def test_a_measurement_and_its_prediction_lie_in_the_panel_of_their_family() -> None:
    points = [
        _point("tpot", "tpot_ms", 10.0, 12.0),
        _point("tpot", "tpot_ms", 20.0, 18.0, "t", own=False),
        _point("throughput", "tok_s", 100.0, 90.0),
    ]
    info = validation_info(points, "T")
    assert [(p.title, p.unit) for p in info.panels] == [("TPOT", "ms"), ("Throughput", "token/s")]
    tpot = info.panels[0]
    assert [(c.stack, list(c.measured), list(c.predicted)) for c in tpot.clouds] == [
        ("s", [10.0], [12.0]), ("t (substitute)", [20.0], [18.0]),
    ]  # fmt: skip
    assert tpot.limits == pytest.approx((10.0 / 1.3, 20.0 * 1.3))
    assert info.stacks == ("s", "t (substitute)")


def test_a_speed_of_one_user_is_shown_as_the_time_between_its_tokens() -> None:
    info = validation_info([_point("tpot", "tok_s_user", 50.0, 40.0)], "T")
    (cloud,) = info.panels[0].clouds
    assert list(cloud.measured) == [20.0]  # 1,000 ms over 50
    assert list(cloud.predicted) == [25.0]


# --- cases side by side


def test_the_winner_of_a_case_is_the_cheapest_row_that_meets_the_target() -> None:
    targets = {"tpot": [0.020, 0.002]}
    one = front([*SRAM, *DRAM], targets=targets)
    other = front([design(0.019, 1.4, branch="hybrid"), design(0.05, 0.1)], targets=targets)
    real = front([design(0.001, 2.0, role="baseline", chip="h100")], targets=targets)
    info = cases_info([("a", one), ("b", other), ("c", real)])
    assert info.limits == (0.002, 0.020)
    told = {
        name: [None if w is None else (w.design, w.value) for w in row]
        for name, row in zip(info.names, info.winners, strict=True)
    }
    assert told == {
        "a": [("sram-only", 8.0), ("dram-only", 1.5)],
        "b": [None, ("hybrid", 1.4)],
        "c": [("h100", 2.0), ("h100", 2.0)],
    }


def test_the_panel_of_a_case_reaches_what_the_table_says_wins_there() -> None:
    # a case whose front is on other objectives: what was solved at the target is not on it
    other = replace(
        front([design(0.05, 0.5, branch="dram-only")], targets={"tpot": [0.010]}),
        at_targets=table([design(0.008, 3.0, branch="hybrid", chip="solved")]),
    )
    info = cases_info([("a", other)])
    (winner,) = info.winners[0]
    assert winner is not None and (winner.design, winner.value) == ("hybrid", 3.0)
    (panel,) = info.panels
    within = [y for _, xs, ys in panel.groups for x, y in zip(xs, ys, strict=True) if x <= 10.0]
    assert within == [3.0]
    across, up = panel.steps
    assert min(up[across <= 10.0]) == 3.0


def test_panels_share_their_scales_and_hold_every_row() -> None:
    info = cases_info([("a", front(SRAM, targets={})), ("b", front(DRAM, targets={}))])
    assert info.limits == ()
    points = [
        (x, y) for panel in info.panels for _, xs, ys in panel.groups for x, y in zip(xs, ys, strict=True)
    ]
    assert sorted(points) == [(2.0, 8.0), (4.0, 3.0), (20.0, 1.5), (50.0, 0.5)]
    for x, y in points:
        assert info.x.limits[0] < x < info.x.limits[1]
        assert info.y.limits[0] < y < info.y.limits[1]

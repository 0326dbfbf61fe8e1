"""A map of who wins: stretches, boundary, points and shares say one thing."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.breakeven import NEITHER, BreakEven, Crossing
from dse.report.datasheet.section import written_in
from dse.report.info.breakeven_info import amount, as_dict, lines, points, rows, segments, sentences, summary
from dse.spec.yaml.units import parse


def assumption(name: str, unit: str = "USD", **more: Any) -> Assumption:
    usual = {"label": f"the {name}", "kind": "places", "low": 1.0, "high": 9.0, "log": False, "whole": False,
             "now": 2.0}  # fmt: skip
    return Assumption(name=name, unit=unit, **{**usual, **more})


SIDES = ("sram", "dram")


def breakeven(costs: list[list[tuple[float, float]]], *, two: bool = True) -> BreakEven:
    """A map whose boundary lies half-way between points whose winners differ."""
    values = np.array(costs, dtype=float)
    ny, nx, _ = values.shape
    xs, ys = np.arange(1.0, nx + 1), (np.arange(10.0, 10.0 + ny) if two else np.array([np.nan]))
    made = BreakEven(
        study=SimpleNamespace(slug="s"), x=assumption("wafer"), y=assumption("hbm") if two else None,
        sides=SIDES, limits={"tpot": 0.02}, goal_label="$/(token/s)", xs=xs, ys=ys, costs=values,
        best_chips=np.array([[[f"a{i}", f"b{i}"] for i in range(nx)] for _ in range(ny)], dtype=object),
        boundary=(), tried=9, carried=4,
    )  # fmt: skip
    found = []
    for j in range(ny):
        for i in range(nx - 1):
            left, right = made.winner(j, i), made.winner(j, i + 1)
            if left != right:
                pair = (float(values[j, i, 0]), float(values[j, i, 1]))
                found.append(
                    Crossing(x=float(xs[i]) + 0.5, y=float(ys[j]) if two else None, left=left, right=right,
                             why="equal cost", costs=pair)
                )  # fmt: skip
    return BreakEven(**{**vars(made), "boundary": tuple(found)})


COST = st.sampled_from((1.0, 2.0, 3.0, float("inf")))
ROW = st.lists(st.tuples(COST, COST), min_size=3, max_size=6)


@LAW
@given(ROW)
def test_the_cheaper_side_wins_and_neither_where_both_are_infeasible(row: list[tuple[float, float]]) -> None:
    made = breakeven([row])
    for i, (a, b) in enumerate(row):
        expected = NEITHER if a == b == float("inf") else "sram" if a <= b else "dram"
        assert made.winner(0, i) == expected


@LAW
@given(ROW)
def test_stretches_cover_the_row_without_a_gap_and_hold_the_points_that_their_winner_wins(
    row: list[tuple[float, float]],
) -> None:
    made = breakeven([row])
    found = list(segments(made, 0))
    assert (found[0][0], found[-1][1]) == (made.xs[0], made.xs[-1])
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(found))
    for i, x in enumerate(made.xs):
        inside = [name for low, high, name in found if low <= x <= high]
        assert inside == [made.winner(0, i)]


@LAW
@given(st.lists(st.lists(st.tuples(COST, COST), min_size=4, max_size=4), min_size=2, max_size=3))
def test_points_of_a_map_are_its_costs_and_gaps_where_a_side_is_infeasible(
    costs: list[list[tuple[float, float]]],
) -> None:
    made = breakeven(costs)
    found = list(points(made))
    assert len(found) == len(costs) * 4
    for point in found:
        j, i = int(point["hbm"] - 10.0), int(point["wafer"] - 1.0)
        assert point["winner"] == made.winner(j, i)
        for k, side in enumerate(SIDES):
            cost = costs[j][i][k]
            assert point[f"cost_{side}"] == (cost if np.isfinite(cost) else None)
            assert (point[f"chip_{side}"] is None) is not np.isfinite(cost)
    assert len(list(rows(made))) == len(made.boundary)


@LAW
@given(st.lists(st.lists(st.tuples(COST, COST), min_size=4, max_size=4), min_size=2, max_size=3))
def test_every_place_of_the_boundary_is_on_one_line_and_rows_are_joined_in_order(
    costs: list[list[tuple[float, float]]],
) -> None:
    made = breakeven(costs)
    drawn = [point for line in lines(made) for point in line]
    assert sorted(drawn) == sorted((c.x, c.y) for c in made.boundary)
    for line in lines(made):
        heights = [y for _, y in line]
        assert heights == sorted(set(heights))  # one place a row


def test_shares_of_the_map_sum_to_all_of_it() -> None:
    made = breakeven([[(1, 2), (1, 2), (3, 2), (3, 2)], [(1, 2), (3, 2), (3, 2), (3, 2)]])
    text = summary(made)
    assert "62% of it" in text  # five of eight points
    assert "38% of it" in text
    assert text.index("dram") < text.index("sram")  # the larger share comes first
    assert "1.50 USD to 2.50 USD" in text  # where the two boundaries lie
    assert sentences(made)[0] == text
    assert len(sentences(made)) == 3


def test_without_a_second_assumption_there_is_one_sentence_and_no_row_of_a_second_one() -> None:
    made = breakeven([[(1, 2), (3, 2)]], two=False)
    (one,) = sentences(made)
    assert one == summary(made)
    assert "1.50 USD" in one
    found = as_dict(made)
    assert found["y"] is None
    assert found["boundary"] == [
        {
            "wafer": 1.5,
            "left": "sram",
            "right": "dram",
            "why": "equal cost",
            "cost_sram": 1.0,
            "cost_dram": 2.0,
        }
    ]
    assert [set(p) for p in found["points"]] == [
        {"wafer", "winner", "cost_sram", "cost_dram", "chip_sram", "chip_dram"}
    ] * 2
    assert (found["chips_tried"], found["chips_carried"], found["study"]) == (9, 4, "s")


def test_a_number_that_changes_nothing_is_said_to_change_nothing() -> None:
    same, moved = breakeven([[(1, 2), (1, 2)]], two=False), breakeven([[(1, 2), (1.5, 2)]], two=False)
    assert "has no effect" in summary(same)
    assert "has no effect" not in summary(moved)


@pytest.mark.parametrize(
    ("unit", "whole", "value", "text"),
    [
        ("USD", False, 9500.0, "9,500 USD"), ("", True, 12.0, "12"),
        ("1/s", False, 8e10 / 2**20, "80.0 GB/s/MiB"), ("s", False, 0.02, "20.0 ms"),
        ("s", False, 5 * 31557600.0, "5.00 years"), ("s", False, 172800.0, "2.00 days"),
        ("USD/B", False, 2e-8, "20.0 USD/GB"), ("J/B", False, 4e-12 * 8, "4.00 pJ/bit"),
        ("1/m2", False, 700.0, "0.0700 /cm2"),
    ],
)  # fmt: skip
def test_an_assumption_is_written_in_the_unit_that_people_know(
    unit: str, whole: bool, value: float, text: str
) -> None:
    assert amount(assumption("a", unit, whole=whole), value) == text


@pytest.mark.parametrize(
    "unit", ["B", "B/s", "W", "m2", "FLOP/s/m2", "USD/B", "J/B", "J/FLOP", "1/m2", "W/m2", "USD/m2", "USD/W"]
)
def test_what_is_written_of_a_rare_unit_reads_back_in_si(unit: str) -> None:
    for value in (1.0, 3.7e-9, 2.5e6):
        text = written_in(value, unit).replace(",", "").replace(" /cm2", " 1/cm2")
        assert parse(text, unit) == pytest.approx(value, rel=0.0051)

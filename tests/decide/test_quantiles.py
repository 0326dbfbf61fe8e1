"""Percentiles and chances of designs under the same drawings, counted drawing by drawing."""

import numpy as np
import pytest
from factories import LAW
from fronts_for_tests import COST, TPOT
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.uncertainty.quantiles import (
    SampledDesigns,
    best_shares,
    front_spreads,
    spreads,
    spreads_of,
)
from dse.plugins import objective

GOALS = (objective("usd_per_token_per_second"), objective("tpot"))


def sampled(
    cost: list[list[float]], tpot: list[list[float]], works: list[list[bool]] | None = None
) -> SampledDesigns:
    """Some drawings (rows) of some designs (columns), called by their places."""
    values = np.stack([np.array(cost, dtype=float), np.array(tpot, dtype=float)], axis=2)
    samples, designs, _ = values.shape
    return SampledDesigns(
        seed=1, numbers=1, keys=tuple((i,) for i in range(designs)), goals=GOALS, point=values[0],
        values=values, feasible=np.ones((samples, designs), dtype=bool) if works is None else np.array(works),
    )  # fmt: skip


COSTS = st.lists(st.lists(st.floats(0.1, 10.0), min_size=3, max_size=3), min_size=1, max_size=12)
FLAGS = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=12, max_size=12)


@LAW
@given(COSTS, FLAGS)
def test_a_design_is_the_best_as_often_as_it_is_the_cheapest_of_those_that_work(
    cost: list[list[float]], flags: list[list[bool]]
) -> None:
    works = flags[: len(cost)]
    wins = [0, 0, 0]
    for row, fine in zip(cost, works, strict=True):
        alive = [i for i in range(3) if fine[i]]
        if alive:
            wins[min(alive, key=lambda i: (row[i], i))] += 1
    found = spreads(sampled(cost, cost, works), [(0,), (1,), (2,)], GOALS[0].name, None, None)
    assert [s.probability_best for s in found] == pytest.approx([w / len(cost) for w in wins])
    assert [s.probability_meets_target for s in found] == pytest.approx(
        [sum(row[i] for row in works) / len(cost) for i in range(3)]
    )
    nothing = sum(not any(fine) for fine in works) / len(cost)
    assert sum(s.probability_best for s in found) == pytest.approx(1.0 - nothing)


@LAW
@given(COSTS)
def test_percentiles_are_those_of_all_drawings_in_order(cost: list[list[float]]) -> None:
    """Between two drawings the percentile is on the straight line between them."""
    found = spreads(sampled(cost, cost), [(1,)], GOALS[0].name, None, None)[0]
    ordered = sorted(row[1] for row in cost)
    for share, value in ((0.1, found.p10), (0.5, found.p50), (0.9, found.p90)):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        expected = ordered[low] + (place - low) * (ordered[high] - ordered[low])
        assert value == pytest.approx(expected, rel=1e-12)
    assert found.p10 <= found.p50 <= found.p90
    assert (found.tpot_s_p10, found.tpot_s_p90) == (found.p10, found.p90)  # both columns hold the cost


def test_who_is_late_in_a_drawing_is_not_the_best_there_and_no_longer_meets_the_target() -> None:
    cost = [[1.0, 2.0], [1.0, 2.0], [3.0, 2.0], [1.0, 2.0]]
    tpot = [[0.01, 0.01], [0.03, 0.01], [0.01, 0.01], [0.03, 0.03]]
    first, second = spreads(sampled(cost, tpot), [(0,), (1,)], GOALS[0].name, "tpot", 0.02)
    assert (first.probability_meets_target, second.probability_meets_target) == (0.5, 0.75)
    # the first wins the first drawing alone; in the last nothing is in time
    assert (first.probability_best, second.probability_best) == (0.25, 0.5)
    exactly, _ = spreads(sampled(cost, tpot), [(0,), (1,)], GOALS[0].name, "tpot", 0.03)
    assert exactly.probability_meets_target == 1.0


def test_percentiles_count_drawings_in_which_a_design_breaks_a_constraint() -> None:
    cost = [[1.0], [2.0], [9.0]]
    works = [[True], [True], [False]]
    (found,) = spreads(sampled(cost, cost, works), [(0,)], GOALS[0].name, None, None)
    assert found.p50 == 2.0
    assert found.probability_meets_target == pytest.approx(2 / 3)


def test_a_goal_that_is_maximised_is_best_where_it_is_largest() -> None:
    rate = objective("tokens_per_second")
    values = np.array([[[5.0], [7.0]], [[9.0], [7.0]], [[8.0], [7.0]]])
    made = SampledDesigns(
        seed=1, numbers=1, keys=((0,), (1,)), goals=(rate,), point=values[0], values=values,
        feasible=np.ones((3, 2), dtype=bool),
    )  # fmt: skip
    first, second = spreads(made, [(0,), (1,)], rate.name, None, None)
    assert (first.probability_best, second.probability_best) == pytest.approx((2 / 3, 1 / 3))
    assert np.isnan([first.tpot_s_p10, first.tpot_s_p50, second.tpot_s_p90]).all()  # TPOT was not drawn


def test_designs_are_found_by_their_keys_in_any_order() -> None:
    cost = [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]
    made = sampled(cost, cost)
    both = spreads(made, [(2,), (0,)], GOALS[0].name, None, None)
    assert [s.p50 for s in both] == [2.0, 2.0]
    assert [s.probability_best for s in both] == [0.5, 0.5]
    (alone,) = spreads(made, [(1,)], GOALS[0].name, None, None)
    assert alone.probability_best == 1.0  # it is compared with nothing else


def test_designs_side_by_side_are_those_of_the_drawings() -> None:
    cost = np.array([[1.0, 2.0], [4.0, 3.0]])
    meets = np.array([[True, True], [False, True]])
    found = spreads_of(cost, meets, tpot=cost / 100.0)
    assert [s.probability_best for s in found] == [0.5, 0.5]
    assert [s.p50 for s in found] == [2.5, 2.5]
    assert [s.tpot_s_p50 for s in found] == [0.025, 0.025]


def test_where_nothing_works_nothing_is_the_best() -> None:
    assert best_shares(np.full((4, 3), np.inf)).tolist() == [0.0, 0.0, 0.0]


@LAW
@given(
    COSTS, st.lists(st.lists(st.floats(0.001, 1.0), min_size=3, max_size=3), min_size=12, max_size=12), FLAGS
)
def test_a_design_of_a_front_is_among_the_best_where_nothing_that_works_beats_it(
    cost: list[list[float]], tpot: list[list[float]], flags: list[list[bool]]
) -> None:
    times, works = tpot[: len(cost)], flags[: len(cost)]
    counts = [0, 0, 0]
    for c, t, fine in zip(cost, times, works, strict=True):
        points = {i: (c[i], t[i]) for i in range(3) if fine[i]}
        for i, p in points.items():
            beaten = any(
                (q != p and q[0] <= p[0] and q[1] <= p[1]) or (q == p and j < i) for j, q in points.items()
            )
            counts[i] += not beaten
    found = front_spreads(sampled(cost, times, works), [(0,), (1,), (2,)], GOALS[0].name, (COST, TPOT))
    assert [s.probability_best for s in found] == pytest.approx([n / len(cost) for n in counts])

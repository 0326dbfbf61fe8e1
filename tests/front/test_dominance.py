"""What is dominated, what it covers and how far it is behind, each counted again in the plainest way."""

from itertools import product
from math import log

import numpy as np
import pytest
from factories import LAW
from fronts_for_tests import COST, RATE, TPOT
from hypothesis import given
from hypothesis import strategies as st

from dse.front.axis import Axis, axis_from, axis_named
from dse.front.dominance import factor_to_cover, hypervolume, log_hypervolume, minimised, nondominated

SMALL = st.integers(0, 5)
POINTS = st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=8)
THREE = (COST, TPOT, RATE)
WORST = {"usd_per_token_per_second": 5.0, "tpot": 5.0, "tokens_per_second": 0.0}


def better(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether a is at least as good as b on every axis; the third is maximised."""
    return a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2]


@LAW
@given(POINTS)
def test_a_row_is_kept_unless_another_is_as_good_everywhere_and_better_somewhere(
    points: list[tuple[int, int, int]],
) -> None:
    kept = nondominated(np.array(points, dtype=float), THREE)
    for i, p in enumerate(points):
        beaten = any(better(q, p) and q != p for q in points)
        again = p in points[:i]  # of equal rows the first
        assert bool(kept[i]) is not (beaten or again)


@LAW
@given(POINTS)
def test_the_hypervolume_is_the_number_of_unit_cubes_that_are_dominated(
    points: list[tuple[int, int, int]],
) -> None:
    cubes = sum(
        any(c <= a and u <= b and t >= d + 1 for c, u, t in points)
        for a, b, d in product(range(5), range(5), range(5))
    )
    # points reach up to an output of 5, cubes from 0 to 5 on each axis
    assert hypervolume(np.array(points, dtype=float), THREE, WORST) == pytest.approx(cubes, abs=1e-9)


@LAW
@given(POINTS, st.permutations(range(3)))
def test_no_order_of_rows_or_axes_changes_the_hypervolume(
    points: list[tuple[int, int, int]], order: list[int]
) -> None:
    values = np.array(points, dtype=float)
    turned = hypervolume(values[::-1][:, order], [THREE[i] for i in order], WORST)
    assert turned == pytest.approx(hypervolume(values, THREE, WORST), abs=1e-9)


def test_a_point_on_the_reference_covers_nothing() -> None:
    for point in ((5.0, 0.0, 5.0), (0.0, 5.0, 5.0), (0.0, 0.0, 0.0)):
        assert hypervolume([point], THREE, WORST) == 0.0
    assert hypervolume([], THREE, WORST) == 0.0


def test_a_logarithmic_hypervolume_multiplies_the_factors_that_are_gained() -> None:
    corner = {"usd_per_token_per_second": 100.0, "tpot": 10.0}
    found = log_hypervolume([(10.0, 2.0)], (COST, TPOT), corner)
    assert found == pytest.approx(log(100 / 10) * log(10 / 2))
    assert log_hypervolume([(10.0, 0.0)], (COST, TPOT), corner) is None
    assert log_hypervolume([(10.0, 2.0)], (COST, TPOT), {"tpot": 10.0}) is None


@LAW
@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=5),
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=5),
)
def test_the_factor_to_cover_is_the_worst_over_rows_of_the_best_of_the_largest_ratio(
    found: list[tuple[float, float]], wanted: list[tuple[float, float]]
) -> None:
    """The second axis is maximised: twice worse there is half as much."""
    expected = max(min(max(f[0] / w[0], w[1] / f[1]) for f in found) for w in wanted)
    assert factor_to_cover(found, wanted, (COST, RATE)) == pytest.approx(expected, rel=1e-12)


def test_what_has_everything_covers_itself_and_what_has_nothing_covers_nothing() -> None:
    rows = [(1.0, 4.0), (2.0, 2.0)]
    assert factor_to_cover(rows, rows, (COST, TPOT)) == 1.0
    for found, wanted in (([], rows), (rows, []), ([(0.0, 1.0)], rows), (rows, [(1.0, -1.0)])):
        assert factor_to_cover(found, wanted, (COST, TPOT)) == float("inf")


def test_a_maximised_column_changes_its_sign_and_no_other_does() -> None:
    assert minimised([(1.0, 2.0, 3.0)], THREE).tolist() == [[1.0, 2.0, -3.0]]
    assert minimised([], THREE).shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ([[1.0, 2.0]], r"expected values of shape \(n, 3\), got \(1, 2\)"),
        ([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0]], "expected finite tpot_s, got nan in row 1"),
        ([[1.0, 2.0, np.inf]], "expected finite tokens_per_s, got inf in row 0"),
    ],
)
def test_a_table_that_cannot_be_compared_is_refused_with_its_place(
    values: list[list[float]], reported: str
) -> None:
    with pytest.raises(ValueError, match=reported):
        nondominated(values, THREE)


def test_a_reference_point_without_an_axis_names_it() -> None:
    with pytest.raises(ValueError, match="missing tpot, tokens_per_second"):
        hypervolume([(1.0, 1.0, 1.0)], THREE, {"usd_per_token_per_second": 5.0})


# --- axes


def test_an_axis_survives_being_written() -> None:
    for axis in THREE:
        assert axis_from(axis.as_dict()) == axis
        assert axis_named(THREE, axis.name) is axis
    with pytest.raises(KeyError):
        axis_named(THREE, "ttft")


@pytest.mark.parametrize("change", [{"direction": "smaller"}, {"more": "x"}, {"unit": 1.0}, {"label": None}])
def test_what_is_no_axis_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected an axis"):
        axis_from({**TPOT.as_dict(), **change})
    with pytest.raises(ValueError, match="expected an axis"):
        axis_from({k: v for k, v in TPOT.as_dict().items() if k != "unit"})


def test_more_is_better_only_where_it_is_maximised() -> None:
    assert [axis.maximised for axis in THREE] == [False, False, True]
    assert Axis("a", "a", "a", "", "maximize").maximised

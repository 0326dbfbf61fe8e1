"""Intervals, folds and centres of a calibration: statistics worked out by hand on made-up rows."""

from collections import Counter
from math import exp, log, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.calibrate.left_out import (
    FEW_ROWS,
    MOST_SURE,
    NARROWEST,
    folds,
    independent,
    interval,
    metric_of,
)
from dse.calibrate.parameters import Prior
from dse.calibrate.pool import FAR, centre_of


def case(metric: str = "tpot_ms") -> Any:
    """A case of which only the metric counts."""
    return SimpleNamespace(row=SimpleNamespace(metric=metric))


# --- folds


@LAW
@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=40), st.integers(1, 6))
def test_folds_share_all_rows_out_and_split_no_group(groups: list[str], most: int) -> None:
    parts = folds(groups, most)
    assert len(parts) == min(most, len(set(groups)))
    assert sorted(i for part in parts for i in part) == list(range(len(groups)))
    homes = Counter(g for part in parts for g in {groups[i] for i in part})
    assert set(homes.values()) == {1}
    assert all(parts)


@LAW
@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=40), st.integers(1, 6))
def test_no_fold_is_larger_than_the_smallest_by_more_than_the_largest_group(
    groups: list[str], most: int
) -> None:
    sizes = [len(part) for part in folds(groups, most)]
    assert max(sizes) - min(sizes) <= max(Counter(groups).values())


# --- independent rows


@LAW
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=20, unique=True), st.integers(2, 4))
def test_there_are_never_more_independent_rows_than_rows_nor_fewer_than_one_a_group(
    values: list[float], k: int
) -> None:
    groups = [str(i % k) for i in range(len(values))]
    found = independent(np.array(values), groups)
    assert found <= len(values) * (1 + 1e-9)
    sizes = Counter(groups).values()
    # rows that are all alike in a group count n / mean size, which is the number of groups
    assert found >= len(values) / (len(values) / len(sizes)) * (1 - 1e-9)


def test_half_of_the_variance_inside_groups_of_two_leaves_two_thirds() -> None:
    """Two groups of two: between and within are worked out here, rho by their quotient."""
    values, groups = np.array([0.0, 2.0, 3.0, 5.0]), ["a", "a", "b", "b"]
    # means 1 and 4, of all 2.5: between = 2 x 1.5^2 x 2 / 1 = 9; within = (1 + 1 + 1 + 1) / 2 = 2
    rho = (9.0 - 2.0) / (9.0 + (2.0 - 1.0) * 2.0)
    assert independent(values, groups) == pytest.approx(4.0 / (1.0 + (2.0 - 1.0) * rho))


def test_one_group_is_one_row_and_rows_of_a_group_each_count_all() -> None:
    assert independent(np.array([1.0, 2.0, 3.0]), ["a", "a", "a"]) == 1.0
    assert independent(np.array([1.0, 2.0, 3.0]), ["a", "b", "c"]) == 3.0
    assert independent(np.array([1.0, 1.0, 1.0, 1.0]), ["a", "a", "b", "b"]) == 4.0  # no spread at all


# --- intervals


def test_the_interval_of_a_sample_is_the_conformal_quantile_of_its_errors() -> None:
    n = 39  # 0.8 x 40 / 39 of 39 values from 0.01 to 0.39
    errors = np.arange(1, n + 1) / 100.0
    groups = [str(i) for i in range(n)]
    factor, unseen = interval([case()] * n, np.zeros(n), errors * (-1.0) ** np.arange(n), groups)["tpot"]
    assert unseen
    place = 0.8 * (1.0 + 1.0 / n) * (n - 1)  # between two values on a straight line
    expected = 0.01 + 0.01 * place
    assert factor == pytest.approx(exp(expected))


def test_of_a_handful_of_rows_no_quantile_beyond_the_surest_is_taken() -> None:
    n = FEW_ROWS
    errors = np.linspace(0.1, 0.8, n)
    groups = ["a", "b", "c", "c", "b", "a", "a", "b"]
    factor, unseen = interval([case()] * n, np.zeros(n), errors, groups)["tpot"]
    level = min(0.8 * (1.0 + 1.0 / independent(errors, groups)), MOST_SURE)
    assert unseen
    assert factor == pytest.approx(exp(np.quantile(errors, level)))


@pytest.mark.parametrize(("rows", "groups_", "unseen"), [(8, 3, True), (8, 2, False), (7, 3, None)])
def test_too_few_groups_fall_back_on_fitted_rows_and_too_few_rows_have_no_interval(
    rows: int, groups_: int, unseen: bool | None
) -> None:
    groups = [str(i % groups_) for i in range(rows)]
    found = interval([case()] * rows, np.full(rows, 0.1), np.full(rows, 0.4), groups)
    if unseen is None:
        assert found == {}
        return
    factor, told = found["tpot"]
    assert told is unseen
    # few groups say little, but no interval is narrower than what they are off
    assert log(factor) == pytest.approx(0.4)


def test_no_interval_is_narrower_than_two_laboratories_are_apart() -> None:
    n = 12
    groups = [str(i % 4) for i in range(n)]
    factor, _ = interval([case()] * n, np.zeros(n), np.full(n, 0.001), groups)["tpot"]
    assert factor == NARROWEST


def test_metrics_have_intervals_of_their_own() -> None:
    cases = [case("ttft_ms")] * 8 + [case("e2e_s")] * 8
    assert [metric_of(c) for c in (cases[0], cases[-1])] == ["ttft", "end_to_end"]
    errors = np.array([0.5] * 8 + [0.1] * 8)
    found = interval(cases, errors, errors, [str(i) for i in range(16)])
    assert set(found) == {"ttft", "end_to_end"}
    assert log(found["ttft"][0]) == pytest.approx(0.5)
    assert log(found["end_to_end"][0]) == pytest.approx(0.1)


def test_rows_that_were_never_left_out_do_not_count() -> None:
    n = 12
    unseen = np.array([0.2] * 9 + [np.nan] * 3)
    groups = [str(i % 3) for i in range(n)]
    factor, told = interval([case()] * n, np.full(n, 9.0), unseen, groups)["tpot"]
    assert told
    assert log(factor) == pytest.approx(0.2)


# --- the centre of a pool


def fitted(x: float, freedom: float) -> Any:
    return SimpleNamespace(x=np.array([x]), freedom=np.array([freedom]))


OWN = Prior(centre=np.array([0.0]), spread=np.array([1.0]))


def test_without_stacks_the_centre_is_what_was_expected_of_it() -> None:
    assert centre_of({}, OWN).centre.tolist() == [0.0]
    assert centre_of({"a": fitted(5.0, 1.0)}, OWN).centre.tolist() == [0.0]  # its rows tell nothing


def test_a_stack_counts_by_what_its_rows_tell_and_less_the_farther_it_is() -> None:
    """The centre c solves c = w x / (1 + w) with w = told / sqrt(1 + 2 ((x - c) / 0.7)^2)."""
    for x, freedom in ((1.0, 0.0), (1.0, 0.5), (3.0, 0.0)):
        c = 0.0
        for _ in range(6):
            w = (1.0 - freedom**2) / sqrt(1.0 + 2.0 * ((x - c) / FAR) ** 2)
            c = w * x / (1.0 + w)
        assert centre_of({"a": fitted(x, freedom)}, OWN).centre[0] == pytest.approx(c)


def test_many_stacks_that_agree_outweigh_one_that_does_not() -> None:
    alike = {str(i): fitted(1.0, 0.0) for i in range(20)}
    with_odd = centre_of({**alike, "odd": fitted(50.0, 0.0)}, OWN).centre[0]
    assert 0.8 < centre_of(alike, OWN).centre[0] < 1.0
    assert with_odd < 1.1  # a plain mean would be 70 / 22 = 3.2
    assert centre_of(alike, OWN).spread.tolist() == [1.0]


@LAW
@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=6))
def test_the_centre_lies_between_the_stacks_and_what_was_expected(points: list[float]) -> None:
    found = centre_of({str(i): fitted(x, 0.0) for i, x in enumerate(points)}, OWN).centre[0]
    assert min([*points, 0.0]) - 1e-12 <= found <= max([*points, 0.0]) + 1e-12
    mirrored = centre_of({str(i): fitted(-x, 0.0) for i, x in enumerate(points)}, OWN).centre[0]
    assert mirrored == pytest.approx(-found, abs=1e-12)

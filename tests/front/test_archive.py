"""The running front: what stays, what it covers, and that the order of arrival does not matter."""

from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.front.archive import Archive
from dse.front.axis import Axis
from dse.front.dominance import log_hypervolume

COST = Axis("usd", "capex_usd", "Price", "USD", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
SPEED = Axis("tokens_per_second", "tokens_per_s", "Output", "token/s", "maximize")

points = st.lists(st.tuples(*[st.integers(0, 12).map(float)] * 2), min_size=1, max_size=40)


def offer(archive: Archive, values: list[tuple[float, ...]], tag: str = "a", feasible: bool = True) -> int:
    def rows(chosen: np.ndarray) -> pd.DataFrame:
        picked = np.array(values)[chosen]
        frame = pd.DataFrame({a.column: picked[:, i] for i, a in enumerate(archive.axes)})
        return frame.assign(chip=[f"{tag}{i}" for i in chosen])

    return archive.add(values, [feasible] * len(values), rows)


def front(values: list[tuple[float, ...]]) -> Archive:
    archive = Archive([COST, TPOT])
    offer(archive, values)
    return archive


def beaten(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(y <= x for x, y in zip(a, b, strict=True)) and a != b


def test_the_front_is_what_the_definition_of_dominance_says() -> None:
    archive = front([(3, 1), (1, 3), (2, 2), (2, 3), (4, 1), (3, 3)])
    assert archive.values.tolist() == [[1, 3], [2, 2], [3, 1]]
    assert archive.frame["chip"].tolist() == ["a1", "a2", "a0"]


@given(points)
def test_no_point_of_the_front_is_beaten_and_every_other_point_is(values: list[tuple[float, ...]]) -> None:
    kept = {tuple(v) for v in front(values).values.tolist()}
    assert kept == {v for v in values if not any(beaten(v, other) for other in values)}


@given(points, st.randoms())
def test_the_order_of_arrival_changes_no_value(values: list[tuple[float, ...]], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one_by_one = Archive([COST, TPOT])
    for value in shuffled:
        offer(one_by_one, [value])
    assert np.array_equal(one_by_one.values, front(values).values)


@given(points, st.integers(0, 39), st.integers(0, 3), st.integers(0, 3))
def test_a_dominated_point_changes_nothing(values: list[tuple[float, ...]], i: int, dx: int, dy: int) -> None:
    archive = front(values)
    before, volume = archive.frame, archive.hypervolume({"usd": 20, "tpot": 20})
    x, y = values[i % len(values)]
    assert offer(archive, [(x + dx, y + dy)], tag="late") == 0
    pd.testing.assert_frame_equal(archive.frame, before)
    assert archive.hypervolume({"usd": 20, "tpot": 20}) == volume


def test_of_equal_points_the_first_stays() -> None:
    archive = front([(1, 1), (1, 1)])
    assert offer(archive, [(1, 1)], tag="late") == 0
    assert archive.frame["chip"].tolist() == ["a0"]


def test_infeasible_points_are_no_part_of_the_front_however_good() -> None:
    archive = front([(2, 2)])
    assert offer(archive, [(0, 0)], feasible=False) == 0
    assert archive.values.tolist() == [[2, 2]]


def test_rows_are_built_for_survivors_only() -> None:
    archive = front([(1, 3), (3, 1)])
    asked: list[int] = []

    def rows(chosen: np.ndarray) -> pd.DataFrame:
        asked.extend(chosen.tolist())
        return pd.DataFrame({"capex_usd": [2.0], "tpot_s": [2.0]})

    assert archive.add([(9, 9), (0, 0), (2, 2)], [True, False, True], rows) == 1
    assert asked == [2]


def test_a_failing_row_builder_leaves_the_archive_as_it_was() -> None:
    archive = front([(2, 2)])

    def rows(chosen: np.ndarray) -> pd.DataFrame:
        raise RuntimeError("no rows")

    with pytest.raises(RuntimeError):
        archive.add([(1, 1)], [True], rows)
    assert archive.values.tolist() == [[2, 2]] and len(archive.frame) == 1


def test_hypervolume_of_a_staircase_is_the_sum_of_its_rectangles() -> None:
    archive = front([(1, 3), (2, 2), (3, 1)])
    assert archive.hypervolume({"usd": 4, "tpot": 4}) == pytest.approx(3 + 2 + 1, rel=1e-12)


def test_hypervolume_of_points_on_a_line_is_its_closed_form() -> None:
    n = 50  # points (i, n - i) under the corner (n + 1, n + 1) leave the staircase below them uncovered
    archive = front([(float(i), float(n - i)) for i in range(n + 1)])
    assert archive.hypervolume({"usd": n + 1, "tpot": n + 1}) == pytest.approx((n + 1) ** 2 - n * (n + 1) / 2)


def test_hypervolume_counts_a_maximised_axis_downwards() -> None:
    archive = Archive([COST, SPEED])
    offer(archive, [(1, 10), (2, 30), (2, 20)])
    assert archive.values.tolist() == [[1, 10], [2, 30]]
    assert archive.hypervolume({"usd": 3, "tokens_per_second": 0}) == pytest.approx(1 * 10 + 1 * 30)


def test_hypervolume_of_three_objectives_is_that_of_a_box() -> None:
    archive = Archive([COST, TPOT, SPEED])
    offer(archive, [(1, 2, 5)])
    volume = archive.hypervolume({"usd": 3, "tpot": 5, "tokens_per_second": 1})
    assert volume == pytest.approx(2 * 3 * 4)


def test_points_beyond_the_reference_count_nothing() -> None:
    reference = {"usd": 4.0, "tpot": 4.0}
    assert front([(5, 0), (0, 5)]).hypervolume(reference) == 0
    assert front([(5, 0), (2, 2)]).hypervolume(reference) == pytest.approx(4)
    assert Archive([COST, TPOT]).hypervolume(reference) == 0


def test_a_reference_without_a_value_for_an_axis_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="missing tpot"):
        front([(1, 1)]).hypervolume({"usd": 4.0})


def test_a_metric_that_is_not_finite_is_refused_with_its_column() -> None:
    with pytest.raises(ValueError, match="finite tpot_s, got nan"):
        front([(1, float("nan"))])


def test_a_stored_front_offered_again_gives_itself_without_its_violations() -> None:
    frame = front([(1, 3), (2, 2), (3, 1)]).frame.assign(violation_fits_bytes=[-1.0, 5.0, 0.0])
    again = Archive([COST, TPOT])
    assert again.add_frame(frame) == 2
    assert again.frame["chip"].tolist() == ["a0", "a2"]


def test_the_columns_of_the_front_do_not_depend_on_which_row_came_first() -> None:
    a = pd.DataFrame({"tpot_s": [1.0], "capex_usd": [3.0], "param_b": [1.0], "chip": ["x"]})
    b = pd.DataFrame({"param_a": [1.0], "capex_usd": [1.0], "chip": ["y"], "tpot_s": [3.0], "trial": [7]})
    frames = []
    for first, second in ((a, b), (b, a)):
        archive = Archive([COST, TPOT])
        archive.add_frame(first)
        archive.add_frame(second)
        frames.append(archive.frame)
    pd.testing.assert_frame_equal(frames[0], frames[1], check_dtype=False)
    assert list(frames[0].columns) == ["trial", "chip", "param_a", "param_b", "capex_usd", "tpot_s"]


def test_a_column_that_only_beaten_rows_had_goes_with_them() -> None:
    archive = Archive([COST, TPOT])
    early = pd.DataFrame({"capex_usd": [9.0], "tpot_s": [9.0], "param_dram_stacks": [5.0]})
    late = pd.DataFrame({"capex_usd": [1.0], "tpot_s": [1.0], "param_sram": [3.0]})
    archive.add([(9.0, 9.0)], [True], lambda _: early)
    archive.add([(1.0, 1.0)], [True], lambda _: late)
    assert set(archive.frame) == {"capex_usd", "tpot_s", "param_sram"}


def test_an_empty_archive_is_an_empty_table_with_the_columns_of_its_axes() -> None:
    frame = Archive([COST, TPOT]).frame
    assert list(frame.columns) == ["capex_usd", "tpot_s"] and frame.empty


def test_on_logarithmic_scales_a_per_cent_counts_alike_everywhere() -> None:
    worst = {"usd": 100.0, "tpot": 10.0}
    one = log_hypervolume([(1.0, 2.0)], (COST, TPOT), worst)
    assert one == pytest.approx(log(100 / 1) * log(10 / 2))
    two = log_hypervolume([(1.0, 2.0), (4.0, 0.5)], (COST, TPOT), worst)
    assert two == pytest.approx(one + log(100 / 4) * log(2 / 0.5))
    faster = log_hypervolume([(1.0, 3.0)], (COST, SPEED), {"usd": 100.0, "tokens_per_second": 0.1})
    assert faster == pytest.approx(log(100) * log(3 / 0.1))


def test_there_is_no_logarithm_of_nothing() -> None:
    assert log_hypervolume([(0.0, 1.0)], (COST, TPOT), {"usd": 1.0, "tpot": 1.0}) is None
    assert log_hypervolume([(0.5, 0.5)], (COST, TPOT), {"usd": 1.0}) is None
    assert log_hypervolume([], (COST, TPOT), {"usd": 1.0, "tpot": 1.0}) == 0.0

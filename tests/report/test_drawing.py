"""Axes, ticks, staircases and boxes of a picture: geometry that can be counted by hand."""

from itertools import pairwise
from math import hypot, log10

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.front.axis import Axis
from dse.report.drawing.boxes import away, dotted, gaps, inside, overlap
from dse.report.drawing.scales import Scale, is_near, scale_of, tick_label, ticks
from dse.report.info.curves import staircase

TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
PRICE = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
RATE = Axis("tokens_per_second", "tokens_per_s", "output", "token/s", "maximize")

POSITIVE = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=12)
FINITE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def scale(low: float, high: float, *, log: bool) -> Scale:
    return Scale("x", "", 1.0, log=log, limits=(low, high), maximised=False)


# --- scales


def test_seconds_are_shown_in_milliseconds_and_everything_else_in_its_own_unit() -> None:
    for axis, unit, factor in ((TPOT, "ms", 1000.0), (PRICE, "USD/(token/s)", 1.0), (RATE, "token/s", 1.0)):
        made = scale_of(axis, [np.array([0.5, 2.0])], None)
        assert (made.unit, made.factor) == (unit, factor)
    assert scale_of(TPOT, [], None).label == "TPOT [ms]"
    assert scale_of(RATE, [], None).label == "output [token/s]"
    assert scale_of(PRICE, [], None).label == "$/(token/s)"  # it is its own unit


def test_the_bad_end_of_an_axis_is_its_large_one_unless_it_is_maximised() -> None:
    for axis, end in ((TPOT, 1), (RATE, 0)):
        made = scale_of(axis, [np.array([1.0, 9.0])], None)
        assert made.maximised is (end == 0)
        assert made.worst == made.limits[end]


@LAW
@given(POSITIVE, st.none() | st.floats(1e-6, 1e9))
def test_the_limits_of_a_log_axis_hold_all_values_and_the_reference(
    values: list[float], reference: float | None
) -> None:
    made = scale_of(PRICE, [np.array(values)], reference)
    shown = [*values, *([] if reference is None else [reference])]
    assert made.log
    low, high = made.limits
    assert 0.0 < low < min(shown)
    assert max(shown) < high
    # as much is free below as above, and an axis of one value is not all of a decade
    below, above = log10(min(shown)) - log10(low), log10(high) - log10(max(shown))
    assert below == pytest.approx(above, rel=1e-6, abs=1e-9)
    assert log10(high / low) >= 0.15 - 1e-9


@LAW
@given(FINITE)
def test_the_limits_of_a_plain_axis_hold_all_values_with_room_on_both_sides(values: list[float]) -> None:
    given_ = [0.0, *values]  # a zero rules out a log axis
    made = scale_of(PRICE, [np.array(given_)], None)
    low, high = made.limits
    assert not made.log
    assert low < min(given_) <= max(given_) < high


def test_a_reference_at_or_below_zero_rules_out_a_log_axis() -> None:
    assert scale_of(PRICE, [np.array([1.0, 2.0])], None).log
    assert scale_of(PRICE, [np.array([1.0, 2.0])], 4.0).log
    assert not scale_of(PRICE, [np.array([1.0, 2.0])], 0.0).log


def test_what_is_not_finite_does_not_stretch_an_axis() -> None:
    plain = scale_of(PRICE, [np.array([1.0, 2.0])], None)
    gaps_ = scale_of(PRICE, [np.array([1.0, np.nan]), np.array([2.0, np.inf])], None)
    assert gaps_.limits == plain.limits


def test_a_reference_is_near_up_to_three_times_the_data() -> None:
    data = np.array([2.0, 10.0])
    assert is_near(30.0, data)
    assert not is_near(30.1, data)
    assert is_near(2.0 / 3.0, data)
    assert not is_near(0.66, data)
    assert is_near(1e9, np.empty(0))  # nothing to be far from


def test_where_data_are_not_positive_a_reference_is_near_up_to_their_span_beside_them() -> None:
    data = np.array([-1.0, 3.0])  # a span of 4
    assert [is_near(r, data) for r in (-5.1, -5.0, 7.0, 7.1)] == [False, True, True, False]


# --- ticks


@LAW
@given(st.floats(1e-5, 1e5), st.floats(1.2, 1e8))
def test_ticks_of_a_log_axis_are_round_ascending_and_inside(low: float, ratio: float) -> None:
    made = ticks(scale(low, low * ratio, log=True))
    assert 2 <= len(made) <= 11
    assert all(low * (1 - 1e-9) <= t <= low * ratio * (1 + 1e-9) for t in made)
    assert all(a < b for a, b in pairwise(made))
    for t in made:
        digits = f"{t:.6e}".split("e")[0].rstrip("0").rstrip(".")
        assert len(digits.replace(".", "")) <= 3, t  # 1, 2.5, 1.25 at most


@LAW
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_of_a_plain_axis_are_evenly_spread_and_on_its_step(low: float, span: float) -> None:
    made = ticks(scale(low, low + span, log=False))
    steps = np.diff(made)
    assert 2 <= len(made) <= 6
    assert np.allclose(steps, steps[0], rtol=1e-6, atol=1e-9)
    assert np.allclose(np.round(np.array(made) / steps[0]), np.array(made) / steps[0], atol=1e-4)
    # no room for another one at either end
    assert made[0] - steps[0] < low + 1e-9 * abs(low) + 1e-9
    assert made[-1] + steps[0] > low + span - 1e-9 * abs(low + span) - 1e-9


def test_a_short_log_axis_has_plain_ticks_and_a_long_one_decades() -> None:
    assert ticks(scale(10.0, 15.0, log=True)) == [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    assert ticks(scale(0.9, 110.0, log=True)) == [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    assert ticks(scale(0.9, 1.1e7, log=True)) == [10.0**d for d in range(8)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00001, "0.00001"), (0.05, "0.05"), (20.0, "20"), (999.0, "999"), (1000.0, "1,000"),
        (-1234567.0, "-1,234,567"), (0.0, "0"), (2.5, "2.5"),
    ],
)  # fmt: skip
def test_a_tick_is_written_without_exponent(value: float, text: str) -> None:
    assert tick_label(value) == text


@LAW
@given(st.integers(1, 9), st.integers(-9, 2))
def test_the_label_of_a_round_tick_reads_back_as_it(digit: int, power: int) -> None:
    value = digit * 10.0**power
    assert float(tick_label(value).replace(",", "")) == pytest.approx(value, rel=1e-12)
    assert "e" not in tick_label(value)


# --- staircases


@LAW
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=10, unique=True))
def test_a_staircase_goes_through_its_points_and_is_never_better_than_they_are(
    points: list[tuple[float, float]],
) -> None:
    """On the staircase of a front, every corner is dominated by, or is, one of the points."""
    kept = [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]
    x, y = (np.array(c) for c in zip(*sorted(kept), strict=True))
    across, up = staircase(x, y)
    assert len(across) == len(up) == 2 * len(x) - 1
    corners = list(zip(across.tolist(), up.tolist(), strict=True))
    assert set(zip(x.tolist(), y.tolist(), strict=True)) <= set(corners)
    for a, b in corners:
        assert any(p <= a and q <= b for p, q in kept)
    for (a, b), (c, d) in pairwise(corners):
        assert (a == c) or (b == d)  # only right angles


def test_the_staircase_of_nothing_is_nothing() -> None:
    across, up = staircase(np.empty(0), np.empty(0))
    assert (across.size, up.size) == (0, 0)


# --- boxes

COORDINATE = st.integers(-20, 20).map(float)
SIZE = st.integers(1, 10).map(float)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    left, bottom = draw(COORDINATE), draw(COORDINATE)
    return left, bottom, left + draw(SIZE), bottom + draw(SIZE)


@LAW
@given(boxes(), boxes())
def test_boxes_overlap_exactly_where_a_unit_square_lies_in_both(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> None:
    def squares(box: tuple[float, float, float, float]) -> set[tuple[int, int]]:
        left, bottom, right, top = (int(v) for v in box)
        return {(i, j) for i in range(left, right) for j in range(bottom, top)}

    assert overlap(a, b) is bool(squares(a) & squares(b))
    assert overlap(b, a) is overlap(a, b)


@LAW
@given(boxes(), st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=8))
def test_the_gap_to_a_box_is_the_distance_to_its_nearest_point(
    box: tuple[float, float, float, float], points: list[tuple[float, float]]
) -> None:
    left, bottom, right, top = box
    found = gaps(box, np.array(points))
    for (x, y), gap in zip(points, found, strict=True):
        nearest = min(max(x, left), right), min(max(y, bottom), top)
        assert gap == pytest.approx(hypot(x - nearest[0], y - nearest[1]), abs=1e-12)


def test_points_are_inside_a_box_up_to_its_margin() -> None:
    box, points = (0.0, 0.0, 10.0, 10.0), np.array([[5.0, 5.0], [11.0, 5.0], [5.0, -1.5], [12.0, 12.0]])
    assert [inside(box, points, margin) for margin in (0.0, 1.0, 1.1, 2.0, 2.1)] == [1, 1, 2, 3, 4]


@LAW
@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=6), st.floats(0.5, 10.0))
def test_a_dotted_line_keeps_its_corners_and_has_no_wide_gap(
    corners: list[tuple[float, float]], step: float
) -> None:
    dots = dotted(np.array(corners), step)
    rows = [tuple(row) for row in dots.round(9).tolist()]
    assert {(round(x, 9), round(y, 9)) for x, y in corners} <= set(rows)
    # one dot too few for a stretch makes it at most twice as long as asked
    assert np.hypot(*np.diff(dots, axis=0).T).max(initial=0.0) <= 2.0 * step + 1e-9
    length = sum(hypot(c - a, d - b) for (a, b), (c, d) in pairwise(corners))
    assert np.hypot(*np.diff(dots, axis=0).T).sum() == pytest.approx(length, abs=1e-9)


def test_what_lies_on_the_anchor_is_no_other_point() -> None:
    points = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.5]])
    assert away(points, np.array([1.0, 2.0])).tolist() == [[3.0, 4.0], [1.0, 2.5]]

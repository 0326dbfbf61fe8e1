"""Where the winner changes, on made-up costs whose crossings are known."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.decide.propose.candidates import Candidate
from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.breakeven import NEITHER, _boundary, _crossing, _sides, _who
from dse.decide.scenario.scenario import ALL_CHIPS, Scenario, members
from dse.errors import SpecError

SIDES = ("a", "b")
BASE = Scenario(study=None)  # type: ignore[arg-type]
Cost = Callable[[float, float], tuple[float, float]]


def price(low: float, high: float, *, log: bool = False, whole: bool = False, key: str = "x") -> Assumption:
    return Assumption(
        name=key,
        label=key,
        unit="USD",
        kind="limits",
        key=key,
        low=low,
        high=high,
        log=log,
        whole=whole,
        now=None,
    )


class Closed:
    """Costs of both sides by a formula of x and y; counts how often it is called."""

    def __init__(self, cost: Cost) -> None:
        self.cost, self.calls = cost, 0

    @property
    def names(self) -> Sequence[str]:
        return SIDES

    def best(self, points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
        self.calls += 1
        found = [self.cost(x, y) for x, y in points]
        return np.asarray(found, dtype=float), np.zeros((len(found), 2), dtype=int)


def boundary(
    cost: Cost, x: Assumption, count: int = 5, y: Assumption | None = None, rows: int = 1
) -> list[Any]:
    xs = x.values(count)
    ys = np.asarray([np.nan]) if y is None else y.values(rows)
    costs = np.asarray([[cost(float(a), float(b)) for a in xs] for b in ys])
    return _boundary(Closed(cost), x, y, xs, ys, costs, SIDES)


@LAW
@given(st.floats(1.0, 99.0), st.integers(2, 9))
def test_two_straight_lines_cross_where_they_are_equal(at: float, count: int) -> None:
    (found,) = boundary(lambda x, _: (x, at), price(0.5, 100.0), count)
    assert found.x == pytest.approx(at, abs=1e-5)
    assert (found.left, found.right, found.why) == ("a", "b", "equal cost")
    assert found.costs == pytest.approx((at, at), rel=1e-5)
    assert found.y is None


@LAW
@given(st.floats(0.02, 9e3))
def test_on_a_logarithmic_scale_a_crossing_is_as_sharp_relatively(at: float) -> None:
    (found,) = boundary(lambda x, _: (at / x, 1.0), price(1e-2, 1e4, log=True))
    assert found.x == pytest.approx(at, rel=1e-5)
    assert (found.left, found.right) == ("b", "a")


@given(st.integers(2, 999), st.booleans())
def test_of_a_count_the_first_value_at_which_the_other_side_wins_is_named(first: int, log: bool) -> None:
    (found,) = boundary(
        lambda x, _: (1.0 if x < first else 3.0, 2.0), price(1.0, 1000.0, log=log, whole=True)
    )
    assert found.x == first
    assert found.why == "step"


def test_a_parabola_crosses_a_line_twice_and_both_places_are_found() -> None:
    found = boundary(lambda x, _: ((x - 5.0) ** 2, 4.0), price(0.0, 10.0), 6)
    assert [c.x for c in found] == pytest.approx([3.0, 7.0], abs=1e-5)
    assert [(c.left, c.right) for c in found] == [("b", "a"), ("a", "b")]


def test_without_a_change_of_the_winner_there_is_no_boundary_and_nothing_is_evaluated() -> None:
    closed = Closed(lambda x, _: (x, x + 1.0))
    x = price(1.0, 2.0)
    costs = np.asarray([[closed.cost(float(a), 0.0) for a in x.values(3)]])
    assert _boundary(closed, x, None, x.values(3), np.array([np.nan]), costs, SIDES) == []
    assert closed.calls == 0


@settings(max_examples=15)
@given(st.floats(0.2, 3.0), st.integers(2, 5))
def test_every_row_of_a_map_has_its_own_crossing(slope: float, rows: int) -> None:
    y = price(1.0, 3.0, key="y")
    found = boundary(lambda x, y: (x, slope * y), price(0.01, 10.0), 5, y, rows)
    assert [c.y for c in found] == pytest.approx(np.linspace(1.0, 3.0, rows).tolist())
    assert [c.x for c in found] == pytest.approx([slope * c.y for c in found], abs=1e-5)


def test_a_jump_of_the_cost_is_a_step_and_no_equality() -> None:
    (found,) = boundary(lambda x, _: (1.0 if x < 3.3 else 2.0, 1.5), price(0.0, 10.0))
    assert found.x == pytest.approx(3.3, abs=1e-5)
    assert found.why == "step"


@pytest.mark.parametrize(
    ("cost", "why", "left", "right"),
    [
        (lambda x, _: (1.0 if x < 6.0 else np.inf, 2.0), "first infeasible", "a", "b"),
        (lambda x, _: (3.0, 2.0 if x < 6.0 else np.inf), "second infeasible", "b", "a"),
        (lambda x, _: (np.inf if x < 6.0 else 1.0, 2.0), "first infeasible", "b", "a"),
        (lambda x, _: (np.inf, 2.0 if x < 6.0 else np.inf), "nobody", "b", NEITHER),
        (lambda x, _: (2.0 if x > 6.0 else np.inf, np.inf), "nobody", NEITHER, "a"),
    ],
)
def test_a_side_that_stops_working_is_named_as_the_reason(
    cost: Cost, why: str, left: str, right: str
) -> None:
    (found,) = boundary(cost, price(0.0, 10.0))
    assert found.x == pytest.approx(6.0, abs=1e-5)
    assert (found.why, found.left, found.right) == (why, left, right)


def test_costs_that_meet_within_a_thousandth_are_equal() -> None:
    x = price(1.0, 2.0)
    near = _crossing(x, 1.0, 1.0, None, np.array([1.0, 1.0005]), np.array([1.0006, 1.0005]), SIDES)
    far = _crossing(x, 1.0, 1.0, None, np.array([1.0, 1.005]), np.array([1.01, 1.005]), SIDES)
    assert (near.why, far.why) == ("equal cost", "step")


@pytest.mark.parametrize(
    ("a", "b", "winner"),
    [
        (1.0, 2.0, "a"),
        (2.0, 1.0, "b"),
        (1.0, 1.0, "a"),
        (np.inf, 1.0, "b"),
        (1.0, np.inf, "a"),
        (np.inf, np.inf, NEITHER),
    ],
)
def test_the_cheaper_side_wins_and_none_where_neither_works(a: float, b: float, winner: str) -> None:
    assert _who(a, b, SIDES) == winner


# --- sides

CHIPS = [
    Candidate(label="groq", kind="sram-only"),
    Candidate(label="h100", kind="dram-only"),
    Candidate(label="sram-7", kind="sram-only", branch="sram"),
]


@pytest.mark.parametrize(
    ("group", "found"),
    [(ALL_CHIPS, [0, 1, 2]), ("sram-only", [0, 2]), ("h100", [1]), ("hybrid", []), ("sram-7", [2])],
)
def test_a_group_is_a_kind_of_storage_or_one_chip_or_all(group: str, found: list[int]) -> None:
    assert members(group, CHIPS) == found


@pytest.mark.parametrize(
    ("sides", "first", "second"),
    [
        (("sram-only", "others"), [0, 2], [1]),
        (("others", "sram-only"), [1], [0, 2]),
        (("groq", "h100"), [0], [1]),
        (("groq", "others"), [0], [1, 2]),
    ],
)
def test_others_are_all_chips_that_the_other_side_lacks(
    sides: tuple[str, str], first: list[int], second: list[int]
) -> None:
    made = _sides(CHIPS, sides)
    assert (made.first, made.second) == (first, second)


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (("hybrid", "others"), "expected a storage kind .*dram-only, sram-only.* got 'hybrid'"),
        (("sram-only", "groq"), "share no chip"),
        (("groq", "groq"), "share no chip"),
    ],
)
def test_sides_that_are_empty_or_shared_are_refused(sides: tuple[str, str], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        _sides(CHIPS, sides)
    with pytest.raises(SpecError, match="expected other chips than sram-only, got none"):
        _sides([CHIPS[0], CHIPS[2]], ("sram-only", "others"))


# --- what an assumption changes


@given(st.floats(1.0, 10.0), st.floats(1.5, 100.0), st.integers(2, 20))
def test_the_middle_of_a_range_is_halfway_on_its_scale(low: float, ratio: float, count: int) -> None:
    high = low * ratio
    straight, log = price(low, high), price(low, high, log=True)
    assert straight.between(np.array(low), np.array(high)) == pytest.approx((low + high) / 2.0)
    assert log.between(np.array(low), np.array(high)) == pytest.approx(low * ratio**0.5)
    steps = np.diff(straight.values(count))
    assert steps == pytest.approx([(high - low) / (count - 1)] * (count - 1))
    ratios = log.values(count)[1:] / log.values(count)[:-1]
    assert ratios == pytest.approx([ratio ** (1.0 / (count - 1))] * (count - 1))


def test_between_two_neighbouring_counts_there_is_no_other() -> None:
    count = price(1.0, 9.0, whole=True)
    for low in range(1, 9):
        assert float(count.between(np.array(float(low)), np.array(low + 1.0))) in (low, low + 1)

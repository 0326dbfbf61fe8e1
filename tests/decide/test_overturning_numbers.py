"""What would have to be wrong for a proposal not to win, on made-up leads that turn at known factors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.propose import overturning_numbers as module
from dse.decide.propose.candidates import Candidate
from dse.decide.propose.overturning_numbers import ALMOST, SCAN, OverturningNumber, overturning_numbers
from dse.question.variation import Fact, Place
from dse.spec.schema.base import Sourced, SourcedShare

RIVAL = Candidate(label="rival", kind="dram-only")
OWN = Candidate(label="own", kind="sram-only")
Leads = dict[str, Any]


def number(name: str, value: float = 2.0, **ends: float) -> Fact:
    leaf = Sourced[float](value=value, source="test", basis="definition", **ends)
    return Fact(Place("chip/own", name), leaf, "")


def share(name: str, value: float) -> Fact:
    return Fact(Place("stack/own", name), SourcedShare(value=value, source="test", basis="definition"), "")


def overturned(
    facts: Sequence[Fact], leads: Leads, monkeypatch: pytest.MonkeyPatch
) -> list[OverturningNumber]:
    """The numbers found where the lead of each fact is a function of its factor."""

    def lead(pairs: Sequence[tuple[Fact, float]]) -> tuple[np.ndarray, list[str]]:
        return np.asarray([leads[f.place.path](x) for f, x in pairs], dtype=float), ["rival"] * len(pairs)

    monkeypatch.setattr(module, "used_facts", lambda study, candidate: list(facts))
    monkeypatch.setattr(module, "_lead_of", lambda *_: lead)
    return overturning_numbers(None, OWN, [RIVAL], {})  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1.01, 1.29, 1.5, 3.0, 9.9])
@pytest.mark.parametrize("up", [True, False])
def test_the_factor_is_that_at_which_the_lead_ends(
    factor: float, up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = factor if up else 1.0 / factor
    sign = 1.0 if up else -1.0
    (found,) = overturned([number("n")], {"n": lambda x: sign * np.log(at / x)}, monkeypatch)
    assert found.factor == pytest.approx(at, rel=1e-3)
    assert found.value == pytest.approx(2.0 * at, rel=1e-3)
    assert found.rival == "rival"
    assert not found.unbuildable
    # the bracket ends behind: at the factor that is named the proposal no longer wins
    assert sign * np.log(at / found.factor) <= 0.0


def test_a_lead_that_ends_beyond_a_factor_of_ten_is_not_overturned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(SCAN) == 10.0
    assert overturned([number("n")], {"n": lambda x: np.log(10.5 / x)}, monkeypatch) == []
    assert overturned([number("n")], {"n": lambda x: 1.0}, monkeypatch) == []


def test_a_number_may_overturn_both_upwards_and_downwards_and_the_nearer_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = overturned([number("n")], {"n": lambda x: np.log(3.0) - abs(np.log(x) + 0.2)}, monkeypatch)
    assert [f.factor for f in found] == pytest.approx([3.0 * np.exp(-0.2), np.exp(-0.2) / 3.0], rel=1e-3)


def test_numbers_are_sorted_by_how_little_they_must_move(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = {"far": lambda x: np.log(5.0 / x), "near": lambda x: np.log(x * 1.1), "never": lambda x: 0.5}
    facts = [number("far"), number("never"), number("near")]
    found = overturned(facts, leads, monkeypatch)
    assert [f.fact.place.path for f in found] == ["near", "far"]
    assert [f.factor for f in found] == pytest.approx([1.0 / 1.1, 5.0], rel=1e-3)


def test_a_proposal_that_does_not_win_now_has_nothing_to_overturn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overturned([number("n")], {"n": lambda x: -0.1 - np.log(x)}, monkeypatch) == []
    assert overturned([], {}, monkeypatch) == []


def test_whole_numbers_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    count = Fact(Place("chip/own", "c"), Sourced[int](value=8, source="test", basis="definition"), "")
    leads = {"c": lambda x: np.log(2.0 / x), "n": lambda x: np.log(2.0 / x)}
    assert [f.fact.place.path for f in overturned([count, number("n")], leads, monkeypatch)] == ["n"]


def test_a_proposal_that_cannot_be_built_any_more_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = overturned([number("n")], {"n": lambda x: 1.0 if x < 1.7 else -np.inf}, monkeypatch)
    assert found.unbuildable
    assert found.factor == pytest.approx(1.7, rel=1e-3)


@pytest.mark.parametrize("value", [0.5, 0.95])
def test_a_share_is_tried_up_to_almost_one_and_no_further(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def lead(x: float) -> float:
        tried.append(x * value)
        return 1.0

    assert overturned([share("s", value)], {"s": lead}, monkeypatch) == []
    assert max(tried) == pytest.approx(ALMOST)
    assert min(tried) == pytest.approx(value / 10.0)


def test_a_share_at_its_most_is_moved_down_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = overturned([share("s", 1.0)], {"s": lambda x: np.log(x / 0.6)}, monkeypatch)
    assert found.factor == pytest.approx(0.6, rel=1e-3)


@LAW
@given(st.floats(1.0, 3.0), st.floats(1.0, 3.0), st.floats(0.2, 5.0))
def test_a_value_is_inside_the_range_of_its_sources_exactly_where_the_range_reaches_it(
    down: float, up: float, factor: float
) -> None:
    fact = number("n", 2.0, low=2.0 / down, high=2.0 * up)
    made = OverturningNumber(fact=fact, value=2.0 * factor, factor=factor, rival="r", unbuildable=False)
    assert made.inside_range == (2.0 / down <= 2.0 * factor <= 2.0 * up)


def test_a_source_without_a_range_reaches_nothing() -> None:
    made = OverturningNumber(fact=number("n"), value=2.1, factor=1.05, rival="r", unbuildable=False)
    assert not made.inside_range

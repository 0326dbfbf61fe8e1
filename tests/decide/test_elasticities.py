"""Elasticities of made-up costs, whose derivatives are known in closed form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.explain import elasticity as module
from dse.decide.explain.elasticity import LEAST, Elasticity, elasticities, ends_of, sources_of
from dse.decide.propose.candidates import Candidate
from dse.errors import spec_error
from dse.question.variation import Fact, Place
from dse.spec.schema.base import Sourced

OWN = Candidate(label="own", kind="sram-only")


def number(name: str, value: float) -> Fact:
    return Fact(Place("chip/own", name), Sourced[float](value=value, source=name, basis="definition"), "")


def count(name: str, value: int) -> Fact:
    return Fact(Place("chip/own", name), Sourced[int](value=value, source=name, basis="definition"), "")


@dataclass(frozen=True)
class Numbers:
    """A study that is nothing but its numbers; `replace` lifts its targets."""

    values: Mapping[str, float]
    targets: tuple[str, ...] = ("tpot",)


def found(cost: Callable[[Mapping[str, float]], float], *facts: Fact, refused: str = "") -> dict[str, float]:
    """Elasticities by name where the cost is a function of the numbers."""
    now = {f.place.path: f.value for f in facts}

    def varied(study: Numbers, values: Mapping[Place, float], _: Any) -> Numbers:
        changed = {place.path: value for place, value in values.items()}
        if refused in changed:
            raise spec_error("chip", "no such chip")
        return Numbers({**study.values, **changed}, study.targets)

    def costs(studies: list[Numbers], *_: Any) -> np.ndarray:
        assert all(s.targets == () for s in studies)
        return np.asarray([[cost(s.values)] for s in studies]).reshape(-1, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "used_facts", lambda *_: list(facts))
        patch.setattr(module, "varied", varied)
        patch.setattr(module, "costs_of_variants", costs)
        made = elasticities(Numbers(now), OWN, ())  # type: ignore[arg-type]
    assert [abs(e.elasticity) for e in made] == sorted((abs(e.elasticity) for e in made), reverse=True)
    return {e.fact.place.path: e.elasticity for e in made}


@LAW
@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(1e-6, 1e12))
def test_of_a_product_of_powers_the_elasticities_are_the_exponents(p: float, q: float, value: float) -> None:
    made = found(lambda v: 7.0 * v["a"] ** p * v["b"] ** q, number("a", value), number("b", 3.0))
    for name, exponent in (("a", p), ("b", q)):
        if abs(exponent) > 2 * LEAST:
            assert made[name] == pytest.approx(exponent, abs=1e-8)
        elif abs(exponent) < LEAST / 2:
            assert name not in made


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_of_a_sum_they_are_the_shares_and_add_up_to_one(a: float, b: float, c: float) -> None:
    made = found(lambda v: v["a"] + v["b"] + v["c"], number("a", a), number("b", b), number("c", c))
    for name, value in (("a", a), ("b", b), ("c", c)):
        assert made[name] == pytest.approx(value / (a + b + c), abs=1e-4)
    assert sum(made.values()) == pytest.approx(1.0, abs=2e-4)


def test_a_number_that_changes_nothing_is_left_out() -> None:
    assert found(lambda v: v["a"], number("a", 2.0), number("idle", 5.0)) == pytest.approx({"a": 1.0})


def test_the_sign_says_whether_more_of_a_number_costs_more() -> None:
    made = found(lambda v: v["price"] / v["speed"], number("price", 2.0), number("speed", 3.0))
    assert made == pytest.approx({"price": 1.0, "speed": -1.0})


def test_a_goal_that_is_maximised_has_the_elasticity_of_its_size() -> None:
    assert found(lambda v: -(v["a"] ** 2), number("a", 3.0)) == pytest.approx({"a": 2.0})


def test_what_no_study_can_have_and_what_does_not_work_is_left_out() -> None:
    cost = lambda v: np.inf if v["edge"] > 1.0 else v["a"]  # noqa: E731
    assert found(cost, number("a", 2.0), number("edge", 1.0)) == pytest.approx({"a": 1.0})
    assert found(lambda v: v["a"] * v["b"], number("a", 2.0), number("b", 1.0), refused="b") == pytest.approx(
        {"a": 1.0}
    )


@pytest.mark.parametrize(("value", "ends"), [(8, (7.0, 9.0)), (2, (1.0, 3.0)), (1, (1.0, 2.0))])
def test_a_count_is_moved_by_one_and_never_below_one(value: int, ends: tuple[float, float]) -> None:
    assert ends_of(count("n", value)) == ends
    power = found(lambda v: v["n"] ** 1.5, count("n", value))
    assert power == pytest.approx({"n": 1.5})  # exact for a power, however far apart the ends are


def test_a_number_is_moved_by_a_hundredth_either_way() -> None:
    assert ends_of(number("n", 200.0)) == pytest.approx((198.0, 202.0))


@LAW
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("abc"), min_size=1, unique=True), st.floats(-2.0, 2.0)), max_size=6
    )
)
def test_a_source_weighs_every_number_that_cites_it_in_full(cited: list[tuple[list[str], float]]) -> None:
    rests = [
        Elasticity(fact=SimpleNamespace(leaf=SimpleNamespace(source="+".join(keys))), elasticity=e)  # type: ignore[arg-type]
        for keys, e in cited
    ]
    weights = sources_of(rests)
    for key in "abc":
        total = sum(abs(e) for keys, e in cited if key in keys)
        assert weights.get(key, 0.0) == pytest.approx(total)
    assert list(weights.values()) == sorted(weights.values(), reverse=True)

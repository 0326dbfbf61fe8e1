"""Sizes are rounded to what can be built, and one chip descends to its best neighbours, on made-up costs."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.propose import rounding
from dse.decide.propose.candidates import Candidate
from dse.decide.propose.rounding import PER_BYTE, _around, rounded
from dse.decide.verdict import local_search as descent
from dse.decide.verdict.local_search import local_search
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.space import ParameterSpec

RULES = next(iter(Catalog().all(BuildableSpec).values()))
Cost = Callable[[Mapping[str, float]], float]


def chip(**values: float) -> Candidate:
    return Candidate(label="own", kind="sram-only", branch="sram", values=values, trial=7)


def costs(cost: Cost, tried: list[Candidate]) -> Callable[..., Any]:
    """A grid solver that looks at nothing but the sizes of each chip."""

    def solve(_: Any, chips: Sequence[Candidate], __: Any) -> Any:
        tried.extend(chips)
        return SimpleNamespace(cost=np.asarray([cost(c.values) for c in chips], dtype=float))

    return solve


def made(candidate: Candidate, cost: Cost) -> tuple[rounding.Rounded, list[Candidate]]:
    tried: list[Candidate] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounding, "study_grid", lambda _: None)
        patch.setattr(rounding, "chips_of_candidates", lambda _, chips: chips)
        patch.setattr(rounding, "solve_on_grid", costs(cost, tried))
        best = lambda _, __, chips, ___: (np.asarray([cost(chips[0].values)]), [({"batch": 1},)])  # noqa: E731
        patch.setattr(rounding, "best_layouts", best)
        study: Any = SimpleNamespace(spec=SimpleNamespace(tolerance=0.01))
        return rounded(study, None, candidate, RULES), tried  # type: ignore[arg-type]


# --- one size


@LAW
@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e3))
def test_a_size_is_rounded_to_the_steps_around_it_and_to_one_step_at_least(value: float, step: float) -> None:
    found = _around(value, step)
    assert 1 <= len(found) <= 2
    for size in found:
        assert size / step == pytest.approx(round(size / step))
        assert size >= step * (1 - 1e-12)
        assert abs(size - value) < step * (1 + 1e-6) or size == step
    if value > step:
        assert min(found) <= value * (1 + 1e-8)
        assert max(found) >= value * (1 - 1e-8)


@given(st.integers(1, 10**6), st.floats(1e-3, 1e9))
def test_a_size_that_is_a_step_stays_the_only_one(times: int, step: float) -> None:
    assert _around(times * step, step) == [times * step]


# --- all sizes together


def test_the_best_of_all_ways_to_round_is_taken() -> None:
    stack, flops = float(RULES.dram_stacks.value or 0), float(RULES.peak_flops.value or 0)
    start = chip(dram_stacks=2.4 * stack, peak_flops=7.5 * flops)

    def cost(v: Mapping[str, float]) -> float:
        # between the steps both would be best down; together up and down is best
        return abs(v["dram_stacks"] / stack - 3.0) + abs(v["peak_flops"] / flops - 7.0)

    found, tried = made(start, cost)
    sizes = {(c.values["dram_stacks"] / stack, c.values["peak_flops"] / flops) for c in tried}
    assert sizes == set(product((2.0, 3.0), (7.0, 8.0)))
    assert found.tried == 4
    assert found.cost == min(cost(c.values) for c in tried) == 0.0
    assert found.candidate.values == {"dram_stacks": 3.0 * stack, "peak_flops": 7.0 * flops}
    assert (found.candidate.label, found.candidate.trial, found.candidate.kind) == ("own", 7, "sram-only")


def test_each_size_says_what_it_was_what_it_is_and_why_it_comes_in_steps() -> None:
    stack = float(RULES.dram_stacks.value or 0)
    found, _ = made(chip(dram_stacks=1.6 * stack, price=900.0), lambda v: v["dram_stacks"])
    (step,) = found.steps  # a price is not built, so that it has no step and stays
    assert (step.parameter, step.before, step.after) == ("dram_stacks", 1.6 * stack, stack)
    assert step.step == stack
    assert step.reason == (RULES.dram_stacks.note or "")
    assert found.candidate.values["price"] == 900.0


def test_the_ports_of_a_memory_are_those_of_the_whole_chip() -> None:
    size, port = float(RULES.sram.value or 0), float(RULES.sram_bandwidth.value or 0)
    start = chip(sram=10.5 * size, **{PER_BYTE: 3.3 * port / (10.5 * size)})
    found, tried = made(start, lambda v: -v["sram"] * v[PER_BYTE])
    for c in tried:
        ports = c.values["sram"] * c.values[PER_BYTE] / port
        assert ports == pytest.approx(round(ports))
    assert {round(c.values["sram"] * c.values[PER_BYTE] / port) for c in tried} == {3, 4}
    assert {round(c.values["sram"] / size) for c in tried} == {10, 11}
    whole = next(s for s in found.steps if s.parameter == "sram_bandwidth")
    assert (whole.before, whole.after) == pytest.approx((3.3 * port, 4.0 * port))
    assert {s.parameter for s in found.steps} == {"sram", "sram_bandwidth"}


# --- descent


def descended(cost: Cost, start: Candidate, **steps: int) -> tuple[Candidate, int]:
    """Where a descent ends among whole numbers from 0, as many as `steps` says of each parameter."""
    specs = {n: ParameterSpec(low=0.0, high=float(k - 1), steps=k) for n, k in steps.items()}
    branch = SimpleNamespace(spec=SimpleNamespace(parameters=specs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "study_grid", lambda _: None)
        patch.setattr(descent, "chips_of_candidates", lambda _, chips: chips)
        patch.setattr(descent, "solve_on_grid", costs(cost, []))
        return local_search(SimpleNamespace(branches={"sram": branch}), None, start)  # type: ignore[arg-type]


@LAW
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_descent_reaches_the_bottom_of_a_bowl_two_parameters_at_a_time(
    a: int, b: int, x: int, y: int
) -> None:
    found, taken = descended(
        lambda v: 1.0 + (v["a"] - a) ** 2 + (v["b"] - b) ** 2, chip(a=float(x), b=float(y)), a=10, b=10
    )
    assert found.values == pytest.approx({"a": a, "b": b}, abs=1e-9)
    # each step moves both as long as both are off
    assert taken == max(abs(a - x), abs(b - y))


@LAW
@given(st.lists(st.integers(1, 9), min_size=25, max_size=25), st.integers(0, 4), st.integers(0, 4))
def test_where_a_descent_ends_no_step_of_one_or_two_parameters_is_better(
    heights: list[int], x: int, y: int
) -> None:
    table = np.asarray(heights, dtype=float).reshape(5, 5)

    def cost(v: Mapping[str, float]) -> float:
        return float(table[round(v["a"]), round(v["b"])])

    found, taken = descended(cost, chip(a=float(x), b=float(y)), a=5, b=5)
    i, j = round(found.values["a"]), round(found.values["b"])
    around = table[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
    assert table[i, j] == around.min()
    assert table[i, j] <= table[x, y]
    assert (taken == 0) == (table[x, y] == table[max(x - 1, 0) : x + 2, max(y - 1, 0) : y + 2].min())


def test_along_a_ridge_only_two_parameters_together_lead_on() -> None:
    ridge = lambda v: 10.0 - v["a"] if v["a"] == v["b"] else np.inf  # noqa: E731
    found, taken = descended(ridge, chip(a=0.0, b=0.0), a=6, b=6)
    assert found.values == pytest.approx({"a": 5.0, "b": 5.0})
    assert taken == 5


def test_equal_chips_and_chips_that_do_not_work_end_a_descent() -> None:
    start = chip(a=2.0)
    assert descended(lambda v: 1.0, start, a=5) == (start, 0)
    assert descended(lambda v: np.inf, start, a=5) == (start, 0)
    assert descended(lambda v: 1.0 - 1e-12 * v["a"], start, a=5) == (start, 0)

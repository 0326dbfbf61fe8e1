"""One step of a parameter, and how a result's sources are weighed: pure arithmetic."""

from types import SimpleNamespace

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.parameter_range import fraction_of, value_at
from dse.decide.explain.design import Explanation
from dse.decide.explain.elasticity import Elasticity, sources_of
from dse.decide.explain.neighbours import Neighbour, steps_of
from dse.decide.propose.candidates import Candidate
from dse.decide.uncertainty.sampling import split_normal
from dse.spec.schema.space import ParameterSpec

SCALES = st.sampled_from(("linear", "log"))


@LAW
@given(st.floats(0.1, 10.0), st.floats(1.5, 100.0), st.integers(2, 12), SCALES, st.data())
def test_neighbours_of_a_value_on_the_grid_are_the_values_next_to_it(
    low: float, ratio: float, steps: int, scale: str, data: st.DataObject
) -> None:
    spec = ParameterSpec(low=low, high=low * ratio, steps=steps, scale=scale)
    i = data.draw(st.integers(0, steps - 1))
    grid = value_at(spec, np.linspace(0.0, 1.0, steps))
    expected = [float(grid[j]) for j in (i - 1, i + 1) if 0 <= j < steps]
    assert steps_of(spec, float(grid[i])) == pytest.approx(expected, rel=1e-9)


@LAW
@given(st.floats(0.1, 10.0), st.floats(1.5, 100.0), st.integers(3, 12), SCALES, st.data())
def test_neighbours_of_a_value_between_two_of_the_grid_are_these_two(
    low: float, ratio: float, steps: int, scale: str, data: st.DataObject
) -> None:
    spec = ParameterSpec(low=low, high=low * ratio, steps=steps, scale=scale)
    i = data.draw(st.integers(0, steps - 2))
    at = (i + data.draw(st.floats(0.01, 0.99))) / (steps - 1)
    grid = value_at(spec, np.linspace(0.0, 1.0, steps))
    found = steps_of(spec, float(value_at(spec, np.asarray(at))))
    assert found == pytest.approx([float(grid[i]), float(grid[i + 1])], rel=1e-9)


def test_a_parameter_without_steps_moves_by_a_twentieth_inside_its_range() -> None:
    spec = ParameterSpec(low=1.0, high=10.0)
    assert steps_of(spec, 4.0) == pytest.approx([3.8, 4.2])
    assert steps_of(spec, 1.0) == pytest.approx([1.05])
    assert steps_of(spec, 10.0) == pytest.approx([9.5])
    assert steps_of(ParameterSpec(low=3.0, high=3.0), 3.0) == []


def test_choices_are_taken_in_their_order_and_the_nearest_counts() -> None:
    spec = ParameterSpec(low=0.0, high=2.0, steps=3, choices=("n7", "n5", "n3"), numbers=(0.0, 1.0, 2.0))
    assert steps_of(spec, 0.0) == [1.0]
    assert steps_of(spec, 1.0) == [0.0, 2.0]
    assert value_at(spec, np.asarray([0.0, 0.24, 0.26, 0.76, 1.0])).tolist() == [0.0, 0.0, 1.0, 2.0, 2.0]
    uneven = ParameterSpec(low=1.0, high=8.0, steps=3, choices=("1", "2", "8"), numbers=(1.0, 2.0, 8.0))
    assert [fraction_of(uneven, v) for v in (1.0, 2.0, 4.9, 5.1, 100.0)] == [0.0, 0.5, 0.5, 1.0, 1.0]


def neighbour(change: float | None, resolved: float | None) -> Neighbour:
    return Neighbour(
        what="sram", part="", unit="B", old=1.0, new=2.0, change=change, resolved_change=resolved, hits={}
    )


@pytest.mark.parametrize(
    ("change", "resolved", "gain"),
    [
        (-0.01, None, 0.01),
        (0.01, -0.02, 0.02),
        (None, -0.02, 0.02),
        (-0.03, -0.02, 0.03),
        (0.01, 0.02, 0.0),
        (None, None, 0.0),
    ],
)
def test_a_change_gains_what_the_better_of_both_deployments_gains(
    change: float | None, resolved: float | None, gain: float
) -> None:
    assert neighbour(change, resolved).gain == gain


@pytest.mark.parametrize(
    ("tolerance", "counted"),
    [(0.0, [0.02, 0.0101, 0.0099, 0.0006]), (0.0001, [0.02, 0.0101, 0.0099, 0.0006]), (0.01, [0.02, 0.0101])],
)
def test_an_improvement_is_more_than_the_tolerance_and_than_what_prints_as_zero(
    tolerance: float, counted: list[float]
) -> None:
    gains = (0.0099, 0.02, 0.0006, 0.0004, 1e-9, 0.0101, 0.0)
    made = Explanation(
        study=SimpleNamespace(spec=SimpleNamespace(tolerance=tolerance)),  # type: ignore[arg-type]
        candidate=Candidate(label="chip", kind="hybrid"),
        evaluation=SimpleNamespace(),  # type: ignore[arg-type]
        goal="usd_per_token_per_second",
        goal_label="$/(token/s)",
        neighbours=tuple(neighbour(-gain, None) for gain in gains),
        elasticities=(),
    )
    assert [n.gain for n in made.improvements] == counted


def test_a_source_weighs_what_all_of_its_numbers_weigh_together() -> None:
    def rest(source: str, elasticity: float) -> Elasticity:
        fact = SimpleNamespace(leaf=SimpleNamespace(source=source))
        return Elasticity(fact=fact, elasticity=elasticity)  # type: ignore[arg-type]

    found = sources_of([rest("a", 0.5), rest("b", -0.4), rest("a+b", -0.25), rest("c", 0.1)])
    assert found == pytest.approx({"a": 0.75, "b": 0.65, "c": 0.1})
    assert list(found) == ["a", "b", "c"]


@LAW
@given(
    st.floats(0.1, 10.0), st.floats(0.0, 0.9), st.floats(0.0, 0.9),
    st.lists(st.floats(-4.0, 4.0), min_size=2, max_size=10),
)  # fmt: skip
def test_drawings_rise_with_their_score_and_hold_their_median_and_their_ends(
    value: float, down: float, up: float, scores: list[float]
) -> None:
    low, high = value * (1.0 - down), value * (1.0 + up)
    z = np.array(sorted(scores))
    found = split_normal(z, low, value, high)
    assert (np.diff(found) >= -1e-12 * value).all()
    ends = split_normal(np.array([-1.2815515655446004, 0.0, 1.2815515655446004]), low, value, high)
    assert ends == pytest.approx([low, value, high], rel=1e-9)
    # twice the score is twice the ratio on a logarithmic scale
    far = split_normal(np.array([2 * 1.2815515655446004]), low, value, high)
    assert far == pytest.approx([high * high / value], rel=1e-9)

"""The rule that every verb chooses by, on a handful of deployments written down by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.choose.misses import misses
from dse.choose.rule import Judged, best, cost_of, late, merged, missed, violations
from dse.plugins import objective
from objectives.api import Metrics

TPOT, TTFT, RATE = objective("tpot"), objective("ttft"), objective("tokens_per_second")


def judged(
    cost: list[float], size: list[float], unfit: list[float] | None = None, late: list[float] | None = None
) -> Judged:
    """Deployments of one chip."""
    columns = (cost, size, unfit or [0.0] * len(cost), late or [0.0] * len(cost))
    return Judged(
        **{
            n: np.asarray(v, dtype=float)[:, None]
            for n, v in zip(("cost", "size", "unfit", "late"), columns, strict=True)
        }
    )


def metrics(**columns: float) -> Metrics:
    """One design."""
    names = (
        "tpot_s",
        "ttft_s",
        "tokens_per_s",
        "chips",
        "capex_usd",
        "usd_per_token_per_s",
        "usd_per_million_tokens",
        "usd_per_million_input_tokens",
        "usd_per_million_output_tokens",
        "energy_per_token_j",
    )
    over = {"capacity": np.asarray([columns.pop("capacity", -1.0)])}
    return Metrics(**{n: np.asarray([columns.get(n, 1.0)]) for n in names}, violations=over)


@pytest.mark.parametrize(
    ("found", "tolerance", "chosen"),
    [
        (judged([3.0, 1.0, 2.0], [8, 8, 8]), 0.01, 1),
        (judged([1.0, 1.009, 1.02], [64, 8, 1]), 0.01, 1),  # 8 chips for 0.9 % more; 1 chip costs 2 % more
        (judged([1.0, 1.009, 1.02], [64, 8, 1]), 0.02, 2),
        (judged([1.0, 1.009, 1.02], [64, 8, 1]), 0.0, 0),
        (judged([1.0, 1.005, 1.004], [64, 8, 8]), 0.01, 2),  # of equally small ones the cheaper
        (judged([-100.0, -99.5, -90.0], [64, 8, 1]), 0.01, 1),  # a goal that is maximised
        (judged([1.0, 5.0], [1, 8], unfit=[0.1, 0.0]), 0.01, 1),  # what does not fit is no answer
        (judged([1.0, 5.0, 4.0], [1, 8, 8], late=[0.2, 0.1, 0.1]), 0.01, 2),  # none is in time
        (judged([1.0, 5.0], [1, 8], unfit=[0.1, 0.0], late=[0.0, 9.0]), 0.01, 1),  # fits, late
        (judged([1.0, 5.0], [1, 8], unfit=[0.2, 0.1]), 0.01, 1),
    ],
)
def test_it_fits_then_meets_its_targets_then_is_best_then_is_small(
    found: Judged, tolerance: float, chosen: int
) -> None:
    assert best(found, tolerance).tolist() == [chosen]


@given(
    st.lists(st.tuples(st.floats(0.1, 10.0), st.integers(1, 64)), min_size=1, max_size=20),
    st.floats(0.0, 0.5),
)
def test_what_is_chosen_is_within_the_tolerance_and_nothing_near_is_smaller(
    rows: list[tuple[float, int]], tolerance: float
) -> None:
    cost, size = map(list, zip(*rows, strict=True))
    at = int(best(judged(cost, size), tolerance)[0])
    least = min(cost)
    assert cost[at] <= least * (1 + tolerance) * (1 + 1e-12)
    if tolerance:
        assert size[at] == min(s for c, s in rows if c <= least + tolerance * least)


def test_each_chip_of_a_batch_is_chosen_for_by_itself() -> None:
    pair = [judged([3.0, 1.0], [1, 1]), judged([1.0, 3.0], [1, 1])]
    both = Judged(
        **{
            n: np.concatenate([getattr(j, n) for j in pair], axis=1)
            for n in ("cost", "size", "unfit", "late")
        }
    )
    assert best(both, 0.01).tolist() == [1, 0]


def test_of_two_limits_on_one_objective_the_tighter_one_binds() -> None:
    assert merged(((TPOT, 0.2), (TTFT, 2.0)), ((TPOT, 0.05),)) == ((TPOT, 0.05), (TTFT, 2.0))
    assert merged(((RATE, 100.0),), ((RATE, 300.0),)) == ((RATE, 300.0),)


def test_a_goal_that_is_maximised_costs_its_negative() -> None:
    assert cost_of(RATE, np.asarray([3.0])).tolist() == [-3.0]
    assert cost_of(TPOT, np.asarray([3.0])).tolist() == [3.0]


def test_limits_are_missed_in_their_own_unit_and_weighed_by_themselves() -> None:
    context = None
    found = late(metrics(tpot_s=0.06, ttft_s=1.0), context, ((TPOT, 0.05), (TTFT, 2.0)))
    assert {k: float(v[0]) for k, v in found.items()} == pytest.approx({"tpot": 0.01, "ttft": -1.0})
    both = {k: np.asarray(v)[:, None] for k, v in found.items()}
    assert missed(both, {"tpot": 0.05, "ttft": 2.0})[0, 0] == pytest.approx(0.2)  # 0.01 of 0.05
    every = violations(metrics(capacity=5.0), context, ((TPOT, 2.0),))
    assert {k: float(v[0]) for k, v in every.items()} == {"capacity": 5.0, "tpot": -1.0}


def test_what_fits_and_is_late_is_told_the_target_and_what_does_not_fit_only_that() -> None:
    limits = ((TPOT, 0.05), (TTFT, 2.0))
    (one,) = misses(metrics(tpot_s=0.06, ttft_s=1.0), None, limits)
    assert (one.name, one.over, one.limit) == ("tpot", pytest.approx(0.01), 0.05)
    (unfit,) = misses(metrics(tpot_s=0.06, ttft_s=9.0, capacity=7.0), None, limits)
    assert (unfit.name, unfit.over, unfit.limit) == ("capacity", 7.0, None)
    assert misses(metrics(tpot_s=0.04, ttft_s=1.0), None, limits) == ()

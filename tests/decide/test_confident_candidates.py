"""Chips with different error bars in one batch: each is held to its target by its own."""

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.choose.confidence import margin
from dse.decide.propose.candidates import chips_of_candidates, of_baselines, of_grid
from dse.decide.scenario.best_deployments import (
    best_costs,
    best_layouts,
    deployment_problem,
    designs_of,
    evaluate,
)
from dse.errors import SpecError
from dse.question.error_bars import intervals_in
from dse.question.resolved_study import ResolvedStudy, load_study

LIMITS = {"tpot": 0.02}


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    return load_study(str(write_study(tmp_path_factory.mktemp("sure"), confidence=0.8)))


def test_a_batch_of_all_kinds_of_chips_gives_what_each_gives_alone(sure: ResolvedStudy) -> None:
    problem = deployment_problem(sure, LIMITS)
    every = [*of_baselines(sure), *of_grid(sure, 4)]
    together = best_costs(sure, problem, chips_of_candidates(sure, every))
    alone = [float(best_costs(sure, problem, chips_of_candidates(sure, [c]))[0]) for c in every]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    assert np.isfinite(together).any()


def test_each_chip_meets_its_target_by_its_own_error_bar(sure: ResolvedStudy) -> None:
    known = intervals_in(sure.setting, sure.branches, sure.baselines.values())
    factors = {name: intervals["tpot"] for name, _, intervals in known}
    assert len(set(factors.values())) > 1
    problem, every = deployment_problem(sure, LIMITS), [*of_baselines(sure), *of_grid(sure, 4)]
    chips = chips_of_candidates(sure, every)
    cost, layouts = best_layouts(sure, problem, chips)
    tpot = np.broadcast_to(np.asarray(evaluate(problem, designs_of(chips, layouts)).tpot_s), cost.shape)
    plain = sure.confident(None)
    usual = best_costs(plain, deployment_problem(plain, LIMITS), chips_of_candidates(plain, every))
    for i, c in enumerate(every):
        if np.isfinite(cost[i]):
            times = margin(factors[c.branch or c.label], 0.8)
            assert tpot[i] * times <= LIMITS["tpot"] * (1 + 1e-9)
        assert cost[i] >= usual[i] * 0.99  # the tolerance, within which the smallest system is taken


def test_a_limit_without_an_error_bar_is_refused_when_it_is_given(sure: ResolvedStudy) -> None:
    with pytest.raises(SpecError, match="states no error bar of ttft"):
        deployment_problem(sure, {"ttft": 1.0})

"""What stored trials of pools say is what the run that made them wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest

from dse.question.pools.study import PooledStudy
from dse.search.analysis.importance import LEAST
from dse.search.pairs.follow import PairsFollower, importance_of_pairs, progress_of_pairs
from dse.search.pairs.run import PairsRun, run_pairs
from dse.search.trials.read_trials import FrozenTrial, reading, stored_trials

STUDY: dict[str, Any] = {
    **pairs.SMALL,
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "tp": [8], "pp": [1]},
        "decode": {"space": "sram-or-hbm", "tp": [1, 8], "pp": [1]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "search", "batch": [1, 32], "cp": [1]},
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms"},
    "sampler": {"name": "random"},
}
TRIALS = 150


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> PooledStudy:
    return pairs.load(tmp_path_factory.mktemp("studies"), STUDY)


@pytest.fixture(scope="module")
def ran(study: PooledStudy, tmp_path_factory: pytest.TempPathFactory) -> PairsRun:
    return run_pairs(study, trials=TRIALS, out=tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def trials(ran: PairsRun) -> list[FrozenTrial]:
    return stored_trials(reading(ran.out), ran.study.slug)


def test_progress_never_falls_and_ends_where_the_run_ended(
    study: PooledStudy, ran: PairsRun, trials: list[FrozenTrial]
) -> None:
    found = progress_of_pairs(study, trials)
    assert np.all(np.diff(found.hypervolume) >= 0.0)
    assert found.trials[0] == 1 and found.trials[-1] == TRIALS
    assert found.hypervolume[-1] == pytest.approx(ran.front.manifest["hypervolume"], rel=1e-12)


def test_the_front_of_trials_is_the_same_in_steps_at_once_and_of_the_run(
    study: PooledStudy, ran: PairsRun, trials: list[FrozenTrial]
) -> None:
    steps = PairsFollower(study)
    for count in (5, 20, TRIALS):
        found = steps.front(trials[:count])
    for front in (found, PairsFollower(study).front(trials)):
        assert front.frame.equals(ran.front.frame) and front.manifest == ran.front.manifest


def test_shares_of_parameters_of_both_pools_add_up_to_one(
    study: PooledStudy, trials: list[FrozenTrial]
) -> None:
    feasible = [t for t in trials if all(v <= 0.0 for v in t.constraints.values())]
    assert len(feasible) >= LEAST
    found = importance_of_pairs(study, trials)
    assert found and sum(one.trials for one in found) <= len(feasible)
    for one in found:
        assert one.branch.startswith("h100-sxm | ")
        assert sum(share for _, share in one.shares) == pytest.approx(1.0)
        # the only pool that is designed
        assert {name.partition(".")[0] for name, _ in one.shares} == {"decode"}
        assert all(name.count(".") == 1 for name, _ in one.shares)
    assert importance_of_pairs(study, trials[: LEAST - 1]) == ()


def test_trials_of_another_study_alone_are_an_error(trials: list[FrozenTrial], tmp_path: Path) -> None:
    # the same spaces in the other pools
    own = STUDY["pools"]
    other = pairs.load(
        tmp_path, {**STUDY, "pools": {**own, "prefill": own["decode"], "decode": own["prefill"]}}
    )
    with pytest.raises(ValueError, match="none of its trials is one of the study"):
        list(PairsFollower(other).add(trials))

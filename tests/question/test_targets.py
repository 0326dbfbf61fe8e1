"""What a study bounds and chooses by: the tighter of two limits, and a goal that no order decides."""

from itertools import permutations
from pathlib import Path

import pytest
from studies_for_tests import small, write_study

from dse.errors import SpecError
from dse.plugins import objective
from dse.question.resolved_study import load_study
from dse.question.targets import Target, bound, goal_of, limits_of, target_of
from dse.question.variation import vary
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.study import StudySpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec

TPOT, TTFT, RATE = objective("tpot"), objective("ttft"), objective("tokens_per_second")
COST = objective("usd_per_token_per_second")


def study(**changes: object) -> StudySpec:
    return build_spec(StudySpec, small(**changes), "study")


CHAT = Catalog().get(WorkloadSpec, "chat")


def test_a_target_is_read_in_the_unit_of_its_objective() -> None:
    for name, text, limit in (
        ("tpot", "20 ms", 0.02),
        ("ttft", "2 s", 2.0),
        ("tokens_per_second", "3 ktoken/s", 3e3),
    ):
        found = target_of(name, text)
        assert (found.objective.name, found.limit) == (name, limit)


def test_of_the_targets_of_a_study_and_of_its_workload_the_tighter_one_binds() -> None:
    promised = dict(CHAT.targets)
    assert set(promised) == {"tpot", "ttft"}
    tight, loose = promised["tpot"] / 2, promised["ttft"] * 2
    own = (Target(objective=TPOT, limit=tight), Target(objective=TTFT, limit=loose))
    found = {t.objective.name: t.limit for t in bound(own, CHAT, study())}
    assert found == {"tpot": tight, "ttft": promised["ttft"]}


def test_a_study_may_lift_the_targets_of_its_workload_and_keeps_its_own() -> None:
    own = (Target(objective=TPOT, limit=0.5),)
    lifted = study(workload_targets=False)
    assert {t.objective.name: t.limit for t in bound(own, CHAT, lifted)} == {"tpot": 0.5}
    assert bound((), CHAT, lifted) == ()
    assert {t.objective.name: t.limit for t in bound(own, None, study())} == {"tpot": 0.5}


def test_of_two_lower_bounds_the_larger_one_is_the_tighter() -> None:
    two = (Target(objective=RATE, limit=100.0), Target(objective=RATE, limit=300.0))
    assert limits_of(bound(two, None, study())) == ((RATE, 300.0),)


@pytest.mark.parametrize("order", list(permutations(("tpot", "usd_per_token_per_second", "ttft"))))
def test_the_price_of_output_is_the_goal_whatever_the_order(order: tuple[str, ...]) -> None:
    goals = [objective(name) for name in order]
    assert goal_of(study(), goals, TPOT).name == "usd_per_token_per_second"
    assert goal_of(study(), goals, None).name == "usd_per_token_per_second"


def test_a_goal_that_is_named_is_the_goal() -> None:
    named = study(goal="tpot")
    assert goal_of(named, [COST, TPOT], TPOT).name == "tpot"


def test_without_the_price_of_output_the_only_one_that_is_no_latency_is_the_goal() -> None:
    energy = objective("energy_per_token")
    assert goal_of(study(), [TPOT, energy], TPOT).name == energy.name
    assert goal_of(study(), [TPOT, energy, TTFT], None).name == energy.name
    assert goal_of(study(), [TPOT], TPOT).name == "tpot"  # nothing else is left


def test_where_several_are_left_all_are_named() -> None:
    energy = objective("energy_per_token")
    for goals in ([TPOT, energy, RATE], [RATE, energy, TPOT]):
        with pytest.raises(SpecError, match="expected one of energy_per_token, tokens_per_second to choose"):
            goal_of(study(), goals, TPOT)


def test_a_lifted_study_stays_lifted_where_it_is_varied(tmp_path: Path) -> None:
    study = load_study(str(write_study(tmp_path, workload="chat", targets={"ttft": "9 s"})))
    assert {t.objective.name: t.limit for t in study.targets} == dict(CHAT.targets)  # 9 s is the looser one
    lifted = study.lifted()
    for one in (lifted, vary(lifted, {}, baselines=())):
        assert {t.objective.name: t.limit for t in one.targets} == {"ttft": 9.0}
    assert {t.objective.name: t.limit for t in vary(study, {}, baselines=()).targets} == dict(CHAT.targets)

"""The sampler that looks before it asks: it finds the exact front of a space, in every mode and branch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.samplers import RandomSampler
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.run.runner import RunResult, run
from dse.search.samplers import optuna_samplers
from dse.search.samplers.unit_cube import UnitCube
from dse.search.sweep.driver import sweep

PARETO = {"name": "pareto", "options": {"points": 20_000, "proposals": 8}}
SEARCH = {"mode": "search", "batch": [1, 8, 64], "tp": [1, 8, 64], "pp": [1, 10, 80]}


def study(folder: Path, **changes: Any) -> ResolvedStudy:
    return load_study(str(write_study(folder, sampler=PARETO, **changes)))


def fraction(result: RunResult, folder: Path) -> float:
    exact = sweep(result.study, out=folder / "exact", prune=True).front
    assert exact is not None
    share: float = result.front.manifest["hypervolume"] / exact.manifest["hypervolume"]
    return share


TIGHT = {"usd_per_token_per_second": "30 USD/(token/s)", "tpot": "50 ms"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["solve", "search"])
def test_it_finds_nearly_all_of_the_exact_front(mode: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"deployment": SEARCH, "sweep": None} if mode == "search" else {}
    result = run(study(tmp_path, reference_point=TIGHT, **changes), trials=60, out=tmp_path / "out")
    assert fraction(result, tmp_path) > 0.99


def test_the_same_seed_finds_the_same(tmp_path: Path) -> None:
    fronts = [run(study(tmp_path), trials=20, out=tmp_path / n).front.frame for n in ("a", "b")]
    assert fronts[0].equals(fronts[1])


def test_a_run_continues_from_what_it_knows(tmp_path: Path) -> None:
    question = study(tmp_path)
    first = run(question, trials=14, out=tmp_path / "out").front.manifest["hypervolume"]
    second = run(question, trials=28, out=tmp_path / "out")
    assert second.new_trials == 14
    assert second.front.manifest["hypervolume"] >= first


def test_it_weighs_branches_and_forgets_none(tmp_path: Path) -> None:
    result = run(study(tmp_path, baselines=[]), trials=40, out=tmp_path / "out")
    assert {t.params["branch"] for t in result.optuna_study.trials} == set(result.study.branches)


def test_where_nothing_is_feasible_it_still_makes_trials(tmp_path: Path) -> None:
    question = study(tmp_path, targets={"tpot": "1 ns"}, baselines=[])
    result = run(question, trials=6, out=tmp_path / "out")
    assert (result.new_trials, len(result.front.frame)) == (6, 0)


@pytest.mark.parametrize("name", ["sram-only", "dram-only", "hybrid"])
def test_places_and_trial_parameters_are_two_words_for_a_chip(name: str, tmp_path: Path) -> None:
    cube = UnitCube.of(study(tmp_path).branches[name])
    rng = np.random.default_rng(0)
    drawn = cube.drawn(20, rng)
    for places in (drawn, cube.bred(list(drawn), 50, rng)):
        assert ((places >= 0.0) & (places <= 1.0)).all()
        assert np.allclose(cube.snapped(places.copy()), places)
        for place in places:
            assert np.allclose(cube.place(cube.parameters(place)), place)


def test_a_factory_with_a_parameter_study_is_given_the_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    given: list[object] = []

    def factory(seed: int, study: object) -> RandomSampler:
        given.append(study)
        return RandomSampler(seed)

    monkeypatch.setattr(optuna_samplers, "sampler_factory", lambda name: factory)
    question = load_study(str(write_study(tmp_path)))
    assert isinstance(optuna_samplers.sampler_of(question, 1), RandomSampler)
    assert given == [question]


def test_a_space_without_chips_leaves_nothing_to_propose(tmp_path: Path) -> None:
    question = study(tmp_path, space=None)
    assert not question.branches
    assert isinstance(optuna_samplers.sampler_of(question, 1), RandomSampler)


@pytest.mark.parametrize("option", ["points", "proposals"])
def test_a_number_below_one_is_refused(option: str, tmp_path: Path) -> None:
    path = write_study(tmp_path, sampler={"name": "pareto", "options": {option: 0}})
    with pytest.raises(SpecError, match=r"sampler.options: expected points and proposals of at least 1"):
        optuna_samplers.sampler_of(load_study(str(path)), 1)


def test_a_study_that_names_no_sampler_gets_this_one(tmp_path: Path) -> None:
    assert load_study(str(write_study(tmp_path, sampler=None))).spec.sampler.name == "pareto"


@pytest.mark.parametrize("name", ["groq-vs-h100", "what-chip-would-beat-both", "no-gqa"])
def test_bundled_questions_of_hypothetical_chips_take_it(name: str) -> None:
    study = load_study(name)
    assert study.branches
    assert study.spec.sampler.name == "pareto"

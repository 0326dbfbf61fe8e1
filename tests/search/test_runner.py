"""One study runner: both modes, resuming, the archive, and what Optuna itself sees."""

from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

import optuna
import pytest
from again import chip_of_trial, differences, first, one
from optuna.trial import TrialState
from studies_for_tests import write_study

from dse.search.analysis.stored_question import KEY
from dse.search.run.runner import RunResult, run
from dse.search.storage.by_url import default_url, open_storage

SEARCH = {"mode": "search", "batch": [64, 1, 8], "tp": [1, 8, 64], "pp": [1, 10, 80]}


SPREAD = {"llm": "mixtral-8x7b", "baselines": ["h100-sxm", "h200-sxm"]}
EXPERTS = {"batch": [1, 64], "tp": [1, 2, 8], "pp": [1, 8], "ep": [8, 1, 4]}
RUNS: dict[str, dict[str, Any]] = {
    "solve": {},
    "search": {"deployment": SEARCH, "sweep": None},
    "solve-experts": {**SPREAD, "deployment": {"mode": "solve", **EXPERTS}},
    "search-experts": {**SPREAD, "deployment": {"mode": "search", **EXPERTS}, "sweep": None},
}


@pytest.fixture(scope="module", params=RUNS)
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A finished run of 12 trials in either mode, of a dense LLM and of a mixture of experts."""
    folder = tmp_path_factory.mktemp(request.param)
    changes = RUNS[request.param]
    return run(str(write_study(folder, **changes)), trials=12, out=folder / "out")


def test_a_run_spends_its_budget_and_writes_its_front(done: RunResult) -> None:
    assert (done.new_trials, done.interrupted) == (12, False)
    assert [t.state for t in done.optuna_study.trials] == [TrialState.COMPLETE] * 12
    assert len(done.front.frame) > 0
    assert {p.name for p in done.out.iterdir()} >= {"front.csv", "baselines.csv", "manifest.json"}
    assert done.front.manifest["trials"] == 12


def test_every_row_of_the_front_evaluates_to_itself(done: RunResult) -> None:
    for frame in (done.front.frame, done.front.baselines):
        assert len(frame)
        assert not differences(done.study, frame)


def test_every_trial_stored_what_the_cost_model_says_of_its_design(done: RunResult) -> None:
    for trial in done.optuna_study.trials:
        design = trial.user_attrs["design"]
        layout = [design[k] for k in ("batch", "tp", "pp", "ep", "cp")]
        m = one(done.study, chip_of_trial(done.study, trial), *layout)
        values = [first(g.value(m, done.study.context)) for g in done.study.objectives]
        assert trial.values == pytest.approx(values, rel=1e-12)
        for name, v in m.violations.items():
            # an excess is the difference of numbers up to 1e11 bytes, of which 1e-12 is 0.1
            assert trial.constraints[name] == pytest.approx(first(v), rel=1e-9, abs=0.1 if first(v) else 0.0)


def test_a_trial_of_solve_holds_the_best_deployment_under_its_target(done: RunResult) -> None:
    d = done.study.spec.deployment
    if d.mode == "search":
        for trial in done.optuna_study.trials:
            design = trial.user_attrs["design"]
            options = {k: sorted(getattr(d, k)) for k in ("batch", "tp", "pp")}
            assert {k: design[k] for k in options} == {k: o[trial.params[k]] for k, o in options.items()}
        return
    for trial in done.optuna_study.trials[:6]:
        chip, limit = chip_of_trial(done.study, trial), trial.params["tpot_target"]
        good: list[float] = []
        for batch in d.batch:
            grid = [
                one(done.study, chip, batch, tp, pp, ep)
                for tp, ep in product(d.tp, d.ep or (1,))
                for pp in d.pp
                if tp % ep == 0 or ep % tp == 0
            ]
            fits = [m for m in grid if all(first(v) <= 0 for v in m.violations.values())]
            good += [first(m.usd_per_token_per_s) for m in fits if first(m.tpot_s) <= limit]
        feasible = all(v <= 0 for v in trial.constraints.values())
        assert feasible == bool(good)
        if good:
            assert trial.values is not None
            assert trial.values[0] == pytest.approx(min(good), rel=1e-12)
            assert trial.constraints["tpot_target"] == pytest.approx(trial.values[1] - limit, abs=1e-15)


def test_the_archive_keeps_deployments_that_optuna_does_not_see(done: RunResult) -> None:
    reported = {tuple(t.values) for t in done.optuna_study.trials}
    columns = [axis.column for axis in done.front.axes]
    kept = {tuple(p) for p in done.front.frame[columns].to_numpy().tolist()}
    if done.study.spec.deployment.mode == "solve":
        assert kept - reported
    else:
        assert kept <= reported


def test_real_chips_are_the_first_trials_and_then_the_chips_nearest_to_them(done: RunResult) -> None:
    trials = done.optuna_study.trials
    assert [t.params.get("chip") for t in trials[:3]] == [*sorted(done.study.baselines), None]
    # 450 GB/s between 50 and 800 in 9 steps on a log scale: 8 ln 9 / ln 16 = 6.3; five of 1 to 6 stacks: 4
    near = next(t.params for t in trials[2:] if t.params["branch"] == "dram-only")
    assert (near["dram-only.link_bandwidth"], near["dram-only.dram_stacks"]) == (6, 4)
    assert set(done.front.baselines["chip"]) <= set(done.study.baselines)
    assert all("baseline" in t.user_attrs for t in trials[:2])
    assert not any("baseline" in t.user_attrs for t in trials[2:])


def test_the_optuna_study_is_an_ordinary_one(done: RunResult) -> None:
    name = done.study.slug
    study = optuna.load_study(study_name=name, storage=open_storage(default_url(done.out)))
    assert [t.values for t in study.trials] == [t.values for t in done.optuna_study.trials]
    assert study.metric_names == [g.name for g in done.study.objectives]
    assert KEY in study.user_attrs
    best = study.best_trials
    assert best
    assert all(v <= 0.0 for t in best for v in t.constraints.values())
    frame = study.trials_dataframe()
    assert len(frame) == 12
    importance = optuna.visualization.matplotlib  # plots and importances read the study as any other
    assert importance.is_available()
    assert set(study.trials[2].constraints) >= {"capacity", "die_area", "network_domain"}


def test_a_finished_study_runs_again_without_a_trial(done: RunResult) -> None:
    again = run(done.study, trials=12, out=done.out)
    assert again.new_trials == 0
    assert [t.params for t in again.optuna_study.trials] == [t.params for t in done.optuna_study.trials]
    assert again.front.frame.equals(done.front.frame)


def test_more_trials_extend_a_study_and_keep_what_was(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    before = run(path, trials=6, out=out)
    kept = [(t.number, t.params, t.values) for t in before.optuna_study.trials]
    after = run(path, trials=9, out=out)
    assert after.new_trials == 3
    assert [(t.number, t.params, t.values) for t in after.optuna_study.trials][:6] == kept
    fewer = run(path, trials=4, out=out)
    assert fewer.new_trials == 0
    # draws of a resumed study are new ones, not those of its first part again
    drawn = [str(sorted(t.params.items())) for t in after.optuna_study.trials]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_the_same_seed_makes_the_same_trials_and_the_same_bytes(tmp_path: Path, sampler: str) -> None:
    path = str(write_study(tmp_path, sampler={"name": sampler}))
    a, b = (run(path, trials=11, out=tmp_path / name) for name in "ab")
    assert [t.params for t in a.optuna_study.trials] == [t.params for t in b.optuna_study.trials]
    for name in ("front.csv", "baselines.csv", "manifest.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_seed_makes_other_trials(tmp_path: Path) -> None:
    path = str(write_study(tmp_path))
    a, b = (run(path, trials=7, seed=seed, out=tmp_path / str(seed)) for seed in (1, 2))
    one_of, other = ([t.params for t in r.optuna_study.trials] for r in (a, b))
    assert one_of[:4] == other[:4]  # real chips and their neighbours
    assert one_of[4:] != other[4:]


def test_infeasible_designs_are_finite_and_graded(tmp_path: Path) -> None:
    path = str(write_study(tmp_path, targets={"ttft": "1 us"}))
    result = run(path, trials=8, out=tmp_path / "out")
    assert len(result.front.frame) == 0
    assert result.optuna_study.best_trials == []
    for trial in result.optuna_study.trials:
        assert trial.values is not None
        assert all(isfinite(v) for v in trial.values)
        assert all(isfinite(v) for v in trial.constraints.values())
        assert trial.constraints["ttft"] > 0.0
    assert len({t.constraints["ttft"] for t in result.optuna_study.trials}) > 3  # graded, not a flag
    assert result.front.manifest["hypervolume"] == 0.0
    assert result.front.manifest["feasible_trials"] == 0
    assert run(path, trials=8, out=tmp_path / "out").new_trials == 0


def test_chips_that_hold_nothing_are_graded_by_the_bytes_they_lack(tmp_path: Path) -> None:
    layout = {"mode": "solve", "batch": [64], "tp": [1], "pp": [1]}
    result = run(
        str(write_study(tmp_path, deployment=layout, baselines=["groq-lpu-v1"])),
        trials=1,
        out=tmp_path / "out",
    )
    (trial,) = result.optuna_study.get_trials(states=(TrialState.COMPLETE,))
    # 69 GB of weights and 64 x 0.67 GB of KV cache on one chip of 0.23 GB
    assert trial.constraints["capacity"] == pytest.approx(69e9 + 64 * 0.671e9 - 0.23e9, rel=0.02)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        pytest.param("sqlite:///{folder}/deep/x.db", True, id="sqlite"),
        pytest.param("journal:{folder}/deep/x.journal", True, id="journal"),
        pytest.param("memory:", False, id="memory"),
    ],
)
def test_a_storage_by_url_is_used_and_resumed(tmp_path: Path, url: str, kept: bool) -> None:
    storage = url.format(folder=tmp_path)
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    assert run(path, trials=4, out=out, storage=storage).new_trials == 4
    again = run(path, trials=5, out=out, storage=storage)
    assert again.new_trials == (1 if kept else 5)
    assert not (out / "study.journal").exists()


def test_a_timeout_ends_a_run_and_a_later_one_continues(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    short = run(path, trials=10**6, timeout=0.2, out=out)
    assert 0 < short.new_trials < 10**6
    assert not short.interrupted
    count = len(short.optuna_study.trials)
    assert run(path, trials=short.new_trials + 2, timeout=60, out=out).new_trials == 2
    assert run(path, trials=count + 9, timeout=0, out=out).new_trials == 0


def test_progress_tells_finished_and_wanted_trials(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    run(path, trials=3, out=out, progress=lambda a, b: reported.append((a, b)))
    run(path, trials=4, out=out, progress=lambda a, b: reported.append((a, b)))
    assert reported == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 4), (4, 4)]


def test_no_trials_are_no_trials(tmp_path: Path) -> None:
    result = run(str(write_study(tmp_path)), trials=0, out=tmp_path / "out")
    assert result.new_trials == 0
    assert len(result.front.frame) == 0

"""Several processes on one study: the same trials once each, the same front, an end in order."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from again import minimal, points_of_trials
from optuna.trial import TrialState
from processes import TIMEOUT, in_journal, wait_until
from said import call
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.question.resolved_study import load_study
from dse.search.run.runner import RunResult, run, work
from dse.search.storage.by_url import open_storage
from dse.search.trials.read_trials import remote_trials
from dse.search.trials.trial_entries import CLAIM

DSE = [sys.executable, "-m", "dse"]
FILES = ("front.csv", "baselines.csv", "manifest.json")


@pytest.fixture(scope="module", autouse=True)
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cost model that takes its time, so that both workers are there before all is done."""
    with plugged(tmp_path_factory.mktemp("strangers")):
        yield


@pytest.fixture(scope="module")
def two(strangers: None, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run of 60 trials by two workers."""
    folder = tmp_path_factory.mktemp("two")
    return run(str(slow_study(folder, 0.05)), trials=60, out=folder / "out", workers=2)


def test_two_workers_spend_the_budget_and_not_a_trial_more(two: RunResult) -> None:
    trials = two.optuna_study.trials
    assert Counter(t.state.name for t in trials) == {"COMPLETE": 60}
    assert [t.number for t in trials] == list(range(60))
    assert two.new_trials == 60


def test_no_design_is_tried_twice_by_workers_that_draw_at_random(two: RunResult) -> None:
    designs = [str(sorted(t.params.items())) for t in two.optuna_study.trials]
    assert len(set(designs)) == len(designs)


def test_both_workers_do_their_share(two: RunResult) -> None:
    shares = Counter(t.user_attrs["dse:key"].rpartition("-")[0] for t in two.optuna_study.trials)
    assert len(shares) == 2
    assert min(shares.values()) >= 10


def test_the_front_of_two_workers_is_that_of_all_their_trials(
    two: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAP", "0")
    expected = minimal(points_of_trials(two.study, two.optuna_study.trials))
    columns = [axis.column for axis in two.front.axes]
    found = sorted(map(tuple, two.front.frame[columns].to_numpy().tolist()))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_what_workers_brought_is_byte_for_byte_what_their_trials_make_again(two: RunResult) -> None:
    before = {name: (two.out / name).read_bytes() for name in FILES}
    again = run(str(two.study.path), trials=60, out=two.out)
    assert again.new_trials == 0
    assert {name: (two.out / name).read_bytes() for name in FILES} == before


def test_real_chips_come_first_with_workers_too(two: RunResult) -> None:
    assert [t.params.get("chip") for t in two.optuna_study.trials[:2]] == ["groq-lpu-v1", "h100-sxm"]


def test_every_branch_has_its_turn_with_workers_too(two: RunResult) -> None:
    turns = Counter(t.params["branch"] for t in two.optuna_study.trials[6:])
    assert max(turns.values()) - min(turns.values()) <= 2


def test_the_manifest_says_whether_the_trials_can_be_had_again(two: RunResult, tmp_path: Path) -> None:
    assert two.front.manifest["repeatable"].startswith("no: several workers")
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    assert run(path, trials=5, out=out).front.manifest["repeatable"].startswith("yes")
    assert run(path, trials=7, out=out).front.manifest["repeatable"].startswith("no: 2 runs")


@pytest.mark.parametrize("storage", [None, "memory:", "sqlite:///{folder}/x.db", "journal:{folder}/x"])
def test_one_worker_makes_the_same_trials_in_every_storage(tmp_path: Path, storage: str | None) -> None:
    path = str(write_study(tmp_path, sampler={"name": "tpe", "options": {"n_startup_trials": 6}}))
    reference = run(path, trials=14, out=tmp_path / "reference")
    url = storage.format(folder=tmp_path) if storage else None
    other = run(path, trials=14, out=tmp_path / "other", storage=url)
    made = [[(t.params, t.values, t.constraints) for t in r.optuna_study.trials] for r in (reference, other)]
    assert made[0] == made[1]
    for name in ("front.csv", "baselines.csv"):
        assert (reference.out / name).read_bytes() == (other.out / name).read_bytes()


def test_workers_join_a_study_that_others_run(tmp_path: Path) -> None:
    path, url = write_study(tmp_path, budget={"trials": 40}), f"sqlite:///{tmp_path / 'shared.db'}"
    command = [*DSE, "worker", str(path), "--storage", url, "--out"]
    joined = [subprocess.Popen([*command, str(tmp_path / f"w{i}")], stdout=subprocess.PIPE) for i in range(2)]
    said = [process.communicate(timeout=TIMEOUT)[0].decode() for process in joined]
    assert [process.returncode for process in joined] == [0, 0], said
    trials = optuna.load_study(study_name="small", storage=open_storage(url)).trials
    assert Counter(t.state.name for t in trials) == {"COMPLETE": len(trials)}
    assert [t.number for t in trials] == list(range(len(trials)))
    # what one had claimed when the other filled the budget is kept
    claimed = sum(CLAIM in t.user_attrs for t in trials)
    assert 40 <= len(trials) <= 40 + claimed
    designs = [str(sorted(t.params.items())) for t in trials if CLAIM not in t.user_attrs]
    assert len(set(designs)) == len(designs)
    head = run(str(path), out=tmp_path / "out", storage=url)
    assert (head.new_trials, head.front.manifest["trials"]) == (0, len(trials))
    assert work(str(path), url, out=tmp_path / "w0").new_trials == 0


def test_a_worker_joins_a_run_whose_targets_are_lifted(tmp_path: Path) -> None:
    path, url = write_study(tmp_path, workload="chat", budget={"trials": 6}), f"sqlite:///{tmp_path / 'a.db'}"
    asked = ("worker", path, "--storage", url, "--out", tmp_path / "w", "--no-targets")
    assert call(*asked).code == 0
    head = run(load_study(str(path)).lifted(), out=tmp_path / "out", storage=url)
    assert (head.new_trials, head.front.manifest["trials"]) == (0, 6)
    call(*asked[:-1]).refused("another")  # the study in that storage asks something else


@pytest.mark.slow
def test_what_one_has_claimed_when_another_fills_the_budget_is_kept(tmp_path: Path) -> None:
    path, url = slow_study(tmp_path, 0), f"sqlite:///{tmp_path / 'shared.db'}"
    command = [*DSE, "worker", str(path), "--storage", url, "--trials", "12", "--out"]
    with subprocess.Popen([*command, str(tmp_path / "slow")], env={**os.environ, "NAP": "4"}) as slow:
        # it naps in the evaluation of a trial that it has claimed, and holds no lock of the database
        wait_until(lambda: "RUNNING" in _states(url) and _under_way(tmp_path / "slow"))
        slow.send_signal(signal.SIGSTOP)
        assert work(str(path), url, trials=12, out=tmp_path / "quick").trials == 12
        assert _states(url) == {"COMPLETE": 12, "RUNNING": 1}
        slow.send_signal(signal.SIGCONT)
        assert slow.wait(timeout=TIMEOUT) == 0
    assert _states(url) == {"COMPLETE": 13}


def _under_way(out: Path) -> bool:
    """Whether a worker evaluates a trial that it has claimed: the last line of its log says so."""
    lines = [line for path in (out / "spool").glob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    last = json.loads(lines[-1]) if lines else {}
    return "asked" in last and last["task"]["trial_id"] is not None


def _states(url: str) -> Counter[str]:
    return Counter(t.state.name for t in remote_trials(open_storage(url), "small"))


@pytest.mark.slow
def test_ctrl_c_ends_workers_in_order_and_keeps_every_trial(tmp_path: Path) -> None:
    path, out = write_study(tmp_path), tmp_path / "out"
    command = [*DSE, "run", str(path), "--trials", "100000", "--workers", "2", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        wait_until(lambda: in_journal(out / "study.journal") > 0, child)
        child.send_signal(signal.SIGINT)
        said, complaint = child.communicate(timeout=TIMEOUT)
    assert child.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert "--workers 2" in complaint
    assert "Results in" in said
    assert not (out / "spool").exists()
    trials = json.loads((out / "manifest.json").read_text())["trials"]
    longer = run(str(path), trials=trials + 1, out=out)
    assert longer.new_trials == 1
    states = Counter(t.state for t in longer.optuna_study.trials)
    assert states[TrialState.COMPLETE] == trials + 1
    assert states[TrialState.RUNNING] == 0


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    env = {**os.environ, "NO_COLOR": "1"}
    command = [*DSE, "worker", str(path), "--storage", "postgresql://nobody@localhost:1/none"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=TIMEOUT)
    assert done.returncode == 2
    assert "--storage: postgresql://nobody@localhost:1/none cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr

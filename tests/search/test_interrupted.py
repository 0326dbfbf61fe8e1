"""Ctrl-C at any moment: what was finished is kept, the front is written, a later run goes on."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.trial import TrialState
from studies_for_tests import write_study

from dse.search.run import local_worker
from dse.search.run.interrupt import Interrupt, held_back
from dse.search.run.runner import RunResult, run
from dse.search.storage.by_url import open_storage
from dse.search.storage.journal import open_journal, release
from dse.search.trials import replay


def interrupted_at(count: int, path: str, out: Path, **options: Any) -> RunResult:
    """A run in which Ctrl-C is pressed when `count` trials are finished."""

    def press(finished: int, _wanted: int) -> None:
        if finished == count:
            raise KeyboardInterrupt

    return run(path, trials=7, out=out, progress=press, **options)


def states(result: RunResult) -> Counter[str]:
    return Counter(t.state.name for t in result.optuna_study.trials)


@pytest.mark.parametrize("count", [1, 7])
def test_ctrl_c_leaves_a_front_and_the_run_continues_later(tmp_path: Path, count: int) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    result = interrupted_at(count, path, out)
    assert (result.interrupted, result.new_trials) == (True, count)
    assert states(result)["COMPLETE"] == count
    assert states(result)["RUNNING"] == 0
    left = (out / "front.csv").read_bytes()
    again = run(path, trials=count, out=out)
    assert (again.new_trials, again.interrupted) == (0, False)
    assert (out / "front.csv").read_bytes() == left
    after = run(path, trials=7, out=out)
    assert after.new_trials == 7 - count
    assert states(after) == {"COMPLETE": 7}


def test_ctrl_c_inside_a_trial_fails_it_and_its_design_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    calls = iter(range(99))
    evaluate = replay.points_of

    def press_at_the_third(*arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(local_worker, "points_of", press_at_the_third)
    result = run(path, trials=6, out=out)
    assert result.interrupted
    assert states(result)["COMPLETE"] == 2
    assert states(result)["RUNNING"] == 0
    after = run(path, trials=6, out=out)
    trials = after.optuna_study.trials
    (failed,) = [t for t in trials if t.state == TrialState.FAIL]
    again = [t for t in trials if t.user_attrs.get("dse:retry_of") == failed.number]
    assert [t.state for t in again] == [TrialState.COMPLETE]
    assert again[0].params == failed.params
    assert states(after)["COMPLETE"] == 6


def test_ctrl_c_before_the_first_trial_is_an_end_in_order(tmp_path: Path) -> None:
    try:
        result = interrupted_at(0, str(write_study(tmp_path)), tmp_path / "out")
    except KeyboardInterrupt:  # which would end pytest itself
        pytest.fail("the interrupt came through")
    assert (result.interrupted, result.new_trials) == (True, 0)


def test_ctrl_c_between_storing_a_trial_and_keeping_its_points_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    tell = optuna.Study.tell

    def press_after_the_sixth(study: optuna.Study, trial: Any, *values: Any, **options: Any) -> Any:
        reported = tell(study, trial, *values, **options)
        if reported.number == 5:
            raise KeyboardInterrupt
        return reported

    monkeypatch.setattr(optuna.Study, "tell", press_after_the_sixth)
    run(path, trials=9, out=out)
    monkeypatch.undo()
    left = (out / "front.csv").read_bytes()
    assert run(path, trials=6, out=out).new_trials == 0
    assert (out / "front.csv").read_bytes() == left


def test_ctrl_c_leaves_the_trials_of_other_workers_running(tmp_path: Path) -> None:
    path, url = str(write_study(tmp_path)), f"journal:{tmp_path / 'shared.journal'}"
    run(path, trials=3, out=tmp_path / "out", storage=url)
    other = optuna.load_study(study_name="small", storage=open_storage(url)).ask()
    interrupted_at(5, path, tmp_path / "out", storage=url)
    study = optuna.load_study(study_name="small", storage=open_storage(url))
    assert study.trials[other.number].state == TrialState.RUNNING


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_waits_until_the_storage_is_read_and_a_second_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, presses: int
) -> None:
    """Optuna counts a line that it has read before it keeps its trial."""
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    read, left, went_on = JournalStorage.get_all_trials, [], []

    def pressed(storage: JournalStorage, *arguments: Any, **options: Any) -> Any:
        found = read(storage, *arguments, **options)
        if not left and sum(t.state == TrialState.COMPLETE for t in found) > 2:
            left.append(True)
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
            went_on.append(True)
        return found

    monkeypatch.setattr(JournalStorage, "get_all_trials", pressed)
    result = run(path, trials=100_000, out=out)
    monkeypatch.undo()
    assert (result.interrupted, bool(went_on)) == (True, presses == 1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    trials = open_storage(f"journal:{out / 'study.journal'}").get_all_trials(0)
    keys = [t.user_attrs["dse:key"] for t in trials if t.state == TrialState.COMPLETE]
    assert len(set(keys)) == len(keys) == result.front.manifest["trials"]


def test_a_ctrl_c_waits_and_a_second_one_does_not_where_worker_processes_are_waited_for() -> None:
    """Their runs handle the first one without an exception."""
    interrupt = Interrupt()
    try:
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupt.requested
        assert interrupt.requested
        interrupt.requested = False
        with pytest.raises(KeyboardInterrupt), held_back():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the second one waited")
        assert interrupt.requested
    finally:
        interrupt.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("call", ["rename", "unlink"])
@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_while_the_lock_of_a_journal_is_released_is_not_called_a_lost_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: bool
) -> None:
    """Optuna's lock then removes a file that is not there yet, or no longer."""
    journal = tmp_path / "x.journal"
    do, presses = getattr(os, call), iter([True])

    def press(path: str, *rest: str) -> None:
        now = ".lock" in str(path) and next(presses, False)
        if now and not after:
            raise KeyboardInterrupt
        do(path, *rest)
        if now:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, call, press)
    try:
        open_journal(journal)
    except KeyboardInterrupt:  # which would end pytest itself
        pass
    else:
        pytest.fail("the interrupt was lost")
    # a lock that is left is that of a dead process soon
    release(journal)
    open_journal(journal)

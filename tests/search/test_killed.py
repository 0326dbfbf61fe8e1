"""A run that is killed without a word: every finished trial is there once, and a later run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from again import minimal, points_of_trials
from optuna.trial import FrozenTrial, TrialState
from studies_for_tests import write_study

from dse.search.run import local_worker
from dse.search.run.runner import RunResult, run
from dse.search.storage.journal import Journal
from dse.search.storage.shared_study import Shared
from dse.search.trials import replay

RUN = "import sys; from dse.search.run.runner import run; run(sys.argv[1], trials=10**6, out=sys.argv[2])"
DIE_IN_A_TRIAL = """
import os, signal, sys
from dse.search.run import local_worker
from dse.search.run.runner import run
evaluate, calls = local_worker.points_of, iter(range(99))
def dies(*arguments):
    if next(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return evaluate(*arguments)
local_worker.points_of = dies
run(sys.argv[1], trials=10**6, out=sys.argv[2])
"""


def start(code: str, path: str, out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code, path, str(out)], stderr=subprocess.PIPE)


def finished(journal: Path) -> int:
    """Finished trials in a journal that somebody may be writing: op 4 makes one, 6 sets a state."""
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    found = [json.loads(line) for line in lines]
    return sum(log["op_code"] in (4, 6) and log.get("state") == TrialState.COMPLETE.value for log in found)


def complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(states=(TrialState.COMPLETE,))


def reported(trials: list[FrozenTrial]) -> list[tuple[object, ...]]:
    return [(t.number, t.params, t.values, t.constraints) for t in trials]


def front(result: RunResult) -> list[tuple[float, ...]]:
    columns = [axis.column for axis in result.front.axes]
    return sorted(map(tuple, result.front.frame[columns].to_numpy().tolist()))


def test_a_run_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    journal = out / "study.journal"
    process = start(RUN, path, out)
    try:
        deadline = time.monotonic() + 60
        while finished(journal) < 12:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert said == b""  # nor any warning of Optuna, which a user could do nothing about
    stored = finished(journal)
    with journal.open("ab") as file:  # as if the kill had come in mid-write
        file.write(b'{"op_code":6,"worker_id":"torn","trial_id":3,"sta')
    resumed = run(path, trials=stored, out=out)
    assert resumed.new_trials == 0
    trials = complete(resumed.optuna_study)
    counted = len(trials)
    assert counted >= stored  # what was made and not stored yet is there too
    assert len({t.number for t in trials}) == counted
    assert b"torn" not in journal.read_bytes()
    # the front over every finished trial, evaluated again one by one
    expected = minimal(points_of_trials(resumed.study, trials))
    found = front(resumed)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, rel=1e-12)
    before = reported(trials)
    longer = run(path, trials=counted + 3, out=out)
    assert longer.new_trials == 3
    assert reported(complete(longer.optuna_study))[:counted] == before
    assert Counter(t.state for t in longer.optuna_study.trials)[TrialState.RUNNING] == 0


def test_the_trial_that_was_running_is_tried_once_more(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    process = start(DIE_IN_A_TRIAL, path, out)
    assert process.communicate()[1] == b""
    assert process.returncode == -signal.SIGKILL
    undisturbed = complete(run(path, trials=6, out=tmp_path / "other").optuna_study)
    result = run(path, trials=8, out=out)
    trials = result.optuna_study.trials
    assert reported(complete(result.optuna_study))[:5] == reported(undisturbed)[:5]
    (stale,) = [t for t in trials if t.state == TrialState.FAIL]
    assert (stale.number, stale.params) == (5, undisturbed[5].params)
    again = [t for t in trials if t.user_attrs.get("dse:retry_of") == stale.number]
    assert [(t.state, t.params) for t in again] == [(TrialState.COMPLETE, stale.params)]
    assert Counter(t.state.name for t in trials) == {"COMPLETE": 8, "FAIL": 1}
    assert not (out / "spool").exists()


def test_a_trial_that_kills_its_run_twice_is_not_tried_a_third_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    evaluate = replay.points_of

    class Killed(BaseException):
        """What no handler in a run catches, as a kill."""

    def dies(study: object, numbers: list[int], choices: list[object]) -> object:
        if getattr(choices[0], "chip", None) == "h100-sxm":
            raise Killed
        return evaluate(study, numbers, choices)  # type: ignore[arg-type]

    monkeypatch.setattr(local_worker, "points_of", dies)
    for _ in range(2):
        with pytest.raises(Killed):
            run(path, trials=12, out=out)
    result = run(path, trials=6, out=out)
    h100 = [t for t in result.optuna_study.trials if t.params.get("chip") == "h100-sxm"]
    assert [t.state.name for t in h100] == ["FAIL", "FAIL"]
    assert len(complete(result.optuna_study)) == 6


@pytest.mark.parametrize("cut", [1, 7, 20])
def test_a_torn_last_line_is_mended_and_nothing_else_is_touched(tmp_path: Path, cut: int) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    journal = out / "study.journal"
    kept = reported(complete(run(path, trials=4, out=out).optuna_study))
    whole = journal.read_bytes()
    torn = whole + b'{"op_code":4,"worker_id":"x"'[:cut]
    journal.write_bytes(torn)
    assert Journal(journal).mend() == cut
    assert journal.read_bytes() == whole
    journal.write_bytes(torn)
    assert reported(complete(run(path, trials=6, out=out).optuna_study))[:4] == kept


def test_a_journal_that_is_whole_or_empty_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    assert Journal(file).mend() == 0
    assert file.read_bytes() == b""
    for text in (b"", b'{"op_code":0}\n'):
        file.write_bytes(text)
        assert Journal(file).mend() == 0
        assert file.read_bytes() == text


def test_the_lock_that_a_killed_run_left_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    run(path, trials=3, out=out)
    os.symlink(out / "study.journal", out / "study.journal.lock")  # noqa: PTH211 - as Optuna makes it

    class Waits(Exception):
        """Somebody sleeps until a dead process lets go."""

    def no_sleep(_seconds: float) -> None:
        raise Waits

    monkeypatch.setattr(time, "sleep", no_sleep)
    assert run(path, trials=4, out=out).new_trials == 1


def test_a_real_chip_whose_trial_was_killed_at_its_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"

    class Killed(BaseException):
        """What no handler in a run catches, as a kill."""

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(local_worker, "suggest", dies)
        with pytest.raises(Killed):
            run(path, trials=6, out=out)
    result = run(path, trials=6, out=out)
    tried = {t.params.get("chip") for t in complete(result.optuna_study)}
    assert tried >= {"groq-lpu-v1", "h100-sxm"}


def test_real_chips_are_all_tried_when_a_run_was_killed_before_it_enqueued_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"

    class Killed(BaseException):
        """What no handler in a run catches, as a kill."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Shared, "put", dies)
        with pytest.raises(Killed):
            run(path, trials=6, out=out)
    result = run(path, trials=6, out=out)
    assert [t.params.get("chip") for t in complete(result.optuna_study)[:2]] == ["groq-lpu-v1", "h100-sxm"]
    designs = [str(sorted(t.params.items())) for t in complete(result.optuna_study)]
    assert len(set(designs)) == len(designs)

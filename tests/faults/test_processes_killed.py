"""kill -9 of a worker, of the runner, of all of them: nothing finished is lost, nothing is there twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import (
    TIMEOUT,
    alive,
    check_whole,
    ended,
    environment,
    in_journal,
    in_logs,
    kill,
    start,
    trials_in,
    wait_until,
    worker_pids,
)
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.search.run.runner import run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with plugged(tmp_path):
        yield tmp_path


def test_a_worker_is_killed_and_another_takes_its_place(place: Path) -> None:
    path, out = slow_study(place, 0.03), place / "out"
    process = start("run", path, "--trials", "100000", "--workers", "2", "--out", out)  # ends by Ctrl-C
    wait_until(lambda: in_journal(out / "study.journal") >= 10 and len(worker_pids(process)) == 2, process)
    victim = worker_pids(process)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in worker_pids(process) and len(worker_pids(process)) == 2, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    stored = in_journal(out / "study.journal")
    again = run(str(path), trials=stored + 2, out=out)  # the second try of what the victim was at among them
    check_whole(again.optuna_study.trials, stored + 2, range(2))
    assert not (out / "spool").exists()


def test_the_runner_is_killed_and_its_workers_end_and_leave_what_they_made(place: Path) -> None:
    path, out = slow_study(place, 0.02), place / "out"
    process = start("run", path, "--trials", "100000", "--workers", "2", "--out", out)
    wait_until(lambda: in_journal(out / "study.journal") >= 20 and in_logs(out) > 0, process)
    left = worker_pids(process)
    kill(process)
    wait_until(lambda: not any(alive(pid) for pid in left))
    stored, spooled = in_journal(out / "study.journal"), in_logs(out)
    result = run(str(path), trials=stored, out=out)
    trials = result.optuna_study.trials
    complete = sum(t.state.name == "COMPLETE" for t in trials)
    assert stored <= complete <= stored + spooled
    assert not (out / "spool").exists()
    longer = run(str(path), trials=complete + 10, out=out)
    check_whole(longer.optuna_study.trials, complete + 10, range(3))


def test_everything_is_killed_at_once(place: Path) -> None:
    path, out = slow_study(place, 0.02), place / "out"
    process = start("run", path, "--trials", "100000", "--workers", "2", "--out", out)
    wait_until(lambda: in_journal(out / "study.journal") >= 10, process)
    left = worker_pids(process)
    os.kill(process.pid, signal.SIGSTOP)
    for pid in (*left, process.pid):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in left))
    stored = in_journal(out / "study.journal")
    again = run(str(path), trials=stored + 40, out=out)
    check_whole(again.optuna_study.trials, stored + 40, range(3))


def test_a_killed_run_continues_to_the_front_of_one_that_was_not(place: Path) -> None:
    """With a sampler that leaves nothing to chance: every chip of a small space, each once."""
    (place / "own" / "spaces").mkdir(parents=True)
    (place / "own" / "spaces" / "few.yaml").write_text(FEW, encoding="utf-8")
    options = {
        "space": "few",
        "sampler": {"name": "every"},
        "baselines": [],
        "report_at": [],
        "sweep": None,
        "deployment": {"mode": "search", "batch": [8], "tp": [64], "pp": [80]},
    }
    slow = slow_study(place, 0.05, **options)
    run(str(slow), trials=27, out=place / "calm", configs=place / "own")
    process = start("run", slow, "--trials", "27", "--out", place / "out", "--configs", place / "own")
    wait_until(lambda: in_journal(place / "out" / "study.journal") >= 8, process)
    kill(process)
    again = run(str(slow), trials=27, out=place / "out", configs=place / "own")
    check_whole(again.optuna_study.trials, 27, range(2))
    columns = slice(2, None)  # without the number of the trial, which a second try has another one of
    fronts = [(place / name / "front.csv").read_text().splitlines() for name in ("calm", "out")]
    calm, disturbed = ([line.split(",")[columns] for line in lines] for lines in fronts)
    assert disturbed == calm


FEW = """
kind: space
name: few
title: Twenty-seven chips
branches:
  sram-only:
    template: lpu-template
    process: n5
    stack: static-dataflow
    network: groq-dragonfly
    parameters:
      peak_flops: {low: 50 TFLOP/s, high: 1600 TFLOP/s, scale: log, steps: 3}
      sram: {low: 32 MiB, high: 1024 MiB, scale: log, steps: 3}
      sram_bandwidth_per_byte: {low: 50 GB/s/MiB, high: 800 GB/s/MiB, scale: log, steps: 3}
      link_bandwidth: {low: 50 GB/s, high: 50 GB/s}
"""


def test_a_trial_that_kills_every_worker_is_tried_twice_and_the_run_continues(place: Path) -> None:
    path, deaths, out = write_study(place, cost_model="deadly"), place / "deaths", place / "out"
    deaths.mkdir()
    (deaths / "1").touch()
    process = start(
        "run", path, "--trials", "60", "--workers", "2", "--out", out, env=environment(DEATHS=str(deaths))
    )
    ended(process)
    check_whole(trials_in(f"journal:{out / 'study.journal'}"), 60, range(1, 2))


def test_workers_that_all_die_end_the_run_with_a_reason(place: Path) -> None:
    path, deaths, out = write_study(place, cost_model="deadly"), place / "deaths", place / "out"
    deaths.mkdir()
    for i in range(40):
        (deaths / str(i)).touch()
    process = start(
        "run", path, "--trials", "60", "--workers", "2", "--out", out, env=environment(DEATHS=str(deaths))
    )
    _, complaint = process.communicate(timeout=TIMEOUT)
    # it is not known who ended the workers: a plug-in of another package is the likely one
    assert process.returncode == 1, complaint
    assert complaint.splitlines()[-1].startswith("dse.cost_models 'deadly' of strange-models 0.1: "), (
        complaint
    )
    assert "workers died one after the other, the last with exit code -9" in complaint


@pytest.mark.parametrize("workers", ["1", "2"])
def test_two_runs_on_one_folder_at_once(place: Path, workers: str) -> None:
    path, out = slow_study(place, 0.03), place / "out"
    first = start("run", path, "--trials", "100000", "--workers", workers, "--out", out)
    wait_until(lambda: in_journal(out / "study.journal") > 0, first)
    with pytest.raises(SpecError, match="another run uses this folder"):
        run(str(path), trials=60, out=out)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=TIMEOUT)
    assert first.returncode == 130
    stored = in_journal(out / "study.journal")
    again = run(str(path), trials=stored + 3, out=out)
    check_whole(again.optuna_study.trials, stored + 3, range(2))

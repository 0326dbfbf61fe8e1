"""Calls that fail as on a network file system: the run ends with a sentence, and nothing finished is lost."""

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState
from processes import check_whole, environment, in_journal, start, trials_in, wait_until
from studies_for_tests import write_study

import dse
from dse.search.sweep.driver import sweep

HERE = Path(__file__).parent
TRIALS = 12

FAULTS = {
    "the disk of the journal reports an error": ("fsync", errno.EIO, "study.journal", 1),
    "the journal is a stale handle": ("read", errno.ESTALE, "study.journal", 2),
    "writes take one byte": ("write", 0, "study.journal", 2),
    "the quota ends in a recovery log": ("write", errno.EDQUOT, ".jsonl", 6),
    "there are no locks": ("flock", errno.ENOLCK, ".lock", 0),
    "a front cannot be put in its place": ("rename", errno.EIO, "manifest.json", 0),
}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("shim") / "failing.so"
    source = str(HERE / "failing_calls.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_call_that_fails_loses_nothing(
    tmp_path: Path, shim: Path, fault: tuple[str, int, str, int]
) -> None:
    call, code, name, first = fault
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    failing = environment(
        LD_PRELOAD=str(shim),
        FAIL_CALL=call,
        FAIL_WITH=str(code),
        FAIL_IN=str(out),
        FAIL_NAME=name,
        FAIL_FROM=str(first),
        # a byte at a time holds for all writes, an error comes once
        FAIL_COUNT="1" if code else "100000",
    )
    process = start("run", path, "--trials", str(TRIALS), "--out", out, env=failing)
    said, complaint = process.communicate(timeout=120)
    assert process.returncode == (2 if code else 0), said + complaint
    assert "Traceback" not in complaint
    if code:
        assert os.strerror(code) in complaint and str(out) in complaint, complaint
    dse.run(str(path), trials=TRIALS, out=out)
    trials = trials_in(f"journal:{out / 'study.journal'}")
    # the trial under way is tried once more
    check_whole(trials, TRIALS, range(2))
    assert (out / "front.csv").is_file()


# signals at random moments

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize(
    ("verb", "how"), [("run", signal.SIGTERM), ("worker", signal.SIGINT), ("workers", signal.SIGTERM)]
)
def test_a_signal_at_any_moment_loses_nothing(tmp_path: Path, verb: str, how: signal.Signals) -> None:
    chance = random.Random(f"{verb} {how}")
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    url = f"journal:{tmp_path / 'x.journal'}"
    command = ["worker" if verb == "worker" else "run", path, "--storage", url, "--out", out]
    command += ["--workers", "2"] if verb == "workers" else []
    process = start(*command, "--trials", "100000")
    wait_until(lambda: in_journal(tmp_path / "x.journal"), process)
    time.sleep(chance.uniform(0.0, 0.6))
    process.send_signal(how)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == SIGNALS[how], said + complaint
    assert "interrupted" in complaint and "Traceback" not in complaint, complaint
    found = [t for t in trials_in(url) if t.state == TrialState.COMPLETE]
    wanted = len(found) + 5
    dse.run(str(path), storage=url, out=out, trials=wanted)
    check_whole(trials_in(url), wanted, range(4))


def test_a_sweep_ends_in_order_and_its_front_is_that_of_one_that_was_left_alone(tmp_path: Path) -> None:
    path, counts = write_study(tmp_path / "studies"), {"sram": 12, "peak_flops": 12}
    process = start("sweep", path, "--grid", "sram=12,peak_flops=12", "--out", tmp_path / "out")
    time.sleep(random.Random(1).uniform(1.0, 2.0))
    process.send_signal(signal.SIGTERM)
    said, complaint = process.communicate(timeout=60)
    # it may have ended, or may not have been loaded
    assert process.returncode in (0, 143, -signal.SIGTERM), said + complaint
    assert "Traceback" not in complaint
    for name in ("out", "calm"):
        sweep(str(path), counts=counts, out=tmp_path / name)
    assert (tmp_path / "out" / "front.csv").read_bytes() == (tmp_path / "calm" / "front.csv").read_bytes()


def test_before_the_first_trial_a_signal_is_a_sentence_too(tmp_path: Path) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    process = start("run", path, "--trials", "100000", "--out", out)
    wait_until(lambda: (out / ".lock").exists(), process)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 143 and "interrupted" in complaint, complaint

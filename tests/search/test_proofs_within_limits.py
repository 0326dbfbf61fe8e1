"""A proof keeps its limits on any question, and what it has proven when it is ended is right."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.front.dominance import factor_to_cover
from dse.front.exact import compared_to_exact, is_exact
from dse.front.files import Front, load_front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.bound.limits import Limits
from dse.search.bound.prove import prove
from dse.search.sweep.driver import SweepResult, sweep

COUNTS = {"peak_flops": 6, "sram": 6, "sram_bandwidth_per_byte": 4, "link_bandwidth": 3, "dram_stacks": 6}
WIDE: dict[str, Any] = {
    "llm": "deepseek-r1",
    "workload": "reasoning",
    "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
    "space": "open-chip",
    "baselines": [],
    "price": {"method": "margin", "seller": "broadcom-asic", "system": "built-up"},
    "deployment": {"mode": "solve", "ep": [1, 8, 32, 64, 128], "pp": [1, 2, 4, 31, 61]},
}
"""Five lists of layouts and 180 million chips, of which prompts use a placement that is not theirs."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    folder = tmp_path_factory.mktemp("limits")
    path = write_study(folder, baselines=[], workload="chat", deployment__pp=[1, 8])
    return load_study(str(path))


@pytest.fixture(scope="module")
def whole(study: ResolvedStudy, tmp_path_factory: pytest.TempPathFactory) -> Front:
    front = sweep(study, counts=COUNTS, out=tmp_path_factory.mktemp("whole") / "out").front
    assert front is not None
    return front


def costs(front: Front) -> np.ndarray:
    return front.frame[[a.column for a in front.axes]].to_numpy(dtype=np.float64)


def ended_after(study: ResolvedStudy, reports: int, out: Path, how: type[BaseException]) -> SweepResult:
    """A sweep with bounds that is ended by an exception at one of its reports."""
    seen = []

    def report(*_: object) -> None:
        seen.append(1)
        if len(seen) == reports:
            raise how

    return sweep(study, counts=COUNTS, prune=True, out=out, progress=report)


def test_bounds_find_the_front_of_all_chips_where_bytes_are_placed_for_other_steps(
    study: ResolvedStudy, whole: Front, tmp_path: Path
) -> None:
    found = sweep(study, counts=COUNTS, prune=True, out=tmp_path / "out")
    assert found.ended == "done" and found.front is not None
    assert is_exact(found.front)
    np.testing.assert_allclose(costs(found.front), costs(whole), rtol=1e-9)


def test_with_little_memory_the_front_is_the_same(
    study: ResolvedStudy, whole: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "for_boxes", property(lambda self: 2e4))
    found = sweep(study, counts=COUNTS, prune=True, out=tmp_path / "out")
    assert found.front is not None
    np.testing.assert_allclose(costs(found.front), costs(whole), rtol=1e-9)


def test_a_proof_that_would_take_more_memory_ends_and_says_so(
    study: ResolvedStudy, whole: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Front(frame=whole.frame.iloc[::4], baselines=whole.baselines, axes=whole.axes, manifest={})
    monkeypatch.setattr(Limits, "for_boxes", property(lambda self: 1e5))
    bound = prove(study, some, tolerance=0.0, seconds=60.0)
    assert bound.ended == "memory" and not bound.closed
    assert bound.factor is not None
    assert bound.factor >= factor_to_cover(costs(some), costs(whole), some.axes) * (1 - 1e-9)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_what_an_interrupted_proof_has_proven_is_right(
    study: ResolvedStudy, whole: Front, rounds: int
) -> None:
    some = Front(frame=whole.frame.iloc[::4], baselines=whole.baselines, axes=whole.axes, manifest={})
    seen = []

    def report(factor: float, left: int) -> None:
        seen.append(factor)
        if len(seen) == rounds:
            raise KeyboardInterrupt

    bound = prove(study, some, tolerance=0.0, seconds=60.0, progress=report)
    assert bound.ended == "interrupt"
    assert bound.factor == pytest.approx(seen[-1])
    assert bound.factor >= factor_to_cover(costs(some), costs(whole), some.axes) * (1 - 1e-9)


@pytest.mark.parametrize("reports", [1, 4, 6, 9])
def test_the_gap_of_a_sweep_that_was_ended_holds_for_every_design(
    study: ResolvedStudy, whole: Front, reports: int, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = ended_after(study, reports, out, KeyboardInterrupt)
    assert result.ended == "interrupt" and result.front is not None
    assert result.points < result.grid.size
    stored = load_front(out)
    told = stored.manifest["sweep"]
    assert told["ended"] == "interrupt"
    assert told["open"] == result.grid.size - result.points
    assert not is_exact(stored)
    # no yardstick for a search, since better designs may exist
    assert compared_to_exact(whole, [out]) is None
    if told["gap"] is not None:
        assert told["gap"] >= factor_to_cover(costs(stored), costs(whole), whole.axes) * (1 - 1e-9)


def test_time_that_is_up_ends_every_kind_of_sweep(study: ResolvedStudy, tmp_path: Path) -> None:
    for prune in (False, True):
        result = sweep(study, prune=prune, out=tmp_path / str(prune), seconds=0.0)
        assert result.ended == "time"
        assert (result.front is None) == (not prune)


PEAK = (
    "import atexit, sys; atexit.register(lambda: print(open('/proc/self/status').read(), file=sys.stderr)); "
)
"""What tells the peak of a process's own memory: that which `wait4` knows begins at that of its parent."""

QUICK_LOG = "import dse.cli.terminal.log_lines as l; l.EVERY = 0.2; from dse.__main__ import main; main()"
"""The program, with lines of progress at once, so that a test sees when the proof has begun."""


def run_dse(*words: str, cwd: Path, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PEAK + QUICK_LOG, *words],
        cwd=cwd, text=True, stdout=stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


def swept_for(seconds: float, folder: Path) -> tuple[float, int]:
    """Wall seconds and peak resident memory [B] of a sweep with a limited time, in a process of its own."""
    asked = ("sweep", "small", "--prune", "--timeout", f"{seconds} s", "--no-intervals", "--out", "out")
    begin = time.monotonic()
    with run_dse(*asked, cwd=folder) as child:
        assert child.stderr is not None
        said = child.stderr.read()
    assert child.returncode in (0, 1), said
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", said)
    return time.monotonic() - begin, int(peak) * 1024


def test_memory_and_time_hold_on_a_question_that_nobody_tuned_them_to(tmp_path: Path) -> None:
    write_study(tmp_path, **WIDE)
    # what loading the program, and writing what it found, take on this machine at this time
    beside, _ = swept_for(0.1, tmp_path)
    took, memory = swept_for(4.0, tmp_path)
    assert took - beside < 4.0 + 4.0
    assert memory < 2e9
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())["sweep"]
    assert told["ended"] == "time"
    assert told["open"] > 0


def test_an_interrupt_keeps_the_front_and_tells_the_gap(tmp_path: Path) -> None:
    write_study(
        tmp_path, **{**WIDE, "deployment": {"mode": "solve", "batch": [1, 64], "ep": [8], "pp": [1, 4]}}
    )
    with run_dse("sweep", "small", "--prune", "--no-intervals", "--out", "out", cwd=tmp_path) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "are at most x" in line:
                break
        child.send_signal(signal.SIGINT)
        err = child.stderr.read()
    assert child.returncode == 130, err
    assert "interrupted; the best front that was found is kept. The front is not exact:" in err
    assert "one on this front that is at most" in err
    assert len(load_front(tmp_path / "out").frame) > 0
    proof = ("front", "small", "--out", "out", "--no-intervals", "--gap", "60")
    with run_dse(*proof, cwd=tmp_path, stdout=subprocess.PIPE) as child:
        assert child.stderr is not None
        assert child.stdout is not None
        for line in child.stderr:
            if "boxes open" in line:
                break
        child.send_signal(signal.SIGINT)
        said = child.stdout.read()
        child.stderr.read()
    assert child.returncode == 130
    assert "Not all of the gap is closed: it was interrupted." in said
    assert "has one on this front that is at most" in said

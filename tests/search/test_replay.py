"""The front is a function of the storage: of the finished trials, and of nothing else."""

from pathlib import Path
from typing import Any

import pytest
from again import minimal, points_of_trials
from studies_for_tests import write_study

from dse.search.run.runner import run

FILES = ("front.csv", "baselines.csv", "manifest.json")
RATIO = {"method": "compute-ratio", "reference": "h100-sxm"}
SEARCH = {"mode": "search", "batch": [1, 8, 64], "tp": [1, 8, 64], "cp": [1], "pp": [1, 10, 80]}
ONE = {"usd_per_token_per_second": "1000 USD/(token/s)"}


def written(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"price": RATIO},  # chips of one peak cost the same, so many designs tie
        {"price": RATIO, "objectives": list(ONE), "reference_point": ONE},
        {"price": RATIO, "deployment": SEARCH, "sweep": None},
        {"targets": {"ttft": "100 ms"}},
    ],
    ids=["solve", "ties", "one objective", "search", "target"],
)
def test_a_front_that_was_deleted_comes_back_byte_for_byte(tmp_path: Path, changes: dict[str, Any]) -> None:
    path, out = str(write_study(tmp_path, **changes)), tmp_path / "out"
    run(path, trials=16, out=out)
    before = written(out)
    for name in FILES:
        (out / name).unlink()
    again = run(path, trials=16, out=out)
    assert again.new_trials == 0
    assert written(out) == before


def test_a_run_in_two_parts_has_the_front_of_all_its_trials(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    run(path, trials=7, out=out)
    run(path, trials=13, out=out)
    live = written(out)
    again = run(path, trials=13, out=out)
    assert again.new_trials == 0
    assert written(out) == live


@pytest.mark.parametrize("mode", ["solve", "search"])
def test_the_front_is_what_nothing_dominates_among_all_deployments_of_all_trials(
    tmp_path: Path, mode: str
) -> None:
    changes: dict[str, Any] = {} if mode == "solve" else {"deployment": SEARCH, "sweep": None}
    result = run(str(write_study(tmp_path, **changes)), trials=10, out=tmp_path / "out")
    points = points_of_trials(result.study, result.optuna_study.trials)
    expected = minimal(points)
    assert expected
    columns = [axis.column for axis in result.front.axes]
    found = sorted(map(tuple, result.front.frame[columns].to_numpy().tolist()))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, rel=1e-12)

"""Pairs solved again at targets: those that `dse estimate --pool` chooses within the same TPOT."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dse.evaluate.pools.estimate import Asked, looked_up
from dse.front.files import Front, load_front
from dse.question.pools.study import PooledStudy, load_question
from dse.search.pairs.driver import sweep_pairs
from dse.search.pairs.run import run_pairs

TARGETS = [0.005, 0.01, 0.02, 0.05]
FREE: dict[str, Any] = {
    "kind": "study",
    "name": "pair",
    "title": "A pair",
    "question": "Which chips prefill, which decode?",
    "llm": "opt-30b",
    "workload": "chat",
    "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
    "pools": {
        "prefill": {"chips": ["h100-sxm"]},
        "decode": {"chips": ["h200-sxm", "b200-sxm"]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": [f"{t * 1e3} ms" for t in TARGETS],
    "price": {"method": "listed"},
    "objectives": ["tpot", "usd_per_token_per_second"],
    "settings": {"workload/chat.prefill_load": 0.8},
    "tolerance": 0,
    "budget": {"trials": 4},
    "seed": 1,
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "1 s"},
}


def load(folder: Path, **changes: Any) -> PooledStudy:
    path = folder / "pair" / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**FREE, **changes}), encoding="utf-8")
    found = load_question(str(path))
    assert isinstance(found, PooledStudy)
    return found


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Front:
    folder = tmp_path_factory.mktemp("targets")
    sweep_pairs(load(folder), out=folder / "out")
    return load_front(folder / "out")


def least(frame: Any, target: float) -> float:
    return float(frame[frame["tpot_s"] <= target]["usd_per_token_per_s"].min())


def test_the_best_at_each_target_is_what_an_estimate_chooses(swept: Front) -> None:
    asked = Asked(
        llm="opt-30b", workload="chat", link="25 GB/s, 5 us", weights="fp8", kv="fp8", activations="fp8"
    )
    for target in TARGETS:
        best = min(
            found.metrics["usd_per_token_per_s"]
            for chip in ("h200-sxm", "b200-sxm")
            for system in [looked_up(["prefill=h100-sxm", f"decode={chip}"], asked, {"prefill_load": "0.8"})]
            for found in [system.best(target)]
            if found.feasible
        )
        # an estimate takes the smallest system within 1 % of the best
        assert best / 1.0101 <= least(swept.at_targets, target) <= best * (1.0 + 1e-9)


def test_nothing_is_worse_than_on_the_front_and_some_is_better(swept: Front) -> None:
    gains = [least(swept.at_targets, t) / least(swept.frame, t) for t in TARGETS]
    assert all(gain <= 1.0 + 1e-9 for gain in gains)
    assert min(gains) < 0.99
    assert (swept.at_targets["tpot_s"] <= max(TARGETS)).all()


def test_what_lists_all_sizes_is_not_solved_again(tmp_path: Path) -> None:
    sizes = {"batch": [1, 64], "tp": [1, 2], "cp": [1], "pp": [1, 2], "ep": [1]}
    pools = {**FREE["pools"], "prefill": {**FREE["pools"]["prefill"], "batch": [1, 4096]}}
    found = sweep_pairs(
        load(tmp_path, deployment={"mode": "solve", **sizes}, pools=pools), out=tmp_path / "o"
    )
    assert not len(found.front.at_targets)


def test_a_run_solves_again_too(tmp_path: Path) -> None:
    found = run_pairs(load(tmp_path), out=tmp_path / "out").front
    assert len(found.at_targets)
    for target in TARGETS:
        assert least(found.at_targets, target) <= least(found.frame, target) * (1.0 + 1e-9)

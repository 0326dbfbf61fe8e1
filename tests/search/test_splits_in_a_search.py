"""KV cache split along its tokens in a search: parameters of trials, exact sweeps, stored fronts."""

from pathlib import Path

import pytest
from again import differences
from optuna.trial import FixedTrial
from studies_for_tests import write_study

from dse.front.files import load_front
from dse.question.layouts import triples
from dse.question.resolved_study import load_study
from dse.search.sweep.driver import sweep
from dse.search.trials.suggest import BASELINE, layout_parameters, suggest

COUNTS = {"peak_flops": 2, "sram": 2, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
LONG = {
    "llm": "llama2-70b",
    "workload": "article",
    "settings": {"workload/article.isl": "60000 token", "workload/article.osl": "1000 token"},
    "deployment": {"mode": "solve", "batch": [1, 16], "tp": [8, 16, 64], "pp": [10, 80]},
}


def test_every_split_has_parameters_that_lead_back_to_it(tmp_path: Path) -> None:
    layout = {"mode": "search", "batch": [1], "tp": [1, 8, 16, 64], "pp": [1], "ep": [1]}
    study = load_study(str(write_study(tmp_path, deployment=layout, sweep=None)))
    found = triples(study.lists)
    assert {(8, 2, 1), (8, 8, 1), (16, 1, 1)} <= set(found)
    for tp, cp, ep in found:
        sizes = {"batch": 1, "tp": tp, "cp": cp, "pp": 1, "ep": ep}
        parameters = layout_parameters(study.lists, sizes)
        assert (f"cp.tp{tp}" in parameters) == (len([1 for t, _, _ in found if t == tp]) > 1)
        trial = FixedTrial({"chip": "h100-sxm", **parameters})
        trial.set_user_attr(BASELINE, True)
        assert suggest(study, trial).deployment == sizes


@pytest.mark.parametrize("changes", [{}, {"deployment": {**LONG["deployment"], "cp": [1, 2, 8]}}])
def test_a_pruned_sweep_over_splits_finds_the_front_of_all_points(tmp_path: Path, changes: dict) -> None:
    question = load_study(str(write_study(tmp_path, **{**LONG, **changes})))
    whole, pruned = (
        sweep(question, counts=COUNTS, out=tmp_path / name, prune=prune)
        for name, prune in (("whole", False), ("pruned", True))
    )
    assert whole.front is not None and pruned.front is not None
    assert (tmp_path / "whole" / "front.csv").read_text() == (tmp_path / "pruned" / "front.csv").read_text()
    assert not differences(question, whole.front.frame)
    # what a split gains is what makes it worth searching: some designs of the front have one
    assert (whole.front.frame["cp"] > 1).any()
    stored = load_front(tmp_path / "whole")
    assert stored.frame["cp"].tolist() == whole.front.frame["cp"].tolist()


def test_a_front_without_a_split_is_stored_as_before_there_were_any(tmp_path: Path) -> None:
    question = load_study(str(write_study(tmp_path)))
    sweep(question, counts=COUNTS, out=tmp_path / "out")
    head = (tmp_path / "out" / "front.csv").read_text().splitlines()[0].split(",")
    assert "tp" in head
    assert "cp" not in head
    assert "violation_context_parallel" not in head

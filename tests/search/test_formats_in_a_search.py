"""A format for each part of the weights in a search: exact sweeps, proofs that prune them, stored fronts."""

from pathlib import Path

import pytest
from again import differences
from studies_for_tests import write_study

from dse.front.files import load_front
from dse.question.resolved_study import load_study
from dse.report.words.computed_formats import computed_lines
from dse.search.sweep.driver import sweep

COUNTS = {"peak_flops": 2, "sram": 2, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
OF_EXPERTS = {
    "llm": "gpt-oss-20b",
    "deployment": {
        "mode": "solve",
        "batch": [1, 64, 1024],
        "tp": [1, 8],
        "cp": [1],
        "pp": [1, 12],
        "ep": [1],
    },
}


def _precision(weights: object, activations: str) -> dict[str, object]:
    return {"weights": weights, "kv": "bf16", "activations": activations}


@pytest.mark.parametrize(
    ("weights", "activations"),
    [
        # stored apart and computed alike; computed at peaks of their own
        ({"experts": "mxfp4", "rest": "bf16"}, "bf16"),
        ({"attention": "bf16", "head": "bf16", "rest": "fp8"}, "fp8"),
    ],
)
def test_a_pruned_sweep_finds_the_front_of_all_points(
    tmp_path: Path, weights: dict[str, str], activations: str
) -> None:
    changes = {**OF_EXPERTS, "precision": _precision(weights, activations)}
    question = load_study(str(write_study(tmp_path, **changes)))
    whole, pruned = (
        sweep(question, counts=COUNTS, out=tmp_path / name, prune=prune)
        for name, prune in (("whole", False), ("pruned", True))
    )
    assert whole.front is not None and pruned.front is not None
    assert (tmp_path / "whole" / "front.csv").read_text() == (tmp_path / "pruned" / "front.csv").read_text()
    assert not differences(question, whole.front.frame)
    stored = load_front(tmp_path / "whole")
    assert stored.manifest["precision"]["weights"] == question.spec.precision.weights
    rows = stored.frame.to_dict("records")
    if activations == "fp8":
        # bf16 attention in 16 bits is as it was asked for
        assert set(stored.frame["computed_in"]) == {"attention=bf16,head=bf16,rest=fp8"}
        assert not computed_lines(rows, stored.manifest["precision"])
    else:
        assert "mxfp4 experts computed in" in computed_lines(rows, stored.manifest["precision"])[0]


def test_a_long_form_of_one_format_is_the_same_question(tmp_path: Path) -> None:
    (tmp_path / "long").mkdir()
    (tmp_path / "short").mkdir()
    long, short = (
        load_study(str(write_study(tmp_path / name, **{**OF_EXPERTS, "precision": _precision(w, "bf16")})))
        for name, w in (("long", {"experts": "bf16", "router": "bf16", "rest": "bf16"}), ("short", "bf16"))
    )
    assert long.digests() == short.digests()
    fronts = [
        sweep(q, counts=COUNTS, out=tmp_path / q.slug / n).front for q, n in ((long, "a"), (short, "b"))
    ]
    assert all(front is not None for front in fronts)
    one, other = (front.frame.to_csv() for front in fronts if front is not None)
    assert one == other


def test_parts_make_other_fronts_than_one_format_does(tmp_path: Path) -> None:
    found = {}
    for name, weights in (("parts", {"experts": "mxfp4", "rest": "bf16"}), ("one", "mxfp4")):
        (tmp_path / name).mkdir()
        changes = {**OF_EXPERTS, "precision": _precision(weights, "bf16")}
        question = load_study(str(write_study(tmp_path / name, **changes)))
        front = sweep(question, counts=COUNTS, out=tmp_path / name / "out").front
        assert front is not None
        found[name] = front.frame["tpot_s"].min()
    # attention and head are read in 16 bits
    assert found["parts"] > found["one"]

"""`--cp` and `deployment.cp`: KV cache split along its tokens where a stack can, else one sentence."""

import json
from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.question.layouts import splits
from dse.question.resolved_study import load_study

BASE = ("--llm", "llama3.3-70b", "--workload", "chat", "--weights", "fp8", "--no-targets")
H200 = ("estimate", "--chip", "h200-sxm", *BASE)


def test_a_given_split_is_the_one_estimated_and_says_that_no_row_anchors_it(dse):
    found = dse(*H200, "--tp", 8, "--cp", 2, "--pp", 1, "--batch", 64, "--format", "json").json
    assert found["deployment"] == {"batch": 64, "tp": 8, "cp": 2, "pp": 1, "ep": 1, "dp": 1}
    assert found["metrics"]["chips"] == 16
    assert found["ledgers"]["tpot_s"]["kv_merges"] > 0.0
    assert any("no measured row of gpu-serving splits KV cache" in note for note in found["notes"])


def test_a_table_names_the_split_only_where_there_is_one(dse):
    cut = dse(*H200, "--tp", 8, "--cp", 2, "--pp", 1, "--batch", 64).out
    whole = dse(*H200, "--tp", 8, "--pp", 1, "--batch", 64).out
    assert "TP 8, CP 2, PP 1" in cut
    assert "KV merges" in cut
    assert "CP" not in whole
    assert "merges" not in whole


def test_one_way_is_what_leaving_it_out_gives_where_tp_is_given(dse):
    one, other = (
        dse(*H200, "--tp", 8, "--pp", 1, "--batch", 64, *more, "--format", "json").json
        for more in ((), ("--cp", 1))
    )
    assert one == other


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--chip", "h200-sxm", *BASE, "--tp", "8", "--cp", "3"),
            "--cp: expected TP x CP to be a divisor or a multiple of the 64 heads of llama3.3-70b "
            "(CP 1, 2, 4, 8, ...), got TP 8 x CP 3",
        ),
        (
            ("--chip", "tpu-v7", *BASE, "--cp", "2"),
            "--cp: expected 1, the stack systolic-serving does not split KV cache along its tokens, got 2",
        ),
        (("--chip", "h200-sxm", *BASE, "--cp", "0"), "--cp"),
        (
            ("--chip", "h200-sxm", "--llm", "mixtral-8x7b", "--workload", "chat", "--tp", "2", "--cp", "2",
             "--ep", "3"),
            "--ep: expected a divisor or a multiple of TP x CP 4, got 3",
        ),
    ],
)  # fmt: skip
def test_splits_that_cannot_be_are_refused_in_one_sentence(dse, options, told):
    said = dse("estimate", *options)
    assert said.code != 0
    assert told in " ".join(said.err.split())


def test_chips_are_compared_in_a_split_that_is_given(dse):
    said = dse(
        "compare", "h200-sxm", "b200-sxm", *BASE, "--tp", 8, "--cp", 2, "--format", "json", "--no-intervals"
    )
    text = json.dumps(said.json)
    assert '"cp": 2' in text


def test_a_study_takes_a_list_of_splits(tmp_path: Path) -> None:
    path = write_study(tmp_path, deployment={"mode": "solve", "tp": [8, 16], "cp": [1, 2], "pp": [1]})
    study = load_study(str(path))
    assert splits(study.lists) == splits(study.fine_lists) == [(8, 1), (8, 2), (16, 1), (16, 2)]


def test_a_study_without_a_list_is_filled_in_only_where_cache_would_be_repeated(tmp_path: Path) -> None:
    given = {"mode": "solve", "tp": [1, 8, 16], "pp": [1]}
    study = load_study(str(write_study(tmp_path, deployment=given)))
    assert splits(study.lists) == [(1, 1), (8, 1), (8, 2), (16, 1)]
    assert "cp" not in study.question["study"]["deployment"]


@pytest.mark.parametrize(
    ("cp", "told"),
    [
        ([3], "cp: expected TP x CP to be a divisor or a multiple of the 64 heads"),
        ([0], "cp"),
    ],
)
def test_splits_that_a_study_cannot_have_are_named(tmp_path: Path, cp: list[int], told: str) -> None:
    path = write_study(tmp_path, deployment={"mode": "solve", "tp": [8], "cp": cp, "pp": [1]})
    with pytest.raises(SpecError) as caught:
        load_study(str(path))
    assert told in str(caught.value)


def test_a_study_of_chips_that_cannot_split_refuses_the_list(tmp_path: Path) -> None:
    path = write_study(
        tmp_path, baselines=["tpu-v6e"], space=None, deployment={"mode": "solve", "cp": [1, 2], "pp": [1]}
    )
    with pytest.raises(SpecError, match="does not split KV cache along its tokens, got 2"):
        load_study(str(path))

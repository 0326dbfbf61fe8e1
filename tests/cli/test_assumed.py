"""What a number assumes stands wherever the number does: loads for nothing, deployments of a listed grid."""

import json

import pytest
from studies_for_tests import write_study

from dse.report.words.listed_grid import listed_grid

SILENT = "the file of wse-3 does not say how fast weights enter its matrix units"
ASKED = ("--llm", "llama3.1-8b", "--workload", "article", "--weights", "fp16")


def words(said):
    return " ".join(said.out.split())


def test_a_comparison_says_which_chips_load_weights_for_nothing(dse):
    asked = ("compare", "wse-3", "h100", *ASKED, "--no-intervals")
    said = dse(*asked)
    assert f"Assumed: {SILENT}" in words(said)
    told = {c["chip"]: c for c in dse(*asked, "--format", "json").json["chips"]}
    assert told["wse-3"]["assumed"].startswith(SILENT) and told["h100-sxm"]["assumed"] is None
    given = dse(*asked, "--set", "wse-3.weight_load=40 TB/s")
    assert given.code == 0 and "Assumed" not in given.out


@pytest.fixture(scope="module")
def silent(dse, tmp_path_factory):
    """A front of chips of the catalog, one of which loads weights for nothing."""
    folder = tmp_path_factory.mktemp("silent")
    path = write_study(
        folder, space=None, baselines=["wse-3", "h100-sxm"], llm="llama3.1-8b", budget__trials=2,
        price={"method": "listed"}, deployment={"batch": [1, 8], "tp": [1, 8], "pp": [1], "mode": "solve"},
    )  # fmt: skip
    return path, folder / "out", dse("run", path, "--out", folder / "out", "--no-verdicts", "--no-intervals")


def test_a_front_says_so_too_in_every_form(dse, silent):
    path, out, ran = silent
    assert ran.code == 0, ran.err
    assert f"Assumed: {SILENT}" in words(ran)
    shown = dse("front", path, "--out", out, "--no-intervals")
    assert f"Assumed: {SILENT}" in words(shown)
    told = dse("front", path, "--out", out, "--no-intervals", "--format", "json").json
    assert list(told["assumed"]) == ["wse-3"]
    assert dse("report", path, "--out", out, "-o", out / "page.html").code == 0
    assert f"Assumed: {SILENT}" in (out / "page.html").read_text(encoding="utf-8")


def test_an_explained_design_says_so(dse, silent):
    path, out, _ = silent
    rows = dse("front", path, "--out", out, "--no-intervals", "--format", "json").json["front"]
    at = next(i for i, row in enumerate(rows, start=1) if row["chip"] == "wse-3")
    assert SILENT in words(dse("explain", path, f"row:{at}", "--out", out))


@pytest.mark.parametrize(
    ("told", "word"),
    [({"deployment": "solve"}, None), ({}, None), ({"deployment": "search"}, "trials"),
     ({"deployment": "solve", "mix": [1, 2]}, "mix")],
)  # fmt: skip
def test_an_answer_of_a_listed_grid_says_so(told, word):
    line = listed_grid(told)
    assert line is None if word is None else (word in line and "batch sizes" in line)


def test_a_search_of_deployments_says_that_only_those_were_tried(dse, tmp_path):
    layouts = {"mode": "search", "batch": [1, 8], "tp": [8], "pp": [10, 80]}
    path = write_study(tmp_path, deployment=layouts, sweep=None, baselines=["groq-lpu-v1"], budget__trials=8)
    said = dse("run", path, "--out", tmp_path / "out", "--no-verdicts", "--no-intervals")
    assert said.code == 0, said.err
    told = json.loads(dse("front", path, "--out", tmp_path / "out", "--format", "json").out)["listed_grid"]
    assert told and told in words(said)

"""`dse run` and `dse front` of a study with cases."""

import json

import pytest

from dse.front.files import load_front

CHIPS = ["groq-lpu-v1", "h100-sxm", "h200-sxm", "rtx-4090"]
LISTED = {
    "title": "real chips at list prices", "space": None, "price": {"method": "listed"}, "baselines": CHIPS,
}  # fmt: skip
SLOW = {"title": "nothing is so fast", "targets": {"tpot": "1 us"}}


@pytest.fixture
def ran(study_with, dse):
    path = study_with(cases={"listed": LISTED, "too-fast": SLOW})
    return path, dse("run", path, "--trials", "6", "--no-verdicts", "--no-intervals")


def test_every_case_has_a_folder_and_a_row_of_its_own(ran, tmp_path):
    _, said = ran
    assert said.code == 0, said.err
    results = tmp_path / "results" / "mine"
    for folder in (results, results / "listed", results / "too-fast"):
        assert (folder / "front.csv").is_file()
    assert (results / "cases.png").read_bytes()[:4] == b"\x89PNG"
    table = said.out.partition("of each case")[2]
    for words in ("as asked", "real chips", "nothing is", "dse front"):
        assert words in table
    assert json.loads((results / "listed" / "manifest.json").read_text())["study"] == "mine/listed"


def test_a_case_without_a_space_tries_each_baseline_once_and_is_then_done(ran, dse, tmp_path):
    path, _ = ran
    front = load_front(tmp_path / "results" / "mine" / "listed")
    assert front.manifest["trials"] == len(set(front.baselines["chip"])) == len(CHIPS)
    assert set(front.frame["role"]) == {"baseline"}
    again = dse("run", f"{path.parent}/listed", "--no-verdicts", "--no-intervals")
    assert "4 trials (0 new)" in again.out
    assert "time limit" not in again.out


def test_one_case_can_be_run_and_shown_alone(study_with, dse, tmp_path):
    path = study_with(cases={"listed": LISTED})
    name = f"{path.parent}/listed"
    assert "4 trials (4 new)" in dse("run", name, "--out", "r", "--no-verdicts", "--no-intervals").out
    assert not (tmp_path / "r" / "front.csv").exists()
    told = dse("front", name, "--out", "r", "--format", "json").json
    assert told["study"] == "mine/listed"
    dse("front", f"{path.parent}/lister", "--out", "r").refused(
        "unknown case 'lister'; did you mean 'listed'"
    )

"""Cases of a study that run side by side, in several processes."""

import json

import pytest

from dse.cli.cases import helper, side_by_side
from dse.errors import HelperLost

CHEAP = {"title": "chips alone", "price": {"system": "chips-only"}}
LISTED = {"title": "real chips", "space": None, "price": {"method": "listed"}, "baselines": ["h100-sxm"]}
WRONG = {"title": "no such option", "sampler": {"name": "random", "options": {"no_such": 1}}}
RUN = ("--trials", "4", "--no-verdicts", "--no-intervals", "--timeout", "1 h")
FILES = ("front.csv", "baselines.csv", "at_targets.csv", "front.png")


@pytest.fixture
def several(monkeypatch):
    """Searches of any size are worth a process, on a machine with two cores."""
    monkeypatch.setattr(side_by_side, "WORTH", 1)
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)


def _without_times(path):
    told = json.loads(path.read_text())
    return {k: v for k, v in told.items() if k not in ("created", "storage")}


@pytest.mark.slow
def test_cases_side_by_side_give_what_one_process_gives(several, study_with, dse, tmp_path, monkeypatch):
    path = study_with(cases={"cheap": CHEAP, "listed": LISTED})
    asked = []
    run = helper.Helper.run

    def noted(self, question, *given):
        asked.append(question.slug)
        return run(self, question, *given)

    monkeypatch.setattr(helper.Helper, "run", noted)
    both = dse("run", path, *RUN, "--out", "r-two")
    assert "mine/cheap" in asked
    assert "mine" not in asked  # its study is asked for more
    alone = dse("run", path, *RUN, "--workers", "1", "--out", "r-one")
    assert both.out.replace("r-two", "r-one") == alone.out
    for case in (".", "cheap", "listed"):
        here, there = tmp_path / "r-two" / case, tmp_path / "r-one" / case
        for name in FILES:
            assert (here / name).read_bytes() == (there / name).read_bytes(), (case, name)
        assert _without_times(here / "manifest.json") == _without_times(there / "manifest.json")


@pytest.mark.slow
def test_what_is_wrong_with_a_case_is_told_as_in_one_process(several, study_with, dse):
    path = study_with(cases={"wrong": WRONG})
    dse("run", path, *RUN, "--out", "r").refused("no_such")


@pytest.mark.slow
def test_a_case_whose_helper_dies_is_run_all_the_same(several, study_with, dse, tmp_path, monkeypatch):
    def dies(self, question, asked, tell):
        raise HelperLost

    monkeypatch.setattr(helper.Helper, "run", dies)
    path = study_with(cases={"cheap": CHEAP})
    said = dse("run", path, *RUN, "--out", "r")
    assert said.code == 0, said.err
    assert (tmp_path / "r" / "cheap" / "front.csv").is_file()

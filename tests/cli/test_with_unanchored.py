"""Chips that no measurement anchors win only where a reader asks for it, wherever a winner is named."""

import json

import pytest
from studies_for_tests import write_study


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A GPU on a stack that loses nothing, which makes it the cheapest, and an upper bound."""
    folder = tmp_path_factory.mktemp("asked")
    return write_study(
        folder, stacks={"h100-sxm": "ideal"}, report_at=["15 ms"],
    )  # fmt: skip


GRID = "peak_flops=2,sram=2,sram_bandwidth_per_byte=2,link_bandwidth=2,dram_stacks=2"


def test_a_sweep_and_a_page_of_it_let_unanchored_chips_win_on_request(dse, asked, tmp_path):
    out = tmp_path / "swept"
    plain, opened = (dse("sweep", asked, "--grid", GRID, "--out", out, *more)
                     for more in ((), ("--with-unanchored",)))  # fmt: skip
    front = {
        flag: dse("front", asked, "--out", out, "--no-intervals", "--format", "json", *flag).json["best"]
        for flag in ((), ("--with-unanchored",))
    }
    assert (plain.code, opened.code) == (0, 0), plain.err
    barred = ["It is not ranked" in " ".join(said.out.split()) for said in (plain, opened)]
    assert barred == [True, False]
    winner = {flag: rows[0]["chip"] for flag, rows in front.items()}
    assert winner[("--with-unanchored",)] == "h100-sxm" != winner[()]
    for said, flag in ((plain, ()), (opened, ("--with-unanchored",))):
        table = said.out[said.out.index("TPOT target\n") :]
        assert winner[flag] in table[: table.index("\n\n")]
    for flag in front:
        page = tmp_path / "page.html"
        assert dse("report", asked, "--out", out, "-o", page, *flag).code == 0
        answer = page.read_text(encoding="utf-8")
        answer = answer[answer.index('class="answer"') :]
        assert winner[flag] in answer[: answer.index("</div>")]


def test_what_is_stored_does_not_depend_on_who_may_win(dse, asked, tmp_path):
    files = []
    for name, more in (("a", ()), ("b", ("--with-unanchored",))):
        assert dse("sweep", asked, "--grid", GRID, "--out", tmp_path / name, *more).code == 0
        files.append(json.loads((tmp_path / name / "manifest.json").read_text()))
    assert files[0] == files[1]


@pytest.mark.parametrize("verb", [("explain", "row:1"), ("breakeven", "--x", "tpot")])
def test_a_study_of_single_chips_refuses_the_option_where_it_changes_nothing(dse, verb):
    name, *rest = verb
    said = dse(name, "groq-vs-h100", *rest, "--with-unanchored")
    assert said.code == 2
    assert "--with-unanchored: expected a study of pools with it" in " ".join(said.err.split())

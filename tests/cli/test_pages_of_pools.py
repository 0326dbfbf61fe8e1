"""Pages and pictures of studies of pools on the command line."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import final

import pytest
from cli.test_pools import STUDY

from dse.report.plots.registry import CheckedPlot, knows_pools


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "pair" / "study.yaml"
    path.parent.mkdir()
    path.write_text(STUDY)
    return path


def test_pairs_have_a_page_and_pictures(dse, study, tmp_path):
    out = tmp_path / "out"
    assert dse("run", study, "--trials", "3", "--out", out).code == 0
    said = dse("report", study, "--out", out, "-o", tmp_path / "page.html")
    assert said.code == 0, said.err
    page = (tmp_path / "page.html").read_text()
    for part in ("figure-progress", "Uncertainty of", "r200 | b200-sxm", "h100-sxm | lp30", "3 trials"):
        assert part in page
    for kind in ("front", "progress"):
        drawn = dse("plot", study, kind, "--out", out, "-o", tmp_path / f"{kind}.svg")
        assert drawn.code == 0, drawn.err
        assert (tmp_path / f"{kind}.svg").read_text().startswith("<?xml")
    none = dse("plot", study, "importance", "--out", out, "-o", tmp_path / "none.svg")
    assert none.code == 2
    assert "expected a space in a pool, got chips of the catalog alone, which have front, binds" in " ".join(
        none.err.split()
    )


def test_a_page_of_pairs_without_results_says_how_to_get_some(dse, study):
    said = dse("report", study, "-o", "page.html")
    assert said.code == 2
    assert "expected the results of pair, got none. Start with `dse run" in " ".join(said.err.split())


def test_a_plot_is_of_single_chips_unless_it_says_that_it_knows_pools():
    @final
    class Alone:
        name, summary, needs_trials, rank = "alone", "single chips", False, 1

        def draw(self, given, form):
            return b"x"

        def figure(self, given):
            return None

    assert not knows_pools(CheckedPlot(EntryPoint("alone", "a:b", "dse.plots"), Alone()))

"""What CONTRIBUTING and the how-tos name is there, so that a reader finds the place at once."""

import re
from pathlib import Path

import pytest
from worked_pages import ROOT

_PATH = re.compile(r"`((?:dse|objectives|configs|studies|tests)/[\w./-]*)`")
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "dse" / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = _PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


ASKED = (
    "memory tier",
    "second kind of chip",
    "percentiles",
    "serving mode",
    "price method",
    "kind of attention",
    "metric column",
    "a plot",
    "newer Optuna",
    "a sampler",
)


def test_contributing_answers_what_is_added_most_often() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for thing in ASKED:
        (row,) = [line for line in text.splitlines() if line.startswith("|") and thing in line]
        assert _PATH.search(row) or "not yet" in row, thing

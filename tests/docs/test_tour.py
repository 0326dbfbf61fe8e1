"""Every section of the tour runs in an empty folder, and its examples show what the page shows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from worked_pages import ROOT, follow, install, python, sections_of, write_files

from dse import plugins

TOUR = ROOT / "dse" / "docs" / "tour.md"
SECTIONS = sections_of(TOUR)
EXAMPLES = [example for examples in SECTIONS.values() for example in examples]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page, its plug-in installed as packages are."""
    write_files(TOUR, tmp_path)
    install(TOUR, tmp_path, "my_objectives")
    return tmp_path


@pytest.fixture
def reader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plug-in is installed for this process too."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    plugins.forget()
    yield folder
    monkeypatch.undo()
    plugins.forget()


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_a_section_run_and_show_what_the_page_shows(section: str, reader: Path) -> None:
    for example in SECTIONS[section]:
        follow(example, reader)


def test_the_examples_cover_every_verb_that_needs_no_machine_of_its_own() -> None:
    verbs = {e.command.split()[1] for e in EXAMPLES if e.command.startswith("dse ")}
    assert verbs == {
        "run", "sweep", "front", "report", "plot", "estimate", "compare", "propose", "breakeven", "catalog",
        "check", "chip", "validate",
    }  # fmt: skip
    assert any(e.command.startswith("python: ") for e in EXAMPLES)


@pytest.mark.slow
def test_the_plug_in_of_the_page_keeps_the_contract(folder: Path) -> None:
    assert json.loads(python(["-c", _CONTRACT], folder))


_CONTRACT = """
import json
from dse.plugins import objective
from dse.testing.contract import ObjectiveContract
kit, subject = ObjectiveContract(), objective("chip_count")
names = [n for n in dir(kit) if n.startswith("test_")]
for name in names:
    getattr(kit, name)(subject)
print(json.dumps(names))
"""

"""Every example of the tour runs, in its order, in an empty folder, and shows what the page shows."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from worked_pages import ROOT, Example, examples_of, follow, install, python, write_files

from dse import plugins

TOUR = ROOT / "dse" / "docs" / "tour.md"
EXAMPLES = examples_of(TOUR)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, its plug-in installed as packages are."""
    place = tmp_path_factory.mktemp("reader")
    write_files(TOUR, place)
    install(TOUR, place, "my_objectives")
    return place


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Path]:
    """The plug-in is installed for this process too."""
    sys.path.insert(0, str(folder))
    plugins.registered.cache_clear()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        plugins.registered.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_runs_and_shows_what_the_page_shows(
    example: Example, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
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

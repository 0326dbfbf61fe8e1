"""Every how-to works: its files are written, its plug-in is installed, its commands and programs run."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from said import call
from worked_pages import ROOT, blocks_of, examples_of, follow, install, python, write_files

from dse import plugins
from dse.cli.lazy_group import VERBS, Verb
from dse.plugins import ATTENTION_KINDS

HOW_TO = ROOT / "dse" / "docs" / "how-to"
PAGES = sorted(page for page in HOW_TO.glob("*.md") if page.stem != "index")
FILES = {page: [block.file for block in blocks_of(page) if block.file] for page in PAGES}
TESTED = [page for page in PAGES if any(name.startswith("test_") for name in FILES[page])]


def _forget() -> None:
    """Read entry points again."""
    importlib.invalidate_caches()
    plugins.forget()


@pytest.fixture
def page(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A page whose plug-in is installed, in an empty folder."""
    found: Path = request.param
    plugin, work = tmp_path / "plugin", tmp_path / "work"
    work.mkdir()
    write_files(found, plugin)
    if any(block.language == "toml" for block in blocks_of(found)):
        install(found, plugin, "my_plugin")
    monkeypatch.syspath_prepend(str(plugin))
    monkeypatch.chdir(work)
    for name, value in {"NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": str(plugin)}.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield found
    monkeypatch.undo()
    _forget()
    for name in FILES[found]:
        sys.modules.pop(Path(name).stem, None)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem, indirect=True)
def test_a_reader_can_follow_the_how_to(page: Path) -> None:
    # keys of blocks are read once in a process
    apart = ATTENTION_KINDS in page.read_text(encoding="utf-8")
    for example in examples_of(page):
        follow(example, Path.cwd(), apart=apart)


@pytest.mark.slow
@pytest.mark.parametrize("page", TESTED, ids=lambda page: page.stem, indirect=True)
def test_the_test_file_of_the_how_to_passes(page: Path) -> None:
    (name,) = [name for name in FILES[page] if name.startswith("test_")]
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", name]
    assert " passed" in python(arguments, Path.cwd().parent / "plugin")


@pytest.mark.parametrize("page", [HOW_TO / "command.md"], ids=["command"], indirect=True)
def test_the_verb_of_the_how_to_counts_the_files_of_a_kind(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = FILES[page]
    monkeypatch.syspath_prepend(str(Path.cwd().parent / "plugin" / Path(name).parent))
    # the line of the page, but for where the module is
    (line,) = [block.text for block in blocks_of(page) if block.language == "text"]
    _, module, summary = re.findall(r'"(.*?)"', line)
    assert name == module.replace(".", "/") + ".py"
    monkeypatch.setitem(VERBS, "count", Verb("count", summary))
    chips = len(list((ROOT / "configs" / "chips").glob("*.yaml")))
    assert call("count", "chips").out == f"{chips}\n"
    assert call("count", "chipz").code == 2
    said = call("count", "--help").out
    assert summary in said and said.count("  dse count") >= 2


def test_every_how_to_is_listed() -> None:
    index = (HOW_TO / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"({page.name})" not in index] == []

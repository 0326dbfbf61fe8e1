"""Every example of the README runs, in its order, in an empty folder, and shows what the README shows."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from said import call

from dse import plugins

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CHANGELOG.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "dse/docs").rglob("*.md")))
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w./-]+\.(?:py|yaml))\n")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """Name of the file that the block stands for, told by its first line."""
        found = _NAME.match(self.text)
        return found.group(1) if found else None


@dataclass(frozen=True)
class Example:
    """A command and the lines that the README shows of its output; `...` stands for any."""

    command: str
    shown: tuple[str, ...]


BLOCKS = [Block(*found) for found in _FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))]


def _examples() -> list[Example]:
    found: list[Example] = []
    for block in BLOCKS:
        if block.language == "python" and block.file is None:
            found.append(Example("python: " + block.text, ()))
        if block.language != "console":
            continue
        for part in block.text.removeprefix("$ ").split("\n$ "):
            command, *shown = part.strip().split("\n")
            found.append(Example(command, tuple(line for line in shown if line != "...")))
    return found


EXAMPLES = _examples()


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the files of the README, its plug-in installed as packages are."""
    folder = tmp_path_factory.mktemp("reader")
    for block in BLOCKS:
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    (entry_points,) = [b.text for b in BLOCKS if b.language == "toml"]
    group, name, value = re.findall(r'entry-points\."([\w.]+)"\]\n(\w+) = "([\w:]+)"', entry_points)[0]
    info = folder / "my_objectives-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-objectives\nVersion: 0.1\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n", encoding="utf-8")
    return folder


def _run(arguments: list[str], place: Path) -> str:
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def reader(place: Path) -> Iterator[Path]:
    """The plug-in is installed for this process too."""
    sys.path.insert(0, str(place))
    plugins.registered.cache_clear()
    try:
        yield place
    finally:
        sys.path.remove(str(place))
        plugins.registered.cache_clear()


def _called(arguments: list[str]) -> str:
    """What the program says in this process, in the folder that we are in."""
    said = call(*arguments)
    assert said.code == 0, f"exit code {said.code}\n{said.out}{said.err}"
    return said.out


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: " ".join(e.command.split()[:5]))
def test_the_example_runs_and_shows_what_the_readme_shows(
    example: Example, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    if example.command.startswith("python: "):
        told = _run(["-c", example.command.removeprefix("python: ")], reader)
        assert told.strip()
        return
    program, *arguments = shlex.split(example.command)
    assert program == "dse"
    told = _words(_called(arguments))
    at = 0
    for line in example.shown:
        found = told.find(_words(line), at)
        assert found >= 0, f"{line!r} is not in what `{example.command}` tells from here on:\n{told[at:]}"
        at = found + len(_words(line))


def test_the_examples_cover_every_verb_that_needs_no_machine_of_its_own() -> None:
    verbs = {e.command.split()[1] for e in EXAMPLES if e.command.startswith("dse ")}
    assert verbs == {
        "run", "sweep", "front", "report", "plot", "estimate", "compare", "propose", "breakeven", "catalog",
        "check", "chip", "validate",
    }  # fmt: skip
    assert any(e.command.startswith("python: ") for e in EXAMPLES)


def test_the_plug_in_of_the_readme_keeps_the_contract(place: Path) -> None:
    told = _run(["-c", _CONTRACT], place)
    assert json.loads(told)


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


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = [link for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(p.name[:4] for p in (ROOT / "dse/docs/adr").glob("*.md"))
    assert numbers
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]

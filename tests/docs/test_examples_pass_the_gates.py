"""Python files that the how-tos show pass the gates of this repository where a contributor puts them."""

import subprocess
import sys
from pathlib import Path

import pytest
from worked_pages import ROOT, Block, blocks_of

HOW_TO = ROOT / "dse" / "docs" / "how-to"
FOLDERS = {
    "attention": "objectives/equations/llm/attention",
    "broken-plug-in": "tests",  # nothing that anybody adds
    "command": "",  # it names its folder itself
    "cost-model": "objectives/costmodels",
    "metric": "objectives",
    "objective": "objectives/goals",
    "plot": "dse/report/study_plots",
    "price-method": "dse/chips/price_methods",
    "sampler": "dse/search/samplers",
    "serving-mode": "objectives/equations/serving",
    "traffic": "tests",  # programs that use it
}
"""Page to the folder that it sends a contributor to."""


def _python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.language == "python"]


def _shown() -> dict[str, str]:
    """Path in this repository to the text of each file that a page shows."""
    found = {}
    for stem, folder in FOLDERS.items():
        for block in _python_blocks(HOW_TO / f"{stem}.md"):
            if block.file:
                place = "tests" if block.file.startswith("test_") else folder
                found[str(Path(place, block.file))] = block.text
    return found


SHOWN = _shown()


def _run(*arguments: str, text: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_that_shows_python_has_a_folder() -> None:
    assert {page.stem for page in HOW_TO.glob("*.md") if _python_blocks(page)} == set(FOLDERS)


@pytest.mark.parametrize("path", SHOWN)
def test_ruff_finds_nothing(path: str) -> None:
    _run("ruff", "check", "--no-cache", "--stdin-filename", path, "-", text=SHOWN[path])
    _run("ruff", "format", "--no-cache", "--check", "--stdin-filename", path, "-", text=SHOWN[path])


@pytest.mark.slow
def test_mypy_finds_nothing_in_strict_mode(tmp_path: Path) -> None:
    files = [path for path in SHOWN if not path.startswith("tests/")]
    for path in files:
        (tmp_path / Path(path).name).write_text(SHOWN[path], encoding="utf-8")
    _run("mypy", "--strict", *(str(tmp_path / Path(path).name) for path in files))

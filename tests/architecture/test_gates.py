"""The gates that every change passes: style, types, who may import whom, and what may stand in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400
"""Lines of a Python file; a longer one has two subjects."""

# Put together from pieces, so that this file passes its own gate.
_MACHINE = re.compile(r"(?<![\w.:/~-])/(?:" + "|".join(["work", "opt", "tmp", "root", "home"]) + r")/")
_OUTSIDE = re.compile(r"\.\./" + "shared")
_TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".csv", ".json", ".cff", ".lock", ""}


def _run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    return done.returncode, done.stdout + done.stderr


def _files() -> list[Path]:
    """Files of the project, told by git where there is a checkout, so that leftovers do not count."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout, so nobody knows which files belong to the project")
    return sorted({ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_ruff_finds_nothing() -> None:
    code, told = _run("-m", "ruff", "check", "--no-cache", ".")
    assert code == 0, told


def test_every_file_is_formatted() -> None:
    code, told = _run("-m", "ruff", "format", "--no-cache", "--check", ".")
    assert code == 0, told


@pytest.mark.slow
def test_mypy_finds_nothing_in_strict_mode() -> None:
    code, told = _run("-m", "mypy", "--strict")
    assert code == 0, told


def test_imports_keep_the_contracts() -> None:
    code, told = _run("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache")
    assert code == 0, told
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", told), told


def test_nothing_is_imported_for_type_checkers_only() -> None:
    """Where imports have no cycles, nothing needs hiding from them."""
    word = "TYPE_" + "CHECKING"
    shipped = [p for p in _files() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] != "tests"]
    assert [str(p.relative_to(ROOT)) for p in shipped if word in p.read_text(encoding="utf-8")] == []


def test_no_python_file_is_long() -> None:
    sizes = {str(p.relative_to(ROOT)): len(_lines(p)) for p in _files() if p.suffix == ".py"}
    assert sizes, "expected Python files"
    assert {name: n for name, n in sizes.items() if n > LONGEST} == {}


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in _files()
        if path.suffix in _TEXT
        for number, line in enumerate(_lines(path), start=1)
        if _MACHINE.search(line) or _OUTSIDE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("see " + "/work" + "/main/README.md", True),
        ("'" + "/tmp" + "/x'", True),
        ("as in " + "../" + "shared/house.md", True),
        ("https://example.org" + "/work" + "/paper.pdf", False),
        ("results" + "/tmp" + "/front.csv", False),
    ],
)
def test_the_search_for_places_tells_paths_from_addresses(text: str, caught: bool) -> None:
    assert bool(_MACHINE.search(text) or _OUTSIDE.search(text)) is caught

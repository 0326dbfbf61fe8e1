"""Habits that we give up: what is left of them may only shrink, and the command line has none.

`python tests/architecture/test_ratchet.py` prints what is counted today; lower a limit after each clean-up.
"""

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dse", "objectives")
LONG = 10
"""Lines, without comments, of a private function that explains itself; a longer one has a docstring line."""

LIMITS = {
    "Any": 112,
    "fmt: skip": 0,
    "import inside a function": 36,
    "long private function without a docstring": 0,
}
"""How many there may be in all packages together."""

CLEAN = (
    "dse/cli",
    "dse/errors.py",
    "dse/bounds",
    "objectives/costmodels",
    "objectives/equations/serving",
    "dse/calibrate",
    "dse/chips",
    "dse/question",
    "dse/validate",
    "dse/spec/catalog",
    "dse/spec/huggingface",
    "dse/spec/overrides",
    "dse/spec/schema",
)
"""Folders and files that have none of them."""

Count = Callable[[ast.Module, str], Iterator[int]]


def _any(tree: ast.Module, _: str) -> Iterator[int]:
    """Lines where a type is `Any`, so that nothing is checked."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "Any":
            yield node.lineno


def _skipped(_: ast.Module, text: str) -> Iterator[int]:
    """Lines that the formatter leaves alone."""
    word = "fmt: " + "skip"
    yield from (number for number, line in enumerate(text.splitlines(), start=1) if word in line)


def _imports_inside(tree: ast.Module, _: str) -> Iterator[int]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno


def _undocumented(tree: ast.Module, text: str) -> Iterator[int]:
    comments = {n for n, line in enumerate(text.splitlines(), start=1) if line.lstrip().startswith("#")}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.end_lineno is None:
            continue
        private = node.name.startswith("_") and not node.name.endswith("__")
        lines = len(set(range(node.lineno, node.end_lineno + 1)) - comments)
        if private and lines > LONG and not ast.get_docstring(node):
            yield node.lineno


COUNTS: dict[str, Count] = {
    "Any": _any,
    "fmt: skip": _skipped,
    "import inside a function": _imports_inside,
    "long private function without a docstring": _undocumented,
}


def _found(habit: str, files: list[Path]) -> list[str]:
    """`file:line` of each."""
    return [f"{path.relative_to(ROOT)}:{line}" for path in files for line in _habits(path)[habit]]


@functools.cache
def _habits(path: Path) -> dict[str, list[int]]:
    """Lines of a file that have each habit, counted once for all tests."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    return {habit: sorted(set(count(tree, text))) for habit, count in COUNTS.items()}


def _files(*places: str) -> list[Path]:
    """Python files of some folders, and the files among `places`."""
    roots = [ROOT / place for place in places]
    found = [p for root in roots for p in ([root] if root.is_file() else sorted(root.rglob("*.py")))]
    assert found, places
    return found


@pytest.mark.parametrize("habit", COUNTS)
def test_there_are_no_more_of_them_than_the_limit(habit: str) -> None:
    found = _found(habit, _files(*PACKAGES))
    by_folder = Counter(str(Path(place).parent) for place in found)
    assert len(found) <= LIMITS[habit], f"{len(found)} of {habit!r}: {dict(by_folder.most_common())}"


@pytest.mark.parametrize("habit", COUNTS)
def test_the_command_line_has_none(habit: str) -> None:
    assert _found(habit, _files(*CLEAN)) == []


EXAMPLES = {
    "Any": "from typing import Any\ndef f(x: Any) -> None: ...\n",
    "fmt: skip": "x = [1]  # fmt: " + "skip\n",
    "import inside a function": "def f():\n    import json\n    return json\n",
    "long private function without a docstring": "def _f():\n" + "    x = 1\n" * LONG,
}


@pytest.mark.parametrize("habit", COUNTS)
def test_each_of_them_is_seen(habit: str) -> None:
    text = EXAMPLES[habit]
    assert len(list(COUNTS[habit](ast.parse(text), text))) == 1


if __name__ == "__main__":
    for name in COUNTS:
        print(f"{name}: {len(_found(name, _files(*PACKAGES)))}")
        places = Counter(str(Path(place).parent) for place in _found(name, _files(*PACKAGES)))
        print("   " + ", ".join(f"{folder} {n}" for folder, n in places.most_common()))

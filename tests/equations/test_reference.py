"""Equations are a reference: each says what it computes, from what, where it holds, and by what example."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import objectives.equations as rooms

ROOT = Path(rooms.__file__).parent
FILES = sorted(p for p in ROOT.rglob("*.py") if p.name != "__init__.py")
SECTIONS = ("Args", "Returns", "Raises", "Domain", "Limits", "Source", "Examples")
REQUIRED = {"Domain", "Limits", "Source", "Examples"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)


def functions(path: Path) -> list[ast.FunctionDef]:
    """Public functions of a module; methods are described with their class."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [n for n in body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


EQUATIONS = [(path, f) for path in FILES for f in functions(path)]
IDS = [f"{path.stem}.{f.name}" for path, f in EQUATIONS]


def sections(text: str) -> dict[str, str]:
    """Text of each section by its heading, which is alone in its line."""
    found: dict[str, list[str]] = {"": []}
    at = ""
    before = ""
    for line in text.splitlines():
        heading = line.removesuffix(":")
        if heading in SECTIONS and line.endswith(":"):
            assert heading not in found, f"{heading} twice"
            assert not before.strip(), f"{heading}: no empty line before it, so that no page shows it"
            at = heading
            found[at] = []
        else:
            found[at].append(line)
        before = line
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


@pytest.mark.parametrize(("path", "function"), EQUATIONS, ids=IDS)
def test_every_equation_has_every_section(path: Path, function: ast.FunctionDef) -> None:
    found = sections(ast.get_docstring(function) or "")
    arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    wanted = set(REQUIRED) | ({"Args"} if arguments else set())
    if not (isinstance(function.returns, ast.Constant) and function.returns.value is None):
        wanted.add("Returns")
    assert wanted <= found.keys(), f"lacks {sorted(wanted - found.keys())}"
    assert all(found[name] for name in wanted), "an empty section"
    assert re.findall(r"(?m)^ *(\w+): ", found.get("Args", "")) == arguments


@pytest.mark.parametrize(("path", "function"), EQUATIONS, ids=IDS)
def test_every_quantity_has_a_unit(path: Path, function: ast.FunctionDef) -> None:
    """Of what is computed; what is found, chosen or assembled has none."""
    text = ast.get_docstring(function) or ""
    annotation = ast.unparse(function.returns) if function.returns else ""
    if re.fullmatch(r"Array|float|int|dict\[str, Array\]|Array \| None", annotation):
        head, returned = text.partition("\n\n")[0], sections(text)["Returns"]
        assert re.search(r"\[[^\]]+\]", head + returned), "no [unit]"


@pytest.mark.parametrize(("path", "function"), EQUATIONS, ids=IDS)
def test_every_example_runs_here_or_in_a_test_that_it_names(path: Path, function: ast.FunctionDef) -> None:
    example = sections(ast.get_docstring(function) or "")["Examples"]
    if ">>>" in example:
        return
    named = re.findall(r"tests/[\w/]+(?:\.py)?", example)
    assert named, "neither an example nor a test"
    for test in named:
        assert (Path(__file__).parents[2] / test).exists(), f"{test} is gone"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_examples_give_the_numbers_that_they_show(path: Path) -> None:
    module = importlib.import_module(name_of(path))
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_each_room_has_a_dozen_files_at_most_and_says_what_belongs_there() -> None:
    folders = [ROOT, *sorted(p for p in ROOT.rglob("*") if p.is_dir() and p.name != "__pycache__")]
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= 13, folder
        text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
        assert text, folder
        assert len(text.split()) > 15, folder

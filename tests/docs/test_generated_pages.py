"""Generated pages of the site, made in process: tables, links and keys against what they describe."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from worked_pages import ROOT

from dse.cli.lazy_group import VERBS
from dse.cli.main import app
from dse.docs.generate.api import equation_pages, python_page
from dse.docs.generate.commands import commands_page
from dse.docs.generate.formats import format_page, format_pages
from dse.docs.generate.links import mended
from dse.docs.generate.tables import code, table
from dse.spec.catalog.kinds import SPECS
from dse.spec.new_file.compose import NEW

# --- tables


def cells(line: str) -> list[str]:
    """Cells of a line of a table; a bar behind a backslash is no border."""
    return [part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize(
    "text", ["plain", "a | b", "`a` \\| `b`", "two\nlines", "  wide   gaps ", "", "a\\|b | c"]
)
def test_a_cell_of_a_table_keeps_its_words_and_adds_no_column(text: str) -> None:
    head, rule, row = table(("x", "y"), [(text, "z")])
    assert len(cells(head)) == len(cells(rule)) == len(cells(row)) == 2
    assert cells(row)[0].replace("\\|", "|").split() == text.replace("\\|", "|").split()


def test_nothing_is_not_shown_as_code() -> None:
    assert (code("a"), code("")) == ("`a`", "")


# --- formats


def rows_of(page: str, heading: str) -> dict[str, list[str]]:
    """Rows of the table below a heading, by their key."""
    part = page.partition(f"\n## {heading}\n")[2].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    found = [cells(line) for line in lines]
    return {re.findall(r"`([^`]+)`", row[0])[0]: row for row in found}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {kind: format_page(kind) for kind in SPECS}


@pytest.mark.parametrize("kind", SPECS)
def test_the_table_of_a_file_has_each_of_its_keys_once_in_their_order(
    pages: dict[str, str], kind: str
) -> None:
    fields = {field.alias or name: field for name, field in SPECS[kind].model_fields.items()}
    rows = rows_of(pages[kind], "Keys")
    assert list(rows) == list(fields)
    for name, row in rows.items():
        assert len(row) == 6
        words = " ".join((fields[name].description or "").split())
        assert row[5].replace("\\|", "|") == words.replace("\\|", "|")


@pytest.mark.parametrize("kind", SPECS)
def test_every_section_of_a_page_describes_a_mapping_that_a_table_above_it_names(
    pages: dict[str, str], kind: str
) -> None:
    headings = re.findall(r"^## `([^`]+)`$", pages[kind], re.MULTILINE)
    assert len(headings) == len(set(headings))
    for heading in headings:
        parent, _, name = re.sub(r"(\[\]|\.NAME)+$", "", heading).rpartition(".")
        assert name in rows_of(pages[kind], f"`{parent}`" if parent else "Keys")


@pytest.mark.parametrize("kind", ["chip", "llm", "workload", "network"])
def test_an_example_is_what_a_bundled_file_says(pages: dict[str, str], kind: str) -> None:
    folder = ROOT / "configs" / f"{kind}s"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))]
    every = [yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) for text in texts[:40]]
    checked = 0
    for name, row in rows_of(pages[kind], "Keys").items():
        example = row[4].strip("`")
        values = [data[name] for data in every if name in data]
        plain = [v["value"] if isinstance(v, dict) and "value" in v else v for v in values]
        if example and not example.startswith(("{", "[")) and plain and not example.endswith("..."):
            assert example in [_text(v) for v in plain], name
            checked += 1
    assert checked >= 4


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())


def test_the_overview_leads_to_a_page_for_every_kind_of_file() -> None:
    pages = format_pages()
    links = re.findall(r"\]\(([\w-]+\.md)\)", pages["reference/formats/index.md"])
    assert links == [*(f"{kind}.md" for kind in SPECS), "measurements.md"]
    for link in links[:-1]:
        assert f"reference/formats/{link}" in pages


@pytest.mark.parametrize("kind", SPECS)
def test_a_page_shows_a_new_file_where_there_is_one(pages: dict[str, str], kind: str) -> None:
    shown = re.findall(r"^```yaml\n(.*?)^```$", pages[kind], re.MULTILINE | re.DOTALL)
    assert len(shown) == (kind in NEW)
    for text in shown:
        assert yaml.safe_load(text)["name"] == f"my-{kind}"


# --- commands


@pytest.fixture(scope="module")
def commands() -> str:
    return commands_page()


def test_every_verb_has_one_section(commands: str) -> None:
    found = re.findall(r"^## `dse ([\w-]+)`$", commands, re.MULTILINE)
    assert sorted(found) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_section_has_its_usage_and_explains_each_of_its_options_once(commands: str, verb: str) -> None:
    part = commands.partition(f"## `dse {verb}`\n")[2].split("\n## ")[0]
    assert re.search(rf"^dse {verb}\b", part, re.MULTILINE)
    rows = [cells(line) for line in part.splitlines() if line.startswith("| `")]
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names) and any("--help" in name for name in names)
    assert all(len(row) == 2 and row[1] for row in rows)
    # as the command itself declares them
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), verb)  # type: ignore[attr-defined]
    options = {p.opts[0] for p in command.params if p.opts[0].startswith("--") and not p.hidden}
    assert options and {o for o in options if not any(o in name for name in names)} == set()


# --- the Python API and the equations


def test_every_public_name_is_read_from_a_module_that_defines_it() -> None:
    found = re.findall(r"^::: (dse[\w.]*)\.(\w+)$", python_page(), re.MULTILINE)
    assert len(found) > 10
    for module, name in found:
        if (module, name) == ("dse.testing", "contract"):
            continue
        path = ROOT / Path(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert name in names_in(file), f"{module}.{name}"


def names_in(file: Path) -> set[str]:
    """Names that a module has at its top, by its syntax alone."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_every_module_of_the_equations_is_on_one_page() -> None:
    pages = equation_pages(ROOT)
    shown = [m for text in pages.values() for m in re.findall(r"^## `([\w.]+)`$", text, re.MULTILINE)]
    folder = ROOT / "objectives" / "equations"
    files = [p for p in folder.rglob("*.py") if p.name != "__init__.py" and p.parent != folder]
    assert sorted(shown) == sorted(".".join(p.relative_to(folder).with_suffix("").parts) for p in files)


def test_the_overview_of_the_equations_leads_to_each_page() -> None:
    pages = equation_pages(ROOT)
    index = "reference/equations/index.md"
    links = re.findall(r"\]\(([\w-]+\.md)\)", pages[index])
    assert {f"reference/equations/{link}" for link in links} == set(pages) - {index}


# --- links

FRONT_DOOR = {"CHANGELOG.md": "changelog.md"}
KNOWN = {"tutorials/first.md", "reference/index.md", "studies/a/README.md", "studies/a/x.png", "changelog.md"}


@pytest.mark.parametrize(
    ("page", "link", "wanted"),
    [
        # inside the documentation
        ("index.md", "[t](tutorials/first.md)", "[t](tutorials/first.md)"),
        ("tutorials/first.md", "[r](../reference/index.md#a)", "[r](../reference/index.md#a)"),
        ("tutorials/first.md", "[r](../reference)", "[r](../reference/index.md)"),
        # out of it, to what the site has under another name
        ("tutorials/first.md", "[c](../../../CHANGELOG.md)", "[c](../changelog.md)"),
        ("tutorials/first.md", "[s](../../../studies/a)", "[s](../studies/a/README.md)"),
        ("changelog.md", "[t](dse/docs/tutorials/first.md)", "[t](tutorials/first.md)"),
        ("studies/a/README.md", "![p](x.png)", "![p](x.png)"),
        # to what it has nothing for: the words stay
        ("tutorials/first.md", "see [the code](../../view/app.py).", "see the code."),
        # of the web or of this page
        ("index.md", "[w](https://example.org/a.md)", "[w](https://example.org/a.md)"),
        ("index.md", "[h](#here)", "[h](#here)"),
    ],
)
def test_a_link_leads_to_where_the_site_has_what_it_means(page: str, link: str, wanted: str) -> None:
    assert mended(link, page, KNOWN, FRONT_DOOR) == wanted


def test_text_around_links_is_kept() -> None:
    text = "A [t](tutorials/first.md), a `[x]` and [two](no.md) [three](tutorials/first.md)."
    wanted = "A [t](tutorials/first.md), a `[x]` and two [three](tutorials/first.md)."
    assert mended(text, "index.md", KNOWN, FRONT_DOOR) == wanted

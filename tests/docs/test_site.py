"""The documentation site builds without a warning and without a network, and its pages follow the code."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from worked_pages import ROOT

import dse
from dse.cli.lazy_group import VERBS
from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.generate import json_schema

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; any warning of mkdocs is an error, such as a link to a page that is not there."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", **dict.fromkeys(PROXIES, "http://127.0.0.1:9")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place


PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
"""Leading nowhere: what needs a network fails."""


def words(site: Path, page: str) -> str:
    text = (site / page / "index.html").read_text(encoding="utf-8")
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_of_a_file_is_on_the_page_of_its_format(site: Path, kind: str) -> None:
    text = words(site, f"reference/formats/{kind}")
    schema = json_schema(kind)
    for keys in (schema, *schema.get("$defs", {}).values()):
        if {"value", "source", "basis"} <= set(keys["properties"]):
            continue  # a number with its source, which every page explains once
        for name, key in keys["properties"].items():
            assert name in text
            assert " ".join(key.get("description", "").replace("`", "").split()) in text, f"{kind}: {name}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_is_on_the_page_of_commands(site: Path, verb: str) -> None:
    text = words(site, "reference/commands")
    assert f"dse {verb}" in text
    assert VERBS[verb].summary in text


def test_what_the_package_exports_is_on_the_page_of_the_python_api(site: Path) -> None:
    text = words(site, "reference/python")
    assert [name for name in dse.__all__ if name != "__version__" and name not in text] == []


def test_every_public_equation_is_on_a_page(site: Path) -> None:
    found = {
        name
        for path in (ROOT / "objectives" / "equations").rglob("*.py")
        for name in re.findall(r"^def ([a-z]\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    pages = (site / "reference" / "equations").iterdir()
    text = " ".join(words(site, f"reference/equations/{page.name}") for page in pages if page.is_dir())
    assert found
    assert sorted(name for name in found if name not in text) == []


def test_studies_and_pages_of_the_top_are_part_of_the_site(site: Path) -> None:
    for study in (ROOT / "studies").glob("*/study.yaml"):
        assert (site / "studies" / study.parent.name / "index.html").is_file()
        assert (site / "studies" / study.parent.name / "front.png").is_file()
    assert "Where things go" in words(site, "contributing")
    assert "Unreleased" in words(site, "changelog")


LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]+src=["'](https?:)?//|<link[^>]+stylesheet[^>]+href=["']https?:"""
)


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    texts = {str(page): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert [page for page, text in texts.items() if LOADED.search(text)] == []

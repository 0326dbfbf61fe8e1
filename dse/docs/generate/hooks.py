"""Hooks of mkdocs: add the generated pages and the studies, and mend links that leave the documentation."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:  # the pages describe this checkout, not another installed version
    sys.path.insert(0, str(ROOT))

from dse.docs.generate.api import equation_pages, python_page  # noqa: E402
from dse.docs.generate.commands import commands_page  # noqa: E402
from dse.docs.generate.formats import format_pages, measurements_page  # noqa: E402
from dse.docs.generate.links import mended  # noqa: E402

FRONT_DOOR = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages at the top of the repository, and what they are called in the site."""


def generated() -> dict[str, str]:
    """Path in the site to the text of every generated page."""
    return {
        **format_pages(),
        "reference/formats/measurements.md": measurements_page(ROOT),
        "reference/commands.md": commands_page(),
        "reference/python.md": python_page(),
        **equation_pages(ROOT),
    }


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, the studies with their pictures, and the pages at the top."""
    for page, text in generated().items():
        files.append(File.generated(config, page, content=text))
    for path in sorted((ROOT / "studies").rglob("*")):
        if path.name.endswith(".template.md"):  # what a page is generated from
            continue
        if path.suffix in (".md", ".png", ".txt") or path.parent.name == "chips" or path.name == "study.yaml":
            place = path.relative_to(ROOT).as_posix()
            files.append(File(place, str(ROOT), config.site_dir, config.use_directory_urls))
    for name, called in FRONT_DOOR.items():
        if (ROOT / name).is_file():
            text = (ROOT / name).read_text(encoding="utf-8")
            files.append(File.generated(config, called, content=text))
    # after all pages are there: the navigation lists those of whole folders
    config.nav = _expanded(config.nav, sorted(file.src_uri for file in files if file.is_documentation_page()))
    return files


def _expanded(nav: object, pages: list[str]) -> Any:
    """The navigation with every folder, written with a slash at its end, as the list of its pages."""
    if isinstance(nav, list):
        return [_expanded(entry, pages) for entry in nav]
    if isinstance(nav, dict):
        return {title: _expanded(entry, pages) for title, entry in nav.items()}
    if isinstance(nav, str) and nav.endswith("/"):
        first = (f"{nav}index.md", f"{nav}README.md")
        # False sorts first: the index of a folder comes before its other pages
        return sorted((p for p in pages if p.startswith(nav)), key=lambda page: (page not in first, page))
    return nav


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where the site has what they mean; keep the words of those that it has nothing for."""
    # mkdocs passes it by name, so it cannot be left out
    del config
    known = {file.src_uri for file in files}
    return mended(markdown, page.file.src_uri, known, FRONT_DOOR)

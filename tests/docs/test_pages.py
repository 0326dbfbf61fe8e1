"""Links of pages lead somewhere, and decisions are numbered."""

import re
from os.path import normpath
from pathlib import Path

import pytest
from worked_pages import ROOT

PAGES = (
    *(p.name for p in sorted(ROOT.glob("*.md"))),
    *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "dse/docs").rglob("*.md"))),
)
GENERATED = str(ROOT / "dse" / "docs" / "reference")
"""Pages that are made with the site, whose links `test_site` checks."""

_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = [link for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    targets = [normpath(path.parent / link) for link in links]
    assert [t for t in targets if not Path(t).exists() and not t.startswith(GENERATED)] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(p.name[:4] for p in (ROOT / "dse/docs/adr").glob("*.md"))
    assert numbers
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]

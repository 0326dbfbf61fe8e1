"""Links of pages lead somewhere, and decisions are numbered."""

import re

import pytest
from worked_pages import ROOT

PAGES = (
    *(p.name for p in sorted(ROOT.glob("*.md"))),
    *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "dse/docs").rglob("*.md"))),
)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = [link for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(p.name[:4] for p in (ROOT / "dse/docs/adr").glob("*.md"))
    assert numbers
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]

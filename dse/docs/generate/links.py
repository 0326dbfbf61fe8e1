"""Links of a page, as the repository has them, to those of the site."""

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath, relpath

DOCS = "dse/docs"
# addresses with a scheme and anchors of the page itself stay as they are
_LINK = re.compile(r"(!?)\[([^\]\n]*(?:\[[^\]]*\])?[^\]\n]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def mended(markdown: str, page: str, known: set[str], front_door: Mapping[str, str]) -> str:
    """The text of `page`: links to pages of `known` stay, others become their words."""
    place = _in_repository(page, front_door)

    def link(found: re.Match[str]) -> str:
        picture, words, target, anchor = found[1], found[2], found[3], found[4] or ""
        there = normpath(join(dirname(place), target))
        in_site = front_door.get(there, there.removeprefix(f"{DOCS}/"))
        # a link to a folder means its first page
        for candidate in (in_site, f"{in_site}/README.md", f"{in_site}/index.md"):
            if candidate in known:
                return f"{picture}[{words}]({relpath(candidate, dirname(page) or '.')}{anchor})"
        return words

    return _LINK.sub(link, markdown)


def _in_repository(page: str, front_door: Mapping[str, str]) -> str:
    """Where the source of a page of the site is in the repository."""
    for source, called in front_door.items():
        if page == called:
            return source
    return page if page.startswith("studies/") else f"{DOCS}/{page}"

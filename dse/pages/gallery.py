"""What all studies answer, and the claims of the article that do not survive."""

import re
from pathlib import Path

from dse.errors import spec_error
from dse.front.files import write_files
from dse.pages.study.columns import said
from dse.pages.study.tables import markdown
from dse.pages.study.template import PAGE, reflowed, template_of
from dse.validate.article.claims import Claim, check_article

_TABLE = re.compile(r"\{% (gallery|claims) %\}")
_ANSWER = re.compile(r"\*\*Answer \([\d-]+\)\.\*\* (.+?)\n\n", re.DOTALL)
_PICTURE = re.compile(r"!\[([^\]]*)\]\((\S+?\.png)\)")


def filled_gallery(template: str, studies: Path) -> str:
    """The page of all studies."""
    parts = {"gallery": lambda: _gallery(studies), "claims": claims_table}
    # wrapped before the tables are filled in, whose lines must not break
    return _TABLE.sub(lambda found: parts[found[1]](), reflowed(template))


def renew_gallery(studies: Path) -> None:
    """Write the page of all studies again."""
    write_files({studies / PAGE: filled_gallery(template_of(studies), studies)})


def summary_of(page: Path) -> tuple[str, str, tuple[str, str]]:
    """Title, answer, and words and file of the first picture of a study's page."""
    text = page.read_text(encoding="utf-8")
    answer, picture = _ANSWER.search(text), _PICTURE.search(text)
    if answer is None or picture is None:
        raise spec_error(str(page), "expected '**Answer (DATE).** ...' and a picture, got a page without")
    title = text.partition("\n")[0].removeprefix("# ").strip()
    return title, " ".join(answer[1].split()), (picture[1], picture[2])


def _gallery(studies: Path) -> str:
    parts = []
    # one folder below, so the page of all studies is none of them
    for page in sorted(studies.glob("*/README.md")):
        title, answer, (words, picture) = summary_of(page)
        folder = page.parent.name
        parts.append(f"### [{title}]({folder}/README.md)\n\n{answer}\n\n![{words}]({folder}/{picture})")
    return "\n\n".join(parts)


def claims_table() -> str:
    """Claims that differ or are refuted, with the arithmetic, as `dse validate article` says them."""
    rows = [_claim(claim) for claim in check_article() if claim.verdict != "holds"]
    return markdown(("claim", "article", "here", "verdict", "why"), rows)


def _claim(claim: Claim) -> list[str]:
    # the table writes 1 for no unit
    unit = "" if claim.unit == "1" else f" {claim.unit}"
    values = (claim.article, claim.roofline)
    numbers = [said(v, "USD") if claim.unit == "USD" else f"{said(v, '')}{unit}" for v in values]
    return [f"{claim.id} {claim.quantity}", *numbers, claim.verdict, claim.why]

"""A page from its template: every table and every number in it is computed from stored fronts.

`README.template.md` is next to `README.md`. `{{ EXPRESSION }}` becomes a number, `{% NAME : ARGUMENTS %}`
on a line of its own becomes a table, and `{% picture FILE : KIND : ARGUMENTS %}` draws a picture and
leaves nothing on the page. `dse/docs/how-to/study-page.md` documents both languages.
"""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

from dse.errors import Problem, SpecError, nearest
from dse.pages.study.answers import Answers
from dse.pages.study.expressions import said_of
from dse.pages.study.pictures import MARK as PICTURE
from dse.pages.study.rechecks import softwares_table, stressed_table
from dse.pages.study.tables import (
    best_table,
    breakeven_table,
    cases_table,
    matrix_table,
    rows_table,
    targets_table,
)
from dse.pages.study.verdicts import verdicts_table

TEMPLATE = "README.template.md"
PAGE = "README.md"
WIDTH = 118
"""Characters of a line of prose."""

_TABLE = re.compile(r"^\{% (?!picture )(.+?) %\}$", re.DOTALL | re.MULTILINE)
_VALUE = re.compile(r"\{\{ (.+?) \}\}", re.DOTALL)
# what begins otherwise is a table, a heading or a mark
_PROSE = re.compile(r"[A-Za-z*_`\"'(\[$0-9]")
_LIST_ITEM = re.compile(r"(- |\d+\. )")

TABLES: dict[str, tuple[Callable[..., str], int, int]] = {
    "best": (best_table, 0, 1),
    "cases": (lambda answers, names="": cases_table(answers, names.split()), 0, 1),
    "rows": (rows_table, 4, 4),
    "matrix": (matrix_table, 4, 4),
    "targets": (targets_table, 3, 3),
    "breakeven": (breakeven_table, 2, 2),
    "stressed": (stressed_table, 3, 3),
    "software": (softwares_table, 2, 2),
    "verdicts": (verdicts_table, 0, 1),
}
"""Name of a table to the function that makes it, and to the fewest and most arguments that it takes."""


def template_of(folder: Path) -> str:
    """The template of the page in `folder`."""
    return (folder / TEMPLATE).read_text(encoding="utf-8")


def filled(template: str, answers: Answers) -> str:
    """The page that `template` describes, computed from `answers`.

    Raises `SpecError` with every mark that cannot be filled.
    """
    problems: list[Problem] = []

    def table(found: re.Match[str]) -> str:
        return _tried(table_of, found)

    def value(found: re.Match[str]) -> str:
        return _tried(said_of, found)

    def _tried(make: Callable[[str, Answers], str], found: re.Match[str]) -> str:
        # a mark may extend over several lines
        text = " ".join(found[1].split())
        try:
            return make(text, answers)
        except SpecError as error:
            problems.extend(Problem(f"{{ {text} }}", str(p)) for p in error.problems)
            # nothing in its place for now, so that the other marks are tried too
            return ""

    # numbers before the lines are wrapped, since they change their length; tables after, as wrapping breaks
    # them
    out = _TABLE.sub(table, PICTURE.sub("", reflowed(_VALUE.sub(value, template))))
    if problems:
        raise SpecError(problems)
    # marks of pictures leave blank lines
    return re.sub(r"\n{3,}", "\n\n", out).rstrip() + "\n"


def table_of(text: str, answers: Answers) -> str:
    """The table of a mark."""
    name, *arguments = [part.strip() for part in text.split(":")]
    if name not in TABLES:
        raise SpecError([Problem("", f"unknown table {name!r}; {nearest(name, TABLES)}")])
    make, fewest, most = TABLES[name]
    if not fewest <= len(arguments) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise SpecError([Problem("", f"{name}: expected {wanted} arguments, got {len(arguments)}")])
    return make(answers, *arguments)


def reflowed(text: str) -> str:
    """`text` with its paragraphs and list items wrapped again; code, tables, headings and marks stay."""
    out, code = [], False
    # the group keeps the blank lines among the parts
    for block in re.split(r"(\n\s*\n)", text):
        fences = block.count("```")
        if code or fences or not block.strip():
            out.append(block)
            # an odd number of fences opens or closes a listing, in which blank lines may be
            code ^= fences % 2 == 1
        else:
            out.append(_wrapped(block))
    return "".join(out)


def _wrapped(block: str) -> str:
    """One paragraph, or the items of one list, in lines of at most `WIDTH` characters."""
    lines = block.split("\n")
    if not all(_PROSE.match(line) or _LIST_ITEM.match(line) or line.startswith("  ") for line in lines):
        return block
    items: list[str] = []
    for line in lines:
        if not items or _LIST_ITEM.match(line):
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    return "\n".join(
        textwrap.fill(
            item,
            WIDTH,
            subsequent_indent=" " * len(m[0]) if (m := _LIST_ITEM.match(item)) else "",
            break_long_words=False,
            # names of options and chips hold hyphens
            break_on_hyphens=False,
        )
        for item in items
    )

"""A page whose tables and numbers are generated: `filled` writes them anew between their marks.

A table stands between `<!-- generated: NAME : ARGUMENTS -->` and `<!-- end -->`, a number in a sentence
between `<!--= EXPRESSION -->` and `<!--/-->`. `studies/README.md` tells both languages by example.
"""

import re
from collections.abc import Callable

from dse.errors import Problem, SpecError, nearest
from dse.pages.answers import Answers
from dse.pages.expressions import said_of
from dse.pages.rechecks import softwares_table, stressed_table
from dse.pages.tables import best_table, breakeven_table, cases_table, matrix_table, rows_table, targets_table
from dse.pages.verdicts import verdicts_table

_BLOCK = re.compile(r"<!-- generated: (.+?) -->\n(.*?)<!-- end -->", re.DOTALL)
_VALUE = re.compile(r"<!--= (.+?) -->(.*?)<!--/-->", re.DOTALL)

TABLES: dict[str, tuple[Callable[..., str], int, int]] = {
    "best": (best_table, 0, 1),
    "cases": (lambda answers, names="": cases_table(answers, names.split()), 0, 1),
    "rows": (rows_table, 4, 4),
    "matrix": (matrix_table, 4, 4),
    "targets": (targets_table, 3, 3),
    "breakeven": (breakeven_table, 2, 2),
    "stressed": (stressed_table, 3, 3),
    "softwares": (softwares_table, 2, 2),
    "verdicts": (verdicts_table, 0, 1),
}
"""Name of a table to what makes it, and to the fewest and most arguments it takes."""


def filled(page: str, answers: Answers) -> str:
    """`page` with everything between its marks generated anew from `answers`.

    Raises `SpecError` with every mark that cannot be filled.
    """
    problems: list[Problem] = []

    def block(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{_tried(table_of, found[1])}\n<!-- end -->"

    def value(found: re.Match[str]) -> str:
        return f"<!--= {found[1]} -->{_tried(said_of, found[1])}<!--/-->"

    def _tried(make: Callable[[str, Answers], str], text: str) -> str:
        try:
            return make(" ".join(text.split()), answers)
        except SpecError as error:
            problems.extend(Problem(f"<!-- {text} -->", p.what) for p in error.problems)
            return ""

    out = _VALUE.sub(value, _BLOCK.sub(block, page))
    if problems:
        raise SpecError(problems)
    return out


def table_of(text: str, answers: Answers) -> str:
    """The table that a mark asks for."""
    name, *arguments = [part.strip() for part in text.split(":")]
    if name not in TABLES:
        raise SpecError([Problem("", f"unknown table {name!r}; {nearest(name, TABLES)}")])
    make, fewest, most = TABLES[name]
    if not fewest <= len(arguments) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise SpecError([Problem("", f"{name}: expected {wanted} arguments, got {len(arguments)}")])
    return make(answers, *arguments)

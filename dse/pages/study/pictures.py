"""Pictures of a page: `{% picture FILE : lines : CASES : WHO : CONDITIONS ; ... : COLUMN %}`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from dse.errors import Problem, SpecError, nearest
from dse.front.axis import Axis
from dse.pages.study.answers import Answer, Answers, Pick
from dse.pages.study.columns import cell, heading
from dse.pages.study.tables import chosen, includes, pick_of, who_of
from dse.report.plots.lines_plot import Line, LinesInfo, draw_lines

MARK = re.compile(r"\{% picture (.+?) %\}\n?", re.DOTALL)
MORE_IS_BETTER = ("tokens_per_s", "per_chip", "speed")


def drawn(template: str) -> dict[str, list[str]]:
    """File names of the pictures of a template, with their kind and arguments."""
    marks = [[part.strip() for part in " ".join(m.split()).split(":")] for m in MARK.findall(template)]
    return {mark[0]: mark[1:] for mark in marks}


def draw_all(template: str, answers: Answers, folder: Path) -> None:
    """Draw every picture of `template` into `folder`; raises `SpecError` with all problems."""
    problems: list[Problem] = []
    for name, (kind, *arguments) in drawn(template).items():
        try:
            if kind not in KINDS:
                raise SpecError([Problem("", f"unknown kind of picture {kind!r}; {nearest(kind, KINDS)}")])
            draw_lines(KINDS[kind](answers, *arguments), folder / name)
        except SpecError as error:
            problems += [Problem(f"picture {name}", str(p)) for p in error.problems]
    if problems:
        raise SpecError(problems)


def over_cases(answers: Answers, cases: str, who: str, conditions: str, column: str) -> LinesInfo:
    """The best design of each chip over the cases, one line for each chip and condition."""
    picked = chosen(answers, cases)
    names, texts = who_of(picked[0], who), [c.strip() for c in conditions.split(";")]
    places = np.arange(len(picked), dtype=np.float64)
    lines = []
    for name in names:
        for text in texts:
            values = [_number(pick_of(answer, name, text), column) for answer in picked]
            lines.append(Line(_label(name, text, len(names), len(texts)), places, np.array(values)))
    # the horizontal axis has cases, no numbers
    nothing = Axis("case", "case", "", "", "minimize")
    titles = tuple(answer.title for answer in picked)
    return LinesInfo(lines=tuple(lines), x=nothing, y=_axis(picked[0], column), names=titles)


def _label(name: str, text: str, names: int, texts: int) -> str:
    """What tells a line from the others."""
    parts = [name] * (names > 1 or texts == 1) + [text.replace("<=", " within ")] * (texts > 1)
    return ", ".join(part for part in parts if part) or "best"


def over_column(answers: Answers, cases: str, who: str, across: str, column: str) -> LinesInfo:
    """One number over another along the non-dominated designs of each chip, one line for each case."""
    picked = chosen(answers, cases)
    drawn_names = [(answer, n) for answer in picked for n in who_of(answer, who) if includes(answer, n)]
    times = Counter(name for _, name in drawn_names)
    lines = []
    for answer, name in drawn_names:
        # sorted, since a line runs through its points in their order
        points = sorted((_number(p, across), _number(p, column)) for p in _designs(answer, name))
        # two columns also where there is no point
        x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
        # what all lines, or no two, have in common does not tell them apart
        alike, alone = len(times) == 1, times[name] == 1 and len(times) > 1
        lines.append(Line(answer.title if alike else name if alone else f"{name}, {answer.title}", x, y))
    return LinesInfo(lines=tuple(lines), x=_axis(picked[0], across), y=_axis(picked[0], column))


KINDS: dict[str, Callable[..., LinesInfo]] = {"lines": over_cases, "curves": over_column}


def _designs(answer: Answer, who: str) -> Iterator[Pick]:
    base = answer.front.baselines
    for index in base.index[base["chip"] == who]:
        yield Pick(answer, "baselines", int(index))


def _number(pick: Pick | None, column: str) -> float:
    found = None if pick is None else cell(pick, column).value
    # not a number leaves a gap in the line
    return float("nan") if found is None or isinstance(found, str) else found


def _axis(answer: Answer, column: str) -> Axis:
    base = answer.front.baselines
    unit = cell(Pick(answer, "baselines", int(base.index[0])), column).unit if len(base) else ""
    shown = "" if unit in ("count", "fleet") else unit
    return Axis(
        column, column, heading(column), shown, "maximize" if column in MORE_IS_BETTER else "minimize"
    )

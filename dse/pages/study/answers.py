"""The fronts of a study and of its cases, as a page queries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.errors import SpecError, nearest, spec_error
from dse.evaluate.detail import DesignDetail
from dse.front.axis import Axis
from dse.front.files import Front, load_front
from dse.front.query import where
from dse.front.tables import Row, Table
from dse.pages.study.subjects import assumed_of, details_in, known_in, of_chips
from dse.question.pools.study import PooledStudy, Question, load_questions
from dse.question.resolved_study import ResolvedStudy
from dse.report.words.answer import baselines_of, contenders, ranked, tolerance_of
from dse.report.words.eligibility import Eligibility, eligibility_of

Ints = npt.NDArray[np.intp]

KINDS = ("sram-only", "dram-only", "hybrid")
"""Storage kinds of the chips that a search found."""


@dataclass(frozen=True, eq=False)
class Answer:
    """The front of one case with the question it answers."""

    title: str
    study: Question
    front: Front
    _seen: dict[tuple[str, int], DesignDetail] = field(default_factory=dict)

    @property
    def goal(self) -> Axis:
        """The axis that decides what is best."""
        # a manifest without a goal leaves it to the first objective
        named = [a for a in self.front.axes if a.name == self.front.manifest.get("goal")]
        return (named or list(self.front.axes))[0]

    @cached_property
    def frame(self) -> Table:
        """The front, and behind it what was solved again at its targets."""
        return contenders(self.front)

    @cached_property
    def baselines(self) -> Table:
        """The same of the chips of the catalog."""
        return baselines_of(self.front)

    @cached_property
    def ranked(self) -> Table:
        """Of both the designs that may be the best: of anchored chips, on one basis of prices."""
        return ranked(self.front)

    @cached_property
    def eligibility(self) -> Eligibility:
        """Who may be the best, and what is assumed of them."""
        found = eligibility_of(self.front)
        return replace(found, assumed=assumed_of(self.study, found))

    @cached_property
    def chips(self) -> tuple[str, ...]:
        """Chips of the catalog, or pairs of them, in the order of the study, whether or not they serve."""
        return known_in(self.study)

    @cached_property
    def pools(self) -> Mapping[str, ResolvedStudy]:
        """Role to the question of each pool; empty where designs are of one chip."""
        return self.study.pools if isinstance(self.study, PooledStudy) else {}

    def pick(self, who: str, conditions: str) -> "Pick | None":
        """The best design among those that `who` and `conditions` leave; None where there is none.

        `who` is a chip of the catalog by name, or a pair of them such as `r200 | lp30`, `real` for all of
        them, `search` or a storage kind for what was searched, and nothing for all that may be the best.
        `conditions` are those of `dse front --where`, and may end in `least COLUMN` or `most COLUMN` to say
        what best means; the first objective says it otherwise.
        """
        table, rows = self._rows(who)
        text, order, column = _parsed(conditions)
        if text:
            # `where` numbers the rows again; `_at` leads back to the table
            rows = where(rows.assign(_at=rows.index), text, self.front.axes).set_index("_at")
        if not len(rows):
            return None
        goal = self.goal
        by = column or goal.column
        if by not in rows.columns:
            raise spec_error("", f"unknown column {by!r} in {conditions!r}; {nearest(by, rows.columns)}")
        most = order == "most" or (not order and goal.maximised)
        values = rows[by].to_numpy(dtype=np.float64) * (-1.0 if most else 1.0)
        others = [rows[c].to_numpy(dtype=np.float64) for c in ("usd_per_token_per_s", "tpot_s")]
        # of equal rows the cheaper, then the faster; lexsort takes its last key first
        ranked = np.lexsort((*reversed(others), values))
        # an order that is given wants that very design, not a smaller system near it
        plain = bool(order) or by != goal.column
        first = ranked[0] if plain else self._smallest(rows, values, ranked)
        return Pick(self, table, int(rows.index[int(first)]))

    def _smallest(self, rows: Table, values: Floats, order: Ints) -> int:
        """Of rows in `order`, the best first, the smallest system of its chip within the tolerance."""
        least = values[order[0]]
        near = order[values[order] <= least + tolerance_of(self.front) * abs(least)]
        near = near[rows["chip"].to_numpy()[near] == rows["chip"].to_numpy()[near[0]]]
        return int(near[np.argmin(rows["chips"].to_numpy(dtype=np.float64)[near])])

    def _rows(self, who: str) -> tuple[str, Table]:
        """Name of the table that holds the designs of `who`, and these designs."""
        frame, base = self.frame, self.baselines
        if "chip" not in (base if who in self.chips else frame):  # nothing is feasible
            return "frame", frame.iloc[:0]
        if not who:
            return "ranked", self.ranked
        if who == "real":
            return "baselines", self.eligibility.ranked(base)
        if who == "search" or who in KINDS:
            found = frame[frame["role"] == "search"]
            return "frame", found if who == "search" else found[found["branch"] == who]
        if who not in self.chips:
            raise spec_error("", f"unknown chip {who!r} in {self.study.slug}; {nearest(who, self.chips)}")
        return "baselines", base[base["chip"] == who]

    def table(self, name: str) -> Table:
        """`frame`, `baselines` or `ranked`."""
        return {"frame": self.frame, "baselines": self.baselines, "ranked": self.ranked}[name]

    def seen(self, name: str, index: int) -> DesignDetail:
        """A row evaluated again, with its ledgers."""
        key = (name, index)
        if key not in self._seen:
            # a list of one index: a table of one row, where an index alone would give no table
            self._seen[key] = details_in(self.study, self.table(name).loc[[index]])[0]
        return self._seen[key]


@dataclass(frozen=True, eq=False)
class Pick:
    """One design of an answer."""

    answer: Answer
    table: str
    index: int
    role: str = ""
    """The pool of it that is meant; empty for the whole."""

    @property
    def row(self) -> Row:
        """Its row in the table; of a pool the columns that have its role in front, without it."""
        whole = {str(k): v for k, v in self.answer.table(self.table).loc[self.index].items()}
        start = f"{self.role}."
        return (
            {k.removeprefix(start): v for k, v in whole.items() if k.startswith(start)}
            if self.role
            else whole
        )

    @property
    def study(self) -> ResolvedStudy:
        """The question of the chip that is meant; raises `SpecError` where that is a pair."""
        return self.answer.pools[self.role] if self.role else of_chips(self.answer.study)

    @property
    def seen(self) -> DesignDetail:
        """It, evaluated again."""
        return self.answer.seen(self.table, self.index)


def _parsed(conditions: str) -> tuple[str, str, str]:
    """Conditions, and `least` or `most` with its column."""
    words = conditions.split()
    if len(words) >= 2 and words[-2] in ("least", "most"):
        head = " ".join(words[:-2]).removesuffix(" and").strip().removesuffix(",")
        return ("" if head == "and" else head), words[-2], words[-1]
    return conditions.strip(), "", ""


Answers = Mapping[str, Answer]
"""Answers of a study by case; the study itself is the empty name."""


def read_answers(study: Path, results: Path | None = None) -> dict[str, Answer]:
    """Answers of the study in the folder `study`, from `results` or from its own folder.

    Raises `SpecError` or `ResultsError` where the study or a front of it cannot be read.
    """
    found = {}
    for question in load_questions(str(study)):
        front = load_front((results or study) / (question.case or ""))
        found[question.case or ""] = Answer(question.case_title, question, front)
    return found


def answer_of(answers: Answers, case: str) -> Answer:
    """The answer of a case; raises `SpecError` with the nearest name."""
    if case not in answers:
        known = [name for name in answers if name]
        raise SpecError(spec_error("", f"unknown case {case!r}; {nearest(case, known)}").problems)
    return answers[case]

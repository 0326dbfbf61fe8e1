"""Tables of designs as Markdown."""

import re
from collections.abc import Iterable, Sequence

from dse.errors import spec_error
from dse.front.axis import Axis, axis_named
from dse.pages.study.answers import KINDS, Answer, Answers, Pick, answer_of
from dse.pages.study.columns import cell, heading, said
from dse.pages.study.footnotes import intervals, with_notes
from dse.pages.study.prices import with_prices
from dse.pages.study.subjects import of_chips
from dse.question.chip_names import pair_name
from dse.report.info.cases_info import cases_info
from dse.spec.yaml.units import pretty

BEST = ("design", "usd_per_token_per_s", "price_usd", "chips", "batch", "layout", "capex_usd")


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its headings."""
    # a bar in the name of a pair would end its cell
    head, *lines = (" | ".join(text.replace("|", "\\|") for text in row) for row in (heads, *rows))
    return "\n".join([f"| {head} |", "|---" * len(heads) + "|", *(f"| {line} |" for line in lines)])


def best_table(answers: Answers, case: str = "") -> str:
    """The best design of a case at each latency target, with the best chip that exists."""
    answer = answer_of(answers, case)
    of_chips(answer.study)
    axis, limits = targets_of(answer)
    columns, at = _columns(answer), BEST.index("price_usd")
    heads = [f"{axis.label} at most", *(_of_best(c) for c in columns), "best of the catalog"]
    # one place later than among the cells, which the target comes before
    heads.insert(1 + at, "P10 to P90")
    bounds = [within(axis, limit) for limit in limits]
    picks = [answer.pick("", bound) for bound in bounds]
    rows = []
    for limit, bound, pick, sure in zip(limits, bounds, picks, intervals(picks), strict=True):
        cells = [cell(pick, c).text for c in columns] if pick else ["none", *[""] * (len(columns) - 1)]
        cells.insert(at, sure)
        rows.append([limit_text(limit, axis.unit), *cells, _rival(answer, bound)])
    return with_notes(markdown(heads, rows), answer.eligibility, answer.chips)


def _columns(answer: Answer) -> tuple[str, ...]:
    own = answer.goal.column
    return tuple(own if c == "usd_per_token_per_s" else c for c in BEST)


def limit_text(value: float, unit: str) -> str:
    """A target as a person writes it: 10 ms, not 10.0 ms."""
    number, _, name = pretty(value, unit).partition(" ")
    return f"{float(number):g} {name}".strip()


def _of_best(column: str) -> str:
    return {"design": "best chip", "capex_usd": "system", "price_usd": "price"}.get(column, heading(column))


def _rival(answer: Answer, bound: str) -> str:
    pick = answer.pick("real", bound) if len(answer.front.baselines) else None
    return f"{pick.row['chip']} {cell(pick, answer.goal.column).text}" if pick else "none"


def cases_table(answers: Answers, names: Sequence[str] = ()) -> str:
    """What wins in each case at each target; all cases unless some are named, `.` for the study itself."""
    chosen = [answer_of(answers, "" if n == "." else n) for n in names] or list(answers.values())
    info = cases_info([(a.title, a.front) for a in chosen])
    heads = [f"{info.target.label} within {limit_text(limit, info.target.unit)}" for limit in info.limits]
    rows = [
        [name, *("none" if w is None else f"{w.design} {w.value:.3g}" for w in winners)]
        for name, winners in zip(info.names, info.winners, strict=True)
    ]
    return f"{info.goal.label} of the best design:\n\n" + markdown(["case", *heads], rows)


def rows_table(answers: Answers, cases: str, who: str, conditions: str, columns: str) -> str:
    """One row for each case and chip: its best design under the conditions.

    `cases` and `who` are names with blanks between, `.` for the study itself and `*` for all of them;
    `columns` have commas between.
    """
    answer_list = chosen(answers, cases)
    names = who_of(answer_list[0], who)
    wanted = [c.strip() for c in columns.split(",")]
    # a column that would say the same in every row is left out
    heads = [*(["case"] if len(answer_list) > 1 else []), *(["chip"] if len(names) > 1 else [])]
    rows = []
    for answer in answer_list:
        for name in names:
            pick = pick_of(answer, name, conditions)
            lead = [answer.title] * (len(answer_list) > 1) + [name or "any"] * (len(names) > 1)
            rows.append([*lead, *_cells(pick, wanted)])
    made = markdown([*heads, *(heading(c) for c in wanted)], rows)
    return with_prices(made, answer_list, names, wanted)


def matrix_table(answers: Answers, cases: str, who: str, conditions: str, column: str) -> str:
    """One row for each case, one column for each chip, one number."""
    answer_list = chosen(answers, cases)
    names = who_of(answer_list[0], who)
    rows = [
        [answer.title, *(_cells(pick_of(answer, n, conditions), [column])[0] for n in names)]
        for answer in answer_list
    ]
    made = f"{heading(column)}:\n\n" + markdown(["case", *(n or "any" for n in names)], rows)
    return with_prices(made, answer_list, names, [column])


def targets_table(answers: Answers, cases: str, who: str, column: str) -> str:
    """One row for each chip, one column for each latency target of the case, one number.

    Of several cases each has the rows of the chips, or of the pairs, that it is about.
    """
    answer_list = chosen(answers, cases or ".")
    axis, limits = targets_of(answer_list[0])
    bounds = [within(axis, limit) for limit in limits]
    several = len(answer_list) > 1
    named = [(answer, n) for answer in answer_list for n in who_of(answer, who) if includes(answer, n)]
    rows = [
        [*[answer.title] * several, n or "any", *(_cells(pick_of(answer, n, b), [column])[0] for b in bounds)]
        for answer, n in named
    ]
    heads = [f"{axis.label} within {limit_text(limit, axis.unit)}" for limit in limits]
    made = f"{heading(column)}:\n\n" + markdown([*["case"] * several, "chip", *heads], rows)
    if several:
        return with_prices(made, answer_list, [n for _, n in named], [column])
    return with_notes(made, answer_list[0].eligibility, who_of(answer_list[0], who))


def breakeven_table(answers: Answers, case: str, who: str) -> str:
    """The price at which each chip costs as much per token/s as the best of the others, at each target.

    Domain: capital of chips alone, in which $/(token/s) is in proportion to the price of a chip.
    """
    answer = answer_of(answers, "" if case == "." else case)
    of_chips(answer.study)
    axis, limits = targets_of(answer)
    names = who_of(answer, who)
    rows = []
    for name in names:
        cells = []
        for limit in limits:
            bound = within(axis, limit)
            own = pick_of(answer, name, bound)
            # prices on another basis do not compare
            alike = [n for n in names if n != name and _alike(answer, name, n)]
            rivals = [p for n in alike if (p := pick_of(answer, n, bound))]
            cells.append(_breakeven(own, rivals, answer.goal.column))
        # without a bound, since a price does not depend on the target
        price = pick_of(answer, name, "")
        rows.append([name, cell(price, "price_usd").text if price else "none", *cells])
    heads = [f"{axis.label} within {limit_text(limit, axis.unit)}" for limit in limits]
    return with_notes(markdown(["chip", "price", *heads], rows), answer.eligibility, names)


def _alike(answer: Answer, one: str, other: str) -> bool:
    """Whether the prices of two chips are on one basis."""
    groups = answer.eligibility.group_of
    return groups.get(one) == groups.get(other)


def _breakeven(own: Pick | None, rivals: Sequence[Pick], column: str) -> str:
    if own is None:
        return "too slow"
    if not rivals:
        return "any price"
    best = min(float(p.row[column]) for p in rivals)
    return said(float(own.row["price_usd"]) * best / float(own.row[column]), "USD")


def within(axis: Axis, limit: float) -> str:
    """The condition that a latency meets a target, as `Answer.pick` reads it."""
    # repr, so that the limit reads back to its last digit
    return f"{axis.column}<={limit!r} {axis.unit}".strip()


def targets_of(answer: Answer) -> tuple[Axis, list[float]]:
    """The axis of the latency targets, and they, the tightest first."""
    known = {a.name for a in answer.front.axes}
    # a study may also have targets of what is no axis of its front
    name, limits = next((n, v) for n, v in answer.front.manifest["targets"].items() if n in known)
    return axis_named(answer.front.axes, name), sorted(limits)


def chosen(answers: Answers, cases: str) -> list[Answer]:
    """Answers of the cases named, `.` for the study itself, `*` for all."""
    names = list(answers) if cases.strip() == "*" else ["" if n == "." else n for n in cases.split()]
    if not names:
        raise spec_error("", "expected names of cases, `.` for the study itself, or `*`, got none")
    return [answer_of(answers, n) for n in names]


def who_of(answer: Answer, who: str) -> list[str]:
    """Chips, pairs and groups named, `*` for every chip of the catalog of the study."""
    if who.strip() == "*":
        return list(answer.chips)
    # names have blanks between, and so do the chips of a pair
    names = [pair_name(n.split("|")) for n in re.sub(r"\s*\|\s*", "|", who).split()]
    return ["" if n == "any" else n for n in names] or [""]


def includes(answer: Answer, name: str) -> bool:
    """Whether a case is about a chip, a pair or a group."""
    return name in (*answer.chips, "", "real", "search", *KINDS)


def pick_of(answer: Answer, name: str, conditions: str) -> Pick | None:
    """A chip that a case does not ask about has no design in it."""
    return answer.pick(name, conditions) if includes(answer, name) else None


def _cells(pick: Pick | None, columns: Sequence[str]) -> list[str]:
    if pick is None:
        return ["none", *[""] * (len(columns) - 1)]
    return [cell(pick, c).text for c in columns]

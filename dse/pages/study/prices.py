"""The basis of prices, below a table of several cases and chips."""

from collections.abc import Iterable, Mapping, Sequence

from dse.pages.study.answers import KINDS, Answer
from dse.pages.study.footnotes import with_notes
from dse.pages.study.subjects import searched_in
from dse.report.words.eligibility import Eligibility


def with_prices(table: str, answers: Sequence[Answer], names: Sequence[str], columns: Sequence[str]) -> str:
    """A table of chips in some cases; below it the basis of its prices, and the chips without anchor.

    The line on prices is left out where no column is in dollars.
    """
    stands = [(answer.title, _shown(answer, names)) for answer in answers]
    money = any("usd" in column for column in columns)
    line = price_line([(title, found.group_of) for title, found in stands]) if money else ""
    barred = {name: why for _, found in stands for name, why in found.unanchored.items()}
    silent = {name: what for _, found in stands for name, what in found.assumed.items()}
    alone = Eligibility(group_of={}, group=None, unanchored=barred, assumed=silent)
    noted = with_notes("", alone, [*dict.fromkeys([*barred, *silent])])
    return "\n\n".join(part for part in (table, line, noted.strip()) if part)


def _shown(answer: Answer, names: Sequence[str]) -> Eligibility:
    """The standing of the chips in a table of `names`, where a group of chips means its families."""
    stands = answer.eligibility
    wanted = {family for name in names for family in _families(answer, name)}
    return Eligibility(
        group_of={n: g for n, g in stands.group_of.items() if n in wanted},
        group=stands.group,
        unanchored={n: why for n, why in stands.unanchored.items() if n in wanted},
        assumed={n: what for n, what in stands.assumed.items() if n in wanted},
    )


def _families(answer: Answer, name: str) -> Iterable[str]:
    """Branches, chips and pairs of the catalog that a name of a page means, all that may win for none."""
    branches = searched_in(answer.study, answer.eligibility)
    if name in answer.chips:
        return [name]
    if name in KINDS or name == "search":
        return [branch for branch, kind in branches.items() if name in ("search", kind)]
    every = answer.chips if name == "real" else (*branches, *answer.chips)
    return [n for n in every if answer.eligibility.ranks(n)]


UNLIKE = "Prices have different bases; chips rank within one basis"
"""What is said where prices of a table do not compare."""


def price_line(cases: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """The bases of the prices of some cases, each its title and the basis of each of its chips.

    Empty where no case states the basis of its prices.
    """
    known = [(title, groups) for title, groups in cases if groups]
    mixed = any(len(set(groups.values())) > 1 for _, groups in known)
    if not mixed:
        # not mixed, so any chip of a case has the basis of all
        by = _by((title, next(iter(groups.values()))) for title, groups in known)
        if len(by) < 2:
            return f"Prices: {next(iter(by))}." if by else ""
        each = "; ".join(f"{group} ({', '.join(titles)})" for group, titles in by.items())
        return f"Prices: {each}."
    alike = _by((name, group) for _, groups in known for name, group in groups.items())
    # each chip has one basis in all cases, so the cases need no names
    if sum(map(len, alike.values())) == len({name for names in alike.values() for name in names}):
        return f"{UNLIKE}: {_listed(alike)}."
    by = _by((title, _listed(_by(groups.items()))) for title, groups in known)
    return f"{UNLIKE} of one case. {'. '.join(_of_cases(titles, text) for text, titles in by.items())}."


def _of_cases(titles: Sequence[str], text: str) -> str:
    """The bases of some cases: a case by its title, more of them by the first and their number."""
    if len(titles) == 1:
        return f"{titles[0]}: {text}"
    return f"{titles[0]} and {len(titles) - 1} more {'case' if len(titles) == 2 else 'cases'}: {text}"


def _by(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names by their basis of prices, each once."""
    found: dict[str, list[str]] = {}
    for name, group in pairs:
        if name not in found.setdefault(group, []):
            found[group].append(name)
    return found


def _listed(by: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{group}: {', '.join(names)}" for group, names in by.items())

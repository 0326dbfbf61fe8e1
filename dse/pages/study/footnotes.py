"""Notes below the tables of a page: intervals, bases of prices, and chips that no measurement anchors."""

from collections.abc import Mapping, Sequence

from dse.decide.uncertainty.quantiles import SAMPLES, Spread, design_key, sample_designs, spreads
from dse.pages.study.answers import Pick
from dse.report.info.sampled_front import SEED
from dse.report.words.eligibility import Eligibility
from dse.spec.yaml.units import pretty


def intervals(picks: Sequence[Pick | None]) -> list[str]:
    """The 10th to the 90th percentile of the goal of some designs of one answer, empty for gaps."""
    found = [pick for pick in picks if pick is not None]
    if not found:
        return [""] * len(picks)
    study = found[0].study
    rows = [pick.row for pick in found]
    drawn = sample_designs(study, rows, [study.goal], SAMPLES, SEED)
    each = iter(spreads(drawn, [design_key(study, row) for row in rows], study.goal.name, None, None))
    unit = "" if study.goal.unit.startswith("USD") else study.goal.unit
    # gaps have no spread, so the others come in their order
    return ["" if pick is None else _range(next(each), unit) for pick in picks]


def _range(spread: Spread, unit: str) -> str:
    return f"{pretty(spread.p10, unit)} to {pretty(spread.p90, unit)}"


def with_notes(table: str, stands: Eligibility, names: Sequence[str]) -> str:
    """A table, and below it prices where they are not alike, who has no anchor, and what is assumed."""
    by: dict[str, list[str]] = {}
    for name in names:
        if name in stands.group_of:
            by.setdefault(stands.group_of[name], []).append(name)
    lines = []
    # prices that all mean the same need no line
    if len(by) > 1:
        each = "; ".join(f"{group}: {', '.join(chips)}" for group, chips in by.items())
        lines.append(f"Prices have different bases; chips rank within one basis: {each}.")
    # a reason, or an assumption, that several share is said once
    barred = _by_text({name: stands.unanchored[name] for name in names if name in stands.unanchored})
    for reason, some in barred.items():
        are = "is not ranked, because no measurement anchors it"
        if len(some) > 1:
            are = "are not ranked, because no measurement anchors them"
        lines.append(f"{', '.join(some)} {are}: {reason}")
    silent = _by_text({name: stands.assumed[name] for name in names if name in stands.assumed})
    lines += [f"Assumed: {text}." for text in silent]
    return "\n\n".join([table, *lines])


def _by_text(said: Mapping[str, str]) -> dict[str, list[str]]:
    """Each text once, with the names that it is about."""
    found: dict[str, list[str]] = {}
    for name, text in said.items():
        found.setdefault(text, []).append(name)
    return found

"""`dse explain` of a pair of a study of pools."""

from dataclasses import asdict
from pathlib import Path

from rich.console import RenderableType

from dse.cli.input.eligibility import apply_eligibility
from dse.cli.pools.stored import stored_pairs
from dse.cli.show.money import print_money
from dse.cli.show.system import show_system
from dse.cli.show_data.influences import numbers_table, source_lines
from dse.cli.show_data.single_changes import amount, name_of_change, relative
from dse.cli.terminal.as_written import written
from dse.cli.terminal.machine_output import print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.pairs.explanation import PairExplanation, explain_pair
from dse.decide.pairs.neighbours import PairNeighbour
from dse.evaluate.study_money import money_of_study
from dse.question.pools.study import PooledStudy
from dse.question.variation import Fact
from dse.report.pairs.words import eligible_of, notes_of
from dse.report.words.violations import pretty_violation
from dse.spec.schema.space import NAME, PARAMETERS

DESCENT = "chips that take the place of others have layouts that were found by descent, not by all pairs"
RANKS = "changes to chips with other prices, or to unanchored ones, are shown and improve nothing"


def explain_of_pools(
    study: PooledStudy, trial: str, tpot: float | None, form: str, out: Path | None, *, unanchored: bool
) -> bool:
    """Explain one pair of the stored front; whether no single change improves it."""
    stored, _ = stored_pairs(study, out)
    front = apply_eligibility(stored, unanchored)
    limits = {} if tpot is None else {"tpot": tpot}
    eligible = eligible_of(front, study)
    with spinner(study.slug) as report:
        report("evaluating neighbours and the numbers of all sources")
        found = explain_pair(study, front, trial, limits, eligible)
    if form == "json":
        notes = [*notes_of(study, eligible)]
        print_json({**found.as_dict(), "money": asdict(money_of_study(study)), "notes": notes})
    else:
        _show(found, list(notes_of(study, eligible)))
        print_money(study)
    return not found.improvements


def _show(found: PairExplanation, notes: list[str]) -> None:
    """Print the system, the single changes, and the numbers with their sources."""
    console = stdout()
    for role, pool in found.pair.items():
        if pool.candidate.values:
            own = ", ".join(
                f"{name_of_change(n)} {_told(found, role, n, v)}" for n, v in pool.candidate.values.items()
            )
            console.print(plain(f"{role} on {pool.candidate.label}: {own}"), soft_wrap=True)
    show_system(found.estimate)
    for note in notes:
        console.print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)
    console.print()
    console.print(_changes(found))
    console.print(plain(_verdict(found)), soft_wrap=True)
    if not found.exact:
        console.print(plain(f"Note: {DESCENT}."), style="dim", soft_wrap=True)
    if not all(n.ranks for n in found.neighbours):
        console.print(plain(f"Note: {RANKS}."), style="dim", soft_wrap=True)
    console.print()

    def as_written(fact: Fact) -> str:
        own = next(s for s in found.study.pools.values() if fact.place.config in s.configs)
        return written(own, fact)

    console.print(numbers_table(found.elasticities, found.goal_label, as_written))
    console.print()
    console.print("Sources, by influence", style="bold")
    for line in source_lines(found.elasticities, found.study.first.setting.catalog.sources()):
        console.print(plain(line), soft_wrap=True)


def _changes(found: PairExplanation) -> RenderableType:
    rows = []
    for n in found.neighbours:
        hits = "; ".join(f"{name} by {pretty_violation(name, v)}" for name, v in n.hits.items())
        ends = [_told(found, n.role, n.what, v) for v in (n.old, n.new)]
        best = relative(n.resolved_change) + ("" if n.ranks else " (unlike)")
        rows.append([_changed(n), *ends, relative(n.change), best, hits])
    columns = ["change", "from", "to", "alone", "best layouts", "exceeds"]
    title = f"Effect of single changes on {found.goal_label}"
    return table(columns, rows, title=title, right=columns[1:5], flexible=["exceeds", "change"])


def _changed(neighbour: PairNeighbour) -> str:
    return f"{name_of_change(neighbour.what)} of {neighbour.role}"


def _told(found: PairExplanation, role: str, what: str, value: float | str) -> str:
    """A value for people: the name of a choice where its values are names."""
    if isinstance(value, str):
        return value
    branch = found.pair[role].candidate.branch
    specs = {} if branch is None else found.study.pools[role].branches[branch].spec.parameters
    if what not in specs:
        return f"{value:,.0f}"
    unit = PARAMETERS[what]
    return str(specs[what].choices[round(value)]) if unit == NAME else amount(value, unit)


def _verdict(found: PairExplanation) -> str:
    """Whether a single change improves the pair, and the best such change."""
    if not found.improvements:
        return f"No single change improves the pair by more than {100 * found.least_gain:.3g} %."
    best = found.improvements[0]
    return (
        f"A neighbour is better: {_changed(best)} {_told(found, best.role, best.what, best.new)} improves "
        f"the objective by {100 * best.gain:.1f} %."
    )

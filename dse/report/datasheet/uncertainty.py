"""Uncertainty of a proposal: values that change the winner, sensitivities, and how often it wins."""

from collections.abc import Sequence

from dse.decide.propose.overturning_numbers import OverturningNumber
from dse.decide.propose.proposal import Odds, Proposal
from dse.decide.uncertainty.monte_carlo import Swing
from dse.report.datasheet.section import MOST, NONE, Section, fact_words, written
from dse.spec.yaml.units import pretty


def uncertainty_sentence(o: Odds) -> str:
    """The interval and the chances in a sentence that follows another."""
    low, median, high = (pretty(v, "") for v in o.interval)
    return (
        f" P10, median and P90 are {low}, {median} and {high}; it is the best in {o.wins:.0%} of the "
        f"samples and meets its target in {o.feasible:.0%}. TPOT of this deployment is {_tpot(o)}."
    )


def _tpot(o: Odds) -> str:
    low, median, high = (pretty(v, "s") for v in o.tpot)
    return f"{low}, {median} and {high}"


def overturning_section(p: Proposal) -> Section | None:
    """Numbers whose error would let a rival win; those that only make the chip unbuildable share a line."""
    # an unbuildable chip loses to no rival in particular, so it has no row
    beaten = [o for o in p.overturning_numbers if not o.unbuildable]
    if not p.overturning_numbers:
        return None
    rows = [
        (
            fact_words(o.fact),
            written(o.fact, o.fact.value),
            written(o.fact, o.value),
            # two blanks in the place of a mark keep the factors below each other
            f"x {o.factor:.2f}{' *' if o.inside_range else '  '}",
            o.rival,
        )
        for o in beaten[:MOST]
    ]
    rows = rows or [("no number within a factor of ten", NONE, NONE, NONE, NONE)]
    return Section(
        title="Published values that would have to be wrong for it to lose",
        columns=("number", "published", "break-even", "factor", "winner"),
        rows=tuple(rows),
        wide="number",
        note="Each number changes alone, with the best deployment of every chip. "
        "An asterisk marks a break-even inside the range that the sources give."
        + _unbuildable([o for o in p.overturning_numbers if o.unbuildable]),
    )


def _unbuildable(broken: Sequence[OverturningNumber]) -> str:
    """A sentence with the numbers at which the chip becomes unbuildable before any rival wins."""
    if not broken:
        return ""
    near = "; ".join(f"{fact_words(o.fact)} x {o.factor:.2f}" for o in broken[:3])
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return f" The chip becomes unbuildable before a rival wins at: {near}{more}."


def swing_section(p: Proposal) -> Section | None:
    """Each number over its range, where the chip works at both ends of it."""
    if not p.tornado:
        return None
    base = p.rounded.cost

    def end(cost: float | None) -> str:
        return "infeasible" if cost is None else f"{100 * (cost / base - 1):+.1f} %"

    # a number with an infeasible end has no length to rank by; the note names it
    whole = [s for s in p.tornado if s.cost_low is not None and s.cost_high is not None]
    rows = [
        (
            fact_words(s.fact),
            written(s.fact, s.low),
            end(s.cost_low),
            written(s.fact, s.high),
            end(s.cost_high),
        )
        for s in whole[:MOST]
    ]
    # every number has an infeasible end: the section would be a note without a table
    if not rows:
        return None
    columns = ("number", "low end", "change at low", "high end", "change at high")
    title = f"Sensitivity of {p.goal_label} to each number over its range"
    return Section(title=title, columns=columns, rows=tuple(rows), note=_one_ended(p.tornado))


def _one_ended(swings: Sequence[Swing]) -> str:
    """A sentence with the numbers at one end of which this chip breaks a constraint or its target."""
    named = [fact_words(s.fact) for s in swings if s.cost_low is None or s.cost_high is None]
    if not named:
        return ""
    more = f" and {len(named) - 4} more" if len(named) > 4 else ""
    return f"The chip is infeasible at one end of the range of: {', '.join(named[:4])}{more}."


def _range(o: Odds) -> str:
    low, median, high = (pretty(v, "s") for v in o.tpot)
    return f"{low} to {high}, median {median}"


def odds(p: Proposal) -> Section | None:
    """How often it wins over all samples, and which rivals win otherwise."""
    if p.odds is None:
        return None
    o = p.odds
    low, median, high = (pretty(v, "") for v in o.interval)
    rows = [
        ("wins", f"{o.wins:.0%}"),
        ("is feasible", f"{o.feasible:.0%}"),
        (f"{p.goal_label}, P10 to P90", f"{low} to {high}, median {median}"),
        ("TPOT, P10 to P90, deployment fixed", _range(o)),
        *((f"{name} wins", f"{share:.0%}") for name, share in sorted(o.others.items(), key=lambda i: -i[1])),
    ]
    return Section(
        title=f"{o.samples} samples of {o.numbers} uncertain numbers",
        columns=("", "share of the samples"),
        rows=tuple(rows),
        left=2,
        note="The median of a number is its value; low to high is its middle 80 %. "
        "Numbers are independent and the same for all chips; deployments are chosen again in each sample.",
    )

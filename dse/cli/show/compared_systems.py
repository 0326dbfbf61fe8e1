"""Systems of pools of unlike chips in the tables of `dse compare`."""

from collections.abc import Iterator

from dse.cli.show.breakdown import fleet
from dse.cli.terminal.quantity import NONE, format_quantity
from dse.decide.compare.result import Comparison
from dse.decide.compare.systems import FREE_PROMPTS, ComparedSystem
from dse.evaluate.pools.result import PoolOfSystem, SystemEstimate
from dse.front.tables import Row
from dse.plugins import metrics_of
from dse.report.words.part_names import counted, word
from dse.report.words.violations import pretty_violation
from dse.text import cp_text

_HOLDERS = ("decode", "attention", "verify")
"""Roles of pools whose batch is the sequences of a replica."""


def system_rows(found: Comparison, i: int, group: str) -> dict[str, list[str]]:
    """The line of each system that ranks among some prices, at one target."""
    return {s.name: _row(s, i) for s in found.systems if s.group == group}


def _row(system: ComparedSystem, i: int) -> list[str]:
    """Cells of one system at one target, in the columns of a chip."""
    name = system.name if system.unanchored is None else f"{system.name}\nunanchored"
    e = system.best[i]
    if e is None:
        return [name, NONE, "none found", *[NONE] * 5]
    m = e.metrics
    return [
        name,
        format_quantity(m["usd_per_token_per_s"], "USD"),
        format_quantity(m["tpot_s"], "s"),
        counted(m["chips"]),
        format_quantity(m["capex_usd"], "USD"),
        _batch(e),
        " | ".join(_layout(pool) for pool in e.pools),
        word(e.bound_by),
    ]


def _batch(e: SystemEstimate) -> str:
    return next(f"{pool.deployment['batch']:,}" for pool in e.pools if pool.role in _HOLDERS)


def _layout(pool: PoolOfSystem) -> str:
    d = pool.deployment
    return f"{d['tp']} x {d['pp']}{cp_text(d)}" + (f", EP {d['ep']}" if d["ep"] > 1 else "")


_TOLD = ("pools are joined", "no measured row", "prefill replicas", "layouts ", "drafts of", "the draft")
"""How the notes of a system begin that a comparison prints too."""


def system_notes(found: Comparison) -> Iterator[str]:
    """Lines below the tables: why a system is not there, what is not known of it."""
    for s in found.systems:
        if s.best[-1] is None:
            by = ", ".join(f"{name} by {pretty_violation(name, v)}" for name, v in s.exceeds.items())
            yield f"Note: {s.name} exceeds {by}."
        if s.unanchored is not None:
            rest = "" if found.with_unanchored else " It is not ranked; --with-unanchored ranks it."
            yield f"Note: {s.name} is unanchored: {s.unanchored}{rest}"
    for s in found.systems:
        for limit, e in zip(found.targets, s.best, strict=True):
            if e is not None and e.smallest_system:
                at = format_quantity(limit, "s")
                yield f"Note: {s.name} within {at} is {fleet(e.smallest_system)}."
    first = next((e for s in found.systems for e in s.best if e is not None), None)
    if first is None:
        return
    yield f"Note: systems of pools are served {first.serving}; verdicts by software are of single chips."
    yield "Note: capital of a system also covers the ports of its link, of which every chip has one."
    if found.spreads:
        yield (
            "Note: chips and systems meet the same samples, in the layouts of the tables: a number that "
            "several rest on, such as the error of a stack, is drawn once."
        )
        if any(s.unanchored is not None for s in found.systems) and not found.with_unanchored:
            yield "Note: an unanchored system has no chance to be the best, and takes none from others."
    yield from (f"Note: {how}." for how in dict.fromkeys(s.chips for s in found.systems if s.chips))
    if any(s.apart for s in found.systems):
        paid = "which pay for prompts" if first.serving == FREE_PROMPTS else "whose prompts cost nothing"
        like = FREE_PROMPTS if first.serving == FREE_PROMPTS else "aggregated"
        yield (
            f"Note: they are not ranked against the single chips, {paid}; --serving {like} serves the chips "
            "alike."
        )
    told = dict.fromkeys(
        note
        for s in found.systems
        for e in s.best
        if e is not None
        for note in e.notes
        if note.startswith(_TOLD)
    )
    yield from (f"Note: {note}." for note in told)


def system_values(found: Comparison) -> Iterator[Row]:
    """One flat row for each system and target, in the columns of chips."""
    for s in found.systems:
        for limit, e in zip(found.targets, s.best, strict=True):
            own: Row = {} if e is None else e.metrics
            columns = [metric.column for metric in metrics_of("comparison")]
            yield {
                "chip": s.name,
                "kind": "pools",
                "target_tpot_s": limit,
                "found": e is not None,
                **{name: own.get(name) for name in columns},
                "bound_by": None if e is None else e.bound_by,
                "price_basis": s.prices,
                "ranks_among": s.group,
                "unanchored": s.unanchored is not None,
            }

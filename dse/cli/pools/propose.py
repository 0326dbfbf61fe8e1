"""`dse propose` of a study of pools: the chips of the best pair, as files and as a sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from dse.cli.input.eligibility import apply_eligibility
from dse.cli.pools.repeat import repeat_command
from dse.cli.pools.sampled import sampled_table
from dse.cli.pools.stored import stored_pairs
from dse.cli.show.money import print_money
from dse.cli.show.system import show_system
from dse.cli.show_data.single_changes import name_of_change
from dse.cli.terminal.machine_output import print_json
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.pairs.proposal import PairProposal, ProposedChip, propose_pair
from dse.evaluate.batch import axis_of
from dse.evaluate.study_money import money_of_study
from dse.front.files import write_files
from dse.question.pools.study import PooledStudy
from dse.report.pairs.sampled import sampled_note
from dse.report.pairs.words import eligible_of, notes_of
from dse.spec.yaml.writing import yaml_of

_TIE = 0.001
"""Relative difference of two pairs that are as good as each other."""


def propose_of_pools(
    study: PooledStudy,
    limits: dict[str, float],
    name: str | None,
    output: Path | None,
    form: str,
    out: Path | None,
    configs: Path | None,
    *,
    unanchored: bool,
    samples: int,
    seed: int,
    robust: bool,
) -> None:
    """Propose a pair, write the files of its searched chips, and print it."""
    stored, _ = stored_pairs(study, out)
    front = apply_eligibility(stored, unanchored)
    eligible = eligible_of(front, study)
    with spinner(study.slug) as report:
        drawn = f", and evaluating {samples} samples" if samples else ""
        report(f"rounding both chips and comparing pairs{drawn}")
        found = propose_pair(study, front, limits, eligible, name, samples=samples, seed=seed, robust=robust)
    folder = Path("results") / study.slug if out is None else out
    place = output.parent if output is not None else folder / "proposals" / "chips"
    files = {place / f"{c.chip.name}.yaml": yaml_of(c.chip, _comment(study)) for c in found.chips if c.chip}
    write_files(dict(files))
    notes = [*_beaten(found), *notes_of(study, eligible), *_volumes(found)]
    if form == "json":
        money = asdict(money_of_study(study))
        print_json({**found.as_dict(), "money": money, "notes": notes, "files": [str(f) for f in files]})
        return
    _show(stdout(), found, notes)
    print_money(study)
    console = stdout()
    console.print(f"Written: {', '.join(str(f) for f in files)}", soft_wrap=True)
    line = repeat_command(found, place, configs)
    if line is None:
        console.print("No `dse estimate` command sets all that this study sets; use `dse explain`.")
    else:
        console.print(f"Try it: {line}", soft_wrap=True)


def _volumes(found: PairProposal) -> Iterator[str]:
    """What one-off costs a price with a margin has."""
    price = found.study.spec.price
    if price.method == "margin" and any(c.chip for c in found.chips):
        yield (
            "each design pays for its own masks and design, over as many chips as "
            f"{price.seller} makes of one, whatever the ratio of the pools"
        )


def _beaten(found: PairProposal) -> Iterator[str]:
    """Other pairs that are better than the one proposed, which a search of few trials may miss."""
    sign = -1.0 if axis_of(found.study.first.goal).maximised else 1.0
    for rival in found.rivals:
        if rival.cost is not None and sign * (found.cost - rival.cost) > _TIE * abs(found.cost):
            yield (
                f"{rival.name} has a better {found.goal_label} than the pair proposed: the search has not "
                f"tried it, and more trials of `dse run {found.study.slug}` may find it"
            )


def _comment(study: PooledStudy) -> str:
    return f"One chip of a pair that {study.slug} proposes."


def _show(console: Console, found: PairProposal, notes: Sequence[str]) -> None:
    """Print the chips, how they were rounded, the system, and other pairs."""
    for chip in found.chips:
        for line in _told(chip):
            console.print(plain(line), soft_wrap=True)
    steps = [
        [
            chip.role,
            name_of_change(s.parameter),
            format_quantity(s.before, s.unit),
            format_quantity(s.after, s.unit),
            s.reason,
        ]
        for chip in found.chips
        for s in chip.steps
    ]
    goal = found.study.first.goal
    if steps:
        console.print()
        columns = ["pool", "size", "searched", "to build", "why such steps"]
        ends = [format_quantity(value, goal.unit) for value in (found.before, found.cost)]
        title = f"Sizes: {found.tried:,} pairs of roundings; {found.goal_label} {ends[0]}, rounded {ends[1]}"
        console.print(table(columns, steps, title=title, right=columns[2:4], flexible=[columns[4]]))
    console.print()
    show_system(found.estimate)
    console.print()
    lines = [
        [
            rival.name,
            "none feasible" if rival.cost is None else format_quantity(rival.cost, goal.unit),
            "" if rival.cost is None else f"x{rival.cost / found.cost:.2f}",
            "" if rival.tpot_s is None else format_quantity(rival.tpot_s, "s"),
        ]
        for rival in found.rivals
    ]
    columns = ["other pair", found.goal_label, "against it", "TPOT"]
    console.print(
        table(
            columns,
            lines,
            title="Other pairs at the same targets, of the front as they were searched",
            right=columns[1:],
        )
    )
    if found.odds is not None:
        console.print()
        console.print(sampled_table(found.odds, goal))
        notes = [*notes, sampled_note(found.odds)]
    if not found.exact:
        notes = [*notes, "layouts were found by descent from many starts, which is no proof"]
    for note in notes:
        console.print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)


def _told(chip: ProposedChip) -> Iterator[str]:
    """What the chip of a pool is and costs, and warnings."""
    price = format_quantity(chip.price_usd, "USD")
    if chip.chip is None:
        yield f"{chip.role}: {chip.made.label} of the catalog, {price}"
        return
    parts = {name: sum(each.values()) for name, each in chip.parts.items()}
    made = (
        f"{parts['area_m2'] * 1e6:,.0f} mm2 of silicon, {parts['power_w']:,.0f} W, "
        f"{format_quantity(parts['unit_cost_usd'], 'USD')} to make"
    )
    yield f"{chip.role}: {chip.chip.name}, from {chip.picked.label}: {made}, {price} at the study's prices"
    for warning in chip.warnings:
        yield f"Warning: {chip.role}: {warning}."

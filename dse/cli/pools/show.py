"""The answer of a study of pools: the best pair at each target, and where it is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from dse.cli.show.run_summary import selection_rules
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.evaluate.pools.estimate import DECODE_ONLY, UNMEASURED
from dse.front.axis import Axis
from dse.front.files import Front
from dse.front.tables import Row, plain_rows
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.report.words.answer import contenders
from dse.report.words.eligibility import SHOWN
from dse.report.words.part_names import counted
from dse.text import cp_text

FLEET = (
    "pairs are fleets in their real ratio, so that chips and capital may be fractions; dse estimate --pool "
    "prints the smallest whole system, and pools: system in the workload makes every pair one"
)
GRID = (
    "layouts are those that the study lists, and of sizes that it leaves out those of a coarse grid: batches "
    "and EP between them were not tried"
)
SOLVED = (
    "layouts are those that the study lists; of sizes that it leaves out a coarse grid was paired, and chips "
    "that contend at a target were solved again between its steps"
)
UNRANKED = "unanchored"
"""Head of the line of the best pair that may not win."""


def show_pairs(study: PooledStudy, front: Front) -> None:
    """Print the question, the best pair at each target, and what a reader must know of it."""
    console, spec = stdout(), study.spec
    console.print(spec.title, style="bold")
    console.print(spec.question.strip(), style="dim")
    console.print()
    eligible = eligible_of(front, study)
    goal = next(a for a in front.axes if a.name == study.first.goal.name)
    roles = list(study.pools)
    columns = ["", *(head for role in roles for head in (role, f"its layout ({role})")), "chips"]
    columns += [a.label for a in front.axes]
    rows = plain_rows(contenders(front))
    # a single basis of prices need not be named above a table
    of_rows = dict.fromkeys(standing_of(eligible, row)[0] for row in rows)
    present = [group for group in dict.fromkeys((*eligible.groups, *of_rows)) if group in of_rows]
    for place, group in enumerate(present):
        if place:
            console.print()
        some = [row for row in rows if standing_of(eligible, row)[0] == group]
        lines = list(_rows(study, front, some, eligible))
        at = "" if len(present) == 1 else f", {group}"
        title = f"Best pair by {goal.label}{at}"
        console.print(table(columns, lines, title=title, right=columns[2 + 2 * len(roles) :]))
    # a front has the best of each kind, and no smaller system near it
    for line in selection_rules(replace(front, manifest={**front.manifest, "tolerance": None})):
        console.print(line, style="dim")
    for note in notes_of(study, eligible):
        console.print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)


def notes_of(study: PooledStudy, eligible: PairEligibility, *, solved: bool = True) -> Iterator[str]:
    """What a reader must know of every pair: prices, anchors, assumptions, how it is served, its link.

    Without `solved` its layouts are those of the coarse grid alone.
    """
    yield from eligible.lines()
    work = study.context.workload
    if work.serving == "decode-only":
        yield DECODE_ONLY
    drafts = work.speculation
    if drafts is not None and drafts.llm is not None:
        yield (
            f"drafts of {drafts.llm.name}, {drafts.length} tokens a step; the acceptance, "
            f"{drafts.acceptance:g}, is stated and not predicted"
        )
    if "prefill" in study.pools and work.pools == "fleet":
        yield FLEET
    again = solved and "prefill" in study.pools and study.first.swept and study.spec.report_at
    yield SOLVED if again else GRID
    yield UNMEASURED
    yield study.link.note.replace("; --pool-link", "")


def eligible_of(front: Front, study: PooledStudy) -> PairEligibility:
    """Which pairs of a front may win, by its manifest."""
    return PairEligibility.of(front.manifest, list(study.pools), shown=bool(front.manifest.get(SHOWN)))


def standing_of(eligible: PairEligibility, row: Row) -> Standing:
    """What a pair of a front ranks among."""
    return eligible.standing([str(row[f"{role}.chip"]) for role in eligible.roles])


def print_stored(out: Path) -> None:
    """Where the results are."""
    solved = ", at_targets.csv" if (out / "at_targets.csv").is_file() else ""
    stdout().print(f"Results in {out}: front.csv{solved}, manifest.json", soft_wrap=True)


def _rows(
    study: PooledStudy, front: Front, rows: Sequence[Row], eligible: PairEligibility
) -> Iterator[list[str | Text]]:
    """The best of some pairs at each value of the swept target, or of all, as lines of a table.

    And below it the best of those that may not win.
    """
    swept, goal = study.first.swept, study.first.goal
    columns = {axis.name: axis for axis in front.axes}
    best = columns[goal.name]
    targets = study.spec.report_at if swept is not None and swept.name in columns else ()
    for target in targets:
        assert swept is not None
        some = [row for row in rows if float(row[columns[swept.name].column]) <= target]
        head = f"{swept.label} within {format_quantity(target, swept.unit)}"
        yield from _lines(head, some, best, front, study, eligible)
    if not targets:
        yield from _lines("any", rows, best, front, study, eligible)


def _lines(
    head: str, some: Sequence[Row], best: Axis, front: Front, study: PooledStudy, eligible: PairEligibility
) -> Iterator[list[str | Text]]:
    """The best that may win, and below it the best that may not."""
    ranked = [row for row in some if eligible.may_win(standing_of(eligible, row))]
    yield _line(head, ranked, best, front, study)
    if barred := [row for row in some if not eligible.may_win(standing_of(eligible, row))]:
        yield _line(UNRANKED, barred, best, front, study)


def _line(head: str, some: Sequence[Row], best: Axis, front: Front, study: PooledStudy) -> list[str | Text]:
    """The best of some pairs."""
    if not some:
        return [head, "none found", *[""] * (2 * len(study.pools) + len(front.axes))]
    sign = -1.0 if best.maximised else 1.0
    row = min(some, key=lambda r: sign * float(r[best.column]))
    pools = [cell for role in study.pools for cell in _pool(row, role)]
    values = [format_quantity(row[axis.column], axis.unit) for axis in front.axes]
    return [head, *pools, counted(float(row["chips"])), *values]


def _pool(row: Row, role: str) -> tuple[str, str]:
    """The chip of a pool with its number, and its layout."""
    # CP is left out of tables where all of it is 1
    d = {name: int(row.get(f"{role}.{name}", 1)) for name in ("batch", "tp", "cp", "pp", "ep")}
    ways = f"TP {d['tp']}{cp_text(d)}, PP {d['pp']}" + (f", EP {d['ep']}" if d["ep"] > 1 else "")
    held = f"batch {d['batch']:,}, " if role in ("decode", "attention", "verify") else ""
    return f"{counted(float(row[f'{role}.chips']))} {row[f'{role}.chip']}", f"{held}{ways}"

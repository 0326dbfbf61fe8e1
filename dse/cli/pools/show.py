"""The answer of a study of pools: the best pair at each target, and where it is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from dse.cli.show.money import print_money
from dse.cli.show.run_summary import selection_rules
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.front.files import Front
from dse.front.tables import Row, plain_rows
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.report.pairs.best import best_pairs
from dse.report.pairs.words import UNRANKED, chips_text, eligible_of, layout_text, notes_of, standing_of
from dse.report.words.answer import contenders
from dse.report.words.part_names import counted


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
    print_money(study)
    # a front has the best of each kind, and no smaller system near it
    for line in selection_rules(replace(front, manifest={**front.manifest, "tolerance": None})):
        console.print(line, style="dim")
    for note in notes_of(study, eligible):
        console.print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)


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
    axes = {axis.name: axis for axis in front.axes}
    swept = None if study.first.swept is None else axes.get(study.first.swept.name)
    targets = study.spec.report_at if swept is not None else ()
    for best in best_pairs(rows, eligible, axes[study.first.goal.name], swept, targets):
        head = UNRANKED
        if best.ranked and (swept is None or best.target is None):
            head = "any"
        elif best.ranked and swept is not None and best.target is not None:
            head = f"{swept.label} within {format_quantity(best.target, swept.unit)}"
        yield _line(head, best.row, front, study)


def _line(head: str, row: Row | None, front: Front, study: PooledStudy) -> list[str | Text]:
    """One pair."""
    if row is None:
        return [head, "none found", *[""] * (2 * len(study.pools) + len(front.axes))]
    pools = [cell for role in study.pools for cell in (chips_text(row, role), layout_text(row, role))]
    values = [format_quantity(row[axis.column], axis.unit) for axis in front.axes]
    return [head, *pools, counted(float(row["chips"])), *values]

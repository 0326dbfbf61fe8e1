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
from dse.question.pools.study import PooledStudy
from dse.report.words.part_names import counted
from dse.text import cp_text


def show_pairs(study: PooledStudy, front: Front) -> None:
    """Print the question, the best pair at each target, and what a reader must know of it."""
    console, spec = stdout(), study.spec
    console.print(spec.title, style="bold")
    console.print(spec.question.strip(), style="dim")
    console.print()
    rows = list(_rows(study, front))
    goal = next(a for a in front.axes if a.name == study.first.goal.name)
    roles = list(study.pools)
    columns = ["", *(head for role in roles for head in (role, f"its layout ({role})")), "chips"]
    columns += [a.label for a in front.axes]
    console.print(
        table(columns, rows, title=f"Best pair by {goal.label}", right=columns[2 + 2 * len(roles) :])
    )
    # a front has the best of each kind, and no smaller system near it
    for line in selection_rules(replace(front, manifest={**front.manifest, "tolerance": None})):
        console.print(line, style="dim")
    served = [DECODE_ONLY] if study.context.workload.serving == "decode-only" else []
    for note in (*_unanchored(front), *served, UNMEASURED, study.link.note.replace("; --pool-link", "")):
        console.print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)


def print_stored(out: Path) -> None:
    """Where the results are."""
    stdout().print(f"Results in {out}: front.csv, manifest.json", soft_wrap=True)


def _rows(study: PooledStudy, front: Front) -> Iterator[list[str | Text]]:
    """The best pair at each value of the swept target, or of all, as lines of a table."""
    swept, goal = study.first.swept, study.first.goal
    columns = {axis.name: axis for axis in front.axes}
    rows, best = plain_rows(front.frame), columns[goal.name]
    targets = study.spec.report_at if swept is not None and swept.name in columns else ()
    for target in targets:
        assert swept is not None
        some = [row for row in rows if float(row[columns[swept.name].column]) <= target]
        yield _line(f"{swept.label} within {format_quantity(target, swept.unit)}", some, best, front, study)
    if not targets:
        yield _line("any", rows, best, front, study)


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
    held = f"batch {d['batch']:,}, " if role in ("decode", "attention") else ""
    return f"{counted(float(row[f'{role}.chips']))} {row[f'{role}.chip']}", f"{held}{ways}"


def _unanchored(front: Front) -> Iterator[str]:
    for name, why in front.manifest.get("unanchored", {}).items():
        yield f"{name}: {why}"

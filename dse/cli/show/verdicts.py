"""The winner under the three assumptions about software, and whether it holds."""

from collections.abc import Iterable

from rich.console import Console, RenderableType

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import plain, table
from dse.decide.verdict.by_software import Verdict, Verdicts, verdicts_from
from dse.decide.verdict.multi_start import AS_BRANCH, NEAR
from dse.front.files import Front
from dse.front.tables import Row
from dse.question.unanchored import family
from dse.report.words.answer import answer
from dse.report.words.eligibility import eligibility_of

HEADS = {"as-sold": "as sold", "equal": "equal", "ideal": "ideal"}
"""Software to the head of its column."""


_UNANCHORED = "\nunanchored"
"""Mark below the name of a design."""


_WALKED = (
    "'near X': a chip that a local search from X reached; 'X as BRANCH': X as a chip of another branch. "
    "JSON has their parameters."
)


def show_verdicts(console: Console, found: Verdicts, goal: str, target: str = "TPOT") -> None:
    """Print the verdicts of a question as a table, and a sentence for each target."""
    # prices on a single basis need no column that says so
    several = len({d.basis for d in found.dependence}) > 1
    console.print(_table(found, goal, target, several))
    if any(v.winner and (v.winner.startswith(NEAR) or AS_BRANCH in v.winner) for v in found.verdicts):
        console.print(plain(_WALKED))
    for d in found.dependence:
        at = "" if d.target is None else f"Within {format_quantity(d.target, 's')}"
        group = f", {d.basis}" if several else ""
        console.print(plain(f"{at}{group}: {d.sentence}."))


def _table(found: Verdicts, goal: str, target: str, several: bool) -> RenderableType:
    """A row for each target, a column for each assumption about software."""
    cells = {(v.target, v.basis, v.software): v for v in found.verdicts}
    head = f"{target} within"
    rows = []
    for d in found.dependence:
        at = NONE if d.target is None else format_quantity(d.target, "s")
        each = [_cell(cells.get((d.target, d.basis, s))) for s in HEADS]
        rows.append([at, *([d.basis] if several else []), *each])
    columns = [head, *(["prices"] if several else []), *HEADS.values()]
    title = f"Winner by {goal} under each assumption about software"
    return table(columns, rows, title=title, right=[head], flexible=columns[1:], least=8)


def _cell(verdict: Verdict | None) -> str:
    if verdict is None or verdict.winner is None:
        return NONE
    text = f"{verdict.winner} {format_quantity(verdict.value, 'USD')}"
    if verdict.low is None:
        return text
    return f"{text} ({format_quantity(verdict.low, 'USD')} to {format_quantity(verdict.high, 'USD')})"


def mark_rows(rows: Iterable[Row], front: Front) -> list[Row]:
    """Rows of designs, those marked that no measurement anchors or whose price is on another basis."""
    eligible = eligibility_of(front)
    found: list[Row] = []
    for row in rows:
        name = family(str(row.get("chip")), str(row.get("role")))
        mark = _UNANCHORED if name in eligible.unanchored else ""
        group = eligible.group_of.get(name, eligible.group)
        if group != eligible.group:
            mark += f"\n{group}"
        found.append({**row, "mark": f"{row.get('mark', '')}{mark}"})
    return found


def show_stored_verdicts(console: Console, front: Front) -> None:
    """Print the verdicts that a front was stored with; old fronts have none."""
    found, shown = verdicts_from(front.manifest), answer(front)
    if found is not None:
        console.print()
        show_verdicts(console, found, shown.objective.label, shown.target.label if shown.target else "target")

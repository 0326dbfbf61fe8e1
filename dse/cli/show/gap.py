"""The bound that `dse front --gap` proves, for people."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import isfinite
from pathlib import Path

from dse.cli.input.stored_results import load_study_and_front
from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.log_lines import LogLines
from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import stderr, stdout, table
from dse.front.axis import Axis
from dse.front.exact import is_exact
from dse.front.files import Front
from dse.search.bound.limits import Ended
from dse.search.bound.prove import Bound, prove
from dse.search.pairs.gap import GRID

STOPPED: dict[Ended, str] = {
    "time": "the time was up",
    "memory": "more boxes would have taken more than --memory",
    "interrupt": "it was interrupted",
}
"""Why a proof went no further, by how it ended."""


def proven(study: str, out: Path | None, configs: Path | None, seconds: float, memory: float) -> Bound:
    """The bound of a stored front: over the steps of the space, and between them where it was swept."""
    resolved, front = load_study_and_front(study, out, configs)
    # a sweep is exact at its steps, so only the values between them are open
    between = is_exact(front)
    with progress_of(study) as report:
        return prove(resolved, front, between=between, seconds=seconds, memory=memory, progress=report)


@contextmanager
def progress_of(study: str) -> Iterator[Callable[[float, int], None]]:
    """A line on a terminal that changes, and lines in a log; yields what a proof reports to."""
    console, log = stderr(), LogLines()
    # rich shows no status where there is no terminal
    shown = nullcontext() if global_options().quiet else console.status(f"{study}: proving")
    with shown as status:

        def report(factor: float, left: int) -> None:
            known = f"at most x{factor:.3f}" if isfinite(factor) else "nothing proven yet"
            text = f"{study}: {known}, {left:,} boxes open"
            log.say(text)
            if status is not None:
                status.update(text)

        yield report


def show_gap(bound: Bound, axes: Sequence[Axis]) -> None:
    """The factor, and the bound at each target."""
    console, goal = stdout(), next((a for a in axes if a.name == bound.goal), axes[0])
    console.print()
    console.print(
        f"{_said(bound)} ({bound.boxes:,} boxes, {bound.designs:,} designs evaluated).", soft_wrap=True
    )
    if bound.ended != "done":
        console.print(f"Not all of the gap is closed: {STOPPED[bound.ended]}.", soft_wrap=True)
    # an empty front has nothing to compare at the targets
    if not bound.found:
        return
    for remark in bound.remarks:
        console.print(f"Note: {remark}.", soft_wrap=True)
    rows = [
        [
            format_quantity(a.target, "s"),
            *(NONE if v is None else format_quantity(v, goal.unit) for v in (a.best, a.bound)),
        ]
        for a in bound.at
    ]
    if rows:
        columns = ["target", "on the front", "lower bound"]
        what = ", of the coarse grid of sizes" if GRID in bound.remarks else ""
        console.print(
            table(columns, rows, title=f"{goal.label}, found and proven bound{what}", right=columns)
        )


def _said(bound: Bound) -> str:
    """What is proven, in one sentence without its end."""
    where = "the space and of the values between its steps" if bound.between else "the space"
    if GRID in bound.remarks:
        where += ", of the coarse grid of sizes,"
    if bound.factor is None:
        if bound.found:
            return f"Nothing is proven: some chips of {where} were not bounded"
        may = "may meet the targets and beat the reference point"
        return f"Not proven yet that none exists: a design of {where} {may}"
    if bound.found:
        return (
            f"Proven: every design of {where} has one on this front that is at most {bound.factor - 1.0:.1%} "
            "worse in each objective"
        )
    return f"Proven: no design of {where} meets the targets within the reference point"


def not_exact(front: Front) -> str:
    """What is proven of a front whose sweep was ended before its bounds closed."""
    facts = front.manifest["sweep"]
    left = f"{facts['open']:,} of {facts['points']:,} points are open"
    if facts["gap"] is None:
        return f"The front is not exact: {left}, and nothing is proven of some of them."
    return (
        f"The front is not exact: {left}. Proven: every point of the grid has one on this front that is at "
        f"most {facts['gap'] - 1.0:.1%} worse in each objective."
    )

"""The bound that `dse front --gap` proves, for people."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dse.cli.input.stored_results import load_study_and_front
from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import stderr, stdout, table
from dse.front.axis import Axis
from dse.search.bound.prove import Bound, prove


def proven(study: str, out: Path | None, configs: Path | None, seconds: float) -> Bound:
    """The bound of a stored front: over the steps of the space, and between them where it was swept."""
    resolved, front = load_study_and_front(study, out, configs)
    # a sweep is exact at its steps, so only the values between them are open
    between = "sweep" in front.manifest
    with _progress(study) as report:
        return prove(resolved, front, between=between, seconds=seconds, progress=report)


@contextmanager
def _progress(study: str) -> Iterator[Callable[[float, int], None]]:
    console = stderr()
    with console.status(f"{study}: proving") as status:
        yield lambda factor, left: status.update(f"{study}: at most x{factor:.3f}, {left:,} boxes open")


def show_gap(bound: Bound, axes: Sequence[Axis]) -> None:
    """The factor, and the bound at each target."""
    console, goal = stdout(), next((a for a in axes if a.name == bound.goal), axes[0])
    where = "the space and of the values between its steps" if bound.between else "the space"
    console.print()
    if not bound.found:
        possible = f"a design of {where} may meet the targets and beat the reference point by a factor"
        none = f"Proven: no design of {where} meets the targets within the reference point"
        # a factor of at most 1 is no better than the reference point
        text = none if bound.factor <= 1.0 else f"Not proven yet: {possible} of at most {bound.factor:.3g}"
        console.print(f"{text} ({bound.boxes:,} boxes, {bound.designs:,} designs evaluated).", soft_wrap=True)
        return
    console.print(
        f"Proven: every design of {where} has one on this front that is at most {bound.factor - 1.0:.1%} "
        f"worse in each objective ({bound.boxes:,} boxes, {bound.designs:,} designs evaluated).",
        soft_wrap=True,
    )
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
        console.print(table(columns, rows, title=f"{goal.label}, found and proven bound", right=columns))

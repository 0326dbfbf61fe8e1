"""Why no design is feasible: violated constraints."""

from collections.abc import Sequence

from rich.console import RenderableType

from dse.cli.terminal.tables import table
from dse.report.words.violations import Failure, failures
from dse.search.trials.read_trials import Trials


def most_violated(found: Sequence[Failure], trials: int) -> str:
    """The constraint that most of `trials` violate, as the rest of a sentence; empty where none is known."""
    if not found:
        return ""
    # the most frequent one comes first
    worst = found[0]
    return f"; most often violated: {worst.name} ({worst.trials} of {trials}), by at least {worst.excess}"


def violation_table(found: Sequence[Failure]) -> RenderableType | None:
    """Every violated constraint; None where none is known."""
    if not found:
        return None
    rows = [[f.name, f"{f.trials:,}", f.excess] for f in found]
    columns = ["constraint", "violating trials", "smallest violation"]
    return table(columns, rows, title="Violated constraints", right=columns[1:])


def obstacles(trials: Trials) -> list[Failure]:
    """What the finished ones of `trials` violated, the most frequent first."""
    return failures([t.constraints for t in trials if t.state.is_finished()])

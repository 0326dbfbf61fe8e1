"""Pairs under samples of the uncertain numbers, as tables."""

from collections.abc import Sequence

from rich.console import RenderableType

from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import table
from dse.decide.pairs.sampled import SampledPairs
from dse.question.pools.study import PooledStudy
from dse.report.pairs.sampled import COLUMNS, SampledTarget, sampled_cells
from objectives import api


def front_table(study: PooledStudy, found: Sequence[SampledTarget]) -> RenderableType:
    """All targets as one table."""
    goal, swept, rows = study.first.goal, study.first.swept, []
    several = len({at.prices for at in found}) > 1
    for at in found:
        limit = "any" if at.target is None or swept is None else format_quantity(at.target, swept.unit)
        for cells in sampled_cells(at.found, goal, format_quantity):
            rows.append([limit, *cells])
            limit = ""
        if several:
            rows[-len(at.found.names)][0] += f", {at.prices}"
    head = "target" if swept is None else f"{swept.label} within"
    columns = [head, *COLUMNS]
    title = f"Uncertainty of {goal.label}"
    return table(columns, rows, title=title, right=columns[2:], flexible=["pair"], least=12)


def sampled_table(found: SampledPairs, goal: api.Objective) -> RenderableType:
    """P10, median and P90 of each pair, and how often it is the best."""
    title, rows = f"Uncertainty of {goal.label}", list(sampled_cells(found, goal, format_quantity))
    return table(list(COLUMNS), rows, title=title, right=list(COLUMNS[1:]), flexible=["pair"], least=12)

"""Pairs under samples of the uncertain numbers, drawn and as tables."""

from collections.abc import Sequence

from rich.console import RenderableType

from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark, table
from dse.decide.pairs.sampled import SampledPairs
from dse.errors import SpecError
from dse.front.files import Front
from dse.question.pools.study import PooledStudy
from dse.report.pairs.sampled import COLUMNS, SampledTarget, sampled_cells, sampled_front
from objectives import api


def pairs_measured_in(study: PooledStudy, found: Front, samples: int, seed: int = 1) -> list[SampledTarget]:
    """The best pairs at each target under samples; none, and a remark why, where that cannot be."""
    if not samples or not len(found.frame):
        return []
    try:
        with spinner(study.slug) as say:
            say(f"evaluating {samples} samples")
            return sampled_front(study, found, samples, seed)
    except (SpecError, KeyError, ValueError) as error:
        # the stored front is shown all the same
        remark(f"no intervals: its pairs cannot be evaluated again: {error}")
        return []


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
    title = f"Uncertainty of {goal.label}, best pairs of chips on this front"
    return table(columns, rows, title=title, right=columns[2:], flexible=["pair"], least=12)


def sampled_table(found: SampledPairs, goal: api.Objective) -> RenderableType:
    """P10, median and P90 of each pair, and how often it is the best."""
    title, rows = f"Uncertainty of {goal.label}", list(sampled_cells(found, goal, format_quantity))
    return table(list(COLUMNS), rows, title=title, right=list(COLUMNS[1:]), flexible=["pair"], least=12)

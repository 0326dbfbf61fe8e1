"""The table that sets the cases of a study side by side."""

from collections.abc import Sequence

from rich.console import RenderableType

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import table
from dse.front.files import Front
from dse.report.info.cases_info import cases_info


def cases_table(fronts: Sequence[tuple[str, Front]]) -> RenderableType:
    """For each case, by its short title, the best design and its objective at every target."""
    info = cases_info(fronts)
    heads = [format_quantity(limit, info.target.unit) for limit in info.limits]
    rows = [
        [
            name,
            *(
                NONE if w is None else f"{format_quantity(w.value, info.goal.unit)} {w.design}"
                for w in winners
            ),
        ]
        for name, winners in zip(info.names, info.winners, strict=True)
    ]
    title = f"Best {info.goal.label} of each case, with {info.target.label} within"
    return table(["case", *heads], rows, title=title, right=heads, least=8)

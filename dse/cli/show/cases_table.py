"""The table that sets the cases of a study side by side."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import table
from dse.front.files import Front
from dse.report.info.cases_info import CasesInfo, Winner, cases_info


def cases_table(fronts: Sequence[tuple[str, Front]]) -> RenderableType:
    """For each case, by its short title, the objective of the best design at each target, and its name.

    Targets that no case meets are named below the table, so that their columns take no room.
    """
    info = cases_info(fronts)
    met = [i for i in range(len(info.limits)) if any(winners[i] for winners in info.winners)]
    heads = [_limit(info, i) for i in met]
    rows = [
        [name, *(_cell(info, winners[i]) for i in met)]
        for name, winners in zip(info.names, info.winners, strict=True)
    ]
    title = f"Best {info.goal.label} of each case, with {info.target.label} within"
    unmet = [_limit(info, i) for i in range(len(info.limits)) if i not in met]
    below = [Text(f"No case has a design within {', '.join(unmet)}.")] if unmet else []
    return Group(table(["case", *heads], rows, title=title, right=heads, least=8), *below)


def _limit(info: CasesInfo, i: int) -> str:
    return format_quantity(info.limits[i], info.target.unit)


def _cell(info: CasesInfo, winner: Winner | None) -> str:
    """The name below the number: side by side they would be too wide for a terminal."""
    return NONE if winner is None else f"{format_quantity(winner.value, info.goal.unit)}\n{winner.design}"

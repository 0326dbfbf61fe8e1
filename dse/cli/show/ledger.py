"""One ledger as a table: its parts, the largest first, with their share."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from rich.console import Console, RenderableType
from rich.table import Table

from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import table
from dse.report.words.part_names import word
from objectives.ledgers import LEDGERS, Ledger


def print_ledgers(
    console: Console,
    ledgers: Mapping[str, Mapping[str, float]],
    titles: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """All ledgers that are not empty, two side by side; some may have another title, by name."""
    grid = Table.grid(padding=(1, 4))
    named = [replace(each, title=titles.get(each.name, each.title)) for each in LEDGERS]
    parts = [ledger_table(each, ledgers.get(each.name, {})) for each in named]
    made = [part for part in parts if part is not None]
    # a row of the grid is as high as the longer one
    for i in range(0, len(made), 2):
        grid.add_row(*made[i : i + 2])
    console.print(grid)


def ledger_table(ledger: Ledger, parts: Mapping[str, float]) -> RenderableType | None:
    """Parts that are not zero, the largest first, with their share; None when nothing is there."""
    total = sum(parts.values())
    # shares of 0 are undefined
    if not parts or total == 0.0:
        return None
    ranked = sorted(((v, k) for k, v in parts.items() if v != 0.0), reverse=True)
    rows = [[word(name), format_quantity(v, ledger.unit), f"{100 * v / total:.1f} %"] for v, name in ranked]
    named = ledger.title.format(format_quantity(total, ledger.unit))
    return table(["part", "value", "share"], rows, title=named, right=["value", "share"])

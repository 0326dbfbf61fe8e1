"""The published numbers that a result depends on, and their sources."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import RenderableType

from dse.cli.terminal.tables import table
from dse.decide.explain.elasticity import Elasticity, sources_of
from dse.question.variation import Fact
from dse.spec.catalog.lookup import Source

SHOWN = 14
"""Numbers in the printed table; JSON has all."""


def numbers_table(
    rests: Sequence[Elasticity], goal_label: str, as_written: Callable[[Fact], str]
) -> RenderableType:
    """The table of numbers with the largest elasticities."""
    rows = [
        [
            f"{r.fact.place.config.partition('/')[2]} {r.fact.place.path}",
            as_written(r.fact),
            f"{r.elasticity:+.2f}",
            # a table breaks no word, and keys joined by + are one
            r.fact.leaf.source.replace("+", " "),
            r.fact.leaf.basis,
        ]
        for r in rests[:SHOWN]
    ]
    columns = ["number", "value", "elasticity", "source", "basis"]
    title = f"Numbers that {goal_label} depends on: {len(rests)}, the strongest first"
    return table(columns, rows, title=title, right=columns[1:3], flexible=["source"], least=10)


def source_lines(rests: Sequence[Elasticity], known: Mapping[str, Source]) -> list[str]:
    """Sources with their weights."""
    return [
        f"{weight:5.2f}  {key}: {known[key].title} {known[key].url or ''}".rstrip()
        for key, weight in sources_of(rests).items()
        # sources of little influence would hide the others
        if key in known and weight >= 0.05
    ]

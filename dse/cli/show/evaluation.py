"""What a chip does under a scenario: of a mix in all, then for each part."""

from rich.console import RenderableType

from dse.cli.show.breakdown import show, shown_metrics, slack
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.scenario.evaluation import Evaluation
from dse.report.words.part_names import counted


def show_evaluation(evaluation: Evaluation) -> None:
    """Print what a chip does: of a mix in all, then for each part."""
    # no parts: one LLM and one workload, not a mix
    if not evaluation.parts:
        show(evaluation.estimate, chosen=())
        return
    console, whole = stdout(), evaluation.estimate
    console.print(f"{whole.chip} serves {whole.llm} of the output tokens", style="bold")
    console.print(
        plain(
            "Each part has a cluster of its own: capital is their sum, costs are weighted by the shares, "
            "latencies are those of the slowest."
        )
    )
    console.print()
    console.print(_columns(evaluation))
    console.print(slack(whole))
    for part in evaluation.parts:
        console.print()
        console.rule(plain(f"{part.label}, {part.weight:.0%} of the output tokens"), align="left")
        show(part.estimate, chosen=())


def _columns(evaluation: Evaluation) -> RenderableType:
    """The whole and its parts, a column each."""
    every = [evaluation.estimate, *(part.estimate for part in evaluation.parts)]
    # by themselves, because `shown_metrics` leaves them out
    rows = [["chips", *(counted(e.metrics["chips"]) for e in every)]]
    rows += [
        [
            metric.title or metric.label,
            *(format_quantity(e.metrics[metric.column], metric.unit) for e in every),
        ]
        for metric in shown_metrics(evaluation.estimate)
    ]
    columns = ["", "in all", *(part.label for part in evaluation.parts)]
    return table(columns, rows, right=columns[1:], flexible=columns[2:], least=9)

"""An estimate for people: headline, then ledgers whose parts sum to their totals."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from dse.cli.show.ledger import print_ledgers
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.subject import ECONOMY
from dse.plugins import metric_objectives, metrics
from dse.report.words.confidence import met_with
from dse.report.words.money import money_lines, price_words
from dse.report.words.part_names import counted, word
from dse.report.words.violations import pretty_violation
from dse.text import cp_text
from objectives.metrics import Metric


def show(found: Estimate, chosen: Sequence[str]) -> None:
    """Print an estimate; `chosen` names what the user left out."""
    console = stdout()
    console.print(f"{found.llm} on {found.chip}, workload {found.workload}", style="bold")
    console.print(plain(_setup(found, chosen)))
    console.print()
    console.print(_headline(found))
    console.print()
    print_ledgers(console, found.ledgers)
    console.print(plain(f"Bound by {word(found.bound_by)}."))
    console.print(slack(found))
    if found.targets:
        console.print(plain(_how_sure(found)), style="dim")
    for line in () if found.money is None else money_lines(found.money, ECONOMY):
        console.print(plain(line))
    for note in found.notes:
        console.print(plain(f"Note: {note}."), style="dim")


def _setup(found: Estimate, chosen: Sequence[str]) -> str:
    """The deployment, the formats and the models of an estimate, in one sentence."""
    d, p = found.deployment, found.precision
    how = f" ({', '.join(chosen)} chosen)" if chosen else ""
    chips = found.metrics["chips"]
    spread = f"EP {d['ep']}, " if "all_to_all" in found.ledgers["tpot_s"] else ""  # the LLM has experts
    return (
        f"{counted(chips)} chip{'' if chips == 1 else 's'}: batch {d['batch']:,}, "
        f"TP {d['tp']}{cp_text(d)}, PP {d['pp']}, "
        f"{spread}DP {d['dp']}{_pools(found)}{how}; weights {p['weights']}, KV {p['kv']}, "
        f"activations {p['activations']}, computed in {_computed(found)}; "
        f"{found.serving}; cost model {found.cost_model}, stack {found.stack}, price {_price(found)}"
    )


def _price(found: Estimate) -> str:
    """How the chip is priced, with what the options set."""
    paid = None if found.money is None else found.money.prices.get(found.chip)
    return found.price_method if paid is None else price_words(paid)


def _computed(found: Estimate) -> str:
    """Formats of matrix multiplications and of the attention core."""
    matrix, attention = (found.computed_in[group].used for group in ("matrix", "attention"))
    return str(matrix) if matrix == attention else f"{matrix}, attention in {attention}"


def _pools(found: Estimate) -> str:
    """Replicas that only prefill, next to those that decode."""
    if not found.pools:
        return ""
    more = counted(found.pools["prefill"])
    # pools of one system are whole already; those of a fleet have a real ratio
    if not found.smallest_system:
        return f" and {more} more replicas for prefill (one whole system)"
    return f" and {more} more for prefill ({fleet(found.smallest_system)})"


def fleet(whole: Mapping[str, float]) -> str:
    """That replicas are fractions, and what the smallest system of whole ones has."""
    return (
        "a fleet in its real ratio; the smallest whole system has "
        f"{counted(whole['chips'])} chips for {format_quantity(whole['capex_usd'], 'USD')} USD"
    )


def _headline(found: Estimate) -> RenderableType:
    """The table of metrics, with the targets that limit them."""
    rows: list[list[str | Text]] = [
        [
            metric.title or metric.label,
            format_quantity(found.metrics[metric.column], metric.unit),
            _target(found, metric),
        ]
        for metric in shown_metrics(found)
    ]
    # the last column is cut off where nothing is bounded
    columns = ["", "value", "target"] if found.targets else ["", "value"]
    return table(columns, [row[: len(columns)] for row in rows], right=columns[1:])


def shown_metrics(found: Estimate) -> list[Metric]:
    """Metrics of an estimate that get a line; chips have theirs above."""
    return [metric for metric in metrics() if metric.column in found.metrics and metric.column != "chips"]


def _target(found: Estimate, metric: Metric) -> Text:
    """The target that bounds a metric, with whether it is met."""
    bounding = (goal.name for goal in metric_objectives() if metric.column == getattr(goal, "column", ""))
    name = next((name for name in bounding if name in found.targets), None)
    if name is None:
        return plain("")
    # signed: below 0 is room up to the limit
    met = found.violations.get(name, 0.0) <= 0.0
    limit = format_quantity(found.targets[name], metric.unit)
    chance = f", P {found.p_met[name]:.0%}" if name in found.p_met else ""
    return Text(f"{limit} {'met' if met else 'missed'}{chance}", style="" if met else "red")


def _how_sure(found: Estimate) -> str:
    """How surely targets are met, and what P is."""
    head = f"Targets are {met_with(found.confidence, '' if found.p_met else found.stack)}"
    return f"{head}; P: the probability by the 80 % interval." if found.p_met else f"{head}."


def slack(found: Estimate) -> Text:
    """Room in the fullest chip, and every constraint that is violated, in red."""
    over = {name: pretty_violation(name, v) for name, v in found.violations.items() if v > 0.0}
    if over:
        return Text("Infeasible: " + "; ".join(f"{n} exceeded by {v}" for n, v in over.items()), style="red")
    # negative where it fits: minus the room that is left
    room = found.violations.get("capacity")
    return plain(
        "" if room is None else f"The fullest chip has {pretty_violation('capacity', -room)} to spare."
    )

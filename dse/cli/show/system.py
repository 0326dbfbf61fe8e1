"""An estimate of a system of pools for people: its pools, the headline, then ledgers."""

from rich.text import Text

from dse.cli.show.breakdown import fleet
from dse.cli.show.ledger import print_ledgers
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.evaluate.pools.result import PoolOfSystem, SystemEstimate
from dse.evaluate.subject import ECONOMY
from dse.plugins import interval_of, metric_objectives, metrics
from dse.report.words.confidence import met_with
from dse.report.words.money import money_lines, price_words
from dse.report.words.part_names import counted, word
from dse.report.words.violations import pretty_violation
from dse.text import cp_text
from objectives.metrics import Metric

TITLES = {"capacity_bytes": "What fills one chip of each pool: {}"}
"""Titles of ledgers whose parts are those of several pools, and no one chip has."""


def show_system(found: SystemEstimate) -> None:
    """Print an estimate of a system of pools."""
    console = stdout()
    roles = " | ".join(f"{pool.role} on {pool.chip}" for pool in found.pools)
    console.print(f"{found.llm}, {roles}, workload {found.workload}", style="bold")
    p, ratio = found.precision, f" ({fleet(found.smallest_system)})" if found.smallest_system else ""
    console.print(
        plain(
            f"{counted(found.metrics['chips'])} chips{ratio}; weights {p['weights']}, KV {p['kv']}, "
            f"activations {p['activations']}; {found.serving}; cost model {found.cost_model}, "
            f"price {_prices(found)}{'; sizes chosen' if found.solved else ''}"
        )
    )
    console.print()
    columns = ["pool", "chips", "replicas", "layout of each", "busy", "capital", "stack"]
    rows = [_pool(pool) for pool in found.pools]
    console.print(table(columns, rows, right=["chips", "replicas", "busy", "capital"]))
    console.print()
    lines: list[list[str | Text]] = [
        [m.title or m.label, format_quantity(found.metrics[m.column], m.unit), _target(found, m)]
        for m in metrics()
        if m.column in found.metrics and m.column != "chips"
    ]
    heads = ["", "value", "target"] if found.targets else ["", "value"]
    console.print(table(heads, [line[: len(heads)] for line in lines], right=heads[1:]))
    console.print()
    print_ledgers(console, found.ledgers, TITLES)
    console.print(plain(f"Bound by {word(found.bound_by)}."))
    over = {name: pretty_violation(name, v) for name, v in found.violations.items() if v > 0.0}
    if over:
        told = "; ".join(f"{name} exceeded by {v}" for name, v in over.items())
        console.print(Text(f"Infeasible: {told}", style="red"))
    if found.targets:
        console.print(plain(_how_sure(found)), style="dim")
    for line in () if found.money is None else money_lines(found.money, ECONOMY):
        console.print(plain(line))
    for note in found.notes:
        console.print(plain(f"Note: {note}."), style="dim")


def _prices(found: SystemEstimate) -> str:
    """How the chips are priced, with what the options set."""
    paid = {} if found.money is None else found.money.prices
    told = {name: price_words(each) for name, each in paid.items()}
    if all(words == found.price_method for words in told.values()):
        return found.price_method
    return "; ".join(f"{name}: {words}" for name, words in told.items())


def _how_sure(found: SystemEstimate) -> str:
    """How surely targets are met, and what P is."""
    without = "" if found.p_met else " or ".join(dict.fromkeys(pool.stack for pool in found.pools))
    head = f"Targets are {met_with(found.confidence, without)}"
    return f"{head}; P: the probability by the 80 % interval." if found.p_met else f"{head}."


def _pool(pool: PoolOfSystem) -> list[str | Text]:
    """The line of a pool in the table of pools."""
    d, m = pool.deployment, pool.metrics
    ways = f"TP {d['tp']}{cp_text(d)}, PP {d['pp']}" + (f", EP {d['ep']}" if d["ep"] > 1 else "")
    # rows of a pool of FFNs are those of attention; prompts of one that prefills are as many as fit
    held = f"batch {d['batch']:,}, " if pool.role in ("decode", "attention", "verify") else ""
    return [
        f"{pool.role} on {pool.chip}",
        counted(pool.chips),
        counted(m["replicas"]),
        f"{held}{ways}",
        f"{m['busy']:.0%}",
        format_quantity(m["capex_usd"], "USD"),
        pool.stack,
    ]


def _target(found: SystemEstimate, metric: Metric) -> Text:
    """The target that bounds a metric, with whether it is met."""
    bounding = (goal.name for goal in metric_objectives() if metric.column == getattr(goal, "column", ""))
    name = next((name for name in bounding if name in found.targets), None)
    if name is None:
        return plain("")
    met = found.violations.get(name, 0.0) <= 0.0
    limit = format_quantity(found.targets[name], metric.unit)
    chance = f", P {found.p_met[name]:.0%}" if name in found.p_met else ""
    # what P rests on stands beside it
    barred = found.unanchored.get(interval_of(metric.column) or "", ()) if chance else ()
    mark = f" ({' and '.join(barred)} unanchored)" if barred else ""
    return Text(f"{limit} {'met' if met else 'missed'}{chance}{mark}", style="" if met else "red")

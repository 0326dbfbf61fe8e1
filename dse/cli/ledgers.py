"""An estimate for people: headline, then ledgers whose parts sum to their totals."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from dse.cli.quantity import shown
from dse.cli.screen import plain, stdout, table
from dse.report.failures import pretty_violation
from dse.report.words import LEDGERS, counted, word

_METRICS = (
    ("tpot_s", "time per output token, TPOT", "s"),
    ("tokens_per_s_per_user", "speed per user", "token/s"),
    ("ttft_s", "time to first token, TTFT", "s"),
    ("tokens_per_s", "output of the system", "token/s"),
    ("capex_usd", "capital", "USD"),
    ("usd_per_token_per_s", "capital per output, $/(token/s)", "USD"),
    ("usd_per_million_tokens", "running cost, $/Mtoken", "USD"),
    ("usd_per_million_input_tokens", "of that input, $/Mtoken of prompts", "USD"),
    ("usd_per_million_output_tokens", "of that output, $/Mtoken", "USD"),
    ("energy_per_token_j", "energy per output token at the meter", "J"),
)


def show(found: Any, chosen: Sequence[str]) -> None:
    """Print an estimate; `found` is a `dse.design.Estimate`, `chosen` names what the user left out."""
    console = stdout()
    console.print(f"{found.llm} on {found.chip}, workload {found.workload}", style="bold")
    console.print(plain(_setup(found, chosen)))
    console.print()
    console.print(_headline(found))
    grid = Table.grid(padding=(1, 4))
    parts = [_ledger(title, found.ledgers.get(name, {}), unit) for name, title, unit in LEDGERS]
    made = [part for part in parts if part is not None]
    for i in range(0, len(made), 2):
        grid.add_row(*made[i : i + 2])
    console.print()
    console.print(grid)
    console.print(plain(f"Bound by {word(found.bound_by)}."))
    console.print(_slack(found))
    for note in found.notes:
        console.print(plain(f"Note: {note}."), style="dim")


def show_told(told: Any) -> None:
    """Print what a chip does, given a `dse.decide.told.Told`: of a mix in all, then for each part."""
    if not told.parts:
        show(told.estimate, chosen=())
        return
    console, whole = stdout(), told.estimate
    console.print(f"{whole.chip} serves {whole.llm} of the output tokens", style="bold")
    console.print(plain(
        "Each part has a cluster of its own: capital is their sum, costs are weighted by the shares, "
        "latencies are those of the slowest."
    ))  # fmt: skip
    console.print()
    console.print(_beside(told))
    console.print(_slack(whole))
    for part in told.parts:
        console.print()
        console.rule(plain(f"{part.label}, {part.weight:.0%} of the output tokens"), align="left")
        show(part.estimate, chosen=())


def _beside(told: Any) -> Any:
    """The whole and its parts, a column each."""
    every = [told.estimate, *(part.estimate for part in told.parts)]
    rows = [["chips", *(counted(e.metrics["chips"]) for e in every)]]
    rows += [
        [label, *(shown(e.metrics[name], unit) for e in every)]
        for name, label, unit in _METRICS
        if name in told.estimate.metrics
    ]
    columns = ["", "in all", *(part.label for part in told.parts)]
    return table(columns, rows, right=columns[1:], flexible=columns[2:], least=9)


def _setup(found: Any, chosen: Sequence[str]) -> str:
    d, p = found.deployment, found.precision
    how = f" ({', '.join(chosen)} chosen)" if chosen else ""
    chips = found.metrics["chips"]
    spread = f"EP {d['ep']}, " if "all_to_all" in found.ledgers["tpot_s"] else ""  # the LLM has experts
    return (
        f"{counted(chips)} chip{'' if chips == 1 else 's'}: batch {d['batch']:,}, "
        f"TP {d['tp']}, PP {d['pp']}, "
        f"{spread}DP {d['dp']}{_pools(found)}{how}; weights {p['weights']}, KV {p['kv']}, "
        f"activations {p['activations']}, computed in {_computed(found)}; "
        f"{found.serving}; cost model {found.cost_model}, stack {found.stack}, price {found.price_method}"
    )


def _computed(found: Any) -> str:
    """Formats of matrix multiplications and of the attention core."""
    matrix, attention = (found.computed_in[group].used for group in ("matrix", "attention"))
    return str(matrix) if matrix == attention else f"{matrix}, attention in {attention}"


def _pools(found: Any) -> str:
    """Replicas that only prefill, beside those that decode."""
    if not found.pools:
        return ""
    more = counted(found.pools["prefill"])
    if not found.smallest_system:
        return f" and {more} more replicas for prefill (one whole system)"
    whole = found.smallest_system
    return (
        f" and {more} more for prefill (a fleet in its real ratio; the smallest whole system has "
        f"{counted(whole['chips'])} chips for {shown(whole['capex_usd'], 'USD')} USD)"
    )


def _headline(found: Any) -> Any:
    rows: list[list[str | Text]] = [
        [label, shown(found.metrics[name], unit), _target(found, name)]
        for name, label, unit in _METRICS
        if name in found.metrics
    ]
    columns = ["", "value", "target"] if found.targets else ["", "value"]
    return table(columns, [row[: len(columns)] for row in rows], right=columns[1:])


def _target(found: Any, metric: str) -> Text:
    """The target that bounds a metric, with whether it is met."""
    name = metric.removesuffix("_s")
    if name not in found.targets:
        return plain("")
    met = found.violations.get(name, 0.0) <= 0.0
    limit = shown(found.targets[name], "s")
    return Text(f"{limit} met" if met else f"{limit} missed", style="" if met else "red")


def _ledger(title: str, parts: Mapping[str, float], unit: str) -> Any:
    """Parts that are not zero, the largest first, with their share; None when nothing is there."""
    total = sum(parts.values())
    if not parts or total == 0.0:
        return None
    ranked = sorted(((v, k) for k, v in parts.items() if v != 0.0), reverse=True)
    rows = [[word(name), shown(v, unit), f"{100 * v / total:.1f} %"] for v, name in ranked]
    named = title.format(shown(total, unit))
    return table(["part", "value", "share"], rows, title=named, right=["value", "share"])


def _slack(found: Any) -> Text:
    """Room in the fullest chip, and every constraint that is violated, in red."""
    over = {name: pretty_violation(name, v) for name, v in found.violations.items() if v > 0.0}
    if over:
        return Text("Infeasible: " + "; ".join(f"{n} exceeded by {v}" for n, v in over.items()), style="red")
    room = found.violations.get("capacity")
    return plain(
        "" if room is None else f"The fullest chip has {pretty_violation('capacity', -room)} to spare."
    )

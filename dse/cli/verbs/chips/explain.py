"""`dse explain`: one design of a front, down to its sources, and why no single change improves it."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType

from dse.cli.input.options import Configs, Out, Stored, Study, Tpot, epilog, one_of
from dse.cli.input.stored_results import load_both, stored_trials
from dse.cli.show.breakdown import show_told
from dse.cli.show.design_tables import _PARAMETERS
from dse.cli.terminal.as_written import written
from dse.cli.terminal.machine_output import emit_json
from dse.cli.terminal.quantity import shown
from dse.cli.terminal.spinner import working
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.explain.design import Explanation
from dse.decide.explain.design import explain as explained
from dse.decide.explain.elasticity import sources_of
from dse.decide.explain.neighbours import Neighbour
from dse.errors import ExitCode
from dse.report.words.violations import pretty_violation
from dse.spec.schema.space import NAME, PARAMETERS

EPILOG = epilog(
    "dse explain groq-vs-h100 row:1",
    "dse explain groq-vs-h100 sram-only-401 --tpot '5 ms' --format json",
    codes="0 no single change improves it, 1 one does (and is named), 2 wrong input.",
)
SHOWN = 14
"""Numbers that the table of sources shows; the JSON has them all."""


def explain(
    study: Study,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="Trial number, chip of the front, or row:N.")],
    tpot: Tpot = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", parser=one_of("table", "json"), help="table or json.")
    ] = "table",
    storage: Stored = None,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Explain one design of a front: time, cost, neighbours and sources.

    Shows where each second, byte and dollar goes; every single step away from it, of a chip parameter or of
    the deployment, evaluated exactly, with what it would cost or which limit it would break; and the
    published numbers that the result rests on, the strongest first, with their sources. An elasticity of 0.5
    says that 1 % more of that number makes the objective 0.5 % larger. A trial that is not on the front is
    explained at the target that it was tried at.
    """
    resolved, front = load_both(study, out, configs)
    limits = {} if tpot is None else {"tpot": tpot}
    with working("evaluating every neighbour"):
        found = explained(resolved, front, trial, limits, stored_trials(resolved, study, out, storage))
    if form == "json":
        emit_json(found.as_dict())
    else:
        _show(found)
    if found.improvements:
        raise typer.Exit(ExitCode.FAILED)


def _show(found: Explanation) -> None:
    console = stdout()
    if found.candidate.values:
        console.print(plain(f"{found.candidate.label}: {_made_of(found)}"), soft_wrap=True)
        console.print()
    show_told(found.told)
    console.print()
    console.print(_changes(found))
    console.print(plain(_verdict(found)))
    console.print()
    console.print(_numbers(found))
    console.print()
    console.print("Sources, by how much rests on them", style="bold")
    for line in _sources(found):
        console.print(plain(line), soft_wrap=True)


def _made_of(found: Explanation) -> str:
    values = found.candidate.values
    return ", ".join(f"{_name(n)} {_told(found, n, v, PARAMETERS[n])}" for n, v in values.items())


def _name(parameter: str) -> str:
    words = {
        "batch": "batch",
        "tp": "TP",
        "pp": "PP",
        "ep": "EP",
        "sram_bandwidth_per_byte": "SRAM speed per byte",
    }
    return words.get(parameter) or _PARAMETERS.get(parameter, parameter.replace("_", " "))


def _changed(neighbour: Neighbour) -> str:
    """What a neighbour changes; of a mix with the part whose deployment it is."""
    name = _name(neighbour.what)
    return f"{name} of {neighbour.part}" if neighbour.part else name


def _changes(found: Explanation) -> RenderableType:
    rows = []
    for n in found.neighbours:
        hits = "; ".join(f"{name} by {pretty_violation(name, v)}" for name, v in n.hits.items())
        ends = [_told(found, n.what, v, n.unit) for v in (n.old, n.new)]
        rows.append([_changed(n), *ends, _percent(n.change), _percent(n.resolved_change), hits])
    columns = ["one change", "from", "to", "alone", "best layout", "exceeds"]
    title = f"What every single change does to {found.goal_label}"
    return table(columns, rows, title=title, right=columns[1:5], flexible=["exceeds", "one change"])


def _told(found: Explanation, parameter: str, value: float, unit: str) -> str:
    """A parameter for people: the name of a choice where its values are names."""
    if unit != NAME:
        return _amount(value, unit)
    spec = found.study.branches[str(found.candidate.branch)].spec.parameters[parameter]
    return str(spec.choices[round(value)])


def _amount(value: float, unit: str) -> str:
    if unit == "1/s":  # bytes a second per byte, which architects know per MiB
        return f"{shown(value * 2**20, 'B/s')}/MiB"
    return f"{value:,.0f}" if not unit and value == int(value) else shown(value, unit)


def _percent(change: float | None) -> str:
    return "-" if change is None else f"{100 * change:+.1f} %"


def _verdict(found: Explanation) -> str:
    if not found.improvements:
        return "No single change improves it."
    best = found.improvements[0]
    least = min(c for c in (best.change, best.resolved_change) if c is not None)
    new = _told(found, best.what, best.new, best.unit)
    return (
        f"Not the best of its neighbours: {_changed(best)} {new} makes it "
        f"{-100 * least:.1f} % better. More trials would find it."
    )


def _numbers(found: Explanation) -> RenderableType:
    rows = [
        [
            f"{r.fact.place.config.partition('/')[2]} {r.fact.place.path}",
            written(found.study, r.fact),
            f"{r.elasticity:+.2f}",
            r.fact.leaf.source.replace("+", " "),
            r.fact.leaf.basis,
        ]
        for r in found.elasticities[:SHOWN]
    ]
    columns = ["number", "value", "elasticity", "source", "basis"]
    title = f"What {found.goal_label} rests on: {len(found.elasticities)} numbers, the strongest first"
    return table(columns, rows, title=title, right=columns[1:3], flexible=["source"], least=10)


def _sources(found: Explanation) -> Sequence[str]:
    known = found.study.setting.catalog.sources()
    weights = sources_of(found.elasticities)
    return [
        f"{weight:5.2f}  {key}: {known[key].title} {known[key].url or ''}".rstrip()
        for key, weight in weights.items()
        if key in known and weight >= 0.05
    ]

"""`dse explain`: one design of a front, down to its sources, and why no single change improves it."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.console import RenderableType

from dse.cli.input.eligibility import WithUnanchored, refuse_of_chips
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Configs, Out, Stored, Study, Tpot, epilog, format_option
from dse.cli.input.stored_results import load_study_and_front, stored_trials
from dse.cli.pools.explain import explain_of_pools
from dse.cli.pools.sweep import refuse_options
from dse.cli.show.evaluation import show_evaluation
from dse.cli.show.money import print_money
from dse.cli.show_data.influences import numbers_table, source_lines
from dse.cli.show_data.single_changes import amount, name_of_change, relative
from dse.cli.terminal.as_written import written
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.explain.design import Explanation
from dse.decide.explain.design import explain as explained
from dse.decide.explain.neighbours import Neighbour
from dse.errors import ExitCode
from dse.evaluate.study_money import money_of_study
from dse.question.pools.study import pooled_question
from dse.report.words.violations import pretty_violation
from dse.spec.schema.space import NAME, PARAMETERS

EPILOG = epilog(
    "dse explain groq-vs-h100 row:1",
    "dse explain groq-vs-h100 sram-only-401 --tpot '5 ms' --format json",
    codes="0 no single change improves the design, 1 one does (it is named), 2 wrong input.",
)


def explain(
    study: Study,
    trial: Annotated[
        str, typer.Argument(metavar="TRIAL", help="Trial number, name of a chip on the front, or row:N.")
    ],
    tpot: Tpot = None,
    form: Annotated[str, format_option("table", "json")] = "table",
    storage: Stored = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
    *,
    paid: MoneyOptions,
) -> None:
    """Explain one design of a front: time, cost, neighbours and sources.

    Prints three things. First, where each second, byte and dollar goes. Second, every single step away from
    the design, in a parameter of the chip or of the deployment, evaluated exactly: what it would cost, or
    which limit it would break. Third, the published numbers with the largest influence, with their sources.
    An elasticity of 0.5 means that 1 % more of a number makes the objective 0.5 % larger. A trial that is not
    on the front is explained at the target of its own.

    Of a study of pools TRIAL is row:N, or the chips of a pair such as 'r200 | lp30'; changes are those of
    each pool. A change to a chip that no measurement anchors improves nothing, unless --with-unanchored.
    """
    with blame("STUDY"):
        of_pools = pooled_question(study, configs)
    if of_pools is not None:
        of_pools = paid.applied_to_pools(of_pools, configs)
        refuse_options({"--storage": storage})
        if not explain_of_pools(of_pools, trial, tpot, form, out, unanchored=with_unanchored):
            raise typer.Exit(ExitCode.FAILED)
        return
    refuse_of_chips(with_unanchored)
    resolved, front = load_study_and_front(study, out, configs, paid)
    limits = {} if tpot is None else {"tpot": tpot}
    with spinner("evaluating neighbours"):
        # with the trials: one that is not on the front can be explained too
        found = explained(resolved, front, trial, limits, stored_trials(resolved, study, out, storage))
    if form == "json":
        print_json({**found.as_dict(), "money": asdict(money_of_study(resolved))})
    else:
        _show(found)
    # a better neighbour means that the search has missed it, which scripts must notice
    if found.improvements:
        raise typer.Exit(ExitCode.FAILED)


def _show(found: Explanation) -> None:
    """Print the breakdown, the single changes, and the numbers with their sources."""
    console = stdout()
    # a chip of the catalog has no searched parameters
    if found.candidate.values:
        console.print(plain(f"{found.candidate.label}: {_made_of(found)}"), soft_wrap=True)
        console.print()
    show_evaluation(found.evaluation)
    print_money(found.study)
    console.print()
    console.print(_changes(found))
    console.print(plain(_verdict(found)))
    console.print()
    as_written = partial(written, found.study)
    console.print(numbers_table(found.elasticities, found.goal_label, as_written))
    console.print()
    console.print("Sources, by influence", style="bold")
    for line in source_lines(found.elasticities, found.study.setting.catalog.sources()):
        console.print(plain(line), soft_wrap=True)


def _made_of(found: Explanation) -> str:
    values = found.candidate.values
    return ", ".join(f"{name_of_change(n)} {_told(found, n, v, PARAMETERS[n])}" for n, v in values.items())


def _changed(neighbour: Neighbour) -> str:
    """What a neighbour changes; of a mix with the part whose deployment it is."""
    name = name_of_change(neighbour.what)
    return f"{name} of {neighbour.part}" if neighbour.part else name


def _changes(found: Explanation) -> RenderableType:
    rows = []
    for n in found.neighbours:
        hits = "; ".join(f"{name} by {pretty_violation(name, v)}" for name, v in n.hits.items())
        ends = [_told(found, n.what, v, n.unit) for v in (n.old, n.new)]
        rows.append([_changed(n), *ends, relative(n.change), relative(n.resolved_change), hits])
    columns = ["change", "from", "to", "alone", "best deployment", "exceeds"]
    title = f"Effect of single changes on {found.goal_label}"
    return table(columns, rows, title=title, right=columns[1:5], flexible=["exceeds", "change"])


def _told(found: Explanation, parameter: str, value: float, unit: str) -> str:
    """A parameter for people: the name of a choice where its values are names."""
    if unit != NAME:
        return amount(value, unit)
    spec = found.study.branches[str(found.candidate.branch)].spec.parameters[parameter]
    # the value of a choice is its index
    return str(spec.choices[round(value)])


def _verdict(found: Explanation) -> str:
    """Whether a single change improves the design, and the best such change."""
    if not found.improvements:
        return f"No single change improves the design by more than {100 * found.least_gain:.3g} %."
    best = found.improvements[0]
    new = _told(found, best.what, best.new, best.unit)
    return (
        f"A neighbour is better: {_changed(best)} {new} improves the objective by "
        f"{100 * best.gain:.1f} %. More trials may find it."
    )

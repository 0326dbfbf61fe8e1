"""`dse breakeven`: where one kind of chip stops winning and another one starts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.eligibility import WithUnanchored, refuse_of_chips
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import (
    Confidence,
    Configs,
    NoTargets,
    Out,
    SoftwareOption,
    Study,
    Tpot,
    Ttft,
    epilog,
    format_option,
    whole,
)
from dse.cli.input.output_paths import check_picture_file
from dse.cli.input.software import study_under_software
from dse.cli.input.stored_results import at_confidence, load_study_and_front
from dse.cli.pools.breakeven import breakeven_of_pools
from dse.cli.pools.sweep import refuse_options
from dse.cli.show.money import print_money
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.decide.propose.proposal import limits_text
from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.breakeven import BreakEven, all_candidates, assumptions
from dse.decide.scenario.breakeven import breakeven as solved
from dse.errors import spec_error
from dse.evaluate.study_money import money_of_study
from dse.question.pools.study import pooled_question
from dse.report.info.breakeven_info import amount, as_dict, points, sentences
from dse.report.plots.breakeven_plot import draw_breakeven
from dse.report.words.confidence import met_with
from dse.report.words.listed_grid import OF_A_MIX
from dse.spec.yaml.units import pretty

EPILOG = epilog(
    "dse breakeven groq-vs-h100 --x 'hop latency' --y 'context length' --between sram-only,dram-only",
    "dse breakeven groq-vs-h100 --x 'sram-only.price=200 USD..5000 USD' --tpot '20 ms'",
    codes="0 done, 2 wrong input.",
)
LOOKED = {
    "chips": "chips looked at (front, baselines and a coarse grid of the space)",
    "pairs": "pairs looked at (front and catalog)",
}


def breakeven(
    study: Study,
    x: Annotated[
        str,
        typer.Option(
            "--x",
            metavar="NAME[=LOW..HIGH]",
            help="Assumption on the horizontal axis, with an optional range.",
        ),
    ],
    y: Annotated[
        str | None,
        typer.Option("--y", metavar="NAME[=LOW..HIGH]", help="Second assumption, on the vertical axis."),
    ] = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The two sides: kinds of chips, chips, or others [default: today's winner,others].",
        ),
    ] = None,
    tpot: Tpot = None,
    ttft: Ttft = None,
    points: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole(2),
            help="Points on the horizontal axis; the vertical axis gets two thirds as many.",
        ),
    ] = 13,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the map into this file (.png, .svg or .pdf).")
    ] = None,
    form: Annotated[
        str, format_option("table", "csv", "json", text="Output: table, csv (the map) or json.")
    ] = "table",
    software: SoftwareOption = None,
    no_targets: NoTargets = False,
    confidence: Confidence = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
    *,
    paid: MoneyOptions,
) -> None:
    """Find the values of assumptions at which another kind of chip wins.

    NAME is an assumption about chips, stacks, networks, technology, workload or economy, such as 'hop
    latency', 'HBM cost', 'wafer cost', 'context length' or 'electricity'; or a path such as
    stack/static-dataflow.sram_efficiency; or 'tpot' and other targets; or 'batch', 'tp', 'cp', 'pp'; or a
    parameter of the search space such as 'sram'; or 'margin'; or the price of a side, 'sram-only.price'. All
    other assumptions keep their values.

    At every point, each chip gets its best deployment. The candidates are the chips of the front, the
    baselines and a coarse grid of the space; the best of them on a 3 x 3 grid of the assumptions make the
    map. Where the winner changes, the boundary is found by bisection. Latency is limited by the targets of
    the study, and by --tpot and --ttft where given.

    Of a study of pools the sides are pairs such as 'r200 | lp30', or others, and NAME is a number of a file
    or a target; candidates are pairs of the front and of the catalog whose prices rank among each other. A
    pair of a chip that no measurement anchors takes part where --between names it, or with --with-unanchored.
    """
    # options first: the map itself takes long
    check_picture_file("--plot", plot)
    sides = _sides(between)
    with blame("STUDY"):
        of_pools = pooled_question(study, configs)
    if of_pools is not None:
        of_pools = paid.applied_to_pools(of_pools, configs)
        refuse_options({"--software": software, "--confidence": confidence})
        limits = {n: v for n, v in {"tpot": tpot, "ttft": ttft}.items() if v is not None}
        pools = of_pools.lifted() if no_targets else of_pools
        of_pairs, notes = breakeven_of_pools(
            pools, x, y, sides, limits, points, out, unanchored=with_unanchored
        )
        _drawn(of_pairs, plot)
        _print_summary(of_pairs, form, notes)
        for note in notes if form == "table" else ():
            stdout().print(plain(f"Note: {note.rstrip('.')}."), style="dim", soft_wrap=True)
        return
    refuse_of_chips(with_unanchored)
    study = study_under_software(study, software)
    resolved, front = load_study_and_front(study, out, configs, paid)
    resolved = resolved.lifted() if no_targets else resolved
    resolved = at_confidence(resolved, front, confidence, study)
    candidates = all_candidates(resolved, front)
    across, upwards = assumptions(resolved, candidates, x, y)
    limits = {n: v for n, v in {"tpot": tpot, "ttft": ttft}.items() if v is not None}
    _one_of_each(limits, [knob for knob in (across, upwards) if knob is not None])
    # 2 points on the vertical axis at least: one has no interval in which the winner may change
    with spinner(study) as report:
        found = solved(
            resolved, candidates, across, upwards, sides, limits, (points, max(2, points * 2 // 3)), report
        )
    _drawn(found, plot)
    _print_summary(found, form)


def _drawn(found: BreakEven, plot: Path | None) -> None:
    if plot is not None:
        draw_breakeven(found, plot)
        remark(f"picture: {plot}")


def _one_of_each(limits: Mapping[str, float], knobs: Sequence[Assumption]) -> None:
    """Raise `SpecError` for a target that is both held and turned."""
    for knob in knobs:
        if knob.kind == "limits" and knob.key in limits:
            raise spec_error(f"--{knob.key}", f"expected {knob.label} held or turned, got both")


def _sides(between: str | None) -> tuple[str, str] | None:
    if between is None:
        return None
    parts = [part.strip() for part in between.split(",")]
    if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
        raise spec_error("--between", f"expected two sides such as sram-only,dram-only, got {between!r}")
    return parts[0], parts[1]


def _print_summary(found: BreakEven, form: str, notes: Sequence[str] = ()) -> None:
    if form == "json":
        money = asdict(money_of_study(found.study))
        print_json({**as_dict(found), "money": money, **({"notes": list(notes)} if notes else {})})
    elif form == "csv":
        print_csv(list(points(found)))
    else:
        _show(found)


def _show(found: BreakEven) -> None:
    """Print the answer, then the costs of both sides or the boundary between them."""
    console = stdout()
    lines = sentences(found)
    console.print(plain(lines[0]), style="bold")
    for line in lines[1:]:
        console.print(plain(line))
    console.print()
    rows = []
    # one entry also where there is no second axis
    for j, y in enumerate(found.ys):
        # one axis shows the costs themselves; of a map only the boundary fits a table
        for i, x in enumerate(found.xs) if found.y is None else ():
            a, b = found.costs[j, i]
            # infinite where no chip of a side is feasible: then it has no best chip
            best = [
                str(c) if isfinite(v) else "-" for c, v in zip(found.best_chips[j, i], (a, b), strict=True)
            ]
            rows.append([amount(found.x, float(x)), _cost(a), _cost(b), found.winner(j, i), *best])
        if found.y is not None:
            at = [c for c in found.boundary if c.y == y]
            rows += [
                [amount(found.y, float(y)), amount(found.x, c.x), c.left, c.right, c.why, _cost(c.costs[0])]
                for c in at
            ]
    a, b = found.sides
    if found.y is None:
        costs = [f"{found.goal_label} of {side}" for side in (a, b)]
        columns = [found.x.label, *costs, "wins", f"best of {a}", f"best of {b}"]
        title, right = f"Who wins: {found.goal_label} of the best chip of each side", columns[:3]
    else:
        columns = [found.y.label, found.x.label, "below", "above", "why", f"{found.goal_label} of {a}"]
        title, right = "The boundary", [columns[0], columns[1], columns[5]]
    console.print(table(columns, rows, title=title, right=right))
    console.print()
    print_money(found.study)
    console.print(plain(_foot(found)), style="dim")


def _foot(found: BreakEven) -> str:
    return (
        f"{found.tried:,} {LOOKED[found.what]}; the {found.carried} best on a first net make the map. "
        f"Targets: {_targets(found) or 'none'}."
        f"{f' {OF_A_MIX}' if found.study.members else ''}"
    )


def _cost(value: float) -> str:
    return pretty(float(value), "") if isfinite(value) else "infeasible"


def _targets(found: BreakEven) -> str:
    text = limits_text(found.limits)
    return f"{text}, {met_with(found.study.spec.confidence)}" if text else ""

"""`dse front`: what a study has found so far, for people and for programs."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.eligibility import WithUnanchored, allowing
from dse.cli.input.options import Configs, Out, SoftwareOption, Study, epilog, one_of, seconds, whole
from dse.cli.input.output_paths import picture_place
from dse.cli.input.software import question
from dse.cli.input.stored_results import stored_folder, stored_or_asked
from dse.cli.show.design_tables import baseline_table, best_table, chip_table, front_table, mix_table, thinned
from dse.cli.show.gap import proven, tell_gap
from dse.cli.show.infeasible import most_violated, obstacle_table, obstacles
from dse.cli.show.run_summary import beside_text, chosen_by, counted, exact_behind, exact_folders
from dse.cli.show.uncertainty import (
    MANY,
    NoIntervals,
    Samples,
    note,
    sample_front,
    tpot_table,
    uncertainty_table,
)
from dse.cli.show.verdicts import show_stored, with_anchors
from dse.cli.terminal.machine_output import emit_json, to_bytes
from dse.cli.terminal.tables import plain, remark, stdout
from dse.decide.verdict.filtered_front import filtered, named_axes
from dse.decide.verdict.filtered_front import plain as is_plain
from dse.errors import SpecError, spec_error
from dse.front import query
from dse.front.exact import ExactComparison, compared_to_exact
from dse.front.files import Front
from dse.front.tables import Table, plain_rows, to_format
from dse.question.resolved_study import load_study
from dse.report.info.evidence import gather
from dse.report.info.front_info import front_info
from dse.report.info.sampled_front import SampledFront
from dse.report.info.stored_trials import trials_of
from dse.report.plots.front_plot import draw_front
from dse.report.words.answer import Answer, Row, answer
from dse.report.words.computed_formats import computed_lines, marked, marked_answer
from dse.report.words.listed_grid import listed_grid
from dse.spec.catalog.lookup import Catalog

EPILOG = epilog(
    "dse front groq-vs-h100 --where 'tpot<=10 ms and branch=sram-only'",
    "dse front groq-vs-h100 --format csv > front.csv",
    "dse front groq-vs-h100 --samples 512",
    "dse front groq-vs-h100 --software equal",
    codes="0 done, 2 wrong input, or no results yet.",
)


def front(
    study: Study,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            parser=one_of("table", "csv", "json", "parquet"),
            help="table, csv, json or parquet.",
        ),
    ] = "table",
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf.")] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Only designs that meet it, e.g. 'tpot<=10 ms'.")
    ] = None,
    samples: Samples = MANY,
    no_intervals: NoIntervals = False,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0), help="Seed of the drawings.")] = 1,
    exact: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder of `dse sweep` to compare with [STUDY-sweep]."),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(metavar="S", parser=seconds, help="Prove so long how much better chips could be."),
    ] = None,
    software: SoftwareOption = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Show the front of a study and the best design at each target.

    The front is every design that no other beats in all objectives. It is read from the results folder that
    `dse run` wrote. Where `dse sweep` has swept the same problem, it tells how
    much of the exact front was found. The JSON holds the hypervolume and its fraction of the exact one, on
    plain and on logarithmic scales (null where that is unknown), the best design at each target, the whole
    front and the baselines; CSV and Parquet hold the front. --gap proves by branch and bound how much better
    any chip of the space could be; for the front of a sweep, between the steps of the space as well.
    With --software the question is asked under other software: the results of `dse run --software` where
    there are some, else the chips that were found, each in its best deployments under it.
    Every number whose sources give a range is drawn, the same drawings for all designs: each design is told
    with the 10th percentile, the median and the 90th of its objective (p10, p50, p90), and with the shares of
    the drawings in which nothing beats it (probability_best) and in which it works and meets every target
    (probability_meets_target). --no-intervals leaves that out, and needs no configs.
    """
    if form == "parquet" and sys.stdout.isatty():
        raise typer.BadParameter(
            "expected a pipe or a file for parquet, got a terminal. Add > front.parquet",
            param_hint="--format",
        )
    _check_folder(configs)
    study = question(study, software)
    picture_place("--plot", plot)
    (stored, lies), folder = stored_or_asked(study, out, configs), stored_folder(study, out)
    found = allowing(_filtered(stored, where, study, folder, configs), with_unanchored)
    sure = None if no_intervals else sample_front(study, found, configs, samples, seed)
    found = found if sure is None else sure.front
    if plot is not None:
        _draw(found, plot, study, configs, exact_behind(stored, folder, exact))
    if form == "table":
        if len(stored.frame):
            _show(found, _beside(stored, folder, exact), sure)
        else:
            _empty(stored, lies)
        if gap is not None:
            tell_gap(proven(study, out, configs, gap), stored.axes)
    elif form == "json":
        bound = None if gap is None else proven(study, out, configs, gap).as_dict()
        _json(found, _beside(stored, folder, exact), bound, sure)
    else:
        to_bytes(to_format(found.frame, form))


def _check_folder(configs: Path | None) -> None:
    """A stored front needs no configs; a wrong folder is wrong all the same."""
    Catalog.of(configs)


def _beside(found: Front, folder: Path, exact: Path | None) -> ExactComparison | None:
    """How the front stands beside the exact one; None where nobody has swept the same problem."""
    if exact is None:
        return compared_to_exact(found, exact_folders(str(found.manifest.get("study")), folder))
    beside = compared_to_exact(found, (exact,))
    if beside is None:
        raise spec_error(
            "--exact", f"expected a folder where `dse sweep` swept the same problem, got {exact}"
        )
    return beside


def _filtered(found: Front, condition: str | None, study: str, folder: Path, configs: Path | None) -> Front:
    """The stored front under a condition: rows of it where they are enough, else solved again."""
    if condition is None:
        return found
    query.checked(condition)
    rows = _rows(found, condition)
    if not len(found.frame) or is_plain(found, condition):
        return rows
    try:
        resolved = load_study(study, configs)
        solved = filtered(resolved, found, condition, trials_of(resolved.slug, folder, None))
    except SpecError as error:
        remark(f"approximate: the study cannot be solved again under it ({error}), so rows were picked")
        return rows
    if not solved.exact:
        remark("approximate: no trials are stored here, so only the chips of the front were solved again")
    return solved.front


def _rows(found: Front, condition: str) -> Front:
    """Rows of a stored front that meet a condition."""
    axes = named_axes(found.axes)

    def kept(frame: Table) -> Table:
        return query.where(frame, condition, axes) if len(frame) else frame

    for said in query.unmet((found.frame, found.baselines), condition, axes):
        remark(said)
    return replace(
        found,
        frame=kept(found.frame),
        baselines=kept(found.baselines),
        at_targets=kept(found.at_targets),
    )


def _draw(found: Front, path: Path, study: str, configs: Path | None, exact: Front | None) -> None:
    intervals = gather(found, study, configs).intervals
    draw_front(front_info(found, intervals=intervals, exact=exact), path)
    remark(f"picture: {path}")


def _json(found: Front, beside: ExactComparison | None, bound: Row | None, sure: SampledFront | None) -> None:
    told, best = found.manifest, _answer(found, sure)
    emit_json(
        {
            "study": told.get("study"),
            "axes": [axis.as_dict() for axis in found.axes],
            "hypervolume": told.get("hypervolume"),
            "hypervolume_fraction": None if beside is None else beside.hypervolume_fraction,
            "log_hypervolume_fraction": None if beside is None else beside.log_hypervolume_fraction,
            "worst_factor": None if beside is None else beside.worst_factor,
            "exact": None if beside is None else str(beside.folder),
            "bound": bound,
            "trials": told.get("trials"),
            "samples": None if sure is None else sure.drawn.samples,
            "numbers_drawn": None if sure is None else sure.drawn.numbers,
            "best": list(best.best),
            "verdicts": told.get("verdicts"),
            "dependence": told.get("dependence"),
            "unanchored": told.get("unanchored"),
            "price_bases": told.get("price_bases"),
            "assumed": told.get("assumed"),
            "listed_grid": listed_grid(told),
            "ranks_among": best.standing.group,
            "rivals": {name: list(rows) for name, rows in best.rivals.items()},
            "front": plain_rows(found.frame),
            "baselines": plain_rows(found.baselines),
        }
    )


def _answer(found: Front, sure: SampledFront | None) -> Answer:
    return answer(found) if sure is None else sure.judge(answer(found))


def _empty(stored: Front, folder: Path) -> None:
    """Say that the stored front has no design, and what stood in the way where its trials tell."""
    told, console = stored.manifest, stdout()
    console.print(str(told.get("title") or told.get("study")), style="bold")
    if swept := told.get("sweep"):
        console.print(f"The front is empty: none of {counted(swept['points'], 'point')} is feasible.")
        return
    trials = told.get("trials") or 0
    found = obstacles(trials_of(str(told.get("study")), folder, None))
    why = most_violated(found, trials)
    console.print(f"The front is empty: none of {counted(trials, 'trial')} is feasible{why}.", soft_wrap=True)
    if found:
        console.print()
        console.print(obstacle_table(found))


def _show(found: Front, beside: ExactComparison | None, sure: SampledFront | None) -> None:

    precision = found.manifest.get("precision", {})
    console, rows = stdout(), marked(plain_rows(found.frame), precision)
    told = marked_answer(_answer(found, sure), precision)
    rows, told = with_anchors(rows, found), replace(told, best=tuple(with_anchors(told.best, found)))
    console.print(str(found.manifest.get("title") or found.manifest.get("study")), style="bold")
    if not rows:
        console.print("No design on the front meets this.")
        return
    shown = thinned(rows)
    title = f"The front: {counted(len(rows), 'design')}"
    if len(shown) < len(rows):
        title += f", {len(shown)} of them here, all with --format csv"
    mix = mix_table(told.best, found.manifest.get("mix", ()))
    best = (
        best_table(told, found.axes),
        mix,
        baseline_table(told),
        uncertainty_table(told, sure),
        tpot_table(told, sure),
    )
    for part in (front_table(shown, found.axes, title), *best, chip_table(told.best)):
        if part is not None:
            console.print()
            console.print(part)
    for line in chosen_by(found):
        console.print(line, style="dim")
    for line in computed_lines([*rows, *plain_rows(found.baselines)], precision):
        console.print(line, soft_wrap=True)
    for line in told.standing.lines():
        console.print(plain(line))
    for line in note(sure):
        console.print(plain(line), style="dim")
    show_stored(console, found)
    volume, swept = found.manifest.get("hypervolume"), found.manifest.get("sweep")
    work = f"{swept['points']:,} points" if swept else counted(found.manifest["trials"], "trial")
    console.print()
    beside_words = "" if swept else beside_text(beside)
    console.print(f"{work}; hypervolume of the whole front {volume:.6g}{beside_words}", soft_wrap=True)

"""`dse front`: what a study has found so far, for people and for programs."""

import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.eligibility import WithUnanchored, apply_eligibility
from dse.cli.input.options import (
    Configs,
    Memory,
    Out,
    SoftwareOption,
    Study,
    epilog,
    format_option,
    seconds,
    whole,
)
from dse.cli.input.output_paths import check_picture_file
from dse.cli.input.software import study_under_software
from dse.cli.input.stored_results import front_under_software, stored_folder, told_today
from dse.cli.pools.front import hold_provable, proven_pairs, show_front_of_pools
from dse.cli.pools.stored import stored_pairs
from dse.cli.pools.sweep import refuse_options
from dse.cli.show.design_tables import baseline_table, best_table, chip_table, front_table, mix_table, thinned
from dse.cli.show.gap import not_exact, proven, show_gap
from dse.cli.show.infeasible import most_violated, obstacles, violation_table
from dse.cli.show.run_summary import (
    counted,
    exact_behind,
    exact_folders,
    exact_text,
    print_layout_remarks,
    selection_rules,
)
from dse.cli.show.uncertainty import (
    MANY,
    NoIntervals,
    Samples,
    note,
    sample_front,
    tpot_table,
    uncertainty_table,
)
from dse.cli.show.verdicts import mark_rows, show_stored_verdicts
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_bytes, print_json
from dse.cli.terminal.tables import plain, remark, stdout
from dse.cli.terminal.termination import interrupted
from dse.decide.verdict.filtered_front import filtered, named_axes
from dse.decide.verdict.filtered_front import plain as is_plain
from dse.errors import SpecError, spec_error
from dse.front import query
from dse.front.exact import ExactComparison, compared_to_exact, is_exact
from dse.front.files import Front
from dse.front.tables import Row, Table, plain_rows, to_format
from dse.question.pools.study import pooled_question
from dse.question.resolved_study import load_study
from dse.question.substance import as_stored
from dse.report.info.evidence import gather
from dse.report.info.front_info import front_info
from dse.report.info.sampled_front import SampledFront
from dse.report.info.stored_trials import trials_of
from dse.report.plots.front_plot import draw_front
from dse.report.words.answer import Answer, answer
from dse.report.words.computed_formats import computed_lines, marked, marked_answer
from dse.report.words.listed_grid import listed_grid
from dse.search.bound.limits import MEMORY
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
    form: Annotated[str, format_option("table", "csv", "json", "parquet")] = "table",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the front into this file (.png, .svg or .pdf).")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Only designs that meet a condition, e.g. 'tpot<=10 ms and branch=sram-only'.",
        ),
    ] = None,
    samples: Samples = MANY,
    no_intervals: NoIntervals = False,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0), help="Seed of the samples.")] = 1,
    exact: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of a sweep to compare with [default: STUDY-sweep next to the results].",
        ),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            parser=seconds,
            help="Time to spend on proving how much better a chip could be, e.g. 60 or '2 min'.",
        ),
    ] = None,
    memory: Memory = None,
    software: SoftwareOption = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Show the front of a study and the best design at each target.

    The front contains every design that no other design beats in all objectives. It is read from the results
    folder of `dse run`. If `dse sweep` has evaluated the same study, the output says how much of the exact
    front was found.

    CSV and Parquet contain the front. JSON contains the front, the baselines, the best design at each target,
    and the hypervolume with its fraction of the exact one (null where that is unknown).

    Uncertain inputs are sampled, with the same samples for all designs. Each design gets the 10th percentile,
    the median and the 90th percentile of its objective (p10, p50, p90), the share of samples in which nothing
    beats it (probability_best), and the share in which it works and meets every target
    (probability_meets_target). --no-intervals skips this and needs no configs.

    Of a study of pools it shows pairs of chips with both layouts; a condition names a pool, as in
    decode.chip=lp30. The best pairs at each target are sampled; --exact and --software are refused.

    --gap proves by branch and bound how much better any chip of the space could be. Ctrl-C ends it and prints
    what is proven. --software prints the
    results under another assumption about software: those of `dse run --software` if they exist, else the
    stored chips with their best deployments under it.
    """
    # binary data would garble a terminal
    if form == "parquet" and sys.stdout.isatty():
        what = "expected a pipe or a file for parquet, got a terminal. Add > front.parquet"
        raise spec_error("--format", what)
    _check_folder(configs)
    check_picture_file("--plot", plot)
    with blame("STUDY"):
        of_pools = pooled_question(study, configs)
    if of_pools is not None:
        refuse_options({"--exact": exact, "--software": software})
        pairs, place = stored_pairs(of_pools, out)
        if gap is not None:
            hold_provable(of_pools, pairs)
        kept = pairs if where is None else _rows(pairs, where)
        shown = apply_eligibility(kept, with_unanchored)
        # of all pairs that are stored, whatever the condition
        prove = (
            None
            if gap is None
            else partial(proven_pairs, of_pools, pairs, seconds=gap, memory=memory or MEMORY)
        )
        drawings = 0 if no_intervals else samples
        bound = show_front_of_pools(of_pools, shown, place, form, plot, prove, drawings, seed)
        if bound is not None and bound.ended == "interrupt":
            raise typer.Exit(interrupted())
        return
    study = study_under_software(study, software)
    # two folders: the front may come with the study while a run writes to `results`
    (stored, lies), folder = front_under_software(study, out, configs), stored_folder(study, out)
    stored = told_today(stored, study, configs)
    found = apply_eligibility(_filtered(stored, where, study, folder, configs), with_unanchored)
    sure = None if no_intervals else sample_front(study, found, configs, samples, seed)
    found = found if sure is None else sure.front
    if plot is not None:
        _draw(found, plot, study, configs, exact_behind(stored, folder, exact))
    if form == "table":
        # of the stored front: that it is empty is not that nothing meets the condition
        if len(stored.frame):
            _show(found, _compared(stored, folder, exact), sure)
            # of a study that cannot be resolved any more nothing is told
            with suppress(SpecError):
                print_layout_remarks(load_study(study, configs), found)
        else:
            _empty(stored, lies)
        # after the answer, since the proof takes as long as the user gives it
        bound = None if gap is None else proven(study, out, configs, gap, memory or MEMORY)
        if bound is not None:
            show_gap(bound, stored.axes)
    elif form == "json":
        bound = None if gap is None else proven(study, out, configs, gap, memory or MEMORY)
        _json(found, _compared(stored, folder, exact), None if bound is None else bound.as_dict(), sure)
    else:
        bound = None
        print_bytes(to_format(found.frame, form))
    # all that was proven is printed
    if bound is not None and bound.ended == "interrupt":
        raise typer.Exit(interrupted())


def _check_folder(configs: Path | None) -> None:
    """A stored front needs no configs; a wrong folder is wrong all the same."""
    Catalog.of(configs)


def _compared(found: Front, folder: Path, exact: Path | None) -> ExactComparison | None:
    """How the front stands comparison the exact one; None where nobody has swept the same problem."""
    if exact is None:
        return compared_to_exact(found, exact_folders(str(found.manifest.get("study")), folder))
    # the default folders are optional; one that is named must hold the same study
    comparison = compared_to_exact(found, (exact,))
    if comparison is None:
        raise spec_error("--exact", f"expected the results of `dse sweep` for the same study, got {exact}")
    return comparison


def _filtered(found: Front, condition: str | None, study: str, folder: Path, configs: Path | None) -> Front:
    """The stored front under a condition: rows of it where they are enough, else solved again."""
    if condition is None:
        return found
    # checked here too, because an empty front never evaluates it
    query.checked(condition)
    rows = _rows(found, condition)
    # bounds on objectives alone: other conditions may be met by designs that the front dominates
    if not len(found.frame) or is_plain(found, condition):
        return rows
    try:
        resolved = as_stored(load_study(study, configs), found.manifest)
        solved = filtered(resolved, found, condition, trials_of(resolved.slug, folder, None))
    except SpecError as error:
        remark(
            f"approximate: the study cannot be evaluated under this condition ({error}); rows "
            f"of the front were selected"
        )
        return rows
    if not solved.exact:
        remark("approximate: no trials are stored here; only the chips of the front were evaluated again")
    return solved.front


def _rows(found: Front, condition: str) -> Front:
    """Rows of a stored front that meet a condition."""
    axes = named_axes(found.axes)

    def kept(frame: Table) -> Table:
        if not len(frame):
            return frame
        missing = [
            name for name in found.frame.columns if name not in frame.columns
        ]  # baselines lack parameters
        # no rows of the missing columns, extended to gaps: so they keep their types
        gaps = found.frame[missing].iloc[:0].reindex(frame.index)
        return query.where(frame.join(gaps), condition, axes)[list(frame.columns)]

    for message in query.unmet((found.frame, found.baselines), condition, axes):
        remark(message)
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


def _json(
    found: Front, comparison: ExactComparison | None, bound: Row | None, sure: SampledFront | None
) -> None:
    """Print the front, the baselines and the best designs as JSON."""
    manifest, best = found.manifest, _answer(found, sure)
    print_json(
        {
            "study": manifest.get("study"),
            "axes": [axis.as_dict() for axis in found.axes],
            "hypervolume": manifest.get("hypervolume"),
            "hypervolume_fraction": None if comparison is None else comparison.hypervolume_fraction,
            "log_hypervolume_fraction": None if comparison is None else comparison.log_hypervolume_fraction,
            "worst_factor": None if comparison is None else comparison.worst_factor,
            "exact": None if comparison is None else str(comparison.folder),
            "bound": bound,
            "trials": manifest.get("trials"),
            "samples": None if sure is None else sure.drawn.samples,
            "numbers_drawn": None if sure is None else sure.drawn.numbers,
            "best": list(best.best),
            "verdicts": manifest.get("verdicts"),
            "dependence": manifest.get("dependence"),
            "unanchored": manifest.get("unanchored"),
            "price_bases": manifest.get("price_bases"),
            "assumed": manifest.get("assumed"),
            "listed_grid": listed_grid(manifest),
            "ranks_among": best.eligibility.group,
            "rivals": {name: list(rows) for name, rows in best.rivals.items()},
            "front": plain_rows(found.frame),
            "baselines": plain_rows(found.baselines),
        }
    )


def _answer(found: Front, sure: SampledFront | None) -> Answer:
    return answer(found) if sure is None else sure.with_spreads(answer(found))


def _empty(stored: Front, folder: Path) -> None:
    """Print that the stored front is empty, and which constraints its trials violate."""
    manifest, console = stored.manifest, stdout()
    console.print(str(manifest.get("title") or manifest.get("study")), style="bold")
    # a sweep stores no trials, so no constraint can be named
    if swept := manifest.get("sweep"):
        if not is_exact(stored):
            console.print("The front is empty: the sweep was ended before it found a feasible point.")
            return
        console.print(f"The front is empty: none of {counted(swept['points'], 'point')} is feasible.")
        return
    trials = manifest.get("trials") or 0
    found = obstacles(trials_of(str(manifest.get("study")), folder, None))
    why = most_violated(found, trials)
    console.print(f"The front is empty: none of {counted(trials, 'trial')} is feasible{why}.", soft_wrap=True)
    if found:
        console.print()
        console.print(violation_table(found))


def _show(found: Front, comparison: ExactComparison | None, sure: SampledFront | None) -> None:
    """Print the front, the best designs, their uncertainty and the notes."""
    precision = found.manifest.get("precision", {})
    console, rows = stdout(), marked(plain_rows(found.frame), precision)
    shown_answer = marked_answer(_answer(found, sure), precision)
    # after the marks of formats, to which it appends
    rows, shown_answer = (
        mark_rows(rows, found),
        replace(shown_answer, best=tuple(mark_rows(shown_answer.best, found))),
    )
    console.print(str(found.manifest.get("title") or found.manifest.get("study")), style="bold")
    # the stored front has designs, see `front`, so it is the condition
    if not rows:
        console.print("No design on the front meets the condition.")
        return
    shown = thinned(rows)
    title = f"The front: {counted(len(rows), 'design')}"
    if len(shown) < len(rows):
        title += f", {len(shown)} of them printed; --format csv has all"
    mix = mix_table(shown_answer.best, found.manifest.get("mix", ()))
    best = (
        best_table(shown_answer, found.axes),
        mix,
        baseline_table(shown_answer),
        uncertainty_table(shown_answer, sure),
        tpot_table(shown_answer, sure),
    )
    for part in (front_table(shown, found.axes, title), *best, chip_table(shown_answer.best)):
        if part is not None:
            console.print()
            console.print(part)
    for line in selection_rules(found):
        console.print(line, style="dim")
    for line in computed_lines([*rows, *plain_rows(found.baselines)], precision):
        console.print(line, soft_wrap=True)
    for line in shown_answer.eligibility.lines():
        console.print(plain(line))
    for line in note(sure):
        console.print(plain(line), style="dim")
    show_stored_verdicts(console, found)
    # the manifest describes the whole front, whatever the condition
    volume, swept = found.manifest.get("hypervolume"), found.manifest.get("sweep")
    work = f"{swept['points']:,} points" if swept else counted(found.manifest.get("trials") or 0, "trial")
    console.print()
    # a whole sweep is the exact front itself
    comparison_text = "" if is_exact(found) else exact_text(comparison)
    console.print(
        f"{work}; hypervolume of the whole front {volume or 0.0:.6g}{comparison_text}", soft_wrap=True
    )
    if swept and not is_exact(found):
        console.print(not_exact(found), soft_wrap=True)

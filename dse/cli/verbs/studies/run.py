"""`dse run`: search, store, resume, and print the answer."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.cases.one_case import CaseOptions
from dse.cli.cases.side_by_side import Result, run_cases
from dse.cli.input.eligibility import apply_eligibility
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Study, epilog, seconds, whole
from dse.cli.input.search_options import AnswerOptions, repeated
from dse.cli.input.software import study_under_software
from dse.cli.pools.run import print_pooled_cases, run_of_pools
from dse.cli.pools.sweep import refuse_options
from dse.cli.show.cases_table import cases_table
from dse.cli.show.infeasible import most_violated, obstacles, violation_table
from dse.cli.show.money import print_money
from dse.cli.show.run_summary import (
    counted,
    exact_folders,
    exact_text,
    print_answer,
    print_files,
    print_layout_remarks,
)
from dse.cli.show.uncertainty import MANY, measured_in
from dse.cli.show.verdicts import show_stored_verdicts
from dse.cli.terminal.guard import blame, complain
from dse.cli.terminal.progress import calm, shown
from dse.cli.terminal.tables import stdout
from dse.errors import ExitCode, InterruptedRun
from dse.front.exact import compared_to_exact
from dse.masks import STORAGE
from dse.question.money import chips_of_question
from dse.question.pools.study import PooledStudy, load_questions, pooled_question
from dse.question.resolved_study import ResolvedStudy
from dse.report.info.cases_info import cases_info
from dse.report.plots.cases_plot import draw_cases
from dse.search.run.runner import RunResult
from dse.spec.schema.software import split_software

EPILOG = epilog(
    "dse run groq-vs-h100",
    "dse run groq-vs-h100/listed",
    "dse run groq-vs-h100 --software equal",
    "dse run groq-vs-h100 --trials 1000 --timeout '10 min' --out results/long",
    codes=(
        "0 done, 1 a plug-in failed or no feasible design was found, 2 wrong input, "
        "130 interrupted (repeat to continue)."
    ),
)


def run(
    study: Study,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1),
            help="Trials in total, including those of earlier runs [default: the study's budget].",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            parser=seconds,
            help=(
                "Stop the search after this time, e.g. '90 s' or '5 min'; a plain number is in seconds "
                "[default: the study's budget]."
            ),
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar=STORAGE,
            help=(
                "Where trials are stored: journal:PATH, sqlite:///PATH, postgresql://... or "
                "memory: [default: a file in the results folder]."
            ),
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=(
                "Sampler, see `dse catalog samplers` [default: that of the study]. An existing run "
                "keeps its sampler."
            ),
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(0), help="Seed of the sampler [default: that of the study]."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1),
            help=(
                "Processes per search; cases then run one after the other [default: one process "
                "per case, on all cores]."
            ),
        ),
    ] = None,
    verdicts: Annotated[
        bool,
        typer.Option(
            "--verdicts/--no-verdicts",
            help="Also evaluate the winners under the other two assumptions about software.",
        ),
    ] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; earlier results move to a backup folder.")
    ] = False,
    *,
    paid: MoneyOptions,
    options: AnswerOptions,
) -> None:
    """Search for the best chips of a study, or continue the search.

    Every finished trial is stored at once. An interrupted run continues when the command is repeated, and
    nothing is evaluated twice. The same seed gives the same trials: cases run in parallel, each in one
    process. With --workers N the cases run one after the other, each with N processes.

    The results folder contains front.csv (designs that no other design beats), baselines.csv (what real chips
    reach), manifest.json (what produced them) and front.png. A study with cases has a folder for each case;
    STUDY/CASE runs one. --software evaluates the study under another assumption about software and stores the
    results in a folder of their own; STUDY@equal means the same.

    Where a study compares kinds of chips, the best of each kind are also evaluated under the other two
    assumptions about software, to report whether the winner holds. --no-verdicts skips this.

    With --confidence 0.8 every target must be met with a probability of 80 %, by the error bar of each stack;
    search, front and answer are then about the latency that is met with it. It is another question: use
    another --out than for results without it. A stack without an error bar is refused.

    --economy, --years, --price and the like make another question too: use another --out with them.

    Of a study of pools a trial is a chip for each pool, with parameters such as decode.sram; all layouts of
    both are paired. Its layouts are solved in both modes.
    """
    study = study_under_software(study, options.software)
    # without --fresh, which would start over instead of continuing
    searched = {"trials": trials, "storage": storage, "sampler": sampler, "seed": seed, "workers": workers}
    again = repeated("run", study, options, paid, **searched)
    case = CaseOptions(
        trials=trials,
        timeout=timeout,
        storage=storage,
        sampler=sampler,
        seed=seed,
        # None and 1 differ in whether cases may run side by side, see `alone` below
        workers=workers or 1,
        fresh=fresh,
        out=options.out,
        verdicts=verdicts,
    )
    with blame("STUDY"):
        of_pools = pooled_question(study, options.configs)
    if of_pools is not None:
        unknown: dict[str, object] = {"--storage": storage, "--workers": workers}
        unknown |= {
            "--confidence": options.confidence,
            "--samples": None if options.samples == MANY else options.samples,
        }
        refuse_options(unknown)
        of_pools = paid.applied_to_pools(of_pools, options.configs)
        pooled = of_pools.lifted() if options.no_targets else of_pools
        run_of_pools(pooled, study, again, case, unanchored=options.with_unanchored)
        return
    with _resumable(again), shown(study) as report, calm():
        with blame("STUDY"):
            questions = load_questions(study, options.configs)
        alone = [q for q in questions if isinstance(q, ResolvedStudy)]
        chips = [chip for q in questions for chip in chips_of_question(q)]
        studies = tuple(paid.applied(q, options.configs, chips) for q in alone)
        if options.no_targets:
            studies = tuple(q.lifted() for q in studies)
        if options.confidence is not None:
            studies = tuple(q.confident(options.confidence) for q in studies)
        # cases share the cores only where each has one process and a storage of its own
        results = run_cases(studies, case, report, alone=workers is not None or storage is not None)
    # a case that was interrupted comes last, see `run_cases`
    result = results[-1]
    if result.interrupted:
        done = counted(result.front.manifest["trials"], "trial")
        # the front so far is stored as well
        print_files(result.out, picture=False)
        raise InterruptedRun(f"interrupted after {done}; all of them are kept. Continue with:\n  {again}")
    results = [replace(r, front=apply_eligibility(r.front, options.with_unanchored)) for r in results]
    first = results[0]
    if not len(first.front.frame):
        _nothing(first)
        raise typer.Exit(ExitCode.FAILED)
    _print_summary(first, study, samples=options.drawn)
    if len(results) > 1:
        _print_cases(results, study)
    print_pooled_cases(study, [q.case or "" for q in questions if isinstance(q, PooledStudy)])


@contextmanager
def _resumable(again: str) -> Iterator[None]:
    """Ctrl-C while nothing is searched yet, or while the last pages are written: nothing is lost either."""
    try:
        yield
    except KeyboardInterrupt:
        what = "interrupted; every finished trial is kept. Continue with:"
        raise InterruptedRun(f"{what}\n  {again}") from None


def _print_summary(result: Result, study: str, *, samples: int) -> None:
    """Print the answer, the verdicts, the counts and the files of a run."""
    manifest, console = result.front.manifest, stdout()
    # 0 with --no-intervals
    sure = measured_in(result.study, result.front, samples) if samples else None
    print_answer(result.front, result.study.spec, sure=sure)
    print_money(result.study)
    print_layout_remarks(result.study, result.front)
    show_stored_verdicts(console, result.front)
    console.print()
    comparison = compared_to_exact(result.front, exact_folders(result.study.slug, result.out))
    console.print(
        f"{counted(manifest['trials'], 'trial')} ({result.new_trials:,} new), "
        f"{manifest['feasible_trials']:,} feasible; "
        f"{counted(len(result.front.frame), 'design')} on the front; "
        f"hypervolume {manifest['hypervolume']:.6g}"
        f"{exact_text(comparison)}",
        soft_wrap=True,
    )
    # it was not interrupted, so the time was up
    if manifest["trials"] < result.wanted:
        console.print(
            f"The time limit ended the run before {result.wanted:,} trials; repeat the command to continue."
        )
    print_files(result.out, picture=True)
    console.print(f"Details: {_look(study, result)}", soft_wrap=True)


def _print_cases(results: list[Result], study: str) -> None:
    """The cases side by side, and where each of them lies."""
    fronts = [(r.study.case_title, r.front) for r in results]
    console, picture = stdout(), results[0].out / "cases.png"
    draw_cases(cases_info(fronts), picture)
    console.print()
    console.print(cases_table(fronts))
    # without the first, which is the study itself
    names = ", ".join(r.study.case for r in results[1:] if r.study.case)
    console.print(f"Picture: {picture}. Each case has a folder there: {names}", soft_wrap=True)
    first = f"{split_software(study)[0]}/{results[1].study.case}"
    console.print(f"Details: {_look(first, results[0])}", soft_wrap=True)


def _look(study: str, result: Result) -> str:
    usual = Path("results") / result.study.slug
    own = result.out.parent if result.study.case else result.out  # a case has a folder in it
    return shlex.join(["dse", "front", study, *([] if result.out == usual else ["--out", str(own)])])


def _nothing(result: Result) -> None:
    """Say that nothing was feasible, and what stood in the way."""
    trials = result.front.manifest["trials"]
    searched = result.optuna_study if isinstance(result, RunResult) else None  # the first case ran here
    # only read, so Optuna need not copy every trial
    found = obstacles([] if searched is None else searched.get_trials(deepcopy=False))
    hint = "Relax the target, widen the space or the deployments, or increase --trials."
    what = f"expected a feasible design in {counted(trials, 'trial')}, got none{most_violated(found, trials)}"
    complain(f"{result.study.slug}: {what}. {hint}")
    if found:
        stdout().print(violation_table(found))
    print_files(result.out, picture=False)

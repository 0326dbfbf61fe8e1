"""`dse sweep`: every design of the grid, and the exact front of it."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated

import typer
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dse.cli.input.eligibility import apply_eligibility
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import (
    MOST,
    Backend,
    Memory,
    Scheduler,
    Study,
    epilog,
    only_one_of,
    seconds,
    whole,
)
from dse.cli.input.search_options import AnswerOptions, repeated
from dse.cli.input.software import study_under_software
from dse.cli.pools.sweep import refuse_options, sweep_of_pools
from dse.cli.show.gap import not_exact
from dse.cli.show.money import print_money
from dse.cli.show.run_summary import counted, draw, print_answer, print_files, print_layout_remarks
from dse.cli.show.uncertainty import MANY, measured_in
from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.guard import blame, complain
from dse.cli.terminal.log_lines import LogLines
from dse.cli.terminal.tables import stderr, stdout
from dse.errors import ExitCode, InterruptedRun, Problem, SpecError, spec_error
from dse.front.exact import is_exact
from dse.front.files import Front
from dse.question.pools.study import PooledStudy, load_question
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.limits import MEMORY
from dse.search.sweep.dask_blocks import on_cluster
from dse.search.sweep.driver import Progress, SweepResult
from dse.search.sweep.driver import sweep as run
from dse.search.sweep.executor import Executor
from dse.spec.yaml.units import plain_number

EPILOG = epilog(
    "dse sweep groq-vs-h100",
    "dse sweep groq-vs-h100 --prune",
    "dse sweep groq-vs-h100 --backend jax --grid sram=33,peak_flops=17 --out results/fine",
    "dse sweep groq-vs-h100 --grid sram=65,peak_flops=65 --scheduler tcp://head:8786",
    codes="0 done, 1 no design is feasible, 2 wrong input, 130 stopped before the end (repeat to continue).",
)


def sweep(
    study: Study,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=N,...",
            help="Number of values of a parameter, e.g. sram=33 [default: the steps of the space].",
        ),
    ] = None,
    backend: Backend = "numpy",
    workers: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(1), help="Threads [default: all cores].")
    ] = None,
    scheduler: Scheduler = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            parser=seconds,
            help="Stop the search after this time, e.g. '90 s' or '5 min' [default: none].",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Skip boxes of chips that provably contain nothing better.")
    ] = False,
    memory: Memory = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh/--resume", help="Start over (earlier results move to a backup folder), or resume."
        ),
    ] = False,
    *,
    paid: MoneyOptions,
    options: AnswerOptions,
) -> None:
    """Evaluate every chip and deployment of a grid; the front is exact.

    A search samples designs and may miss the best; a sweep evaluates the whole grid. The grid has the steps
    of the space, or as many values as --grid gives. Finished blocks are stored, so that an interrupted sweep
    continues when the command is repeated. The results folder [results/STUDY-sweep] has the same files as
    that of `dse run`. `dse front` then reports how much of the exact front a search has found.

    --scheduler evaluates the blocks on the workers of a Dask cluster; this machine merges and stores them.
    The front is the same.

    --prune skips boxes of chips when even a chip with the best value of every parameter in the box, at the
    lowest price, would be no better than a known design. The front is the same, in a fraction of the time. It
    requires a cost model in which more of a resource never makes a design worse. Stopped by --timeout or
    Ctrl-C it keeps the best front that it found, and prints by how much a design of the grid may beat it.

    --economy, --years, --price and the like make another question: use another --out with them.

    Of a study of pools it finds the front of all pairs; those of prefill and decode cost the sum of both
    pools and not their product, and --prune skips boxes of chips of either. Of pools that take turns it skips
    pairs of boxes. --grid then takes names such as decode.sram=33.
    """
    study = study_under_software(study, options.software)
    swept = {"grid": grid, "backend": backend, "workers": workers, "scheduler": scheduler}
    again = repeated("sweep", study, options, paid, **swept)
    only_one_of("--scheduler", scheduler, "--workers", workers)
    # a flag is False where it is not given
    only_one_of("--scheduler", scheduler, "--prune", prune or None)
    counts = {} if grid is None else _counts(grid)
    with blame("STUDY"):
        resolved = load_question(study, options.configs)
    if isinstance(resolved, PooledStudy):
        unknown: dict[str, object] = {"--scheduler": scheduler, "--timeout": timeout}
        unknown |= {"--memory": None if prune else memory, "--confidence": options.confidence}
        unknown |= {"--backend": None if backend == "numpy" else backend}
        unknown |= {"--samples": None if options.samples == MANY else options.samples}
        refuse_options(unknown)
        of_pools = paid.applied_to_pools(resolved, options.configs)
        pooled = of_pools.lifted() if options.no_targets else of_pools
        sweep_of_pools(
            pooled, study, counts, options, workers=workers, fresh=fresh, prune=prune, memory=memory
        )
        return
    with blame("STUDY"):
        resolved = paid.applied(resolved, options.configs)
        resolved = resolved.lifted() if options.no_targets else resolved
        resolved = resolved if options.confidence is None else resolved.confident(options.confidence)
    with (
        _bar(study) as report,
        _solved_by(scheduler, resolved, counts, backend) as engine,
    ):
        result = run(
            resolved,
            counts=counts,
            backend=backend,
            workers=workers,
            fresh=fresh,
            out=options.out,
            prune=prune,
            progress=report,
            executor=engine,
            seconds=math.inf if timeout is None else timeout,
            memory=memory or MEMORY,
        )
    # the front of a part of the grid would not be exact
    if result.front is None:
        share = result.points / result.grid.size
        how = "interrupted" if result.ended == "interrupt" else "stopped by --timeout"
        what = f"{how} after {share:.1%} of the points; all of them are kept. Continue with:"
        raise InterruptedRun(f"{what}\n  {again}")
    if result.ended == "interrupt":
        draw(result.study, result.front, result.out)
        raise InterruptedRun(f"interrupted; the best front that was found is kept. {not_exact(result.front)}")
    if not len(result.front.frame):
        hint = "Relax the targets, or widen the space or the deployments."
        complain(f"{resolved.slug}: expected a feasible design, got none of {result.points:,}. {hint}")
        if not is_exact(result.front):
            complain(not_exact(result.front))
        print_files(result.out, picture=False)
        raise typer.Exit(ExitCode.FAILED)
    # the stored picture does not depend on --with-unanchored
    draw(result.study, result.front, result.out)
    front = apply_eligibility(result.front, options.with_unanchored)
    sure = measured_in(resolved, front, options.drawn) if options.drawn else None
    print_answer(front, resolved.spec, sure=sure)
    print_money(resolved)
    print_layout_remarks(resolved, front)
    _print_summary(result, result.front)


def _solved_by(
    scheduler: str | None, study: ResolvedStudy, counts: dict[str, int], backend: str
) -> AbstractContextManager[Executor | None]:
    """Who solves the blocks: a cluster, or with None the threads of this process."""
    if scheduler is None:
        return nullcontext()
    return on_cluster(scheduler, study, counts, backend)


def _print_summary(result: SweepResult, front: Front) -> None:
    """Print the counts, the remarks and the files of a sweep."""
    grid = result.grid
    facts = front.manifest["sweep"]
    # nothing new was evaluated where an earlier call had finished: then there is no rate
    done = f", {result.new_points / result.seconds:,.0f} a second" if result.new_points else ""
    if facts["pruned"]:
        others = "the others" if is_exact(front) else "others"
        done = f"; {facts['evaluated']:,} evaluated, {others} excluded by bounds on {facts['boxes']:,} boxes"
    exact = "on the exact front of the grid" if is_exact(front) else "on the front so far"
    stdout().print(
        f"{grid.size:,} points ({grid.chips:,} chips in {grid.layouts:,} deployments each{done}); "
        f"{counted(len(front.frame), 'design')} {exact}; hypervolume {front.manifest['hypervolume']:.6g}",
        soft_wrap=True,
    )
    if not is_exact(front):
        stdout().print(not_exact(front), soft_wrap=True)
    for remark in facts.get("remarks", ()):
        stdout().print(f"Note: {remark}.", soft_wrap=True)
    print_files(result.out, picture=True)


def _counts(text: str) -> dict[str, int]:
    """`sram=33,peak_flops=17` as names and numbers; `SpecError` for none, or a name twice."""
    found: dict[str, int] = {}
    problems = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, number = (text.strip() for text in part.partition("=")[::2])
        count = plain_number(number)
        if not name or not isinstance(count, int) or not 0 <= count <= MOST:
            problems.append(Problem("--grid", f"expected NAME=N with a whole number, got {part!r}"))
        elif name in found:
            what = f"expected each parameter once, got {name}={found[name]} and {part}"
            problems.append(Problem("--grid", what))
        else:
            found[name] = count
    if problems:
        raise SpecError(problems)
    if not found:
        raise spec_error("--grid", f"expected NAME=N such as sram=33, got {text!r}")
    return found


@contextmanager
def _bar(study: str) -> Iterator[Progress]:
    """A progress bar with points a second on stderr, and lines where that is no terminal."""
    console, start, log = stderr(), time.monotonic(), LogLines()
    unseen = global_options().quiet or not console.is_terminal
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    bar = Bar(*columns, console=console, transient=True, disable=unseen)

    def report(settled: int, new: int, wanted: int, gap: float | None) -> None:
        # the first report may come at once
        rate = new / max(time.monotonic() - start, 1e-9) / 1e6
        bar.update(task, completed=settled, total=wanted, rate=f"{rate:,.0f} M points/s")
        proven = "" if gap is None else f"; the others are at most x{gap:.3f} better"
        log.say(f"{study}: {settled:,} of {wanted:,} points settled{proven}")

    with bar:
        task = bar.add_task(study, total=None, rate="")
        yield report

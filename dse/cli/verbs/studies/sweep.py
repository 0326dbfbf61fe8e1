"""`dse sweep`: every design of the grid, and the exact front of it."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import dse
from dse.cli.input.eligibility import WithUnanchored, apply_eligibility
from dse.cli.input.options import (
    Configs,
    NoTargets,
    Out,
    Scheduler,
    SoftwareOption,
    Study,
    epilog,
    one_of,
    only_one_of,
    whole,
)
from dse.cli.input.software import study_under_software
from dse.cli.show.run_summary import counted, draw, print_answer, print_files
from dse.cli.show.uncertainty import MANY, NoIntervals, Samples, measured_in
from dse.cli.terminal.guard import blame, complain
from dse.cli.terminal.tables import stderr, stdout
from dse.errors import ExitCode, InterruptedRun, Problem, SpecError, spec_error
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.search.sweep.dask_blocks import on_cluster
from dse.search.sweep.driver import SweepResult
from dse.search.sweep.driver import sweep as run
from dse.search.sweep.executor import Executor

EPILOG = epilog(
    "dse sweep groq-vs-h100",
    "dse sweep groq-vs-h100 --prune",
    "dse sweep groq-vs-h100 --backend jax --grid sram=33,peak_flops=17 --out results/fine",
    "dse sweep groq-vs-h100 --grid sram=65,peak_flops=65 --scheduler tcp://head:8786",
    codes="0 done, 1 no design is feasible, 2 wrong input, 130 interrupted (repeat to continue).",
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
    backend: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            parser=one_of("numpy", "jax", what="backend"),
            help="Array library: numpy, or jax (optional extra).",
        ),
    ] = "numpy",
    workers: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(1), help="Threads [default: all cores].")
    ] = None,
    scheduler: Scheduler = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Skip boxes of chips that provably contain nothing better.")
    ] = False,
    software: SoftwareOption = None,
    no_targets: NoTargets = False,
    with_unanchored: WithUnanchored = False,
    samples: Samples = MANY,
    no_intervals: NoIntervals = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh/--resume", help="Start over (earlier results move to a backup folder), or resume."
        ),
    ] = False,
    out: Out = None,
    configs: Configs = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print results and errors only: no progress, no notes.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="Print without colour; NO_COLOR=1 does the same.")
    ] = False,
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
    requires a cost model in which more of a resource never makes a design worse.
    """
    study = study_under_software(study, software)
    again = _command(
        study,
        grid=grid,
        backend=backend,
        workers=workers,
        scheduler=scheduler,
        out=out,
        configs=configs,
        no_targets=no_targets,
    )
    only_one_of("--scheduler", scheduler, "--workers", workers)
    # a flag is False where it is not given
    only_one_of("--scheduler", scheduler, "--prune", prune or None)
    counts = {} if grid is None else _counts(grid)
    with blame("STUDY"):
        resolved = dse.load_study(study, configs)
        resolved = resolved.lifted() if no_targets else resolved
    with (
        _bar(study, hidden=quiet, no_color=no_color) as report,
        _solved_by(scheduler, resolved, counts, backend) as engine,
    ):
        result = run(
            resolved,
            counts=counts,
            backend=backend,
            workers=workers,
            fresh=fresh,
            out=out,
            prune=prune,
            progress=report,
            executor=engine,
        )
    if result.front is None:
        share = result.points / result.grid.size
        what = f"interrupted after {share:.1%} of the points; all of them are kept. Continue with:"
        raise InterruptedRun(f"{what}\n  {again}")
    if not len(result.front.frame):
        hint = "Relax the targets, or widen the space or the deployments."
        complain(f"{resolved.slug}: expected a feasible design, got none of {result.grid.size:,}. {hint}")
        print_files(result.out, picture=False, no_color=no_color)
        raise typer.Exit(ExitCode.FAILED)
    draw(result.study, result.front, result.out)
    front = apply_eligibility(result.front, with_unanchored)
    sure = None if no_intervals else measured_in(resolved, front, samples)
    print_answer(front, resolved.spec, no_color=no_color, sure=sure)
    _print_summary(result, result.front, no_color=no_color)


def _solved_by(
    scheduler: str | None, study: ResolvedStudy, counts: dict[str, int], backend: str
) -> AbstractContextManager[Executor | None]:
    """Who solves the blocks: a cluster, or with None the threads of this process."""
    if scheduler is None:
        return nullcontext()
    return on_cluster(scheduler, study, counts, backend)


def _print_summary(result: SweepResult, front: Front, *, no_color: bool) -> None:
    """Print the counts, the remarks and the files of a sweep."""
    grid = result.grid
    facts = front.manifest["sweep"]
    done = f", {result.new_points / result.seconds:,.0f} a second" if result.new_points else ""
    if facts["pruned"]:
        done = (
            f"; {facts['evaluated']:,} evaluated, the others excluded by bounds on {facts['boxes']:,} boxes"
        )
    stdout(no_color=no_color).print(
        f"{grid.size:,} points ({grid.chips:,} chips in {grid.layouts:,} deployments each{done}); "
        f"{counted(len(front.frame), 'design')} on the exact front of the grid; "
        f"hypervolume {front.manifest['hypervolume']:.6g}",
        soft_wrap=True,
    )
    for remark in facts.get("remarks", ()):
        stdout(no_color=no_color).print(f"Note: {remark}.", soft_wrap=True)
    print_files(result.out, picture=True, no_color=no_color)


def _counts(text: str) -> dict[str, int]:
    """`sram=33,peak_flops=17` as names and numbers; `SpecError` for none, or a name twice."""
    found: dict[str, int] = {}
    problems = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, number = (text.strip() for text in part.partition("=")[::2])
        # isdecimal refuses signs, points and blanks, which int would accept in part
        if not name or not number.isdecimal():
            problems.append(Problem("--grid", f"expected NAME=N with a whole number, got {part!r}"))
        elif name in found:
            what = f"expected each parameter once, got {name}={found[name]} and {part}"
            problems.append(Problem("--grid", what))
        else:
            found[name] = int(number)
    if problems:
        raise SpecError(problems)
    if not found:
        raise spec_error("--grid", f"expected NAME=N such as sram=33, got {text!r}")
    return found


def _command(study: str, **values: object) -> str:
    """The command that goes on."""
    plain = ["--no-targets"] if values.pop("no_targets", False) else []
    options = [part for name, v in values.items() if v is not None for part in (f"--{name}", str(v))]
    return shlex.join(["dse", "sweep", study, *options, *plain])


@contextmanager
def _bar(study: str, *, hidden: bool, no_color: bool) -> Iterator[Callable[[int, int, int], None]]:
    """A progress bar with points a second on stderr, when that is a terminal."""
    console, start = stderr(no_color=no_color), time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    bar = Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)

    def report(settled: int, new: int, wanted: int) -> None:
        # the first report may come at once
        rate = new / max(time.monotonic() - start, 1e-9) / 1e6
        bar.update(task, completed=settled, total=wanted, rate=f"{rate:,.0f} M points/s")

    with bar:
        task = bar.add_task(study, total=None, rate="")
        yield report

"""`dse worker`: work for a study that others run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import dse
from dse.cli.input.options import Configs, NoTargets, Scheduler, Study, epilog, only_one_of, seconds, whole
from dse.cli.terminal.guard import blame
from dse.cli.terminal.progress import calm, shown
from dse.cli.terminal.tables import stdout
from dse.errors import InterruptedRun
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.dask_workers import work_on
from dse.search.run.runner import WorkResult, work

EPILOG = epilog(
    "dse worker groq-vs-h100 --storage postgresql://me@db/dse --processes 8",
    "dse worker groq-vs-h100 --storage grpc://head:13000 --timeout '1 h'",
    "dse worker groq-vs-h100 --storage postgresql://me@db/dse --scheduler tcp://head:8786",
    codes="0 done, 2 wrong input, 130 interrupted (start again to go on).",
)


def worker(
    study: Study,
    storage: Annotated[
        str, typer.Option(metavar="URL", help="The storage that all share: postgresql://..., grpc://...")
    ],
    processes: Annotated[
        int, typer.Option(metavar="N", parser=whole(1), help="Processes on this machine, or on the cluster.")
    ] = 1,
    scheduler: Scheduler = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(1), help="Trials of the study in all.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", parser=seconds, help="Stop after it: 90, '90 s', '5 min'.")
    ] = None,
    sampler: Annotated[str | None, typer.Option(metavar="NAME", help="As the run has it.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", parser=whole(0), help="As the run has it.")] = None,
    no_targets: NoTargets = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where what is not stored yet lies [results/STUDY]."),
    ] = None,
    configs: Configs = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour (so does NO_COLOR).")] = False,
) -> None:
    """Add one process to a study that several processes search.

    Processes may join and leave at any time, from every machine that reaches the storage and has the same
    study and configs. Nobody needs to be told of the others. Trials are made in memory and stored in bulk, so
    a cheap trial does not wait for the database; what a killed worker had not stored lies in its folder, and
    the next one started there stores it. The front is written by `dse run` with the same --storage, while
    others work or afterwards. With --no-targets the study is that of a run with --no-targets.

    With --scheduler the processes are spread over the workers of a Dask cluster, and this one waits for them;
    what a killed worker had not stored lies in the temporary folder of its machine.
    """
    only_one_of("--scheduler", scheduler, "--out", out)
    with shown(study, hidden=quiet, no_color=no_color) as tell, calm():
        with blame("STUDY"):
            question = dse.load_study(study, configs)
            question = question.lifted() if no_targets else question
        with blame("--storage"):
            found = _fleet(scheduler, question, storage, processes, out)(
                trials=trials,
                timeout=timeout,
                sampler=sampler,
                seed=seed,
                progress=lambda done, wanted: tell(done, wanted, question.slug),
            )
    told = f"{found.new_trials:,} trials made here; the study has {found.trials:,}"
    if found.interrupted:
        raise InterruptedRun(f"interrupted; {told}")
    stdout(no_color=no_color).print(told)


def _fleet(
    scheduler: str | None, question: ResolvedStudy, storage: str, processes: int, out: Path | None
) -> Callable[..., WorkResult]:
    """What makes the trials: processes of this machine, or of a cluster."""
    if scheduler is None:
        return partial(work, question, storage, workers=processes, out=out)
    return partial(work_on, scheduler, question, storage, processes)

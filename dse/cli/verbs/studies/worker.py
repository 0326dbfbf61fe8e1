"""`dse worker`: work for a study that others run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import dse
from dse.cli.input.options import (
    Confidence,
    Configs,
    NoTargets,
    Scheduler,
    Study,
    epilog,
    only_one_of,
    seconds,
    whole,
)
from dse.cli.terminal.guard import blame
from dse.cli.terminal.progress import calm, shown
from dse.cli.terminal.tables import stdout
from dse.errors import InterruptedRun
from dse.masks import STORAGE
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.dask_workers import work_on
from dse.search.run.runner import WorkResult, work

EPILOG = epilog(
    "dse worker groq-vs-h100 --storage postgresql://me@db/dse --processes 8",
    "dse worker groq-vs-h100 --storage grpc://head:13000 --timeout '1 h'",
    "dse worker groq-vs-h100 --storage postgresql://me@db/dse --scheduler tcp://head:8786",
    codes="0 done, 2 wrong input, 130 interrupted (repeat to continue).",
)


def worker(
    study: Study,
    storage: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar=STORAGE,
            help="Database that all processes share: postgresql://..., grpc://...",
        ),
    ],
    processes: Annotated[
        int,
        typer.Option(
            metavar="N", parser=whole(1), help="Processes to start, on this machine or on the cluster."
        ),
    ] = 1,
    scheduler: Scheduler = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(1), help="Trials of the study in total [default: its budget]."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            parser=seconds,
            help="Stop after this time, e.g. '90 s' or '5 min'; a plain number is in seconds.",
        ),
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(metavar="NAME", help="Must match the sampler of the run.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(0), help="Must match the seed of the run.")
    ] = None,
    no_targets: NoTargets = False,
    confidence: Confidence = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for trials that are not stored yet [default: results/STUDY]."
        ),
    ] = None,
    configs: Configs = None,
) -> None:
    """Add one process to a study that several processes search.

    Processes may join and leave at any time, from every machine that reaches the storage and has the same
    study and configs. Evaluated trials are stored in bulk, so that a fast cost model does not wait for the
    database. If a process is killed, its unstored trials remain in its folder, and the next process started
    there stores them. `dse run` with the same --storage writes the front, during the search or after it.

    --scheduler starts the processes on the workers of a Dask cluster and waits for them; unstored trials of a
    killed worker remain in the temporary folder of its machine. --no-targets and
    --confidence must match the run.
    """
    # machines of a cluster keep what is not stored in folders of their own
    only_one_of("--scheduler", scheduler, "--out", out)
    with shown(study) as report, calm():
        with blame("STUDY"):
            resolved = dse.load_study(study, configs)
            resolved = resolved.lifted() if no_targets else resolved
            resolved = resolved if confidence is None else resolved.confident(confidence)
        with blame("--storage"):
            found = _fleet(scheduler, resolved, storage, processes, out)(
                trials=trials,
                timeout=timeout,
                sampler=sampler,
                seed=seed,
                progress=lambda done, wanted: report(done, wanted, resolved.slug),
            )
    summary = f"{found.new_trials:,} trials run here; the study has {found.trials:,}"
    if found.interrupted:
        raise InterruptedRun(f"interrupted; {summary}")
    stdout().print(summary)


def _fleet(
    scheduler: str | None, resolved: ResolvedStudy, storage: str, processes: int, out: Path | None
) -> Callable[..., WorkResult]:
    """What makes the trials: processes of this machine, or of a cluster."""
    if scheduler is None:
        return partial(work, resolved, storage, workers=processes, out=out)
    return partial(work_on, scheduler, resolved, storage, processes)

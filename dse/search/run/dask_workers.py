"""Workers for a study as tasks on the machines of a Dask cluster."""

import os
import socket
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_hex

from dse.backends.dask import cluster, wanted
from dse.errors import ResultsError, SpecError, spec_error
from dse.front.own_files import private_folder
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.runner import WorkResult, work
from dse.search.run.session import Progress
from dse.search.run.study_bundle import StudyBundle, bundle_of, located
from dse.search.run.study_reference import overridden
from dse.search.storage.shared_study import Shared

CHECK = 1.0
"""Seconds between two checks of a task whether its result is still wanted."""
READ = 2.0
"""Seconds between two reads of the storage for the progress."""


@dataclass(frozen=True, kw_only=True)
class _WorkOrder:
    """What every task needs."""

    study: StudyBundle
    storage: str = field(repr=False)
    """It may hold a password, and Dask logs the arguments of a task that fails."""
    trials: int | None
    timeout: float | None
    sampler: str | None
    seed: int | None


def work_on(
    scheduler: str,
    study: ResolvedStudy,
    storage: str,
    count: int,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    sampler: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> WorkResult:
    """Let `count` processes on the cluster of a Dask scheduler make trials; see `runner.work`.

    They are spread over the workers of the cluster, each of which reaches the storage; files of the user's
    own are sent to them. The share of a machine that dies is started on another one; what it had made and not
    stored, less than a second's work, is made again.
    """
    resolved = overridden(study, sampler, seed)
    job = _WorkOrder(
        study=bundle_of(study), storage=storage, trials=trials, timeout=timeout, sampler=sampler, seed=seed
    )
    with cluster(scheduler) as machines:
        shared = Shared(resolved, storage, fresh=False, alone=False, name=token_hex(4))
        before = done = len(shared.complete)
        looked = time.monotonic()

        def look() -> None:
            nonlocal looked
            # a sync reads the trials of the whole study, so not at every turn of the wait
            if progress is not None and time.monotonic() - looked > READ:
                shared.sync()
                progress(len(shared.complete), trials or resolved.spec.budget.trials)
                looked = time.monotonic()

        interrupted = False
        try:
            for found in machines.each(partial(_work, job), shares(count, len(machines.threads)), look):
                # each task counts the trials of the study at its own end: the largest number is the last one
                done = max(done, found)
        except KeyboardInterrupt:
            interrupted = True
            shared.sync()
            done = len(shared.complete)
    return WorkResult(study=resolved, trials=done, new_trials=done - before, interrupted=interrupted)


def shares(count: int, machines: int) -> list[int]:
    """`count` processes over some machines, as evenly as can be; no machine gets none."""
    among = min(count, machines)
    return [count // among + (i < count % among) for i in range(among)]


def _work(job: _WorkOrder, processes: int) -> int:
    """Some processes of one machine, as a task: the trials that the study has when they end."""
    here, check_at = socket.gethostname(), time.monotonic() + CHECK

    def stop_if_unwanted(_done: int, _wanted: int) -> None:
        nonlocal check_at
        if time.monotonic() > check_at:
            unwanted = not wanted()
            # once only: the orderly end reports progress too, and a second interrupt would break it
            check_at = float("inf") if unwanted else time.monotonic() + CHECK
            if unwanted:
                raise KeyboardInterrupt  # as Ctrl-C does: the workers end in order and store everything

    try:
        study = job.study.opened()
        found = work(
            study,
            job.storage,
            trials=job.trials,
            timeout=job.timeout,
            sampler=job.sampler,
            seed=job.seed,
            workers=processes,
            out=_log_folder(here, study),
            progress=stop_if_unwanted,
        )
    except ResultsError as error:
        raise located(spec_error("", str(error)), here) from None
    except SpecError as error:
        raise located(error, here) from None
    return found.trials


def _log_folder(host: str, study: ResolvedStudy) -> Path:
    """Folder of the recovery logs, where the next worker on the same machine finds them.

    Raises `ResultsError` where another user has prepared it.
    """
    # by host, since machines may share the folder; by user, since another user's folder cannot be written
    place = Path(tempfile.gettempdir()) / f"dse-{os.getuid()}-{host}"
    # its name is known, and everyone can make one in the folder of temporary files
    private_folder(place)
    return place / study.slug

"""Workers for a study on the machines of a cluster."""

import os
import socket
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

from dse.backends.dask import cluster, wanted
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.runner import WorkResult, work
from dse.search.run.session import Progress
from dse.search.run.study_bundle import StudyBundle, bundle_of, there
from dse.search.run.study_reference import overridden
from dse.search.storage.shared_study import Shared

ASK = 1.0
"""Seconds between two questions of a task whether it is still wanted."""
LOOK = 2.0
"""Seconds between two looks of ours at the storage."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What every task of a fleet is told."""

    study: StudyBundle
    storage: str
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
    job = _Job(
        study=bundle_of(study), storage=storage, trials=trials, timeout=timeout, sampler=sampler, seed=seed
    )
    with cluster(scheduler) as machines:
        shared = Shared(resolved, storage, fresh=False, alone=False, name=token_hex(4))
        before = done = len(shared.complete)
        looked = time.monotonic()

        def look() -> None:
            nonlocal looked
            if progress is not None and time.monotonic() - looked >= LOOK:
                shared.sync()
                progress(len(shared.complete), trials or resolved.spec.budget.trials)
                looked = time.monotonic()

        interrupted = False
        try:
            for found in machines.each(partial(_work, job), shares(count, len(machines.threads)), look):
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


def _work(job: _Job, processes: int) -> int:
    """Some processes of one machine, as a task: the trials that the study has when they end."""
    here, ask = socket.gethostname(), time.monotonic() + ASK

    def heed(_done: int, _wanted: int) -> None:
        nonlocal ask
        if time.monotonic() > ask:
            unwanted = not wanted()
            ask = float("inf") if unwanted else time.monotonic() + ASK
            if unwanted:
                raise KeyboardInterrupt  # as if somebody here had stopped it: everything is stored

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
            out=_place(here, study),
            progress=heed,
        )
    except SpecError as error:
        raise there(error, here) from None
    return found.trials


def _place(host: str, study: ResolvedStudy) -> Path:
    """Where what is not stored yet lies, so that the next worker on the same machine finds it."""
    return Path(tempfile.gettempdir()) / f"dse-{os.getuid()}-{host}" / study.slug

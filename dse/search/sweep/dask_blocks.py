"""Blocks of a sweep on the machines of a cluster."""

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

from dse.backends.dask import cluster
from dse.errors import SpecError, spec_error
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.study_bundle import StudyBundle, bundle_of, located
from dse.search.sweep.block import Solved, SweepJob, Task
from dse.search.sweep.executor import Executor, Solve, solver
from dse.search.sweep.grid import grid
from dse.search.sweep.start import start

_ONE = threading.Lock()
"""Threads of one worker share what they read and compile."""


@dataclass(frozen=True, kw_only=True)
class RemoteJob:
    """All that a machine must know to solve blocks of a sweep."""

    study: StudyBundle
    counts: tuple[tuple[str, int], ...]
    backend: str


@contextmanager
def on_cluster(
    address: str, study: ResolvedStudy, counts: Mapping[str, int] | None, backend: str
) -> Iterator[Executor]:
    """An executor whose blocks are solved by the workers of the Dask scheduler at `address`.

    Every machine has the same version installed; files of the user's own are sent to it. Raises `SpecError`
    when the scheduler cannot be reached.
    """
    # counts as a sorted tuple: `_prepared` is cached by the job, so it must have a hash
    job = RemoteJob(study=bundle_of(study), counts=tuple(sorted((counts or {}).items())), backend=backend)
    with cluster(address) as machines:

        def run(_work: Solve, tasks: Iterable[Task]) -> Iterator[Solved]:
            return machines.each(partial(solve_elsewhere, job), tasks)

        yield run


def solve_elsewhere(job: RemoteJob, task: Task) -> Solved:
    """Solve one block in another process or on another machine.

    The study is read and the sample evaluated once in each process. Raises `SpecError` where the study cannot
    be read or the cost model is another one.
    """
    try:
        # lru_cache alone lets two threads prepare the same job at the same time
        with _ONE:
            work, fingerprint = _prepared(job)
    except SpecError as error:
        raise located(error, socket.gethostname()) from None
    # fronts of two cost models must not be merged
    if fingerprint != task.fingerprint:
        raise spec_error(
            "--scheduler",
            f"{socket.gethostname()}: its cost model gives other numbers for the same designs "
            "than that of the machine that sends the blocks",
        )
    return work(task)


@lru_cache(maxsize=4)
def _prepared(job: RemoteJob) -> tuple[Solve, str]:
    study = job.study.opened()
    local = SweepJob.of(study, grid(study, dict(job.counts)))
    begun = start(local)
    return solver(local, begun, job.backend), begun.fingerprint

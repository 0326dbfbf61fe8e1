"""Run a study, or work for a run on another machine: open the storage, start workers, spend the budget."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import numpy as np
import optuna

from dse.backends.blocks import keep_memory
from dse.errors import spec_error
from dse.evaluate.batch import axes_of
from dse.front.files import Front, write_front
from dse.front.own_files import refuse_way_out
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.folders import check_own, move_to_backup, results_folder
from dse.search.analysis.manifest import manifest_of, targets_of
from dse.search.run.local_worker import LocalWorker
from dse.search.run.process_main import WorkerStart
from dse.search.run.process_pool import ProcessPool
from dse.search.run.recovered import clear_unfinished, recovered
from dse.search.run.recovery_log import RecoveryLog
from dse.search.run.running_front import RunningFront
from dse.search.run.session import Progress, Session
from dse.search.run.strangers import strangers_of
from dse.search.run.study_reference import overridden, reference_to
from dse.search.run.workforce import InProcess, Workforce
from dse.search.storage.by_url import default_url, storage_errors
from dse.search.storage.journal import release
from dse.search.storage.locks import locked_folder
from dse.search.storage.shared_study import Shared
from dse.search.trials.keys import WorkerName
from dse.search.trials.replay import baseline_front
from dse.search.trials.suggest import BASELINE


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run leaves."""

    study: ResolvedStudy
    front: Front
    optuna_study: optuna.Study
    """An ordinary Optuna study: optuna-dashboard and Optuna's own functions open it."""
    out: Path
    new_trials: int
    wanted: int
    """Trials of the budget."""
    interrupted: bool


def run(
    study: str | ResolvedStudy,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    storage: str | None = None,
    sampler: str | None = None,
    seed: int | None = None,
    workers: int = 1,
    fresh: bool = False,
    out: Path | str | None = None,
    configs: Path | str | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run or resume a study and write its front.

    `trials` is the budget, those of earlier runs included, so running a finished study again changes nothing;
    `timeout` [s] ends a run early. `workers` processes share the work; with one, the same study and
    seed give the same trials. `out` is the results folder, `results/SLUG` when left out. Ctrl-C ends the run
    in order: every finished trial is kept, and the front is written.

    Raises `SpecError` for wrong input before the first trial, also where the storage holds another question.
    """
    resolved = study if isinstance(study, ResolvedStudy) else load_study(study, configs)
    resolved = overridden(resolved, sampler, seed)
    folder = results_folder(resolved, out)
    keep_memory()
    url = storage or default_url(folder)
    with storage_errors(url), locked_folder(folder):
        if fresh:
            move_to_backup(folder)
        check_own(folder, resolved)
        if storage is None:
            # we hold the folder, so a lock on its journal belongs to a dead run
            release(Path(url.removeprefix("journal:")))
        # the embedded journal has moved with the folder, so only another storage can still hold the study
        shared = Shared(
            resolved,
            url,
            fresh=fresh and storage is not None,
            alone=storage is None,
            name=token_hex(4),
            results=folder,
        )
        # in this order: a recovered trial finishes the one that its worker had claimed; what is still running
        # afterwards is lost, and fails
        recover(shared, _logs(folder))
        shared.fail_stale()
        running = RunningFront(shared)
        with _workforce(shared, workers, _logs(folder), rows=True) as workforce:
            session = Session(shared, workforce, _wanted(resolved, trials), progress, running)
            session.run(timeout if timeout is not None else resolved.spec.budget.timeout)
        archive = running.archive()
        baselines = baseline_front(resolved, shared.complete)
        front = Front(
            frame=archive.frame,
            baselines=baselines,
            axes=axes_of(resolved),
            manifest=manifest_of(resolved, archive, shared.complete, url),
            at_targets=solved_at_targets(resolved, archive.frame, baselines, targets_of(resolved)),
        )
        write_front(folder, front)
    return RunResult(
        study=resolved,
        front=front,
        optuna_study=shared.study,
        out=folder,
        new_trials=session.new,
        wanted=session.budget,
        interrupted=session.interrupted,
    )


@dataclass(frozen=True, kw_only=True)
class WorkResult:
    """What `work` did."""

    study: ResolvedStudy
    trials: int
    """Finished trials that the study has now."""
    new_trials: int
    interrupted: bool


def work(
    study: str | ResolvedStudy,
    storage: str,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    sampler: str | None = None,
    seed: int | None = None,
    workers: int = 1,
    out: Path | str | None = None,
    configs: Path | str | None = None,
    progress: Progress | None = None,
) -> WorkResult:
    """Make trials for a study in a shared storage until its budget of `trials` is reached.

    Any number of processes may do so at any time, on every machine that reaches the storage. No front is
    written: `run` on the same storage writes it. What is made and not stored yet is in `out`, so nothing is
    lost when this process is killed: the next one with the same folder stores it.
    """
    resolved = study if isinstance(study, ResolvedStudy) else load_study(study, configs)
    resolved = overridden(resolved, sampler, seed)
    with storage_errors(storage):
        shared = Shared(resolved, storage, fresh=False, alone=False, name=token_hex(4))
        logs = _logs(results_folder(resolved, out))
        # but no `fail_stale`: other runs may be at work on what is running
        recover(shared, logs)
        with _workforce(shared, workers, logs, rows=False) as workforce:
            session = Session(shared, workforce, _wanted(resolved, trials), progress)
            session.run(timeout if timeout is not None else resolved.spec.budget.timeout)
    return WorkResult(
        study=resolved, trials=len(shared.complete), new_trials=session.new, interrupted=session.interrupted
    )


def _wanted(study: ResolvedStudy, trials: int | None) -> int:
    """Trials of the budget; without a space to search there is one for each baseline, no more."""
    wanted = study.spec.budget.trials if trials is None else trials
    return wanted if study.branches else min(wanted, len(study.baselines))


def recover(shared: Shared, logs: Path) -> int:
    """Store what dead workers left in a folder; returns the number of their trials."""
    found = 0
    clear_unfinished(logs)
    # glob has no order, and recovered trials are numbered in this one
    for path in sorted(logs.glob("*.jsonl")):
        remains = recovered(path, *shared.owners)
        if remains is None:
            continue
        try:
            # stored and removed while it is locked, so that no other run recovers it too
            shared.recover(remains.entries)
            remains.remove()
        finally:
            remains.leave()
        found += len(remains.entries)
    return found


@contextmanager
def _workforce(shared: Shared, workers: int, logs: Path, *, rows: bool) -> Iterator[Workforce]:
    """Workers in processes of their own; a single one works in this process."""
    past = shared.finished
    seeds = _seeds(shared)
    # one worker knows every trial before the next one begins: the same seed gives the same trials
    if workers == 1:
        name, seed = next(seeds)
        with _log(logs, str(name), shared.owner) as log:
            yield InProcess(LocalWorker(shared.resolved, name, seed, log, past, rows=rows))
        return

    def start() -> WorkerStart:
        """Arguments of the next worker, with all trials that are finished by then."""
        name, seed = next(seeds)
        return WorkerStart(
            study=reference_to(shared.resolved),
            name=name,
            seed=seed,
            logs=logs,
            owner=shared.owner,
            rows=rows,
            past=shared.finished,
        )

    pool = ProcessPool(start, workers, strangers_of(shared.resolved))
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _log(folder: Path, name: str, owner: str) -> Iterator[RecoveryLog]:
    """A recovery log for as long as it is used; raises `SpecError` when the folder cannot be written."""
    # around the opening alone: an `OSError` of the search is not one of this folder
    try:
        log = RecoveryLog(folder, name, owner)
    except OSError as error:
        raise spec_error(
            str(folder), f"expected a folder that can be written, got: {error.strerror}"
        ) from None
    try:
        yield log
    finally:
        log.close()


def _seeds(shared: Shared) -> Iterator[tuple[WorkerName, int]]:
    """A name and a seed for each worker: RUN.0 has the seed of the study, the others draw theirs from it.

    Most samplers draw their first trials at random, so a resumed study uses another seed, and so does a run
    that joins others: neither may repeat their draws.
    """
    # a seed is below 2^32; its sum with a number of trials need not be
    first = (shared.resolved.spec.seed + (shared.stored_before or 0)) % 2**32
    if shared.alone or shared.created:
        yield WorkerName(shared.name, 0), first
        entropy: Sequence[int] = (first,)
    else:
        entropy = (first, int(shared.name, 16))
    # hashed, not added: seed + 1 would repeat the draws of a study whose seed is one higher
    for number in range(1, 2**31):
        yield (
            WorkerName(shared.name, number),
            int(np.random.SeedSequence((*entropy, number)).generate_state(1)[0]),
        )


def _logs(folder: Path) -> Path:
    """Folder of the recovery logs; its name is as in earlier versions, whose logs are recovered too."""
    return refuse_way_out(folder / "spool")


__all__ = ["BASELINE", "RunResult", "WorkResult", "results_folder", "run", "work"]

"""Run a study, or work for one that others run: open its storage, gather a crew, spend the budget."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import numpy as np
import optuna

from dse.backends.blocks import keep_memory
from dse.errors import wrong
from dse.evaluate.batch import axes_of
from dse.front.files import Front, write_front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.folders import own, results_folder, set_aside
from dse.search.analysis.manifest import manifest_of, targets_of
from dse.search.run.local_worker import LocalWorker
from dse.search.run.process_main import Start
from dse.search.run.process_pool import ProcessPool
from dse.search.run.recovery_log import RecoveryLog, left
from dse.search.run.running_front import RunningFront
from dse.search.run.session import Progress, Session
from dse.search.run.study_reference import overridden, reference_to
from dse.search.run.workforce import InProcess, Workforce
from dse.search.storage.by_url import default_url
from dse.search.storage.journal import release
from dse.search.storage.locks import only_one
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
    """Trials that the study shall have in all."""
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

    `trials` is the total that the study shall have, so that running a finished study again changes nothing;
    `timeout` in seconds ends a run early. `workers` processes share the work; with one, the same study and
    seed give the same trials. `out` is the results folder, `results/SLUG` when left out. Ctrl-C ends the run
    in order: every finished trial is kept, and the front is written.

    Raises `SpecError` for wrong input before the first trial, among it a question that differs from the one
    that the storage holds.
    """
    resolved = study if isinstance(study, ResolvedStudy) else load_study(study, configs)
    resolved = overridden(resolved, sampler, seed)
    folder = results_folder(resolved, out)
    keep_memory()
    with only_one(folder):
        if fresh:
            set_aside(folder)
        own(folder, resolved)
        url = storage or default_url(folder)
        if storage is None:
            release(Path(url.removeprefix("journal:")))
        shared = Shared(
            resolved, url, fresh=fresh and storage is not None, alone=storage is None, name=token_hex(4)
        )
        recover(shared, _spools(folder))
        shared.fail_stale()
        keeper = RunningFront(shared)
        with _crew(shared, workers, _spools(folder), rows=True) as crew:
            session = Session(shared, crew, _wanted(resolved, trials), progress, keeper)
            session.go(timeout if timeout is not None else resolved.spec.budget.timeout)
        archive = keeper.archive()
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
    """What a worker for others did."""

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
    """Make trials for a study in a storage that others use too, until it has `trials` in all.

    Any number of these may come and go, on any machine that reaches the storage. No front is written: that is
    for `run` on the same storage. In `out` lies what is made and not stored yet, so that nothing is lost when
    this process is killed: the next one with the same folder stores it.
    """
    resolved = study if isinstance(study, ResolvedStudy) else load_study(study, configs)
    resolved = overridden(resolved, sampler, seed)
    shared = Shared(resolved, storage, fresh=False, alone=False, name=token_hex(4))
    spools = _spools(results_folder(resolved, out))
    recover(shared, spools)
    with _crew(shared, workers, spools, rows=False) as crew:
        session = Session(shared, crew, _wanted(resolved, trials), progress)
        session.go(timeout if timeout is not None else resolved.spec.budget.timeout)
    return WorkResult(
        study=resolved, trials=len(shared.complete), new_trials=session.new, interrupted=session.interrupted
    )


def _wanted(study: ResolvedStudy, trials: int | None) -> int:
    """Trials that the study shall have; without a space to search, one for each baseline is all there is."""
    wanted = study.spec.budget.trials if trials is None else trials
    return wanted if study.branches else min(wanted, len(study.baselines))


def recover(shared: Shared, spools: Path) -> int:
    """Store what dead workers left in a folder; the number of their trials."""
    found = 0
    for path in sorted(spools.glob("*.jsonl")):
        remains = left(path, shared.owner)
        if remains is None:
            continue
        handle, entries = remains
        with handle:
            shared.take_in(entries)
            path.unlink(missing_ok=True)
        found += len(entries)
    return found


@contextmanager
def _crew(shared: Shared, workers: int, spools: Path, *, rows: bool) -> Iterator[Workforce]:
    """As many islands as there are workers; a single one lives in this process."""
    past = [t for t in shared.trials if t.state.is_finished()]
    seeds = _seeds(shared)
    if workers == 1:
        name, seed = next(seeds)
        with _spool(spools, str(name), shared.owner) as spool:
            yield InProcess(LocalWorker(shared.resolved, name, seed, spool, past, rows=rows))
        return

    def start() -> Start:
        name, seed = next(seeds)
        return Start(
            study=reference_to(shared.resolved),
            name=name,
            seed=seed,
            spool=spools,
            owner=shared.owner,
            rows=rows,
            past=[t for t in shared.trials if t.state.is_finished()],
        )

    fleet = ProcessPool(start, workers)
    try:
        yield fleet
    finally:
        fleet.close()


@contextmanager
def _spool(folder: Path, name: str, owner: str) -> Iterator[RecoveryLog]:
    try:
        spool = RecoveryLog(folder, name, owner)
    except OSError as error:
        raise wrong(str(folder), f"expected a folder that can be written, got: {error.strerror}") from None
    try:
        yield spool
    finally:
        spool.close()


def _seeds(shared: Shared) -> Iterator[tuple[WorkerName, int]]:
    """A name and a seed for each island: RUN.0 has the seed of the study, the others draw theirs from it.

    Most samplers draw their first trials at random, so the seed moves on when a study is resumed; and a run
    that joins others must not repeat what they draw.
    """
    first = (shared.resolved.spec.seed + (shared.stored_before or 0)) % 2**32
    if shared.alone or shared.made:
        yield WorkerName(shared.name, 0), first
        entropy: Sequence[int] = (first,)
    else:
        entropy = (first, int(shared.name, 16))
    for number in range(1, 2**31):
        yield (
            WorkerName(shared.name, number),
            int(np.random.SeedSequence((*entropy, number)).generate_state(1)[0]),
        )


def _spools(folder: Path) -> Path:
    return folder / "spool"


__all__ = ["BASELINE", "RunResult", "WorkResult", "results_folder", "run", "work"]

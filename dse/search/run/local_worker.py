"""One worker's search: a sampler over trials in memory, and the one way in which a trial is made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from dse.errors import PluginError
from dse.evaluate.batch import DesignBatch, axes_of
from dse.front.archive import Archive
from dse.front.tables import Table
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.recovery_log import RecoveryLog
from dse.search.samplers.optuna_samplers import TakesDesigns, checked_sampler
from dse.search.storage.optuna_private import trial_id
from dse.search.trials.keys import WorkerName
from dse.search.trials.replay import points_of
from dse.search.trials.suggest import Choice, suggest
from dse.search.trials.trial_entries import KEY, Entry, Task


@dataclass
class _Running:
    """The trial under way."""

    key: str
    trial: optuna.Trial
    task: Task


class LocalWorker:
    """Makes trials one after the other; it does not know the shared storage.

    Its sampler learns from its own trials at once, and from those of others when `learn` is called. A trial
    is numbered in this worker; it gets its final number when it is stored.
    """

    def __init__(
        self,
        study: ResolvedStudy,
        name: WorkerName,
        seed: int,
        log: RecoveryLog | None = None,
        past: Sequence[FrozenTrial] = (),
        *,
        rows: bool = True,
    ) -> None:
        """`past` are trials that it learns from at the start; without `rows` it keeps no front."""
        self.study, self.name, self.log = study, name, log
        self._storage = InMemoryStorage()
        self._optuna = _optuna_study(study, seed, self._storage)
        self.learn(past)
        self._running: _Running | None = None
        self._made = 0
        self._archive = Archive(axes_of(study))
        self._rows = rows
        # below the first number, which is 0
        self._reported = -1

    def learn(self, trials: Sequence[FrozenTrial]) -> None:
        """Add finished trials of others."""
        self._optuna.add_trials([t for t in trials if t.state.is_finished()])

    def make(self, task: Task) -> Entry:
        """Make one trial; one that a broken plug-in stops counts as not begun."""
        try:
            return self._made_of(task)
        except PluginError:
            self._forget()
            raise

    def _made_of(self, task: Task) -> Entry:
        """One trial of a task: asked for, evaluated, told."""
        if task.params:
            # through Optuna's queue: the parameters are fixed, the sampler draws those that are missing
            self._optuna.enqueue_trial(dict(task.params), dict(task.attrs))
        trial = self._optuna.ask()
        key = self.name.key(self._made)
        self._made += 1
        self._running = _Running(key, trial, task)
        choice = suggest(self.study, trial)
        # before the log is written: a recovered trial is stored once because it carries its key
        trial.set_user_attr(KEY, key)
        if self.log is not None:
            self.log.begun(key, self._now(trial), task)
        points = points_of(self.study, [trial.number], [choice])
        if isinstance(self._optuna.sampler, TakesDesigns):
            self._optuna.sampler.take_designs(trial.number, points)
        values = _record(self.study, trial, choice, points)
        # an infeasible trial is complete too: its violations show the sampler which way is less wrong
        self._optuna.tell(trial, values)
        if self._rows:
            self._archive.add(points.values, points.feasible, points.rows, points.ranks)
        return self._finished(self._running)

    def _forget(self) -> None:
        """Let the trial under way be made again by the next run: it is not its parameters that are wrong."""
        running, self._running = self._running, None
        if running is not None:
            if not self._now(running.trial).state.is_finished():
                self._storage.set_trial_state_values(trial_id(running.trial), TrialState.FAIL)
            if self.log is not None:
                self.log.stored({running.key})

    def settle(self) -> Entry | None:
        """The trial that an interrupt stopped; None when none was.

        It is finished where its objectives were known already, and failed otherwise.
        """
        running = self._running
        if running is None:
            return None
        if not self._now(running.trial).state.is_finished():
            # the interrupt may have come before `make` set the key
            running.trial.set_user_attr(KEY, running.key)
            self._optuna.tell(running.trial, state=TrialState.FAIL)
        return self._finished(running)

    def new_rows(self) -> Table | None:
        """Rows of this worker's front that are new since the last call; None when there are none."""
        frame = self._archive.frame
        # an empty front has no column of trials
        fresh = frame[frame["trial"] > self._reported] if len(frame) else frame
        # trials that it learnt from have numbers in this worker too
        self._reported = len(self._optuna.get_trials(deepcopy=False)) - 1
        return fresh if len(fresh) else None

    def _now(self, trial: optuna.Trial) -> FrozenTrial:
        return self._storage.get_trial(trial_id(trial))

    def _finished(self, running: _Running) -> Entry:
        entry = Entry(trial=self._now(running.trial), task=running.task)
        if self.log is not None:
            self.log.finished(running.key, entry)
        self._running = None
        return entry


def _optuna_study(study: ResolvedStudy, seed: int, storage: BaseStorage) -> optuna.Study:
    """An Optuna study in memory with the sampler of `study`."""
    # Optuna reports each trial otherwise, hundreds a second
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=storage,
        sampler=checked_sampler(study, seed),
        directions=[g.direction for g in study.objectives],
    )


def _record(study: ResolvedStudy, trial: optuna.Trial, choice: Choice, points: DesignBatch) -> list[float]:
    """Store constraints and the best design in a trial; returns its objectives."""
    best = points.best(choice.limit)
    for name, value in points.violations.items():
        trial.set_constraint(name, float(value[best]))
    swept = study.swept
    # infinite where the trial has no target
    if swept is not None and np.isfinite(choice.limit):
        trial.set_constraint(f"{swept.name}_target", float(points.swept_violation(choice.limit)[best]))
    trial.set_user_attr("design", points.design(best))
    return [float(v) for v in points.values[best]]

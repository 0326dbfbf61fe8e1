"""The stored study that all workers share: an ordinary Optuna study, written in bulk."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.trial import FrozenTrial, TrialState

from dse.errors import spec_error
from dse.masks import hidden
from dse.question.resolved_study import ResolvedStudy, digest
from dse.question.substance import substance
from dse.search.analysis.folders import check_none_lost, trials_counted
from dse.search.analysis.stored_question import check, settle
from dse.search.samplers.optuna_samplers import without_experimental_warnings
from dse.search.storage.bulk_writer import writer_of
from dse.search.storage.by_url import open_storage
from dse.search.storage.optuna_private import FIXED_PARAMS, cached, study_id, trial_id
from dse.search.trials.keys import worker_of
from dse.search.trials.sound import report, shape_fault, sound
from dse.search.trials.suggest import first_trials
from dse.search.trials.trial_entries import CLAIM, KEY, RETRY, Entry, Task, retry_of, waiting

BEAT, SILENT = 15.0, 90.0
"""Seconds between two heartbeats of a run, and without one after which its running trials are stale."""
_HEARTBEATS = "dse:beat:"


class Shared:
    """A study in its storage, as one run sees it; others may write at any time."""

    def __init__(
        self,
        resolved: ResolvedStudy,
        url: str,
        *,
        fresh: bool,
        alone: bool,
        name: str,
        results: Path | None = None,
    ) -> None:
        """`alone`: no other run uses this storage, so that a running trial was left by a dead worker.

        `results`: the folder whose results are replaced; raises `SpecError` where they count more trials.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.resolved, self.url, self.alone, self.name = resolved, url, alone, name
        self.storage = cached(open_storage(url))
        # before the study is made: a storage that holds another question is left as it was
        self.stored_before = check(self.storage, resolved, hidden(url))
        if results is not None:
            check_none_lost(results, trials_counted(results, url), self.stored_before or 0, hidden(url))
        if fresh and self.stored_before is not None:
            raise spec_error(
                "--fresh", f"{hidden(url)} holds {resolved.slug!r} already; another --storage keeps both"
            )
        self.study, self.created = self._open_study()
        self._id = study_id(self.study)
        self._writer = writer_of(self.storage)
        self._trials: list[FrozenTrial] = []
        self._learnt = 0
        self._open: set[int] = set()
        self._faulty: set[int] = set()
        self._unsure: set[int] = set()
        self._beats: dict[str, tuple[int, float]] = {}
        # so that the first heartbeat is written at once
        self._last_beat = -BEAT
        self.sync()
        self._enqueue_first(self.created)

    @property
    def owner(self) -> str:
        """Study, question and storage in one line; a recovery log belongs to them."""
        # without the password: this line is written into the logs
        return self._owner(substance(self.resolved.question))

    @property
    def owners(self) -> tuple[str, str]:
        """`owner`, and how older versions of this program named it, whose workers may have left logs."""
        return self.owner, self._owner(self.resolved.question)

    def _owner(self, question: Mapping[str, object]) -> str:
        return f"{self.resolved.slug} {digest(question)} {hidden(self.url)}"

    @property
    def trials(self) -> list[FrozenTrial]:
        """Trials as of the last `sync`, by number."""
        return self._trials

    @property
    def complete(self) -> list[FrozenTrial]:
        """Complete trials as of the last `sync`, without damaged ones."""
        return [t for t in self.finished if t.state == TrialState.COMPLETE]

    @property
    def finished(self) -> list[FrozenTrial]:
        """Trials that have ended, as of the last `sync`, without damaged ones: what a sampler learns from."""
        return [t for t in self._trials if t.state.is_finished() and t.number not in self._faulty]

    def sync(self) -> list[FrozenTrial]:
        """Read the storage; returns trials of other runs that have finished since the last call."""
        # they are only read, so copies of all of them at every flush would be for nothing
        self._trials = self.study.get_trials(deepcopy=False)
        # finished trials never change, so only new and unfinished ones are looked at
        pending = [*sorted(self._open), *range(self._learnt, len(self._trials))]
        self._open = {n for n in pending if not self._trials[n].state.is_finished()}
        self._learnt = len(self._trials)
        done = self._checked([self._trials[n] for n in pending if n not in self._open])
        made = [(t, worker_of(t.user_attrs.get(KEY))) for t in done]
        return [t for t, worker in made if worker is None or worker.run != self.name]

    def _checked(self, done: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Those of some finished trials that are not damaged; the others are named and left out."""
        good = list(sound(self.resolved, done))
        self._faulty |= {t.number for t in done} - {t.number for t in good}
        return good

    def put(self, entries: Sequence[Entry], *, again: bool, limit: int | None) -> list[int | None]:
        """Store entries, each once; see `Writer.put`."""
        # every flush calls this: no lock on the study for nothing
        if not entries:
            return []
        # a damaged trial takes a place in the storage, not in the budget
        room = None if limit is None else limit + len(self._faulty)
        return self._writer.put(self._id, entries, known=self._learnt, again=again, limit=room)

    def recover(self, entries: Sequence[Entry]) -> None:
        """Store what a dead worker left and is not stored yet, and retry the trial that was under way."""
        # known=0: the dead worker's run may have stored some at any time
        # no limit: finished work is kept even where the budget is full
        numbers = self._writer.put(self._id, entries, known=0, again=True, limit=None)
        self.sync()
        for entry, number in zip(entries, numbers, strict=True):
            if number is not None and entry.trial.state == TrialState.FAIL:
                self.retry(entry.trial, number)
        self.sync()

    def claim(self) -> Task | None:
        """A waiting trial that this run now works on; None when none waits."""
        # in the order in which they were enqueued: a set has none
        for number in sorted(self._open):
            trial = self._trials[number]
            if trial.state != TrialState.WAITING and number not in self._unsure:
                continue
            if fault := shape_fault(trial):
                report(self.resolved.slug, [(number, fault)])
                continue
            ours = self._claimed_after_all(trial) if number in self._unsure else False
            self._unsure.add(number)  # until the storage has answered
            ours = ours or self._writer.claim(trial, self.name)
            self._trials[number] = self.storage.get_trial(trial_id(trial))
            self._unsure.discard(number)
            if ours:
                kept = {k: v for k, v in trial.user_attrs.items() if k != CLAIM}
                params = trial.system_attrs.get(FIXED_PARAMS, {})
                return Task(params=params, attrs=kept, trial_id=trial_id(trial), number=number)
        return None

    def _claimed_after_all(self, trial: FrozenTrial) -> bool:
        """Whether a claim whose answer was lost took effect.

        A gRPC server may have died between setting the state and writing our name.
        """
        now = self.storage.get_trial(trial_id(trial))
        if now.state != TrialState.RUNNING or now.user_attrs.get(CLAIM, self.name) != self.name:
            return False
        self.storage.set_trial_user_attr(trial_id(trial), CLAIM, self.name)
        return True

    def give_back(self, task: Task) -> None:
        """A claimed trial that was not begun waits again."""
        if task.trial_id is not None:
            self.storage.set_trial_state_values(task.trial_id, TrialState.WAITING)

    def fail(self, trial: FrozenTrial) -> None:
        """Fail a running trial whose worker is dead, after enqueuing its second try."""
        # first: a kill after it leaves a running trial whose retry exists, and `retry` makes no second one
        self.retry(trial, trial.number)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def retry(self, trial: FrozenTrial, number: int) -> None:
        """Enqueue the second try of the trial with that number, unless it is there already."""
        again = None if shape_fault(trial) else retry_of(trial, number)
        if again is not None and not any(t.user_attrs.get(RETRY) == number for t in self._trials):
            self.put([again], again=False, limit=None)

    def heartbeat(self) -> None:
        """Write a heartbeat, and fail the trials of runs that no longer do."""
        now = time.monotonic()
        if self.alone or now - self._last_beat < BEAT:
            return
        self._last_beat = now
        attrs = self.storage.get_study_user_attrs(self._id)
        # a count, not a time: the clocks of machines differ
        mine = _beats(attrs, self.name) + 1
        self.storage.set_study_user_attr(self._id, _HEARTBEATS + self.name, mine)
        for trial in self._running():
            who = str(trial.user_attrs.get(CLAIM, ""))
            # without a name it is of another program, or between the two writes of a claim
            if who and who != self.name and self._silent(who, _beats(attrs, who), now):
                self.fail(trial)

    def fail_stale(self) -> None:
        """Fail what dead workers left running, where no other run can be working on it."""
        if self.alone:
            for trial in self._running():
                self.fail(trial)
            self.sync()

    def _silent(self, who: str, beats: int, now: float) -> bool:
        """Whether a run has written no heartbeat for long, by our monotonic clock: no other clock matters."""
        # -1 is no count, so a run that is seen for the first time has all its time from now
        seen, since = self._beats.get(who, (-1, now))
        if seen != beats:
            self._beats[who] = (beats, now)
            return False
        return now - since > SILENT

    def _running(self) -> list[FrozenTrial]:
        return [self._trials[n] for n in sorted(self._open) if self._trials[n].state == TrialState.RUNNING]

    def _open_study(self) -> tuple[optuna.Study, bool]:
        """The study, and whether this run created it."""
        resolved = self.resolved
        # create first, not look up: of several runs that start at once exactly one creates it
        try:
            study = optuna.create_study(
                storage=self.storage,
                study_name=resolved.slug,
                directions=[g.direction for g in resolved.objectives],
            )
        except DuplicatedStudyError:
            return optuna.load_study(study_name=resolved.slug, storage=self.storage), False
        return study, True

    def _enqueue_first(self, created: bool) -> None:
        """Enqueue the first trials: the run that created the study does, or this one, if that one died."""
        if not created and not self.alone and not self._trials:
            self._wait_for_first()
        # also where it is 0: the run that created it may have died before it wrote these
        if not self.stored_before:
            with without_experimental_warnings():
                self.study.set_metric_names([g.name for g in self.resolved.objectives])
            settle(self.study, self.resolved)
        if self.complete and not created:
            return
        # some may be there from a run that died while it enqueued them
        enqueued = [t.system_attrs.get(FIXED_PARAMS) for t in self._trials]
        missing = [(p, a) for p, a in first_trials(self.resolved) if p not in enqueued]
        self.put([waiting(p, a) for p, a in missing], again=False, limit=None)
        self.sync()

    def _wait_for_first(self) -> None:
        """Wait for the run that created the study a moment ago and enqueues its first trials."""
        # a start takes less; after that the other run counts as dead, and this one enqueues them
        deadline = time.monotonic() + 10.0
        while not self._trials and time.monotonic() < deadline:
            time.sleep(0.1)
            self.sync()


def _beats(attrs: Mapping[str, object], who: str) -> int:
    """Heartbeats of a run so far; 0 where there are none that can be read."""
    found = attrs.get(_HEARTBEATS + who)
    return found if isinstance(found, int) else 0

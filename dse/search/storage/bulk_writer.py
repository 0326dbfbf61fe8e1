"""The writer of a storage: journals and databases take many trials in one write, others one by one."""

from collections.abc import Sequence

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from dse.search.storage.journal import Journal, Logs
from dse.search.storage.optuna_private import backend_of, created_line, database_in, finished_lines, trial_id
from dse.search.trials.trial_entries import CLAIM, KEY, Entry, Writer, looked_through, within


def writer_of(storage: BaseStorage) -> Writer:
    """The fastest writer that is right for a storage."""
    database = database_in(storage)
    if database is not None:
        from dse.search.storage.bulk_rdb import RdbWriter  # imports SQLAlchemy: 0.2 s

        return RdbWriter(database)
    return JournalWriter(storage) if isinstance(storage, JournalStorage) else PlainWriter(storage)


class PlainWriter:
    """One call of Optuna's interface for each trial: for memory, and for a proxy, whose server is quick."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def put(
        self, study_id: int, entries: Sequence[Entry], *, known: int, again: bool, limit: int | None
    ) -> list[int | None]:
        """See `Writer.put`; the limit may be exceeded by what others store in the same moment."""
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        numbers = _stored(trials[looked_through(entries, known) :]) if again else {}
        left = None if limit is None else limit - sum(t.state == TrialState.COMPLETE for t in trials)
        fresh = within([e for e in entries if e.key not in numbers], left)
        return [numbers[e.key] if e.key in numbers else self._one(study_id, next(fresh)) for e in entries]

    def _one(self, study_id: int, entry: Entry | None) -> int | None:
        if entry is None:
            return None
        if entry.task.trial_id is not None:
            return _finish(self._storage, entry)
        created = self._storage.create_new_trial(study_id, template_trial=entry.trial)
        return self._storage.get_trial_number_from_id(created) if entry.key is not None else None

    def claim(self, trial: FrozenTrial, who: str) -> bool:
        """See `Writer.claim`."""
        return _claim(self._storage, trial, who)


class JournalWriter:
    """One append for all trials."""

    def __init__(self, storage: JournalStorage) -> None:
        self._storage = storage

    def put(
        self, study_id: int, entries: Sequence[Entry], *, known: int, again: bool, limit: int | None
    ) -> list[int | None]:
        """See `Writer.put`; in Redis the limit may be exceeded by what others store in the same moment."""
        plan = _Plan(self._storage, study_id, entries, known=known, again=again, limit=limit)
        backend = backend_of(self._storage)
        # a file stays locked while the lines are made; Redis has no such lock
        if isinstance(backend, Journal):
            backend.append(plan.logs)
        else:
            backend.append_logs(plan.logs())
        return plan.numbers()

    def claim(self, trial: FrozenTrial, who: str) -> bool:
        """See `Writer.claim`."""
        return _claim(self._storage, trial, who)


class _Plan:
    """Lines to append, made while the journal is locked, and the numbers of their trials."""

    def __init__(
        self,
        storage: JournalStorage,
        study_id: int,
        entries: Sequence[Entry],
        *,
        known: int,
        again: bool,
        limit: int | None,
    ) -> None:
        self._storage, self._study_id, self._entries = storage, study_id, entries
        self._known, self._again, self._limit = known, again, limit
        self._seen = 0
        self._dropped: set[int] = set()

    def logs(self) -> Logs:
        """The lines; called while the journal is locked, so what is stored by now is known."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        # ours come behind all trials of now; a write that is repeated may have stored them before
        self._seen = self._known if self._again else len(trials)
        stored = _stored(trials[looked_through(self._entries, self._known) :]) if self._again else {}
        room = None
        if self._limit is not None:
            room = self._limit - sum(t.state == TrialState.COMPLETE for t in trials)
        claims = {e.task.number for e in self._entries if e.task.trial_id is not None}
        claimed = {t.number: t for t in trials if t.number in claims}
        lines: Logs = []
        fresh = [(i, e) for i, e in enumerate(self._entries) if e.key not in stored]
        for (i, _), entry in zip(fresh, within([e for _, e in fresh], room), strict=True):
            # no trial has the number -1
            now = claimed.get(-1 if entry is None or entry.task.number is None else entry.task.number)
            if entry is None or (now is not None and not _ours(now, entry)):
                self._dropped.add(i)
            elif now is None:
                lines.append(created_line(self._study_id, entry.trial))
            # otherwise our own write, now repeated, has finished it already
            elif now.state == TrialState.RUNNING:
                lines += _finishing(entry)
        return lines

    def numbers(self) -> list[int | None]:
        """The number of each entry in the study, read after the lines were appended."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        # by key: in Redis, lines of other runs may be between ours
        keys = ((t.user_attrs.get(KEY), t) for t in trials[self._seen :])
        found = {key: t.number for key, t in keys if isinstance(key, str)}
        return [
            None
            if i in self._dropped or e.key is None
            else e.task.number
            if e.task.trial_id is not None
            else found[e.key]
            for i, e in enumerate(self._entries)
        ]


def _stored(trials: Sequence[FrozenTrial]) -> dict[str | None, int]:
    """Keys and numbers of what is stored already, and takes no more room; not of what was half written."""
    keys = ((t.user_attrs.get(KEY), t) for t in trials if t.state.is_finished())
    # of another kind it is none of ours
    return {key: t.number for key, t in keys if isinstance(key, str)}


def _finishing(entry: Entry) -> Logs:
    """Lines that finish a claimed trial."""
    at = entry.task.trial_id
    assert at is not None  # only claimed trials are finished
    return finished_lines(at, entry.trial, *entry.fresh_attrs)


def _ours(now: FrozenTrial, entry: Entry) -> bool:
    """Whether a claimed trial is still ours: no other run failed it because we seemed dead."""
    return now.state == TrialState.RUNNING or now.user_attrs.get(KEY) == entry.key


def _finish(storage: BaseStorage, entry: Entry) -> int | None:
    """Finish a claimed trial by one call of Optuna for each of its parts; its number, None if it is lost."""
    at, trial = entry.task.trial_id, entry.trial
    assert at is not None  # only claimed trials are finished
    now = storage.get_trial(at)
    if now.state != TrialState.RUNNING:
        return entry.task.number if _ours(now, entry) else None
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        storage.set_trial_param(at, name, distribution.to_internal_repr(value), distribution)
    user, system = entry.fresh_attrs
    for key, value in user.items():
        storage.set_trial_user_attr(at, key, value)
    for key, value in system.items():
        storage.set_trial_system_attr(at, key, value)
    # the state last: a kill before it leaves a running trial, and Optuna refuses changes after it
    values = trial.values if trial.state == TrialState.COMPLETE else None
    storage.set_trial_state_values(at, trial.state, values)
    return entry.task.number


def _claim(storage: BaseStorage, trial: FrozenTrial, who: str) -> bool:
    try:
        # Optuna changes a waiting trial only, so one of several runs gets True
        if not storage.set_trial_state_values(trial_id(trial), TrialState.RUNNING):
            return False
        storage.set_trial_user_attr(trial_id(trial), CLAIM, who)
    except UpdateFinishedTrialError:  # another worker was faster and has finished it
        return False
    return True

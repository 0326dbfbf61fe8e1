"""Many trials in one transaction of a database: Optuna's tables, a few statements instead of sixty a trial.

`tests/workers/test_bulk.py` reads back through Optuna what is written here.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Table, func, insert, select, update

from dse.search.storage.optuna_private import InsertingStorage, tables, trial_id, value_columns
from dse.search.trials.trial_entries import CLAIM, KEY, Entry, looked_through, within

# at import, since this module itself is imported only where a database is used
_TRIALS: Table = tables().trials
_STUDIES: Table = tables().studies
_PARAMS: Table = tables().params
_VALUES: Table = tables().values
_USER: Table = tables().user_attrs
_SYSTEM: Table = tables().system_attrs

Row = dict[str, object]


def open_database(url: str, engine_kwargs: dict[str, Any]) -> RDBStorage:
    """Optuna's storage in the database at `url`, which takes a whole trial in one short transaction."""
    return InsertingStorage(url, engine_kwargs=engine_kwargs, insert=_insert_one)


def _insert_one(storage: RDBStorage, study_id: int, trial: FrozenTrial) -> tuple[int, int]:
    """Insert one trial, as a gRPC server does for its clients; its number and its identity."""
    with storage.engine.begin() as connection:
        _lock(connection, study_id)
        ((number, at),) = _add(connection, study_id, [trial]).items()
    return number, at


class RdbWriter:
    """Writes to a database; every call is one transaction."""

    def __init__(self, storage: RDBStorage) -> None:
        self._engine = storage.engine

    def put(
        self, study_id: int, entries: Sequence[Entry], *, known: int, again: bool, limit: int | None
    ) -> list[int | None]:
        """See `Writer.put`."""
        with self._engine.begin() as connection:
            # before counting: two processes that count at once would use a number twice
            _lock(connection, study_id)
            first = looked_through(entries, known)
            # only a write whose answer was lost may have stored some of them already
            numbers = _stored(connection, study_id, first) if again else {}
            room = None if limit is None else limit - _complete(connection, study_id)
            fresh: list[FrozenTrial] = []
            for entry in within([e for e in entries if e.key not in numbers], room):
                if entry is None:
                    continue
                if entry.task.trial_id is None:
                    fresh.append(entry.trial)
                elif _finish(connection, entry):
                    numbers[str(entry.key)] = entry.task.number or 0
            for number, trial in zip(_add(connection, study_id, fresh), fresh, strict=True):
                numbers[trial.user_attrs.get(KEY, "")] = number
        return [numbers.get(e.key) if e.key is not None else None for e in entries]

    def claim(self, trial: FrozenTrial, who: str) -> bool:
        """See `Writer.claim`."""
        waits = (_TRIALS.c.trial_id == trial_id(trial)) & (_TRIALS.c.state == TrialState.WAITING)
        with self._engine.begin() as connection:
            # condition and change are one statement, so only one of several runs gets the trial
            taken = connection.execute(
                update(_TRIALS).where(waits).values(state=TrialState.RUNNING, datetime_start=_utc(None))
            )
            if taken.rowcount != 1:
                return False
            # in the same transaction: a running trial without a name would never be found stale, see
            # `heartbeat`
            connection.execute(insert(_USER), [_attr(trial_id(trial), CLAIM, who)])
        return True


def _lock(connection: Connection, study_id: int) -> None:
    """Lock the study until the transaction ends, so that no other process adds trials.

    A write that changes nothing takes the lock on every database, also where `SELECT FOR UPDATE` is unknown.
    """
    same = update(_STUDIES).where(_STUDIES.c.study_id == study_id)
    if connection.execute(same.values(study_name=_STUDIES.c.study_name)).rowcount != 1:
        # as Optuna's storages do for a study that is gone
        raise KeyError(f"study {study_id}")


def _count(connection: Connection, study_id: int) -> int:
    every = select(func.count()).select_from(_TRIALS).where(_TRIALS.c.study_id == study_id)
    return int(connection.execute(every).scalar_one())


def _complete(connection: Connection, study_id: int) -> int:
    of_study = (_TRIALS.c.study_id == study_id) & (_TRIALS.c.state == TrialState.COMPLETE)
    return int(connection.execute(select(func.count()).select_from(_TRIALS).where(of_study)).scalar_one())


def _stored(connection: Connection, study_id: int, known: int) -> dict[str, int]:
    """Keys and numbers of the trials that came after the first `known`."""
    rows = connection.execute(
        select(_USER.c.value_json, _TRIALS.c.number)
        .join(_TRIALS, _TRIALS.c.trial_id == _USER.c.trial_id)
        .where((_TRIALS.c.study_id == study_id) & (_TRIALS.c.number >= known) & (_USER.c.key == KEY))
    )
    found: dict[str, int] = {}
    for value, number in rows:
        # one that somebody has damaged is none of ours
        with suppress(ValueError, RecursionError):
            key = json.loads(value)
            if isinstance(key, str):
                found[key] = int(number)
    return found


def _finish(connection: Connection, entry: Entry) -> bool:
    """Finish a claimed trial, once; False when another run failed it because we seemed dead."""
    trial, at = entry.trial, entry.task.trial_id
    runs = (_TRIALS.c.trial_id == at) & (_TRIALS.c.state == TrialState.RUNNING)
    done = (
        update(_TRIALS).where(runs).values(state=trial.state, datetime_complete=_utc(trial.datetime_complete))
    )
    if connection.execute(done).rowcount != 1:
        # our own write may have taken effect although its answer was lost
        ours = (_USER.c.trial_id == at) & (_USER.c.key == KEY) & (_USER.c.value_json == json.dumps(entry.key))
        return connection.execute(select(_USER.c.trial_id).where(ours)).first() is not None
    user, system = entry.fresh_attrs
    _insert(connection, _PARAMS, _params(at, trial))
    _insert(connection, _VALUES, _values(at, trial))
    _insert(connection, _USER, (_attr(at, k, v) for k, v in user.items()))
    _insert(connection, _SYSTEM, (_attr(at, k, v) for k, v in system.items()))
    return True


def _add(connection: Connection, study_id: int, trials: Sequence[FrozenTrial]) -> dict[int, int]:
    """Insert trials as the last ones of the study, which is locked; number to id in the storage."""
    if not trials:
        return {}
    # trials are never deleted, so their count is the next number
    first = _count(connection, study_id)
    rows = [
        {
            "number": first + i,
            "study_id": study_id,
            "state": t.state,
            "datetime_start": _utc(t.datetime_start) if t.datetime_start else None,
            "datetime_complete": _utc(t.datetime_complete) if t.datetime_complete else None,
        }
        for i, t in enumerate(trials)
    ]
    connection.execute(insert(_TRIALS), rows)
    # read back, since an insert of many rows does not return their identities on every database
    new = (_TRIALS.c.study_id == study_id) & (_TRIALS.c.number >= first)
    ids = {
        int(n): int(i) for n, i in connection.execute(select(_TRIALS.c.number, _TRIALS.c.trial_id).where(new))
    }
    # a database answers in an order of its own; callers rely on that of `trials`
    ids = {first + i: ids[first + i] for i in range(len(trials))}
    placed = [(ids[first + i], t) for i, t in enumerate(trials)]
    _insert(connection, _PARAMS, (row for at, t in placed for row in _params(at, t)))
    _insert(connection, _VALUES, (row for at, t in placed for row in _values(at, t)))
    _insert(connection, _USER, (_attr(at, k, v) for at, t in placed for k, v in t.user_attrs.items()))
    _insert(connection, _SYSTEM, (_attr(at, k, v) for at, t in placed for k, v in t.system_attrs.items()))
    return ids


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    every = list(rows)
    # SQLAlchemy takes an empty list for one row of defaults
    if every:
        connection.execute(insert(table), every)


def _params(at: int | None, trial: FrozenTrial) -> Iterable[Row]:
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield {
            "trial_id": at,
            "param_name": name,
            # the column holds floats: a category is stored as its index
            "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }


def _values(at: int | None, trial: FrozenTrial) -> Iterable[Row]:
    for objective, value in enumerate(trial.values or ()):
        yield {"trial_id": at, "objective": objective, **value_columns(value)}


def _attr(at: int | None, key: str, value: object) -> Row:
    return {"trial_id": at, "key": key, "value_json": json.dumps(value)}


def _utc(when: datetime | None) -> datetime:
    """Optuna's tables hold naive times in UTC, its trials naive local ones."""
    moment = when if when is not None else datetime.now()
    return moment.astimezone(UTC).replace(tzinfo=None)

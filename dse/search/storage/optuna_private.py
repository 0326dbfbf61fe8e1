"""All that this program uses of Optuna beyond its public interface; no other file does.

Optuna has no public way to write many trials in one transaction, to write the lines of a journal, or to
choose the options of a gRPC channel. `tests/search/test_optuna_has_not_moved.py` checks every name,
signature, table and log line that is used here, and says in words which of them another Optuna has changed.
This file is then the only one to change.
"""

from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from optuna import Study, Trial
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import BaseJournalBackend, JournalFileSymlinkLock
from optuna.storages.journal._storage import JournalOperation as Operation
from optuna.study._frozen import FrozenStudy
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from dse.search.storage.lost_rows import lost_trial, studies_alone, trials_alone

__all__ = ["FrozenStudy", "Operation"]

FIXED_PARAMS = "fixed_params"
"""System attribute that holds the parameters with which a trial was enqueued."""

WORKER = "dse"
"""Worker name in the lines that we write; Optuna's own writers have long random ones."""

RECONNECT_MS = 2_000
"""Milliseconds at most between two attempts to reach a gRPC server. By default gRPC waits ever longer, up to
two minutes, which is more than a run waits for a storage."""

LogLine = dict[str, Any]
"""One line of a journal, as `BaseJournalBackend.append_logs` takes it."""


# Identities


def trial_id(trial: FrozenTrial | Trial) -> int:
    """Identity of a trial in its storage; its `number` counts within the study."""
    return trial._trial_id


def identified(trial: FrozenTrial, *, trial_id: int, number: int | None = None) -> FrozenTrial:
    """A shallow copy of `trial` with another identity, and with another number where one is given."""
    made = copy(trial)
    made._trial_id = trial_id
    made.number = trial.number if number is None else number
    return made


def study_id(study: Study | FrozenStudy) -> int:
    """Identity of a study in its storage."""
    return study._study_id


def identified_study(study: FrozenStudy, study_id: int) -> FrozenStudy:
    """A shallow copy of `study` with another identity."""
    made = copy(study)
    made._study_id = study_id
    return made


class StoredTrial(FixedTrial):
    """Stored parameters, each of which must be in the range that is requested."""

    def _suggest(self, name: str, distribution: BaseDistribution) -> object:
        """The stored value; raises `ValueError` where there is none or Optuna would only warn."""
        if name not in self._params:
            raise ValueError(f"it has no parameter {name!r}")
        value = self._params[name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            raise ValueError(f"its parameter {name!r} is {value!r}, out of the range {distribution}")
        return super()._suggest(name, distribution)


def check_whole(trial: FrozenTrial) -> None:
    """Raise `ValueError` where state, times, values, parameters and distributions do not fit together."""
    trial._validate()


# Storages inside storages


def cached(storage: BaseStorage) -> BaseStorage:
    """`storage` as a study uses it: a database behind Optuna's cache, any other as it is."""
    return get_storage(storage)


def database_in(storage: BaseStorage) -> RDBStorage | None:
    """The database behind Optuna's cache; None where there is no cache, so no database."""
    # a journal storage has a private attribute of this name too, so the type decides
    inner = getattr(storage, "_backend", None)
    return inner if isinstance(inner, RDBStorage) else None


def backend_of(storage: JournalStorage) -> BaseJournalBackend:
    """What appends the lines of a journal: a file or Redis."""
    return storage._backend


# Lines of a journal


def created_line(study_id: int, trial: FrozenTrial) -> LogLine:
    """The line that adds a whole trial to a study."""
    values = _values(trial)
    started, completed = trial.datetime_start, trial.datetime_complete
    line = {
        "op_code": Operation.CREATE_TRIAL,
        "worker_id": WORKER,
        "study_id": study_id,
        "state": trial.state,
        # Optuna writes a single objective under a key of its own
        "value": values[0] if values and len(values) == 1 else None,
        "values": values if values and len(values) > 1 else None,
        "datetime_start": _iso(started) if started else None,
        "distributions": {k: distribution_to_json(d) for k, d in trial.distributions.items()},
        "params": {k: trial.distributions[k].to_internal_repr(v) for k, v in trial.params.items()},
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "intermediate_values": {},
    }
    return line | ({"datetime_complete": _iso(completed)} if completed else {})


def finished_lines(
    trial_id: int, trial: FrozenTrial, user: Mapping[str, object], system: Mapping[str, object]
) -> list[LogLine]:
    """The lines that finish a running trial like `trial`, with the attributes that it does not have yet."""
    lines: list[LogLine] = [
        {
            "op_code": Operation.SET_TRIAL_PARAM,
            "param_name": name,
            "param_value_internal": trial.distributions[name].to_internal_repr(value),
            "distribution": distribution_to_json(trial.distributions[name]),
        }
        for name, value in trial.params.items()
    ]
    lines += [{"op_code": Operation.SET_TRIAL_USER_ATTR, "user_attr": {k: v}} for k, v in user.items()]
    lines += [{"op_code": Operation.SET_TRIAL_SYSTEM_ATTR, "system_attr": {k: v}} for k, v in system.items()]
    # the state is the last line: Optuna refuses changes of a finished trial
    end = {
        "op_code": Operation.SET_TRIAL_STATE_VALUES,
        "state": trial.state,
        "values": _values(trial),
        "datetime_complete": _iso(trial.datetime_complete or datetime.now()),
    }
    return [{**line, "worker_id": WORKER, "trial_id": trial_id} for line in [*lines, end]]


def lost_trial_line(study_id: int, attrs: Mapping[str, object]) -> LogLine:
    """The line of a trial that failed, with system attributes: it keeps the number of one that is lost."""
    return {
        "op_code": Operation.CREATE_TRIAL,
        "worker_id": WORKER,
        "study_id": study_id,
        "state": TrialState.FAIL,
        # Optuna wants both times of a finished trial
        "datetime_start": "1970-01-01T00:00:00+00:00",
        "datetime_complete": "1970-01-01T00:00:00+00:00",
        "system_attrs": dict(attrs),
    }


def no_line() -> LogLine:
    """A line that Optuna passes over."""
    return {"op_code": Operation.DISCARD_TRIALS, "worker_id": WORKER}


def holds(distribution: BaseDistribution, value: float) -> bool:
    """Whether a distribution contains a value as it is stored."""
    return distribution._contains(value)


def _values(trial: FrozenTrial) -> list[float] | None:
    """Objectives of a complete trial; a failed one has none."""
    return trial.values if trial.state == TrialState.COMPLETE else None


def _iso(when: datetime) -> str:
    """A moment as journals hold it: in UTC, while trials hold naive local times."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


class JournalLock(JournalFileSymlinkLock):
    """Optuna's lock of a journal file, whose `release` raises the cause of a failure."""

    def release(self) -> None:
        """Release the lock; raises `OSError`.

        A lock that another process has broken, because this one seemed dead, is gone: that is no error.
        """
        try:
            super().release()
        except RuntimeError as error:
            # Optuna raises it inside `except OSError` without `from`
            cause = error.__context__
            if not isinstance(cause, OSError):
                raise
            if not isinstance(cause, FileNotFoundError):
                raise cause from None
        except FileNotFoundError as error:
            # an interrupt before or after the moment at which there is the file that Optuna then removes
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise


def lock_file(journal: Path) -> Path:
    """The file that exists while a process holds the lock of a journal."""
    return journal.with_name(journal.name + ".lock")


# Tables of a database


@dataclass(frozen=True)
class Tables:
    """SQLAlchemy's tables of a stored study; their type is `sqlalchemy.Table`."""

    # SQLAlchemy is imported where a database is used: 0.2 s, as long as Optuna itself takes
    studies: Any
    trials: Any
    params: Any
    values: Any
    user_attrs: Any
    system_attrs: Any


@cache
def tables() -> Tables:
    """The tables of Optuna that hold trials."""
    from optuna.storages._rdb import models  # see `Tables`

    return Tables(
        studies=models.StudyModel.__table__,
        trials=models.TrialModel.__table__,
        params=models.TrialParamModel.__table__,
        values=models.TrialValueModel.__table__,
        user_attrs=models.TrialUserAttributeModel.__table__,
        system_attrs=models.TrialSystemAttributeModel.__table__,
    )


def expected_columns() -> dict[str, set[str]]:
    """The tables of a database of Optuna, each with the names of its columns."""
    found = tables().trials.metadata.tables
    return {name: {column.name for column in table.columns} for name, table in found.items()}


def value_columns(value: float) -> dict[str, Any]:
    """The columns of the table of values that hold an objective: a database stores no infinite number."""
    from optuna.storages._rdb import models  # see `Tables`

    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"value": stored, "value_type": kind}


class CheckedStorage(RDBStorage):
    """Optuna's storage in a database, in which what is damaged in one trial or study hides no other."""

    def _build_frozen_trial_from_trial_model(self, trial: Any) -> FrozenTrial:
        """The trial of a row; one that cannot be read becomes a failed one that says why."""
        try:
            return super()._build_frozen_trial_from_trial_model(trial)
        # whatever JSON, Optuna and Python raise for the content of its rows
        except Exception as error:
            return lost_trial(trial.number, trial.trial_id, error)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Trials of a study; one by one where a row of one breaks the query for all."""
        try:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        # of a state or a time that is none; a study that is gone is a `KeyError`
        except KeyError:
            raise
        except (LookupError, ValueError, TypeError):
            known, last = included_trial_ids, trial_id_greater_than
            found = trials_alone(self, study_id, lambda at: at > last or at in known)
            return [t for t in found if states is None or t.state in states]

    def get_all_studies(self) -> list[FrozenStudy]:
        """Every study; one whose attributes cannot be read has one attribute, which says why."""
        try:
            return super().get_all_studies()
        # of JSON in the attributes of a study, or of a direction that is none
        except (LookupError, ValueError, RecursionError):
            return [
                FrozenStudy(
                    s.name, None, {**s.user_attrs}, {**s.system_attrs}, s.study_id, directions=s.directions
                )
                for s in studies_alone(self)
            ]


Insert = Callable[[RDBStorage, int, FrozenTrial], tuple[int, int]]
"""Inserts a whole trial into a study, by its identity; returns the trial's number and identity."""


class InsertingStorage(CheckedStorage):
    """Optuna's storage in a database, which inserts whole trials in the caller's way."""

    def __init__(self, url: str, *, engine_kwargs: dict[str, Any], insert: Insert) -> None:
        self._insert_whole = insert
        super().__init__(url, engine_kwargs=engine_kwargs)

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Create a trial; Optuna itself needs some sixty statements for a finished one."""
        if template_trial is None:
            return super()._create_new_trial(study_id, None)
        number, made = self._insert_whole(self, study_id, template_trial)
        return identified(template_trial, trial_id=made, number=number)


# gRPC, an optional package: it is imported where it is used


class ReconnectingProxy(GrpcStorageProxy):
    """Optuna's gRPC client over a channel that tries to reconnect every `RECONNECT_MS`."""

    def _setup(self) -> None:
        """Open the channel with a short wait between attempts to reconnect."""
        import grpc
        from optuna.storages._grpc.auto_generated import api_pb2_grpc
        from optuna.storages._grpc.client import GrpcClientCache

        # without a limit of size, as in Optuna: all trials of a study come in one message
        options = {"grpc.max_receive_message_length": -1, "grpc.max_reconnect_backoff_ms": RECONNECT_MS}
        self._channel = grpc.insecure_channel(f"{self._host}:{self._port}", options=list(options.items()))
        stubs: Any = api_pb2_grpc  # generated code without types
        self._stub = stubs.StorageServiceStub(self._channel)
        self._cache = GrpcClientCache(self._stub)


class Server(Protocol):
    """The part of `grpc.Server` that is used."""

    def start(self) -> None:
        """Answer requests."""

    def stop(self, grace: float | None) -> Event:
        """Refuse new requests; the event that is returned is set when the last one is answered."""

    def wait_for_termination(self, timeout: float | None = None) -> bool:
        """Wait for the end."""


def grpc_server(storage: BaseStorage, host: str, port: int, threads: int) -> Server:
    """A server of `storage`, not started yet, which answers `threads` requests at once.

    Raises `ImportError` without the package grpcio and `RuntimeError` for a port that cannot be used.
    """
    from optuna.storages._grpc.server import make_server

    made: Server = make_server(cached(storage), host, port, ThreadPoolExecutor(max_workers=threads))
    return made

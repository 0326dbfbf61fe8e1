"""What can be read of a database in which the rows of some trials or studies are damaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

DAMAGED: Final = "dse:damaged"
"""Attribute of what takes the place of a trial or a study that cannot be read: why."""
_EPOCH: Final = datetime(1970, 1, 1)


@dataclass(frozen=True)
class StudyRow:
    """A study of a database, without its trials."""

    study_id: int
    name: str
    directions: list[StudyDirection]
    user_attrs: Mapping[str, object]
    system_attrs: Mapping[str, object]


def lost_trial(number: int, trial_id: int, error: Exception) -> FrozenTrial:
    """What takes the place of a trial that cannot be read."""
    return FrozenTrial(
        number=number,
        state=TrialState.FAIL,
        value=None,
        datetime_start=_EPOCH,
        datetime_complete=_EPOCH,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={DAMAGED: repr(error)},
        intermediate_values={},
        trial_id=trial_id,
    )


def trials_alone(storage: RDBStorage, study_id: int, wanted: Callable[[int], bool]) -> list[FrozenTrial]:
    """Trials of a study whose identities are wanted, each read by itself."""
    return [
        _trial_alone(storage, at, number)
        for at, number in _pairs(
            storage, f"select trial_id, number from trials where study_id = {study_id:d} order by trial_id"
        )
        if wanted(at)
    ]


def numbers_in(storage: RDBStorage, study_id: int) -> list[object]:
    """The numbers of the trials of a study as its rows hold them, whatever these are."""
    query = f"select trial_id, number from trials where study_id = {study_id:d} order by trial_id"
    return [number for _, number in _pairs(storage, query)]


def _trial_alone(storage: RDBStorage, trial_id: int, number: int) -> FrozenTrial:
    try:
        return storage.get_trial(trial_id)
    except (LookupError, ValueError, TypeError) as error:
        return lost_trial(number, trial_id, error)


def studies_alone(storage: RDBStorage) -> list[StudyRow]:
    """Every study; one whose attributes cannot be read has one attribute, which says why."""
    found = _pairs(storage, "select study_id, study_name from studies order by study_id")
    return [_study_alone(storage, number, str(name)) for number, name in found]


def _study_alone(storage: RDBStorage, number: int, name: str) -> StudyRow:
    try:
        directions = storage.get_study_directions(number)
        user, system = storage.get_study_user_attrs(number), storage.get_study_system_attrs(number)
    except (LookupError, ValueError, RecursionError) as error:
        return StudyRow(number, name, [StudyDirection.NOT_SET], {DAMAGED: repr(error)}, {})
    return StudyRow(number, name, directions, user, system)


def _pairs(storage: RDBStorage, query: str) -> list[tuple[int, int]]:
    """Rows of a query without Optuna's models, whose types refuse damaged values."""
    with storage.engine.connect() as connection:
        return [(int(first), second) for first, second in connection.exec_driver_sql(query)]

"""Several stored studies as one read-only Optuna storage, for external dashboards."""

from collections.abc import Container, Mapping
from typing import Any, NoReturn

from optuna.storages import BaseStorage
from optuna.study import StudyDirection, load_study
from optuna.trial import FrozenTrial, TrialState

from dse.search.storage.optuna_private import FrozenStudy, identified, identified_study
from dse.search.trials.read_trials import study_number

_OLD_LIST = "constraints"
"""System attribute in which Optuna before 5 kept constraints, and where dashboards still look for them."""
_ROOM = 10_000_000
"""Trial numbers of one study, so that every trial of the view has an identity of its own."""


class ReadOnlyError(PermissionError):
    """A write to a view that is read only."""


class ReadOnlyView(BaseStorage):
    """Studies of several storages, read as they are now; every method that writes raises.

    Trials are copies that also carry their constraints as the list of Optuna 4, so that a dashboard does
    not show an infeasible trial as the best. The identity of a study is its place in `sources`.
    """

    def __init__(self, sources: Mapping[str, BaseStorage]) -> None:
        self._names = tuple(sources)
        self._sources = tuple(sources.values())

    def best(self, study_id: int) -> list[int]:
        """Numbers of the trials that no other feasible one dominates, none of them infeasible."""
        self._source(study_id)
        found = load_study(study_name=self._names[study_id], storage=self)
        if len(found.directions) > 1:
            return [trial.number for trial in found.best_trials]
        done = [
            t for t in found.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE and _feasible(t)
        ]
        sign = 1.0 if found.direction == StudyDirection.MINIMIZE else -1.0
        best = min(done, key=lambda t: sign * float(t.values[0]), default=None)
        return [] if best is None else [best.number]

    def get_all_studies(self) -> list[FrozenStudy]:
        """Every study, with its place as its number."""
        found = (self._frozen(i) for i in range(len(self._names)))
        return [study for study in found if study is not None]

    def _frozen(self, i: int) -> FrozenStudy | None:
        studies = (s for s in self._sources[i].get_all_studies() if s.study_name == self._names[i])
        own = next(studies, None)
        if own is None:
            return None
        return identified_study(own, i)

    def get_study_id_from_name(self, study_name: str) -> int:
        """Place of a study; raises `KeyError` when there is none of that name."""
        if study_name not in self._names:
            raise KeyError(study_name)
        return self._names.index(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        """Name of the study in a place."""
        self._source(study_id)
        return self._names[study_id]

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Whether each objective is minimised or maximised."""
        source, own = self._source(study_id)
        return source.get_study_directions(own)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """What users attached to a study."""
        source, own = self._source(study_id)
        return source.get_study_user_attrs(own)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """What Optuna attached to a study."""
        source, own = self._source(study_id)
        return source.get_study_system_attrs(own)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Copies of all trials with their constraints as a list; the values in them are shared."""
        del deepcopy  # they are copies in any case
        source, own = self._source(study_id)
        # they are copied below, as far as copies differ
        trials = source.get_all_trials(own, deepcopy=False, states=states)
        return [_copied(trial, study_id) for trial in trials]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """One trial by its identity here; raises `KeyError` when there is none."""
        study_id, number = divmod(trial_id, _ROOM)
        trials = self.get_all_trials(study_id)
        if not 0 <= number < len(trials):
            raise KeyError(trial_id)
        return trials[number]

    def _source(self, study_id: int) -> tuple[BaseStorage, int]:
        """The storage of a study and its number there; raises `KeyError` when there is none."""
        if not 0 <= study_id < len(self._names):
            raise KeyError(study_id)
        source = self._sources[study_id]
        own = study_number(source, self._names[study_id])
        if own is None:
            raise KeyError(study_id)
        return source, own

    def _raise(self, *given: object, **named: object) -> NoReturn:  # noqa: ARG002 - whatever it would have written
        raise ReadOnlyError("stored studies are shown read only here")

    create_new_study = delete_study = create_new_trial = _raise
    set_study_user_attr = set_study_system_attr = _raise
    set_trial_param = set_trial_state_values = set_trial_intermediate_value = _raise
    set_trial_user_attr = set_trial_system_attr = _raise


def _copied(trial: FrozenTrial, study_id: int) -> FrozenTrial:
    mine = identified(trial, trial_id=study_id * _ROOM + trial.number)
    values = list(trial.constraints.values())
    if values:
        # a new dictionary: the copy is shallow, and the attributes of the source must not change
        mine.system_attrs = {**trial.system_attrs, _OLD_LIST: values}
    return mine


def _feasible(trial: FrozenTrial) -> bool:
    return all(v <= 0.0 for v in trial.constraints.values())

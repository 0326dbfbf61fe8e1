"""What `dse.search.storage.optuna_private` relies on in Optuna, and sentences on what has moved."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.search.storage import optuna_private


@dataclass(frozen=True)
class Name:
    """Something private in a module of Optuna."""

    module: str
    path: str
    parameters: tuple[str, ...] | None = None
    """Names of its parameters in their order; None for what is not called."""


NAMES = (
    Name("optuna.storages", "get_storage", ("storage",)),
    Name("optuna.storages", "RDBStorage._create_new_trial", ("self", "study_id", "template_trial")),
    Name("optuna.storages", "RDBStorage._build_frozen_trial_from_trial_model", ("self", "trial")),
    Name(
        "optuna.storages",
        "RDBStorage._get_trials",
        ("self", "study_id", "states", "included_trial_ids", "trial_id_greater_than"),
    ),
    Name("optuna.storages", "GrpcStorageProxy._setup", ("self",)),
    Name("optuna.storages._grpc.client", "GrpcClientCache", ("grpc_client",)),
    Name("optuna.storages._grpc.server", "make_server", ("storage", "host", "port", "thread_pool")),
    Name("optuna.storages._grpc.auto_generated.api_pb2_grpc", "StorageServiceStub", ("channel",)),
    Name("optuna.storages.journal", "JournalFileSymlinkLock", ("filepath", "grace_period")),
    *(
        Name("optuna.storages.journal._storage", f"JournalOperation.{operation}")
        for operation in (
            "CREATE_TRIAL",
            "SET_TRIAL_PARAM",
            "SET_TRIAL_USER_ATTR",
            "SET_TRIAL_SYSTEM_ATTR",
            "SET_TRIAL_STATE_VALUES",
            "DISCARD_TRIALS",
        )
    ),
    Name("optuna.trial", "FrozenTrial._validate", ("self",)),
    Name("optuna.trial", "FixedTrial._suggest", ("self", "name", "distribution")),
    Name("optuna.distributions", "BaseDistribution._contains", ("self", "param_value_in_internal_repr")),
    Name("optuna.storages._rdb.models", "TrialValueModel.value_to_stored_repr", ("value",)),
    *(
        Name("optuna.storages._rdb.models", f"{model}.__table__")
        for model in (
            "StudyModel",
            "TrialModel",
            "TrialParamModel",
            "TrialValueModel",
            "TrialUserAttributeModel",
            "TrialSystemAttributeModel",
        )
    ),
    Name(
        "optuna.study._frozen",
        "FrozenStudy",
        ("study_name", "direction", "user_attrs", "system_attrs", "study_id", "directions"),
    ),
)

COLUMNS = {
    "studies": {"study_id", "study_name"},
    "trials": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
    "params": {"param_id", "trial_id", "param_name", "param_value", "distribution_json"},
    "values": {"trial_value_id", "trial_id", "objective", "value", "value_type"},
    "user_attrs": {"trial_user_attribute_id", "trial_id", "key", "value_json"},
    "system_attrs": {"trial_system_attribute_id", "trial_id", "key", "value_json"},
}
"""Columns of each table of `optuna_private.Tables`: all of them, since a new one may have to be filled."""


def _file_journal() -> JournalStorage:
    with TemporaryDirectory() as folder:
        return JournalStorage(JournalFileBackend(str(Path(folder) / "journal")))


def _frozen_study() -> object:
    storage = InMemoryStorage()
    optuna.create_study(storage=storage)
    return storage.get_all_studies()[0]


ATTRIBUTES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "FrozenTrial": (lambda: create_trial(state=TrialState.WAITING), ("_trial_id", "number")),
    "Trial": (lambda: optuna.create_study().ask(), ("_trial_id",)),
    "FixedTrial": (lambda: optuna.trial.FixedTrial({}), ("_params",)),
    "Study": (optuna.create_study, ("_study_id",)),
    "FrozenStudy": (_frozen_study, ("_study_id",)),
    "JournalStorage": (_file_journal, ("_backend",)),
    "get_storage(RDBStorage)": (
        lambda: optuna.storages.get_storage(RDBStorage("sqlite:///:memory:")),
        ("_backend",),
    ),
    "GrpcStorageProxy": (
        lambda: optuna.storages.GrpcStorageProxy(port=1),
        ("_host", "_port", "_channel", "_stub", "_cache"),
    ),
}
"""Objects of Optuna and the private attributes that each must have."""


def names_moved(names: tuple[Name, ...] = NAMES) -> Iterator[str]:
    """A sentence for each name that is gone or that takes other parameters."""
    for name in names:
        whole = f"{name.module}.{name.path}"
        try:
            found = import_module(name.module)
            for part in name.path.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            yield f"Optuna {optuna.__version__} has no {whole}."
            continue
        if name.parameters is None:
            continue
        takes = tuple(inspect.signature(found).parameters)
        if takes != name.parameters:
            yield f"{whole} takes ({', '.join(takes)}), expected ({', '.join(name.parameters)})."


def attributes_moved(
    attributes: Mapping[str, tuple[Callable[[], object], tuple[str, ...]]] = ATTRIBUTES,
) -> Iterator[str]:
    """A sentence for each private attribute that an object of Optuna no longer has."""
    for kind, (make, expected) in attributes.items():
        made = make()
        yield from (f"{kind} has no attribute {name}." for name in expected if not hasattr(made, name))


def tables_moved(tables: object | None = None) -> Iterator[str]:
    """A sentence for each table with other columns."""
    found = optuna_private.tables() if tables is None else tables
    for name, expected in COLUMNS.items():
        columns = {column.name for column in getattr(found, name).columns}
        if columns != expected:
            gone, new = sorted(expected - columns), sorted(columns - expected)
            yield f"Optuna's table of {name} lacks the columns {gone} and has new ones, {new}."


def example(state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    """A finished trial with all that a line of a journal holds."""
    trial = create_trial(
        state=state,
        values=[1.0, 2.0] if state == TrialState.COMPLETE else None,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0.0, 1.0)},
        user_attrs={"key": "a"},
        system_attrs={"fixed": "b"},
    )
    trial.datetime_start = trial.datetime_complete = datetime(2026, 1, 2, 3, 4, 5, 678901)
    return trial


def _lines_of_optuna(finish: bool) -> list[dict[str, object]]:
    """The lines that Optuna itself appends to add `example`, or to finish a running trial like it."""
    trial = example()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        backend = JournalFileBackend(str(path))
        storage = JournalStorage(backend)
        study = optuna.create_study(storage=storage, directions=["minimize", "minimize"])
        study_id = optuna_private.study_id(study)
        before = len(list(backend.read_logs(0)))
        if not finish:
            storage.create_new_trial(study_id, template_trial=trial)
            return list(backend.read_logs(before))
        at = storage.create_new_trial(study_id)
        storage.set_trial_param(at, "x", 0.5, trial.distributions["x"])
        storage.set_trial_user_attr(at, "key", "a")
        storage.set_trial_system_attr(at, "fixed", "b")
        storage.set_trial_state_values(at, trial.state, trial.values)
        return list(backend.read_logs(before + 1))


def _differing(theirs: Mapping[str, object], ours: Mapping[str, object]) -> list[str]:
    """Keys that only one line has, or whose values differ; who writes it, and when, may."""
    free = ("worker_id", "datetime_complete") if "trial_id" in theirs else ("worker_id",)
    nothing = object()
    return sorted(
        key
        for key in {*theirs, *ours}
        if (theirs.get(key, nothing) != ours.get(key, nothing))
        and not (key in free and key in theirs and key in ours)
    )


def lines_moved() -> Iterator[str]:
    """A sentence for each line of a journal that Optuna writes otherwise than we do."""
    trial = example()
    pairs = [
        ([optuna_private.created_line(0, trial)], _lines_of_optuna(finish=False)),
        (
            optuna_private.finished_lines(0, trial, {"key": "a"}, {"fixed": "b"}),
            _lines_of_optuna(finish=True),
        ),
    ]
    for ours, theirs in pairs:
        if len(ours) != len(theirs):
            yield f"Optuna writes {len(theirs)} lines to a journal where we write {len(ours)}."
            continue
        for mine, its in zip(ours, theirs, strict=True):
            differing = _differing(its, mine)
            if differing:
                yield (
                    f"A journal line of operation {its['op_code']} differs from that of Optuna in "
                    f"{', '.join(differing)}."
                )


def habits_moved() -> Iterator[str]:
    """A sentence for each habit that is no name: where enqueued parameters are, how a lock fails."""
    study = optuna.create_study()
    study.enqueue_trial({"x": 0.25})
    held = study.get_trials(deepcopy=False)[0].system_attrs
    if held.get(optuna_private.FIXED_PARAMS) != {"x": 0.25}:
        yield f"An enqueued trial holds its parameters in {sorted(held)}, expected in fixed_params."
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        lock = JournalFileSymlinkLock(str(path))
        lock.acquire()
        if not optuna_private.lock_file(path).is_symlink():
            yield f"The lock of a journal is not the file {optuna_private.lock_file(path).name}."
        lock.release()
        try:
            lock.release()
        except RuntimeError as error:
            if not isinstance(error.__context__, FileNotFoundError):
                yield "A lock that is gone is released with a RuntimeError without its cause."
        except Exception as error:
            yield f"A lock that is gone is released with {type(error).__name__}, expected RuntimeError."
        else:
            yield "A lock that is gone is released without a RuntimeError."


def moved() -> list[str]:
    """A sentence for all that has moved; the behaviour is looked at where every name is there."""
    by_name = [*names_moved(), *attributes_moved()]
    return by_name or [*tables_moved(), *lines_moved(), *habits_moved()]

"""The shape of each line of a journal: what Optuna takes for granted when it applies one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Final, TypeAlias, TypeGuard

from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from optuna.trial import TrialState

from dse.search.storage.optuna_private import Operation, holds

Fields: TypeAlias = Mapping[str, object]


class LineError(ValueError):
    """A line that is none of a journal; its text says why."""


def check_shape(line: Fields) -> None:
    """Raise `LineError` for a line that Optuna could not apply."""
    op = line.get("op_code")
    check = CHECKS.get(op) if _is_whole(op) else None
    if check is None:
        raise LineError(f"the unknown operation {ascii(op)[:20]}")
    _want(isinstance(line.get("worker_id"), str), "worker_id", line)
    check(line)


def _want(right: bool, name: str, line: Fields) -> None:
    if not right:
        got = ascii(line[name])[:40] if name in line else "nothing"
        raise LineError(f"{got} as {name}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _is_values(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(_is_number(v) for v in value))


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def _is_state(value: object) -> bool:
    return _is_whole(value) and value in {s.value for s in TrialState}


def _one(name: str) -> Callable[[Fields], None]:
    """Check of an operation on one attribute of a study or a trial."""
    of = "study_id" if name.startswith("study_") else "trial_id"
    key = name.removeprefix("study_").removeprefix("trial_")

    def check(line: Fields) -> None:
        _want(_is_whole(line.get(of)), of, line)
        attr = line.get(key)
        _want(isinstance(attr, dict) and len(attr) == 1, key, line)

    return check


def _create_study(line: Fields) -> None:
    directions = line.get("directions")
    _want(isinstance(line.get("study_name"), str), "study_name", line)
    known = isinstance(directions, list) and all(_is_whole(d) and d in (0, 1, 2) for d in directions)
    _want(known and bool(directions), "directions", line)


def _delete_study(line: Fields) -> None:
    _want(_is_whole(line.get("study_id")), "study_id", line)


def _create_trial(line: Fields) -> None:
    """Check the line of a whole trial."""
    _want(_is_whole(line.get("study_id")), "study_id", line)
    _want(_is_state(line.get("state", 0)), "state", line)
    for name in ("distributions", "params", "user_attrs", "system_attrs", "intermediate_values"):
        _want(isinstance(line.get(name, {}), dict), name, line)
    _want("datetime_start" in line, "datetime_start", line)
    _want(line["datetime_start"] is None or _is_moment(line["datetime_start"]), "datetime_start", line)
    # none at all where it has not ended, rather than null
    _want("datetime_complete" not in line or _is_moment(line["datetime_complete"]), "datetime_complete", line)
    value, values = line.get("value"), line.get("values")
    _want(value is None or _is_number(value), "value", line)
    _want(_is_values(values) and (value is None or values is None), "values", line)
    _intermediate(line)
    _parameters(line)


def _intermediate(line: Fields) -> None:
    inner = line.get("intermediate_values", {})
    assert isinstance(inner, dict)  # checked by the caller
    right = all(k.lstrip("-").isdecimal() and _is_number(v) for k, v in inner.items())
    _want(right, "intermediate_values", line)


def _parameters(line: Fields) -> None:
    distributions, params = line.get("distributions", {}), line.get("params", {})
    assert isinstance(distributions, dict)  # both checked by the caller
    assert isinstance(params, dict)
    _want(params.keys() <= distributions.keys(), "params", line)
    for name, text in distributions.items():
        _parameter(text, params.get(name, _NONE), name)


_NONE: Final = object()


def _set_param(line: Fields) -> None:
    _want(_is_whole(line.get("trial_id")), "trial_id", line)
    name = line.get("param_name")
    _want(isinstance(name, str), "param_name", line)
    _parameter(line.get("distribution"), line.get("param_value_internal"), str(name))


def _parameter(text: object, value: object, name: str) -> None:
    """Check a distribution and, where there is one, the value that was drawn from it."""
    distribution = distribution_in(text) if isinstance(text, str) else None
    if distribution is None:
        raise LineError(f"{ascii(text)[:40]} as the distribution of {ascii(name)[:40]}")
    if value is not _NONE and not drawn_from(distribution, value):
        raise LineError(f"{ascii(value)[:40]} as {ascii(name)[:40]}")


# the distributions of a study are as many as its parameters, and every line repeats them
@lru_cache(maxsize=4096)
def distribution_in(text: str) -> BaseDistribution | None:
    """The distribution in a text of Optuna's JSON; None for anything else."""
    try:
        return json_to_distribution(text)
    # whatever its constructors raise for numbers, names and shapes of others
    except Exception:
        return None


def drawn_from(distribution: BaseDistribution, value: object) -> bool:
    """Whether a stored value is one of a distribution; a category is stored as its index."""
    if not _is_number(value):
        return False
    if isinstance(distribution, CategoricalDistribution):
        return int(value) == value and 0 <= value < len(distribution.choices)
    return holds(distribution, float(value))


_FINISHED: Final = {s.value for s in TrialState if s.is_finished()}


def _set_state(line: Fields) -> None:
    _want(_is_whole(line.get("trial_id")), "trial_id", line)
    _want(_is_state(line.get("state")), "state", line)
    _want("values" in line and _is_values(line["values"]), "values", line)
    if line["state"] == TrialState.RUNNING:
        _want(_is_moment(line.get("datetime_start")), "datetime_start", line)
    if line["state"] in _FINISHED:
        _want(_is_moment(line.get("datetime_complete")), "datetime_complete", line)


def _set_intermediate(line: Fields) -> None:
    _want(_is_whole(line.get("trial_id")), "trial_id", line)
    _want(_is_whole(line.get("step")), "step", line)
    _want(_is_number(line.get("intermediate_value")), "intermediate_value", line)


CHECKS: Final[Mapping[int, Callable[[Fields], None]]] = {
    Operation.CREATE_STUDY: _create_study,
    Operation.DELETE_STUDY: _delete_study,
    Operation.SET_STUDY_USER_ATTR: _one("study_user_attr"),
    Operation.SET_STUDY_SYSTEM_ATTR: _one("study_system_attr"),
    Operation.CREATE_TRIAL: _create_trial,
    Operation.SET_TRIAL_PARAM: _set_param,
    Operation.SET_TRIAL_STATE_VALUES: _set_state,
    Operation.SET_TRIAL_INTERMEDIATE_VALUE: _set_intermediate,
    Operation.SET_TRIAL_USER_ATTR: _one("trial_user_attr"),
    Operation.SET_TRIAL_SYSTEM_ATTR: _one("trial_system_attr"),
    # of another program; Optuna passes over it
    Operation.DISCARD_TRIALS: lambda _: None,
}
"""The check of each operation."""

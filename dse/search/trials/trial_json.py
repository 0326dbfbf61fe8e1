"""A trial as plain data and back, to the last bit: what a worker writes down before it is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState


def trial_to_json(trial: FrozenTrial) -> dict[str, Any]:
    """`trial` as data that JSON keeps exactly."""
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": trial.values if trial.state == TrialState.COMPLETE else None,
        # Optuna's internal values are floats, which JSON keeps exactly; a category is its index
        "params": {k: trial.distributions[k].to_internal_repr(v) for k, v in trial.params.items()},
        "distributions": {k: distribution_to_json(d) for k, d in trial.distributions.items()},
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "start": _text(trial.datetime_start),
        "complete": _text(trial.datetime_complete),
    }


def trial_from_json(data: Mapping[str, Any]) -> FrozenTrial:
    """The trial that `trial_to_json` packed."""
    distributions = {k: json_to_distribution(d) for k, d in data["distributions"].items()}
    return FrozenTrial(
        number=data["number"],
        state=TrialState[data["state"]],
        # Optuna takes one of the two
        value=None,
        values=data["values"],
        datetime_start=_moment(data["start"]),
        datetime_complete=_moment(data["complete"]),
        params={k: distributions[k].to_external_repr(v) for k, v in data["params"].items()},
        distributions=distributions,
        user_attrs=data["user_attrs"],
        system_attrs=data["system_attrs"],
        intermediate_values={},
        # the storage gives it an identity
        trial_id=-1,
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None

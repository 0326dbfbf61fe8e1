"""Stored trials, checked before anything is made of them: one that is damaged is named and hides no other."""

import logging
from collections.abc import Iterable, Iterator
from math import isnan

from optuna.distributions import check_distribution_compatibility
from optuna.trial import FrozenTrial, TrialState

from dse.question.resolved_study import ResolvedStudy
from dse.search.storage.lost_rows import DAMAGED
from dse.search.storage.optuna_private import FIXED_PARAMS, StoredTrial, check_whole
from dse.search.trials.suggest import BASELINE, Choice, suggest
from dse.search.trials.trial_entries import CLAIM, KEY, RETRY

SHOWN = 5
"""Trials that are named at once; the others are counted."""
_LOG = logging.getLogger("dse.trials")
_KINDS = {KEY: str, CLAIM: str, RETRY: int, BASELINE: bool, "design": dict}
_reported: set[tuple[str, int, str]] = set()


def choice_of(study: ResolvedStudy, trial: FrozenTrial) -> Choice:
    """Chip and deployment of a stored trial; raises `ValueError` where it is none of the study."""
    return _read(study, trial)[0]


def _read(study: ResolvedStudy, trial: FrozenTrial) -> tuple[Choice, StoredTrial]:
    # through `suggest`, so that stored parameters are read by the code that chose them
    fixed = StoredTrial(dict(trial.params), number=trial.number)
    if trial.user_attrs.get(BASELINE):
        fixed.set_user_attr(BASELINE, True)
    return suggest(study, fixed), fixed


def fault_of(study: ResolvedStudy, trial: FrozenTrial) -> str:
    """Why a finished trial cannot be used, neither for the front nor by a sampler; empty where it can."""
    shape = shape_fault(trial)
    if shape or trial.state != TrialState.COMPLETE:
        return shape
    count = len(study.objectives)
    if len(trial.values) != count:
        return f"it has {len(trial.values)} objectives, expected {count}"
    try:
        _, fixed = _read(study, trial)
        for name, distribution in fixed.distributions.items():
            check_distribution_compatibility(trial.distributions[name], distribution)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        return ascii(str(error))[1:-1][:200]
    return ""


def shape_fault(trial: FrozenTrial) -> str:
    """What is damaged in a trial of any state, whatever its study; empty where nothing is."""
    if DAMAGED in trial.system_attrs:
        return f"it cannot be read: {ascii(trial.system_attrs[DAMAGED])[1:-1][:200]}"
    for name, kind in _KINDS.items():
        if name in trial.user_attrs and type(trial.user_attrs[name]) is not kind:
            return f"its attribute {name} is {ascii(trial.user_attrs[name])[:40]}"
    if not isinstance(trial.system_attrs.get(FIXED_PARAMS, {}), dict):
        return f"its attribute {FIXED_PARAMS} is no object"
    try:
        check_whole(trial)
        wrong = [k for k, v in trial.constraints.items() if not _is_number(v)]
    # whatever Optuna raises for values of another kind
    except Exception as error:
        return ascii(str(error))[1:-1][:200]
    if wrong:
        return f"its constraint {wrong[0]!a} is no number"
    if not all(map(_is_number, trial.values or ())):
        return "an objective is no number"
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)


def sound(study: ResolvedStudy, trials: Iterable[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Those of `trials` that can be used; the others are logged, each once a process."""
    faults: list[tuple[int, str]] = []
    for trial in trials:
        fault = fault_of(study, trial)
        if fault:
            faults.append((trial.number, fault))
        else:
            yield trial
    report(study.slug, faults)


def report(slug: str, faults: Iterable[tuple[int, str]]) -> None:
    """Log numbers of trials and why each is left out, unless that was logged before."""
    fresh = [(number, why) for number, why in faults if (slug, number, why) not in _reported]
    _reported.update((slug, number, why) for number, why in fresh)
    for number, why in fresh[:SHOWN]:
        _LOG.warning("trial %d of %r is left out: %s", number, slug, why)
    if len(fresh) > SHOWN:
        _LOG.warning("%d more trials of %r are left out", len(fresh) - SHOWN, slug)

"""Which parameters decide whether a chip reaches the front: PED-ANOVA, as Optuna computes it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.question.resolved_study import ResolvedStudy
from dse.search.trials.sound import sound
from dse.search.trials.suggest import BASELINE

LEAST = 20
"""Feasible trials of a branch below which its best tenth is too few for a statement."""


@dataclass(frozen=True)
class Importance:
    """Shares of the parameters of one branch; they sum to 1."""

    branch: str
    trials: int
    """Feasible trials that it rests on."""
    shares: tuple[tuple[str, float], ...]
    """Parameter without its branch, and its share, the largest first."""


def importance(study: ResolvedStudy, trials: Sequence[FrozenTrial]) -> tuple[Importance, ...]:
    """Importance of each branch's parameters for being among the best tenth of its feasible trials.

    With several objectives the best are those of the lowest non-domination ranks. A branch with fewer than
    `LEAST` feasible trials is left out.
    """
    # chips of the catalog have no parameters of a branch
    searched = [t for t in trials if t.state == TrialState.COMPLETE and not t.user_attrs.get(BASELINE)]
    done = list(sound(study, searched))
    good = [t for t in done if all(v <= 0.0 for v in t.constraints.values())]
    found = []
    for branch in sorted(study.branches):
        own = [t for t in good if t.params.get("branch") == branch]
        if len(own) >= LEAST:
            names = dict.fromkeys(name for trial in own for name in trial.params)
            keep = [n for n in names if n != "branch" and not n.endswith("_target")]
            shares = shares_of([g.direction for g in study.objectives], own, keep)
            told = tuple((name.removeprefix(f"{branch}."), value) for name, value in shares.items())
            found.append(Importance(branch=branch, trials=len(own), shares=told))
    return tuple(found)


# a study of these alone: Optuna weighs only the parameters that all trials of a study share
def shares_of(
    directions: Sequence[Literal["minimize", "maximize"]], trials: Sequence[FrozenTrial], keep: Sequence[str]
) -> dict[str, float]:
    """Shares of the parameters `keep`, the largest first, for being among the best tenth of some trials.

    They are what a chip and its deployment are made of; a latency target is none of it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    copy = optuna.create_study(directions=list(directions))
    copy.add_trials([_with_only(t, keep) for t in trials])
    with warnings.catch_warnings():
        # parts of it are experimental, and a tenth of few trials is fewer than Optuna likes
        warnings.simplefilter("ignore")
        shares = get_param_importances(copy, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(value) for name, value in shares.items()}


def _with_only(trial: FrozenTrial, names: Sequence[str]) -> FrozenTrial:
    """The trial with the parameters `names` that it has."""
    keep = [name for name in names if name in trial.params]
    return create_trial(
        # a storage may hold a whole number, which Optuna does not weigh
        values=[float(value) for value in trial.values],
        params={name: trial.params[name] for name in keep},
        distributions={name: trial.distributions[name] for name in keep},
    )

"""Which parameters decide whether a chip reaches the front: PED-ANOVA, as Optuna computes it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

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
            found.append(_of_branch(study, branch, own))
    return tuple(found)


# a study of the branch alone: Optuna weighs only the parameters that all trials of a study share
def _of_branch(study: ResolvedStudy, branch: str, trials: Sequence[FrozenTrial]) -> Importance:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    copy = optuna.create_study(directions=[g.direction for g in study.objectives])
    copy.add_trials([_without_branch(t) for t in trials])
    with warnings.catch_warnings():
        # parts of it are experimental, and a tenth of few trials is fewer than Optuna likes
        warnings.simplefilter("ignore")
        shares = get_param_importances(copy, evaluator=PedAnovaImportanceEvaluator())
    found = tuple((name.removeprefix(f"{branch}."), float(value)) for name, value in shares.items())
    return Importance(branch=branch, trials=len(trials), shares=found)


def _without_branch(trial: FrozenTrial) -> FrozenTrial:
    """The trial with what its chip and deployment are made of; a latency target is none of it."""
    keep = [name for name in trial.params if name != "branch" and not name.endswith("_target")]
    return create_trial(
        # a storage may hold a whole number, which Optuna does not weigh
        values=[float(value) for value in trial.values],
        params={name: trial.params[name] for name in keep},
        distributions={name: trial.distributions[name] for name in keep},
    )

"""The contract that every sampler keeps, ours and an external one; pytest runs it for whatever subclasses it.

A plug-in's own test needs no more than this:

    class TestMine(SamplerContract):
        @pytest.fixture
        def subject(self):
            return my_sampler

The subject is the factory that the entry point names: called with `seed` and options, it makes an Optuna
sampler. A factory with a parameter `study` is also given the resolved study that is searched; here it is not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler

from dse.testing.checks import require

TRIALS = 24
"""Enough for a sampler to leave its first random draws behind, few enough for a slow one."""

Factory = Callable[..., BaseSampler]


def toy(trial: optuna.Trial) -> tuple[float, float]:
    """Two branches with parameters of their own, constraints, two objectives; real and whole values."""
    branch = trial.suggest_categorical("branch", ["left", "right"])
    # a linear scale in one branch, a logarithmic one in the other
    x = trial.suggest_float(f"{branch}.x", 1e-3, 1.0, log=branch == "right")
    n = trial.suggest_int(f"{branch}.n", 0, 4)
    target = trial.suggest_float("tpot_target", 1e-3, 1e-1, log=True)
    # above 0.9 infeasible, so that the sampler meets violations
    trial.set_constraint("capacity", x - 0.9)
    trial.set_constraint("tpot_target", x / 100.0 - target)
    return x + n, (1.0 - x) * (2.0 if branch == "left" else 1.0) + 1.0 / (1.0 + n)


def _contains(range_: BaseDistribution, value: object) -> bool:
    """Whether a value is one of the choices, or within the ends of a range; no range of `toy` has a step."""
    if isinstance(range_, CategoricalDistribution):
        return value in range_.choices
    if not isinstance(value, int | float):
        return False
    return isinstance(range_, FloatDistribution | IntDistribution) and range_.low <= value <= range_.high


class SamplerContract:
    """Laws of every sampler; give a `subject` fixture."""

    def _study(self, subject: Factory, seed: int = 1) -> optuna.Study:
        # Optuna reports each trial otherwise
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna.create_study(sampler=subject(seed=seed), directions=["minimize", "minimize"])

    def _ran(self, study: optuna.Study, trials: int = TRIALS) -> list[dict[str, Any]]:
        for _ in range(trials):
            trial = study.ask()
            study.tell(trial, toy(trial))
        return [t.params for t in study.get_trials(deepcopy=False)]

    def test_it_makes_a_sampler_from_a_seed(self, subject: Factory) -> None:
        """A sampler of Optuna, a new one each time."""
        made = subject(seed=1)
        require(isinstance(made, BaseSampler), "sampler", "a sampler of Optuna", type(made))
        # a sampler has a state, which two studies must not share
        require(subject(seed=1) is not made, "sampler", "a new one at each call", made)

    def test_it_refuses_options_that_it_does_not_know(self, subject: Factory) -> None:
        """With a TypeError or a ValueError, which become a sentence for the user."""
        try:
            subject(seed=1, no_such_option=1)
        except (TypeError, ValueError):
            return
        require(False, "sampler", "an unknown option to be refused", "a sampler")

    def test_it_fills_branches_with_constraints_and_several_objectives(self, subject: Factory) -> None:
        """Every trial is complete, and every value lies in its range."""
        study = self._study(subject)
        self._ran(study)
        for trial in study.get_trials(deepcopy=False):
            require(trial.state.is_finished(), f"trial {trial.number}", "a finished trial", trial.state)
            for name, value in trial.params.items():
                range_ = trial.distributions[name]
                require(_contains(range_, value), name, "a value of its range", value)

    def test_the_same_seed_makes_the_same_trials(self, subject: Factory) -> None:
        """Whatever the clock says."""
        first, second = self._ran(self._study(subject)), self._ran(self._study(subject))
        require(first == second, "trials of one seed", "the same trials", second)

    def test_another_seed_makes_other_trials(self, subject: Factory) -> None:
        """Else more seeds would show nothing."""
        first, second = self._ran(self._study(subject)), self._ran(self._study(subject, seed=2))
        require(first != second, "trials of two seeds", "other trials", second)

    def test_trials_that_wait_are_taken_as_they_are(self, subject: Factory) -> None:
        """The first trials of a study, and the turn of a branch, come from outside."""
        study = self._study(subject)
        study.enqueue_trial({"branch": "left", "left.x": 0.5, "left.n": 3, "tpot_target": 1e-2})
        # only the branch is given; the sampler fills in the rest
        study.enqueue_trial({"branch": "right"})
        whole, part = self._ran(study, 2)
        expected = {"branch": "left", "left.x": 0.5, "left.n": 3, "tpot_target": 1e-2}
        require(whole == expected, "a trial that waited", str(expected), whole)
        require(part["branch"] == "right", "the branch of a trial that waited", "'right'", part["branch"])

    def test_it_goes_on_after_trials_of_others_and_after_failures(self, subject: Factory) -> None:
        """A study is resumed, and some trials of it failed."""
        others = self._study(subject, seed=3)
        self._ran(others, 12)
        study = self._study(subject)
        study.add_trials(others.get_trials(deepcopy=False))
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
        found = self._ran(study, 6)
        require(len(found) == 19, "trials", "12 of others, a failed one and 6", len(found))
        # behind the 12 trials of others and the failed one
        require(all(np.isfinite(p["tpot_target"]) for p in found[13:]), "params", "finite values", found[13:])

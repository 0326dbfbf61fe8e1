"""A sampler that is checked: what it raises, or draws beyond a range, names it and the trial."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import final

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from dse.evaluate.batch import DesignBatch
from dse.plugins.broken import asking, broken
from dse.plugins.time_limit import limited


@final
class CheckedSampler(BaseSampler):
    """What the factory of an entry point has made; raises `PluginError` for what Optuna cannot use."""

    def __init__(self, point: EntryPoint, made: BaseSampler) -> None:
        self.point, self.made = point, made

    def __str__(self) -> str:
        return str(self.made)

    @property
    def chooses_branches(self) -> bool:
        """Whether it weighs branches itself; others are given the branches in turn."""
        return bool(getattr(self.made, "chooses_branches", False))

    def take_designs(self, number: int, points: DesignBatch) -> None:
        """Pass on the designs that trial `number` has evaluated, to a sampler that takes them."""
        take = getattr(self.made, "take_designs", None)
        if take is not None:
            with asking(self.point, f"taking the designs of trial {number}"), limited(self.point):
                take(number, points)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See `BaseSampler`."""
        with asking(self.point, _of(trial)), limited(self.point):
            found = self.made.infer_relative_search_space(study, trial)
        if not isinstance(found, dict):
            raise broken(self.point, f"{_of(trial)}: expected a search space, got a {type(found).__name__}")
        return found

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, object]:
        """See `BaseSampler`."""
        with asking(self.point, _of(trial)), limited(self.point):
            found = self.made.sample_relative(study, trial, search_space)
        if not isinstance(found, dict):
            raise broken(self.point, f"{_of(trial)}: expected parameters, got a {type(found).__name__}")
        for name, value in found.items():
            if name in search_space:
                self._hold(trial, name, value, search_space[name])
        return found

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> object:
        """See `BaseSampler`."""
        with asking(self.point, f"{_of(trial)}: {param_name}"), limited(self.point):
            found = self.made.sample_independent(study, trial, param_name, param_distribution)
        self._hold(trial, param_name, found, param_distribution)
        return found

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """See `BaseSampler`."""
        with asking(self.point, _of(trial)), limited(self.point):
            self.made.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """See `BaseSampler`."""
        with asking(self.point, _of(trial)), limited(self.point):
            self.made.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """See `BaseSampler`."""
        with asking(self.point):
            self.made.reseed_rng()

    def _hold(self, trial: FrozenTrial, name: str, value: object, range_: BaseDistribution) -> None:
        if not _inside(value, range_):
            raise broken(self.point, f"{_of(trial)}: {name}: expected a value of {range_}, got {value!r}")


def _of(trial: FrozenTrial) -> str:
    """The trial, with the parameters that it has so far."""
    known = ", ".join(f"{name} {value}" for name, value in trial.params.items())
    return f"trial {trial.number}" + (f", {known}" if known else "")


def _inside(value: object, range_: BaseDistribution) -> bool:
    """Whether Optuna can store a value; within rounding of the ends of a range of real numbers."""
    if isinstance(range_, CategoricalDistribution):
        return value in range_.choices
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    number = float(value)
    if isinstance(range_, IntDistribution):
        return range_.low <= number <= range_.high and number == int(number)
    if isinstance(range_, FloatDistribution):
        slack = 1e-9 * max(abs(range_.low), abs(range_.high))
        return range_.low - slack <= number <= range_.high + slack
    return True

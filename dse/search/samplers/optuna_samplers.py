"""Samplers by name; which one, and why, was measured: `dse/docs/samplers.md`."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, Protocol, runtime_checkable

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler

from dse.errors import spec_error
from dse.evaluate.batch import DesignBatch
from dse.plugins import point_named, sampler_factory
from dse.plugins.broken import asking, broken
from dse.question.resolved_study import ResolvedStudy
from dse.search.samplers.checked_sampler import CheckedSampler


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Suppress the warning of Optuna that a feature is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@runtime_checkable
class TakesDesigns(Protocol):
    """A sampler that uses all designs of a trial, not only its objectives."""

    def take_designs(self, number: int, points: DesignBatch) -> None:
        """Take the designs that trial `number` has just evaluated."""


def sampler_of(study: ResolvedStudy, seed: int) -> BaseSampler:
    """The sampler of a study, made by the factory that is registered under its name.

    A factory is called with `seed` and the options of the study; one that has a parameter `study` also gets
    the study. Raises `SpecError` for options that it does not take.
    """
    chosen = study.spec.sampler
    factory, point = sampler_factory(chosen.name), point_named("dse.samplers", "sampler", chosen.name)
    with asking(point, "made for a study", may_refuse=True):
        given = {"study": study} if "study" in signature(factory).parameters else {}
        try:
            # Optuna's samplers draw with NumPy's RandomState, whose seeds are below 2^32
            sampler = factory(seed=seed % 2**32, **given, **chosen.options)
        # what a factory raises for options that it does not take, see `dse.testing.sampler_contract`
        except (TypeError, ValueError) as error:
            # without options it has no others to complain of
            if not chosen.options:
                raise
            raise spec_error(f"{study.path}", f"sampler.options: {error}") from None
    if not isinstance(sampler, BaseSampler):
        raise broken(point, f"expected an optuna.samplers.BaseSampler, got a {type(sampler).__name__}")
    return sampler


def checked_sampler(study: ResolvedStudy, seed: int) -> CheckedSampler:
    """The sampler of a study, checked at every call, as a search uses it; raises as `sampler_of`."""
    point = point_named("dse.samplers", "sampler", study.spec.sampler.name)
    return CheckedSampler(point, sampler_of(study, seed))


def chooses_branches(sampler: BaseSampler) -> bool:
    """Whether a sampler weighs branches itself; others are given the branches in turn."""
    return bool(getattr(sampler, "chooses_branches", False))


def tpe(seed: int, **options: Any) -> BaseSampler:
    """Tree-structured Parzen estimator over whole branches; for cost models too slow for `pareto`.

    `multivariate` sees parameters together, `group` keeps the parameters of one branch together.
    """
    with without_experimental_warnings():  # `group` is what branches need, and pinned by our tests
        # no constraints_func: constraints are stored with each trial, where Optuna looks for them
        chosen = {"seed": seed, "multivariate": True, "group": True, "constant_liar": True, **options}
        return TPESampler(**chosen)


def nsga2(seed: int, **options: Any) -> BaseSampler:
    """Genetic search over the parameters that all trials share: of use in a space with a single branch."""
    return NSGAIISampler(**{"seed": seed, **options})


def random(seed: int, **options: Any) -> BaseSampler:
    """Independent uniform draws, the baseline of comparisons."""
    return RandomSampler(**{"seed": seed, **options})


def qmc(seed: int, **options: Any) -> BaseSampler:
    """Low-discrepancy draws over the parameters that all branches share, random for the rest."""
    # Optuna would warn at every trial of what the docstring says
    return QMCSampler(**{"seed": seed, "warn_independent_sampling": False, **options})

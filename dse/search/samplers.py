"""Samplers by name; which one, and why, was measured: `dse/docs/samplers.md`."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler

from dse.plugins import sampler_factory
from dse.spec.problems import wrong
from dse.spec.resolved import ResolvedStudy


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Use what Optuna calls experimental without telling every user each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def sampler_of(study: ResolvedStudy, seed: int) -> BaseSampler:
    """The sampler of a study; one that has `attach` is told which question it searches.

    Where it has no use for the question, `attach` may return another sampler to take its place. Raises
    `SpecError` for options that it does not take.
    """
    chosen = study.spec.sampler
    try:
        sampler: BaseSampler = sampler_factory(chosen.name)(seed=seed % 2**32, **chosen.options)
    except (TypeError, ValueError) as error:
        raise wrong(f"{study.path}", f"sampler.options: {error}") from None
    if callable(attach := getattr(sampler, "attach", None)):
        sampler = attach(study) or sampler
    return sampler


def chooses_branches(sampler: BaseSampler) -> bool:
    """Whether a sampler weighs branches itself; the others are given one after the other."""
    return bool(getattr(sampler, "chooses_branches", False))


def tpe(seed: int, **options: Any) -> BaseSampler:
    """Tree-structured Parzen estimator over whole branches; for cost models too slow for `pareto`.

    `multivariate` sees parameters together, `group` keeps the parameters of one branch together.
    """
    with without_experimental_warnings():  # `group` is what branches need, and pinned by our tests
        chosen = {"seed": seed, "multivariate": True, "group": True, "constant_liar": True, **options}
        return TPESampler(**chosen)


def nsga2(seed: int, **options: Any) -> BaseSampler:
    """Genetic search over the parameters that all trials share: of use in a space with a single branch."""
    return NSGAIISampler(**{"seed": seed, **options})


def random(seed: int, **options: Any) -> BaseSampler:
    """Independent uniform draws, the yardstick."""
    return RandomSampler(**{"seed": seed, **options})


def qmc(seed: int, **options: Any) -> BaseSampler:
    """Low-discrepancy draws over the parameters that all branches share, random for the rest."""
    return QMCSampler(**{"seed": seed, "warn_independent_sampling": False, **options})

"""A trial of a study of pools: the chip of each pool from parameters with its role in front."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from optuna.trial import BaseTrial

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.chips.formats import with_formats
from dse.chips.parameter_range import value_at
from dse.chips.resolve import chip_columns, chips_of
from dse.evaluate.pools.fronts import Numbers
from dse.evaluate.pools.study_layouts import grid_of_pool
from dse.question.chip_names import chip_name
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import ParameterSpec
from objectives import api

MOST_FIRST = 64
"""Pairs of chips of the catalog that are tried first, at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OneChip:
    """One chip of a pool in every layout; its designs have the numbers of these."""

    role: str
    study: ResolvedStudy
    branch: str | None
    """None for a chip of the catalog."""
    name: str
    values: Mapping[str, Floats]
    """Parameters in SI, each of shape (1,)."""

    @property
    def chips(self) -> api.Chips:
        """The chip as a batch of one."""
        if self.branch is not None:
            return self.study.branches[self.branch].chips(self.values)
        setting = self.study.setting
        spec = with_formats(self.study.baselines[self.name], setting.technology)
        return chips_of([chip_columns(spec, setting)])

    @property
    def pool(self) -> api.Pool:
        """In every layout, one a row."""
        layouts = grid_of_pool(self.role, self.study).reshape(-1)
        return api.Pool(role=self.role, chips=self.chips, deployments=layouts)

    def at(self, points: Numbers) -> api.Pool:
        """In some layouts, one a row."""
        own = self.pool
        return own.take(points, own.shape)

    def facts(self, point: int) -> dict[str, object]:
        """What a table says of the chip, whatever its layout."""
        del point
        if self.branch is None:
            return {"chip": self.name, "branch": chip_kind(self.study.baselines[self.name])}
        branch = self.study.branches[self.branch]
        named = {name: str(a[0]) for name, a in branch.named(self.values).items()}
        parameters = {f"param_{name}": float(a[0]) for name, a in self.values.items()}
        return {"chip": self.name, "branch": branch.kind, **named, **parameters}


def suggest_chips(study: PooledStudy, trial: BaseTrial) -> dict[str, OneChip]:
    """The chip of each pool, such as from `prefill.kind` and `prefill.sram`."""
    return {role: _chip(role, pool, trial) for role, pool in study.pools.items()}


def _chip(role: str, pool: ResolvedStudy, trial: BaseTrial) -> OneChip:
    """A branch or a chip of the catalog, and the parameters of a branch."""
    kinds = [*sorted(pool.branches), *sorted(pool.baselines)]
    kind = kinds[0] if len(kinds) == 1 else str(trial.suggest_categorical(f"{role}.chip", kinds))
    if kind in pool.baselines:
        return OneChip(role=role, study=pool, branch=None, name=kind, values={})
    # a name for each branch where there are several, whose ranges differ
    head = role if len(pool.branches) == 1 else f"{role}.{kind}"
    values = {
        name: np.asarray([_value(trial, f"{head}.{name}", spec)])
        for name, spec in pool.branches[kind].spec.parameters.items()
    }
    return OneChip(role=role, study=pool, branch=kind, name=chip_name(kind, trial.number), values=values)


def _value(trial: BaseTrial, name: str, spec: ParameterSpec) -> float:
    """A value of a range; an index where it has steps, since Optuna has none on a logarithmic scale."""
    if spec.low == spec.high:
        return spec.low
    if spec.steps is None:
        return trial.suggest_float(name, spec.low, spec.high, log=spec.scale == "log")
    index = trial.suggest_int(name, 0, spec.steps - 1)
    return float(value_at(spec, np.asarray(index / (spec.steps - 1))))


def suggest_limit(study: PooledStudy, trial: BaseTrial) -> float:
    """Latency target of a trial; infinite where none is swept."""
    sweep = study.spec.sweep
    if study.spec.deployment.mode != "solve" or sweep is None:
        return float("inf")
    return trial.suggest_float(f"{sweep.objective}_target", sweep.low, sweep.high, log=True)


def first_params(study: PooledStudy) -> Iterator[dict[str, object]]:
    """Parameters of the first trials: every pair of chips of the catalog, at the loosest target."""
    sweep = study.spec.sweep if study.spec.deployment.mode == "solve" else None
    target = {f"{sweep.objective}_target": sweep.high} if sweep else {}
    names = [sorted(pool.baselines) for pool in study.pools.values()]
    for number, chips in enumerate(product(*names)):
        if number >= MOST_FIRST:
            return
        own = {
            f"{role}.chip": chip
            for (role, pool), chip in zip(study.pools.items(), chips, strict=True)
            if len(pool.branches) + len(pool.baselines) > 1
        }
        yield {**own, **target}

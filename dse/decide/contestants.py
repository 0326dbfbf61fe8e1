"""One chip of a comparison under one software: its deployments, and the best of them at each target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.design import Subject
from dse.estimated import Estimate
from dse.evaluate.choose import Limits, best, judged, late
from dse.plugins import objective
from objectives import api

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why no deployment of a chip is good."""

    fits: bool
    """Whether it is only too slow."""
    exceeds: Mapping[str, float]
    """Constraint or target to what it is exceeded by, in its unit."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """A chip with every deployment of the grid, evaluated."""

    subject: Subject
    designs: api.Designs
    metrics: api.Metrics
    promised: Limits
    """Latency targets of the workload but that on TPOT, which is what is compared at."""

    def at(self, limit: float) -> int | None:
        """The best deployment within a TPOT of `limit` [s]; None where none is."""
        s = self.subject
        limits = (*self.promised, (objective("tpot"), limit))
        found = judged(self.metrics, s.context, s.goal, limits, self.designs.shape, 1)
        index = int(best(found, s.tolerance)[0])
        return index if bool(found.feasible[index, 0]) else None

    def value(self, index: int | None) -> float:
        """$/(token/s) of a deployment; infinite for None."""
        return np.inf if index is None else float(self.flat(self.metrics.usd_per_token_per_s)[index])

    def flat(self, column: Any) -> Floats:
        """A column of the metrics, one number a deployment."""
        return np.broadcast_to(np.asarray(column, dtype=float), self.designs.shape).reshape(-1)

    def good(self) -> npt.NDArray[np.intp]:
        """Deployments that fit and meet every target but that on TPOT."""
        s = self.subject
        found = judged(self.metrics, s.context, s.goal, self.promised, self.designs.shape, 1)
        return np.flatnonzero(found.feasible[:, 0])

    def obstacle(self) -> Obstacle | None:
        """Why no deployment is good, by the one that misses by least; None where one is."""
        s = self.subject
        found = judged(self.metrics, s.context, s.goal, self.promised, self.designs.shape, 1)
        if found.feasible.any():
            return None
        fits = found.unfit[:, 0] <= 0.0
        if fits.any():
            at = int(np.argmin(np.where(fits, found.late[:, 0], np.inf)))
            missed = late(self.metrics, s.context, self.promised)
        else:
            at, missed = int(np.argmin(found.unfit[:, 0])), dict(self.metrics.violations)
        over = {name: float(self.flat(v)[at]) for name, v in missed.items()}
        return Obstacle(fits=bool(fits.any()), exceeds={n: v for n, v in over.items() if v > 0.0})

    def told(self, index: int, limit: float) -> Estimate:
        """The estimate of a deployment, with every ledger."""
        s, one = self.subject, self.designs.take(np.asarray([index]))
        metrics = s.cost_model.evaluate(one, s.context, detail=True)
        s.hold_against_physics(one, metrics)
        fixed = dict(s.targets)
        s.targets = {**fixed, objective("tpot"): limit}
        told = s.report(one, metrics, solved=True)
        s.targets = fixed
        return told

    def costs_over(self, times: Floats, limit: float) -> Floats:
        """$/(token/s) at its best within `limit` [s] when each layer takes a time more [s], shape (times,).

        The time is laid on a layer of a decode step and of a prompt pass alike. Infinite where nothing is
        feasible.
        """
        s, n = self.subject, len(times)
        columns = {
            k: np.broadcast_to(np.asarray(a, dtype=float), (n,))
            for k, a in self.designs.chips.columns().items()
        }
        for name in ("layer_overhead_s", "prompt_overhead_s"):
            columns[name] = columns[name] + times
        designs = api.Designs(chips=api.Chips(**columns), deployments=self.designs.deployments.reshape(-1, 1))
        metrics = s.cost_model.evaluate(designs, s.context)
        limits = (*self.promised, (objective("tpot"), limit))
        found = judged(metrics, s.context, s.goal, limits, designs.shape)
        return np.asarray(np.where(found.feasible, found.cost, np.inf).min(axis=0))


def contestant(subject: Subject, layout: dict[str, int | None]) -> Contestant:
    """A chip under every deployment of the grid in which what `layout` gives is held."""
    subject.targets = {o: v for o, v in subject.targets.items() if o.name != "tpot"}
    designs = subject.designs(**layout)
    return Contestant(
        subject,
        designs,
        subject.cost_model.evaluate(designs, subject.context),
        tuple(subject.targets.items()),
    )


def best_values(of: Contestant, limits: Sequence[float]) -> list[float]:
    """$/(token/s) at each target [s]; infinite where it is out of reach."""
    return [of.value(of.at(limit)) for limit in limits]

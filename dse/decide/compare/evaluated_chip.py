"""One chip of a comparison under one software: its deployments, and the best of them at each target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose.misses import misses
from dse.choose.rule import Limits, best, judged, merged
from dse.choose.solve import Found
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.subject import Subject
from objectives import api
from objectives.arrays import Array


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why no deployment of a chip is good."""

    fits: bool
    """Whether it is only too slow."""
    exceeds: Mapping[str, float]
    """Constraint or target to what it is exceeded by, in its unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluatedChip:
    """A chip with every deployment of the grid, evaluated."""

    subject: Subject
    grid: api.Deployments
    designs: api.Designs
    """The deployments of the grid on one axis."""
    metrics: api.Metrics
    workload_limits: Limits
    """Latency targets of the workload; of two on TPOT the tighter one binds."""

    def at(self, limits: Sequence[float]) -> list[Found | None]:
        """The best deployment within each TPOT [s], also between batches of the grid; None where none is."""
        tpot = self.subject.bounded("tpot")
        limited = [merged(self.workload_limits, ((tpot, limit),)) for limit in limits]
        every = self.subject.best_at(self.grid, limited)
        # one chip, so place 0
        return [found if bool(found.feasible[0]) else None for found in every]

    def flat(self, column: Array) -> Floats:
        """A column of the metrics, one number a deployment."""
        return np.broadcast_to(np.asarray(column, dtype=float), self.designs.shape).reshape(-1)

    def good(self) -> npt.NDArray[np.intp]:
        """Deployments that fit and meet every target of the workload."""
        s = self.subject
        # 1: all deployments are of one chip, whatever axes they are on
        found = judged(self.metrics, s.context, s.goal, self.workload_limits, self.designs.shape, 1)
        return np.flatnonzero(found.feasible[:, 0])

    def obstacle(self) -> Obstacle | None:
        """Why no deployment is good, by the one that misses by least; None where one is."""
        s = self.subject
        found = judged(self.metrics, s.context, s.goal, self.workload_limits, self.designs.shape, 1)
        if found.feasible.any():
            return None
        one = self.designs.take(best(found))
        # evaluated by itself, since `misses` reads the first design of a batch
        missed = misses(s.cost_model.evaluate(one, s.context), s.context, self.workload_limits)
        return Obstacle(
            fits=all(m.limit is not None for m in missed), exceeds={m.name: m.over for m in missed}
        )

    def estimate_at(self, found: Found, limit: float) -> Estimate:
        """The estimate of a deployment, with every ledger."""
        s = self.subject
        limits = merged(self.workload_limits, ((s.bounded("tpot"), limit),))
        return s.estimate(s.designs(found.deployments), solved=True, chosen=found, limits=limits)

    def costs_over(self, times: Floats, limit: float) -> Floats:
        """$/(token/s) at its best within `limit` [s] when each layer takes a time more [s], shape (times,).

        The time is added to a layer of a decode step and of a prompt pass alike. Infinite where nothing is
        feasible.
        """
        s, n = self.subject, len(times)
        columns = {
            k: np.broadcast_to(np.asarray(a, dtype=float), (n,))
            for k, a in self.designs.chips.columns().items()
        }
        for name in ("layer_overhead_s", "prompt_overhead_s"):
            # a new array, since a broadcast one must not be written
            columns[name] = columns[name] + times
        # axes (deployment, time): all times in one call of the cost model
        designs = api.Designs.of(
            chips=api.Chips.of(**columns), deployments=self.designs.deployments.reshape(-1, 1)
        )
        metrics = s.cost_model.evaluate(designs, s.context)
        limits = merged(self.workload_limits, ((s.bounded("tpot"), limit),))
        found = judged(metrics, s.context, s.goal, limits, designs.shape)
        # over the deployments; times are the axis that `judged` takes for chips
        return np.asarray(np.where(found.feasible, found.cost, np.inf).min(axis=0))


def evaluate_chip(subject: Subject, layout: dict[str, int | None]) -> EvaluatedChip:
    """A chip under every deployment of the grid in which what `layout` gives is held."""
    grid = subject.grid(**layout)
    designs = api.Designs.of(chips=subject.chips, deployments=grid.reshape(-1))
    metrics = subject.cost_model.evaluate(designs, subject.context)
    return EvaluatedChip(
        subject=subject, grid=grid, designs=designs, metrics=metrics, workload_limits=subject.limits
    )

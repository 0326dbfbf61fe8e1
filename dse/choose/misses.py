"""Why a deployment is no answer: what keeps it from fitting, and which targets it misses by how much."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dse.choose.rule import Limits, late
from objectives import api


@dataclass(frozen=True, kw_only=True)
class Miss:
    """One condition that a deployment breaks."""

    name: str
    """Of the constraint, or of the objective of a target."""
    over: float
    """How far it is beyond, in its own unit."""
    limit: float | None = None
    """The target in SI; None for a constraint, such as capacity."""
    unit: str = ""
    """SI unit of a target; empty for a constraint."""

    def as_dict(self) -> dict[str, float | str | None]:
        """Plain data for JSON."""
        return {"name": self.name, "over": self.over, "limit": self.limit}


def misses(metrics: api.Metrics, context: api.Context, limits: Limits) -> tuple[Miss, ...]:
    """What one design breaks: of one that does not fit its constraints, else the targets that it misses.

    Targets apply to designs that fit: a system that does not exist is neither fast nor slow.
    """
    unfit = [Miss(name=n, over=v) for n, v in _over(metrics.violations).items()]
    known = {goal.name: (limit, goal.unit) for goal, limit in limits}
    missed = [
        Miss(name=n, over=v, limit=known[n][0], unit=known[n][1])
        for n, v in _over(late(metrics, context, limits)).items()
    ]
    # capacity and the like first: a latency of a system that does not fit means nothing
    return tuple(unfit or missed)


def _over(violations: Mapping[str, object]) -> dict[str, float]:
    each = {n: float(np.asarray(v, dtype=float).reshape(-1)[0]) for n, v in violations.items()}
    return {n: v for n, v in each.items() if v > 0.0}

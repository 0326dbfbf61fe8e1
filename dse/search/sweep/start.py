"""The start of a sweep: a sample of its chips gives the first front, the pivots and the tolerances."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from dse.arrays import Floats
from dse.search.sweep.block import SweepJob, chunks, makeable
from dse.search.sweep.grid import BranchGrid, Numbers
from dse.search.sweep.local_front import Local

CHIPS = 128
"""Chips of each branch in the sample."""

DESIGNS = 1 << 20
"""Designs of each branch in the sample; of many deployments it takes fewer chips, at least `LEAST`."""

LEAST = 16

POINTS = 20_000
"""Feasible designs of the sample that pivots are chosen by."""

ROUNDING = 1e-9
"""Of the largest violation: far more than two backends differ by in a difference of bytes or seconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """What is known from a sample of the grid."""

    front: Local
    costs: Floats
    """Costs (m, k) of feasible designs of the sample."""
    slack: dict[str, float]
    """Violation of each constraint that may be rounding, in its unit."""
    evaluated: int
    """Designs of the sample that were evaluated."""
    fingerprint: str
    """Digest of the costs of the sample: another digest means another cost model."""


def start(job: SweepJob) -> Start:
    """Evaluate the same sample of every branch each time."""
    # always the same, since machines compare digests of the same sample
    rng = np.random.default_rng(0)
    front = Local.empty(len(job.study.objectives))
    costs: list[Floats] = [np.empty((0, len(job.study.objectives)))]  # perhaps no chip can be made
    largest: dict[str, float] = {}
    fingerprint, evaluated = sha256(), 0
    for branch in job.grid.branches:
        chips, columns = makeable(job, branch, _sample(branch, rng, chips_of(CHIPS, job.grid.layouts)))
        evaluated += len(chips) * job.grid.layouts
        for chunk in chunks(job, chips, columns):
            every, ok = np.stack(chunk.costs, axis=1), chunk.feasible()
            front = front.merged(every[ok], chunk.points[ok])
            for name, violation in chunk.violations.items():
                largest[name] = max(largest.get(name, 0.0), float(np.abs(violation).max(initial=0.0)))
            # at most some hundred rows of a chunk: enough to recognise a cost model, and quick
            fingerprint.update(_digits(every[:: max(1, len(every) // 64)]))
            costs.append(_thinned(every[ok], rng))
    return Start(
        front=front,
        costs=_thinned(np.concatenate(costs), rng),
        slack={name: ROUNDING * size for name, size in largest.items()},
        evaluated=evaluated,
        fingerprint=fingerprint.hexdigest()[:16],
    )


def chips_of(most: int, layouts: int) -> int:
    """Chips of a branch that are evaluated together: `most`, or fewer where each has many layouts."""
    return min(most, max(LEAST, DESIGNS // layouts))


def _sample(branch: BranchGrid, rng: np.random.Generator, chips: int) -> Numbers:
    """Some chips of a branch, ascending."""
    return branch.first + np.unique(rng.integers(0, branch.size, chips))


def _thinned(costs: Floats, rng: np.random.Generator) -> Floats:
    if len(costs) <= POINTS:
        return costs
    return costs[np.sort(rng.choice(len(costs), POINTS, replace=False))]


def _digits(values: Floats) -> bytes:
    """Nine digits of each number: no more than two machines agree on."""
    return " ".join(f"{v:.8e}" for v in values.reshape(-1)).encode()

"""One block of a sweep: a pure function of the study, the grid and the block's chips to its local front."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.evaluate import scoring
from dse.plugins.designs import chips_named
from dse.question.resolved_study import ResolvedStudy
from dse.search.sweep.counter import Counter
from dse.search.sweep.grid import BranchGrid, Grid, Numbers, Piece
from dse.search.sweep.local_front import Local, sifted
from objectives import api
from objectives.arrays import Array

CHUNK = 120_000
"""Points that NumPy evaluates at once: an array of them fits a core's share of the cache."""

BATCH = 1 << 14
"""Chips whose columns are made at once."""

Columns = Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepJob:
    """What all blocks of a sweep share."""

    study: ResolvedStudy
    grid: Grid
    pieces: list[Piece] = field(repr=False)
    by_chip: frozenset[str]
    """Constraints that a chip meets or not whatever its deployment."""

    @classmethod
    def of(cls, study: ResolvedStudy, grid: Grid) -> "SweepJob":
        """The job of a study on a grid."""
        pieces = grid.pieces(CHUNK)
        return cls(study=study, grid=grid, pieces=pieces, by_chip=_by_chip(study, grid, pieces[0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A block to solve; plain data, so that it can be sent to another process."""

    block: int
    start: int
    """Its first chip in the grid."""
    stop: int
    pivots: Floats
    """Points (p, k) of the front so far: what they dominate need not be returned."""
    fingerprint: str
    """Digest of the costs of the sample, see `Start`: it must be the same on every machine."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """The result of a block; plain data as well."""

    block: int
    front: Local
    evaluated: int
    """Points that were evaluated; those of chips that cannot be made are settled without."""


def _by_chip(study: ResolvedStudy, grid: Grid, piece: Piece) -> frozenset[str]:
    """Constraints without an axis of the deployments."""
    branch = grid.branches[0]
    chips = np.asarray([branch.first])
    with chips_named(lambda _shape, _at: branch.branch.called(branch.values(chips), 0)):
        found = scoring.violations(
            study, _evaluated(study, branch.branch.columns(branch.values(chips)), piece)
        )
    # evaluated for one chip: what still has a single value does not depend on the deployment
    # on a grid of one deployment all constraints have one value, so nothing is known of them
    return frozenset(name for name, v in found.items() if np.size(v) == 1 < piece.numbers.size)


def _evaluated(study: ResolvedStudy, columns: Columns, piece: Piece) -> api.Metrics:
    designs = api.Designs.of(chips=api.Chips.of(**columns), deployments=piece.deployments)
    return study.cost_model.evaluate(designs, study.context)


def makeable(job: SweepJob, branch: BranchGrid, chips: Numbers) -> tuple[Numbers, dict[str, Floats]]:
    """Those of `chips` that meet every constraint of the chip alone, and their columns.

    A column that is the same for all has shape (1,), so that nothing is computed twice from it.
    """
    columns = branch.branch.columns(branch.values(chips))
    # any one deployment will do: these constraints do not depend on it
    one = {name: a[:1, :1, :1, :1] for name, a in job.pieces[0].deployments.columns().items()}
    first = Piece(deployments=api.Deployments(**one), numbers=job.pieces[0].numbers[:1])
    with chips_named(lambda _shape, at: branch.branch.called(branch.values(chips), at)):
        found = scoring.violations(job.study, _evaluated(job.study, columns, first))
    ok = np.ones(len(chips), dtype=np.bool_)
    for name in job.by_chip:
        ok &= np.broadcast_to(found[name], (1, 1, 1, len(chips))).reshape(-1) <= 0.0
    return chips[ok], taken(columns, ok, len(chips))


def taken(columns: Columns, keep: npt.NDArray[Any] | slice, of: int) -> dict[str, Floats]:
    """Columns of some of `of` chips; those that all chips share stay as they are."""
    return {name: a[keep] if len(a) == of else a for name, a in columns.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some chips in some deployments, evaluated by NumPy and flattened; the chip changes fastest."""

    points: Numbers
    """(n,) number of each in the grid."""
    costs: tuple[Floats, ...]
    """(n,) each objective with the sign with which less is better."""
    violations: Mapping[str, Floats]
    """(n,) by constraint."""

    @classmethod
    def of(
        cls, job: SweepJob, designs: api.Designs, points: Numbers, shape: tuple[int, ...] | None = None
    ) -> "Chunk":
        """Costs and violations of designs of a `shape`, one axis where it is left out."""
        study, shape = job.study, shape or points.shape
        with chips_named(lambda _shape, at: job.grid.called(int(points[at]))):
            metrics = study.cost_model.evaluate(designs, study.context)
        return cls(
            points=points,
            costs=tuple(_flat(c, shape) for c in scoring.costs(study, metrics)),
            violations={k: _flat(v, shape) for k, v in scoring.violations(study, metrics).items()},
        )

    def feasible(self) -> npt.NDArray[np.bool_]:
        """(n,) true where no constraint is violated."""
        flags = [v <= 0.0 for v in self.violations.values()]
        for flag in flags[1:]:
            # in place, since each array is as large as the chunk
            flags[0] &= flag
        return flags[0]


def chunks(job: SweepJob, chips: Numbers, columns: Columns) -> Iterator[Chunk]:
    """Some chips of one branch in every deployment, as much at a time as stays in cache."""
    for piece in job.pieces:
        step = max(1, CHUNK // piece.numbers.size)
        for start in range(0, len(chips), step):
            some = chips[start : start + step]
            part = taken(columns, slice(start, start + step), len(chips))
            designs = api.Designs.of(chips=api.Chips.of(**part), deployments=piece.deployments)
            # axes (deployment, chip), as the cost model returns them: the chip changes fastest
            points = some * job.grid.layouts + piece.numbers[:, np.newaxis]
            yield Chunk.of(job, designs, points.reshape(-1), (*piece.deployments.shape[:-1], len(some)))


def _flat(column: Array, shape: tuple[int, ...]) -> Floats:
    return np.broadcast_to(column, shape).reshape(-1)


def front_of(job: SweepJob, chips: Numbers, columns: Columns, pivots: Floats) -> Local:
    """The local front of some chips of one branch in every deployment, without what a pivot dominates."""
    found = Local.empty(len(job.study.objectives))
    for chunk in chunks(job, chips, columns):
        left = sifted(chunk.costs, chunk.feasible(), pivots)
        found = found.merged(np.stack([c[left] for c in chunk.costs], axis=1), chunk.points[left])
    return found


def front_of_some(
    job: SweepJob, branch: BranchGrid, chips: Numbers, layouts: Numbers, pivots: Floats
) -> tuple[Local, int]:
    """The local front of some chips (n,) of one branch, each in one layout, without what a pivot drops.

    And the designs that were evaluated, of chips that can be made.
    """
    which, owner = np.unique(chips, return_inverse=True)
    some, columns = makeable(job, branch, which)
    # chips that cannot be made get the place of another; `rows` leaves them out
    place = np.minimum(np.searchsorted(some, which), max(len(some) - 1, 0))
    rows = np.flatnonzero(np.isin(chips, some))
    found, flat = Local.empty(len(job.study.objectives)), job.grid.deployments.reshape(-1).columns()
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        designs = api.Designs.of(
            chips=api.Chips.of(**taken(columns, place[owner[part]], len(some))),
            deployments=api.Deployments(**{name: a[layouts[part]] for name, a in flat.items()}),
        )
        chunk = Chunk.of(job, designs, chips[part] * job.grid.layouts + layouts[part])
        left = sifted(chunk.costs, chunk.feasible(), pivots)
        found = found.merged(np.stack([c[left] for c in chunk.costs], axis=1), chunk.points[left])
    return found, len(rows)


def solve(job: SweepJob, task: Task, counter: Counter | None = None) -> Solved:
    """The local front of the chips of a block, without what a pivot dominates.

    `counter` looks at all designs first and leaves to NumPy the chips that may have one on the front; the
    result is the same with and without.
    """
    found, evaluated = Local.empty(len(job.study.objectives)), 0
    for branch, low, high in job.grid.parts(task.start, task.stop):
        for start in range(low, high, BATCH):
            numbers = np.arange(start, min(start + BATCH, high))
            chips, columns = makeable(job, branch, numbers)
            evaluated += len(chips) * job.grid.layouts
            if counter is not None:
                keep = counter.counts(columns, len(chips), task.pivots) > 0
                columns, chips = taken(columns, keep, len(chips)), chips[keep]
            local = front_of(job, chips, columns, task.pivots)
            found = found.merged(local.costs, local.points)
    return Solved(block=task.block, front=found, evaluated=evaluated)

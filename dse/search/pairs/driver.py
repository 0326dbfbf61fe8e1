"""One sweep of a study of pools: both grids, the exact front of their pairs, and its files."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from dse.backends.blocks import cores
from dse.errors import Problem, SpecError
from dse.evaluate.batch import axes_of
from dse.evaluate.pools.fronts import OBJECTIVES, Numbers
from dse.front.archive import Archive
from dse.front.files import Front, write_front
from dse.question.pools.study import PooledStudy
from dse.search.analysis.folders import check_own, move_to_backup, results_folder
from dse.search.bound.limits import MEMORY, Limits
from dse.search.pairs.at_targets import solved_at_targets
from dse.search.pairs.crossed import CrossedJob, solve_crossed
from dse.search.pairs.pool_grid import PoolGrid, grids_of
from dse.search.pairs.pruned import Tally, check_prunable, solve_pruned
from dse.search.pairs.result import Fronts, add_pairs, eligibility_of
from dse.search.pairs.solve import PairJob, Progress, solve_pairs
from dse.search.storage.locks import locked_folder
from dse.search.turns.pruned import solve_turns_pruned


@dataclass(frozen=True, kw_only=True, eq=False)
class PairsResult:
    """What a sweep of pairs leaves."""

    study: PooledStudy
    grids: Mapping[str, PoolGrid]
    front: Front
    out: Path
    seconds: float
    pruned: Tally | None = None
    """What was left out; None where every design was evaluated."""

    @property
    def points(self) -> int:
        """Designs of all pools."""
        return sum(grid.size for grid in self.grids.values())

    @property
    def pairs(self) -> int:
        """Pairs of them."""
        first, then = self.grids.values()
        return first.size * then.size


def sweep_pairs(
    study: PooledStudy,
    *,
    counts: Mapping[str, int] | None = None,
    workers: int | None = None,
    fresh: bool = False,
    out: Path | str | None = None,
    progress: Progress | None = None,
    each: bool = False,
    prune: bool = False,
    memory: float = MEMORY,
) -> PairsResult:
    """Write the exact front of all pairs, for each group of pairs that rank among each other its own.

    Every design is evaluated once, alone, for each such group that it is part of. With `prune` boxes of chips
    of either pool that provably are in no better pair are left out, see `dse.search.pairs.pruned`: of pairs
    that are equal in every objective another one may be kept. Its open boxes take some of `memory` bytes.

    `counts` is the number of values of a parameter by `ROLE.PARAMETER`, `workers` the number of threads.
    With `each` the exact front of every pair of the catalog by itself is stored too, as that of a baseline.
    Ctrl-C ends it and keeps nothing. Raises `SpecError` for wrong input before the first block.
    """
    tally = Tally() if prune else None
    grids, solve = _solver(study, counts or {}, tally, memory)
    folder = Path("results") / f"{study.slug}-sweep" if out is None else results_folder(study.first, out)
    with locked_folder(folder):
        if fresh:
            move_to_backup(folder)
        check_own(folder, study.first)
        begin = time.perf_counter()
        found = _solved(study, grids, solve, workers or cores(), progress)
        alone = _each_alone(study, grids, solve, workers or cores()) if each else []
        seconds = time.perf_counter() - begin
        facts = {
            "deployment": "sweep",
            # an exact front depends on no seed
            "seed": None,
            "grids": {
                role: {"chips": grid.chips, "layouts": grid.layouts, "points": grid.size}
                for role, grid in grids.items()
            },
            **({} if tally is None else {"pruned": tally.facts()}),
        }
        front = found.stored(study, facts, alone)
        front = replace(front, at_targets=solved_at_targets(study, front.frame, found.eligible))
        write_front(folder, front)
    return PairsResult(
        study=study,
        grids=grids,
        front=front,
        out=folder,
        seconds=seconds,
        pruned=tally,
    )


Grids = Mapping[str, PoolGrid]
Solve = Callable[[Grids, int, Progress | None], tuple[Numbers, Numbers]]


def _solver(
    study: PooledStudy, counts: Mapping[str, int], tally: Tally | None, memory: float
) -> tuple[dict[str, PoolGrid], Solve]:
    """The grids of both pools, and what finds the front of the pairs of some of their chips, by numbers."""
    if tally is not None:
        check_prunable(study)
    if "prefill" in study.pools:
        job = job_of(study, counts)

        def paired(some: Grids, threads: int, progress: Progress | None) -> tuple[Numbers, Numbers]:
            own = replace(job, prefill=some["prefill"], decode=some["decode"])
            if tally is not None:
                return solve_pruned(own, Limits(memory=memory), tally, progress).pairs()
            return solve_pairs(own, threads, progress).pairs()

        return {"prefill": job.prefill, "decode": job.decode}, paired
    every = crossed_job_of(study, counts)
    if tally is None:
        every.check()

    def crossed(some: Grids, threads: int, progress: Progress | None) -> tuple[Numbers, Numbers]:
        first, then = some.values()
        own = replace(every, first=first, then=then)
        if tally is not None:
            return solve_turns_pruned(own, Limits(memory=memory), tally, progress)
        return solve_crossed(own, threads, progress)[1]

    return {every.first.role: every.first, every.then.role: every.then}, crossed


def _solved(
    study: PooledStudy, grids: Grids, solve: Solve, threads: int, progress: Progress | None
) -> Fronts:
    """The front of the pairs of each standing: a pair drops none that it does not rank among."""
    eligible = eligibility_of(study)
    found = Fronts.of(study, eligible)
    kinds = [{role: replace(g, kept=kind[role]) for role, g in grids.items()} for kind in eligible.kinds()]
    # designs of both pools, or pairs of them
    sizes = [[grid.looked_at for grid in some.values()] for some in kinds]
    work = [sum(each) if "prefill" in grids else prod(each) for each in sizes]
    for at, some in enumerate(kinds):
        own = None if progress is None else _after(progress, sum(work[:at]), sum(work))
        found.add(study, grids, dict(zip(grids, solve(some, threads, own), strict=True)))
    return found


def _each_alone(study: PooledStudy, grids: Grids, solve: Solve, threads: int) -> list[Archive]:
    """The front of every pair of the catalog by itself; none of a pair that nothing is feasible of."""
    found = []
    for chips in study.known_pairs:
        some = {
            role: replace(grid, kept=frozenset({chip}))
            for (role, grid), chip in zip(grids.items(), chips, strict=True)
        }
        archive = Archive(axes_of(study.first))
        add_pairs(archive, study, grids, dict(zip(grids, solve(some, threads, None), strict=True)))
        found.append(archive)
    return found


def _after(progress: Progress, before: int, whole: int) -> Progress:
    """The progress of one of several parts."""
    return lambda done, _: progress(before + done, whole)


def crossed_job_of(study: PooledStudy, counts: Mapping[str, int]) -> CrossedJob:
    """What is solved pair by pair; raises as `job_of`."""
    check_objectives(study)
    first, then = grids_of(study.pools, counts).values()
    return CrossedJob(
        first=first,
        then=then,
        cost_model=study.first.cost_model,
        context=study.context,
        link=study.link.columns(),
        goals=study.first.objectives,
        limits=study.limits,
    )


def job_of(study: PooledStudy, counts: Mapping[str, int]) -> PairJob:
    """What is solved; raises `SpecError` for objectives that pools do not add up to, and for a bad grid."""
    check_objectives(study)
    grids = grids_of(study.pools, counts)
    return PairJob(
        prefill=grids["prefill"],
        decode=grids["decode"],
        context=study.context,
        link=study.link.columns(),
        goals=study.first.objectives,
        limits=study.limits,
    )


def check_objectives(study: PooledStudy) -> None:
    """Raise `SpecError` for objectives and targets that do not follow from what each pool brings."""
    first = study.first
    goals = {goal.name for goal in (*first.objectives, *(goal for goal, _ in study.limits))}
    if unknown := sorted(goals - set(OBJECTIVES)):
        known = ", ".join(sorted(OBJECTIVES))
        what = f"objectives: expected some of {known} for pools, got {', '.join(unknown)}"
        raise SpecError([Problem(str(study.path), what)])

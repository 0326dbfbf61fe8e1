"""One sweep: blocks handed out, local fronts merged, finished blocks kept, the exact front written."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dse.arrays import Floats
from dse.backends import compiler
from dse.backends.blocks import cores
from dse.front.files import Front, write_front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.analysis.folders import check_own, move_to_backup, results_folder
from dse.search.bound.bounds import hold_two_memories
from dse.search.bound.exact import exact
from dse.search.bound.limits import MEMORY, Ended, Limits, OutOfTime
from dse.search.storage.locks import locked_folder
from dse.search.sweep.block import Solved, SweepJob, Task
from dse.search.sweep.checkpoint import SqliteStore, Store
from dse.search.sweep.executor import Executor, solver, threads
from dse.search.sweep.grid import Grid, grid
from dse.search.sweep.local_front import Local, pivots_of
from dse.search.sweep.result import front_of_sweep
from dse.search.sweep.start import Start, start

BLOCK = 1 << 22
"""Points of a block of a small sweep."""

BLOCKS = 10_000
"""Blocks of a large one, which has larger ones instead: what is kept about each must stay little."""

EVERY = 1.0
"""Seconds between two commits: what a kill can cost."""

Progress = Callable[[int, int, int, float | None], None]
"""Called with the points that are settled, those of them that this call settled, all points, and the factor
by which one that is not may beat the front, where that is known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult:
    """What a sweep leaves."""

    study: ResolvedStudy
    grid: Grid
    front: Front | None
    """None when a sweep without bounds was ended: part of it is no exact front."""
    out: Path
    points: int
    """Points settled, those of earlier calls included."""
    new_points: int
    seconds: float
    """Seconds that this call spent on blocks."""
    ended: Ended
    """`done` when the front is exact; else what ended it."""


def sweep(
    study: str | ResolvedStudy,
    *,
    counts: Mapping[str, int] | None = None,
    backend: str = "numpy",
    workers: int | None = None,
    fresh: bool = False,
    out: Path | str | None = None,
    configs: Path | str | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    store: Store | None = None,
    prune: bool = False,
    seconds: float = math.inf,
    memory: float = MEMORY,
) -> SweepResult:
    """Evaluate every design of the grid of a study, or resume that, and write the exact front.

    `counts` is the number of values of a parameter by its name, instead of its `steps`; `workers` is
    the number of threads. `executor` and `store` replace threads and the file `sweep.sqlite` in the
    results folder `out`, `results/SLUG-sweep` when left out. Ctrl-C, or `seconds` that have passed since the
    call, end it and keep every finished block. With `prune` boxes of chips that provably hold nothing better
    are left out, see `dse.search.bound`: far quicker, right only for cost models that keep their laws, and
    not resumed. It takes at most `memory` bytes; where it is ended before, the front is the best that was
    found, and its manifest says by which factor a design of the grid may beat it.

    Raises `SpecError` for wrong input before the first block, also where the
    checkpoint holds another question.
    """
    limits = Limits.of(seconds, memory)
    resolved = study if isinstance(study, ResolvedStudy) else load_study(study, configs)
    # only to refuse an unknown backend before the folder is touched
    compiler(backend)
    if prune:
        hold_two_memories(resolved)
    job = SweepJob.of(resolved, grid(resolved, counts))
    folder = sweep_folder(resolved, out)
    with locked_folder(folder):
        if fresh:
            move_to_backup(folder)
        check_own(folder, resolved)
        begun = start(job)
        if prune:
            return _pruned(job, begun, folder, progress, limits)
        kept = store or SqliteStore(folder / "sweep.sqlite")
        size = block_size(job.grid)
        # before the first block: blocks of another question would mix two fronts
        kept.settle(question(job, begun, size))
        session = _Session(job, begun, kept, size, progress, limits)
        work = solver(job, begun, backend)
        session.run(work, executor or threads(workers or cores()))
        front = None
        if session.ended == "done":
            what = swept_facts(job, sum(session.blocks.values()), pruned=False)
            front = front_of_sweep(resolved, job.grid, session.front, what)
            write_front(folder, front)
    return SweepResult(
        study=resolved,
        grid=job.grid,
        front=front,
        out=folder,
        points=session.settled,
        new_points=session.new,
        seconds=session.seconds,
        ended=session.ended,
    )


def _pruned(
    job: SweepJob, begun: Start, folder: Path, progress: Progress | None, limits: Limits
) -> SweepResult:
    """The exact front by branch and bound, or the best that was found within the limits."""
    begin, size = time.perf_counter(), job.grid.size

    def report(left: int, gap: float | None) -> None:
        if progress is not None:
            progress(size - left, 0, size, gap)

    found = exact(job, begun, report, limits)
    what = swept_facts(job, found.evaluated, pruned=True)
    if found.ended != "done":
        what["sweep"] |= {"ended": found.ended, "gap": found.gap, "open": found.left}
    what["sweep"] |= {
        "boxes": found.bounds.boxes,
        "bounded": found.bounds.designs,
        "remarks": list(found.bounds.remarks()),
    }
    front = front_of_sweep(job.study, job.grid, found.front, what)
    write_front(folder, front)
    return SweepResult(
        study=job.study,
        grid=job.grid,
        front=front,
        out=folder,
        points=size - found.left,
        new_points=size - found.left,
        seconds=time.perf_counter() - begin,
        ended=found.ended,
    )


def sweep_folder(study: ResolvedStudy, out: Path | str | None = None) -> Path:
    """Where the exact front of a study lives: `results/SLUG-sweep`, or `out`."""
    return Path("results") / f"{study.slug}-sweep" if out is None else results_folder(study, out)


def block_size(swept: Grid) -> int:
    """Chips of one block."""
    return max(1, max(BLOCK, swept.size // BLOCKS) // swept.layouts)


def question(job: SweepJob, begun: Start, size: int) -> dict[str, object]:
    """What must not change between two calls of one sweep."""
    return {
        **job.study.problem,
        "grid": _counts(job.grid),
        "block": {"chips": size},
        "cost_model_says": begun.fingerprint,
    }


def swept_facts(job: SweepJob, evaluated: int, *, pruned: bool) -> dict[str, Any]:
    """What the manifest of a sweep holds in addition to that of any front."""
    return {
        "sweep": {
            "grid": _counts(job.grid),
            "chips": job.grid.chips,
            "deployments": job.grid.layouts,
            "points": job.grid.size,
            "evaluated": evaluated,
            "pruned": pruned,
        },
        "deployment": "sweep",
        # an exact front depends on no seed
        "seed": None,
    }


def _counts(swept: Grid) -> dict[str, dict[str, int]]:
    return {b.branch.name: {name: len(axis) for name, axis in b.axes.items()} for b in swept.branches}


@dataclass(eq=False)
class _Session:
    """The blocks that are done and their front, in memory and in the store."""

    job: SweepJob
    begun: Start
    store: Store
    size: int
    progress: Progress | None
    limits: Limits
    blocks: dict[int, int] = field(init=False)
    front: Local = field(init=False)
    ended: Ended = "done"
    new: int = 0
    seconds: float = 0.0
    _unsaved: dict[int, int] = field(default_factory=dict)
    _pivots: Floats = field(init=False)
    _due: int = 1

    def __post_init__(self) -> None:
        self.blocks, self.front = self.store.load(len(self.job.study.objectives))
        grid = self.job.grid
        self.store.within(self.blocks, self.front, -(-grid.chips // self.size), grid.size)
        # chips of the sample are chips of the grid, so they are on its front or dominated there
        self.front = self.front.merged(self.begun.front.costs, self.begun.front.points)
        self._pivots = pivots_of(self.front.costs, self.begun.costs)

    @property
    def settled(self) -> int:
        """Points of all finished blocks."""
        return sum(self._points(block) for block in self.blocks)

    def _chips(self, block: int) -> tuple[int, int]:
        return block * self.size, min((block + 1) * self.size, self.job.grid.chips)

    def _points(self, block: int) -> int:
        low, high = self._chips(block)
        return (high - low) * self.job.grid.layouts

    def _tasks(self) -> Iterator[Task]:
        """Blocks that are not done, each with the pivots of the moment it is taken."""
        # rounded up in whole numbers: a float holds no count above 2^53
        for block in range(-(-self.job.grid.chips // self.size)):
            if block not in self.blocks:
                low, high = self._chips(block)
                yield Task(
                    block=block, start=low, stop=high, pivots=self._pivots, fingerprint=self.begun.fingerprint
                )

    def run(self, work: Callable[[Task], Solved], executor: Executor) -> None:
        """Solve what is left; an interrupt ends it in order."""
        begin = saved = time.perf_counter()
        before = self.settled
        try:
            for solved in executor(work, self._tasks()):
                self._take(solved)
                now = time.perf_counter()
                if now - saved >= EVERY:
                    self._save()
                    saved = now
                if self.progress is not None:
                    self.progress(before + self.new, self.new, self.job.grid.size, None)
                self.limits.check()
        except OutOfTime:
            self.ended = "time"
        except KeyboardInterrupt:
            self.ended = "interrupt"
        finally:  # also when a machine or its cost model is at fault
            self.seconds = time.perf_counter() - begin
            self._save()

    def _take(self, solved: Solved) -> None:
        self.front = self.front.merged(solved.front.costs, solved.front.points)
        self.blocks[solved.block] = self._unsaved[solved.block] = solved.evaluated
        self.new += self._points(solved.block)
        if len(self.blocks) >= self._due:  # better pivots as the front grows, ever more rarely
            self._pivots = pivots_of(self.front.costs, self.begun.costs)
            self._due = 2 * len(self.blocks)

    def _save(self) -> None:
        if self._unsaved:
            self.store.commit(self._unsaved, self.front)
            self._unsaved = {}

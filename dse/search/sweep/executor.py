"""What solves the blocks of a sweep: threads of this process, or any function of the same type."""

from collections.abc import Callable, Iterable, Iterator

from dse.backends import compiler, points_per_call
from dse.backends.blocks import each, keep_memory
from dse.search.sweep.block import Solved, SweepJob, Task, solve
from dse.search.sweep.counter import Counter
from dse.search.sweep.start import Start

Solve = Callable[[Task], Solved]

Executor = Callable[[Solve, Iterable[Task]], Iterator[Solved]]
"""Solves tasks in any order, a bounded number in flight: tasks are made as they are taken, with the front of
that moment, and every one comes back once."""


def threads(count: int) -> Executor:
    """Threads of this process: NumPy and JAX let go of the interpreter lock."""

    def run(work: Solve, tasks: Iterable[Task]) -> Iterator[Solved]:
        return each(work, tasks, count)

    return run


def solver(job: SweepJob, begun: Start, backend: str) -> Solve:
    """What turns a task into its local front in this process."""
    keep_memory()
    compile = compiler(backend)
    if compile is None:
        return lambda task: solve(job, task)
    counter = Counter(job.study, job.grid, begun.slack, compile, points_per_call(backend))
    return lambda task: solve(job, task, counter)

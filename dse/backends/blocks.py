"""Large grids in blocks: arrays that stay in cache, threads that share the cores, memory that is kept.

NumPy lets go of the interpreter lock inside its loops, so threads over blocks use every core of one process.
"""

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # parameters of glibc's mallopt(3)
_KEPT = 1 << 30


def keep_memory() -> bool:
    """Ask the allocator to keep freed arrays instead of giving their pages back after each one.

    A cost model makes some fifty arrays for each block and frees them; with glibc's defaults every one is
    returned to the system and faulted in again, which takes two thirds of the time. Returns False where the C
    library is another one; nothing changes then.
    """
    try:
        # the C library that this process uses
        mallopt = ctypes.CDLL(None).mallopt
    # macOS has no mallopt, and on Windows CDLL takes no None
    except (OSError, AttributeError, TypeError):
        return False
    # one arena: those of threads are returned heap by heap, whatever the threshold is
    wishes = ((_MMAP_THRESHOLD, _KEPT), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, 1))
    return all(mallopt(parameter, value) for parameter, value in wishes)


def cores() -> int:
    """Cores that this process may use."""
    # batch systems and containers pin a process to some cores; macOS does not say to which
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def each(work: Callable[[T], R], blocks: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """Results of `work` over `blocks`, in order, a bounded number of blocks in flight."""
    count = threads or cores()
    source = iter(blocks)
    with ThreadPoolExecutor(count) as pool:
        # two for each thread: one runs, one waits, and results in memory stay bounded
        window = [pool.submit(work, block) for block in islice(source, 2 * count)]
        try:
            while window:
                first = window.pop(0)
                yield first.result()
                window += [pool.submit(work, block) for block in islice(source, 1)]
        except BaseException:
            # what has not begun would only be in the way of the error
            for block in window:
                block.cancel()
            raise
        wait(window)

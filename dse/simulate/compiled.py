"""The one door to the compiler of loops: functions of arrays and numbers that run as machine code."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function` as machine code, made when it is first called and kept on disk for the next process.

    Without its lock, so that a terminal can show progress in the meantime.
    """
    return cast(F, njit(cache=True, nogil=True)(function))

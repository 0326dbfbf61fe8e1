"""What is looked up once in a process: installed packages do not change while it runs."""

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Memo(Protocol):
    """A function whose answers are kept."""

    def cache_clear(self) -> None:
        """Keep none any more."""


_MEMOS: list[_Memo] = []


def once(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, called once with each arguments until `forget_all`; an error is not kept."""
    memo = cache(function)
    _MEMOS.append(memo)
    # the type of a cache forgets what its function takes
    return memo  # type: ignore[return-value]


def forget_all() -> None:
    """Let every such function be called again."""
    for memo in _MEMOS:
        memo.cache_clear()

"""A design of a batch in words, and the search for the one that a plug-in fails on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from objectives import api
from objectives.designs import WHOLE

PATIENCE = 2.0
"""Seconds that may be spent to find the design of a batch that a plug-in fails on."""

Rows: TypeAlias = npt.NDArray[np.intp]
"""Places in a batch."""

Names = Callable[[tuple[int, ...], int], str]
"""Name of the chip, and what is known of it, at a flat index of a batch of a shape."""

_NAMES: ContextVar[Names | None] = ContextVar("names_of_chips", default=None)


@contextmanager
def chips_named(names: Names) -> Iterator[None]:
    """Say what the chips are called that are evaluated inside."""
    token = _NAMES.set(names)
    try:
        yield
    finally:
        _NAMES.reset(token)


def names() -> Names | None:
    """The names of the chips that are evaluated now; None where they are unknown."""
    return _NAMES.get()


def design_in_words(designs: api.Designs, shape: tuple[int, ...], at: int, label: str | None = None) -> str:
    """The design at a flat index in words: the chip by its name, or by its facts where it has none."""

    def one(column: npt.ArrayLike) -> float:
        return float(np.broadcast_to(np.asarray(column, dtype=float), shape).reshape(-1)[at])

    return "; ".join(_pool_in_words(pool, one, label) for pool in designs.pools)


def _pool_in_words(pool: api.Pool, one: Callable[[npt.ArrayLike], float], label: str | None) -> str:
    """One pool in words: its chip, by name or by facts, and its layout."""
    c = pool.chips
    facts = (
        f"of {one(c.compute.peak_flops) / 1e12:.4g} TFLOP/s, SRAM {one(c.sram.bytes) / 1e6:.4g} MB at "
        f"{one(c.sram.bandwidth) / 1e12:.4g} TB/s, DRAM {one(c.dram.bytes) / 1e9:.4g} GB at "
        f"{one(c.dram.bandwidth) / 1e12:.4g} TB/s"
    )
    ways = ", ".join(
        f"{name} {one(a):g}" for name, a in pool.deployments.columns().items() if name != "cp" or one(a) > 1.0
    )
    told = f"chip {facts if label is None else label}, {ways}"
    return told if pool.role == WHOLE else f"{pool.role}: {told}"


def chip_in_words(at: int) -> str:
    """The chip at an index of a column of chips, by its name where it has one."""
    say = _NAMES.get()
    return f"chip {at}" if say is None else f"chip {say((at + 1,), at)}"


def chips_in_words(count: int) -> str:
    """Some chips: one by its name, more by their number, none where they are being compiled."""
    if not count:
        return "chips that are being compiled"
    return chip_in_words(0) if count == 1 else f"{count:,} chips, the first of them {chip_in_words(0)}"


def first_failing(count: int, fails: Callable[[Rows], bool]) -> Rows:
    """Indices of the fewest of `count` rows that still fail together, by halving: most often a single one."""
    rows, deadline = np.arange(count), time.monotonic() + PATIENCE
    while len(rows) > 1 and time.monotonic() < deadline:
        half = len(rows) // 2
        failing = next((part for part in (rows[:half], rows[half:]) if fails(part)), None)
        if failing is None:
            break
        rows = failing
    return rows

"""Pools that prefill, or decode, evaluated alone: those that fit, and those that a best pair may have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose.rule import Limits
from dse.front.axis import Axis
from dse.front.dominance import nondominated
from objectives import api
from objectives.systems.share_bounds import Counted, Ideal, ideal, trade_offs
from objectives.systems.shares import DecodeShare, PrefillShare, decode_share, prefill_share

PIVOTS = 24
"""Good rows that all others are compared with, before each is compared with each."""

Numbers = npt.NDArray[np.int64]
S = TypeVar("S", PrefillShare, DecodeShare)

_COSTS: dict[str, Counted] = {
    "usd_per_token_per_second": "capital",
    "usd_per_million_tokens": "running",
    "energy_per_token": "energy",
    "entry_price": "capex_usd",
    "chips": "chips",
}
_WAITS = ("ttft", "end_to_end")
OBJECTIVES = (*_COSTS, *_WAITS, "tpot", "tokens_per_second")
"""Objectives that fall, or stay, with what pools bring to a pair."""


@dataclass(frozen=True, kw_only=True)
class Rows(Generic[S]):
    """Pools of one role that fit, each with a number of its own."""

    share: S
    """Columns of shape (n,)."""
    numbers: Numbers
    """(n,)."""

    @property
    def size(self) -> int:
        """Pools."""
        return len(self.numbers)

    def take(self, at: npt.NDArray[np.intp]) -> "Rows[S]":
        """Some of them."""
        return Rows(share=_taken(self.share, at), numbers=self.numbers[at])

    def joined(self, other: "Rows[S]") -> "Rows[S]":
        """Those of both, one after the other."""
        mine, theirs = self.share.columns(), other.share.columns()
        # what only some pools have is 0 in the others
        both = {
            name: np.concatenate(
                [mine.get(name, np.zeros(self.size)), theirs.get(name, np.zeros(other.size))]
            )
            for name in {**mine, **theirs}
        }
        return Rows(share=replace(self.share, **both), numbers=np.concatenate([self.numbers, other.numbers]))


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What counts of a pool that prefills."""

    ttft_s: float | None
    """Longest TTFT that is allowed, see `trade_offs`."""
    counted: tuple[Counted, ...]

    @classmethod
    def of(cls, goals: Sequence[api.Objective], limits: Limits, *, size: bool = False) -> "Trade":
        """By objectives and what is limited; with `size` chips of the system count as well."""
        aims, bounded = {goal.name for goal in goals}, {goal.name for goal, _ in limits}
        counted = [cost for name, cost in _COSTS.items() if name in aims | bounded]
        ttft: float | None = None
        if not aims.isdisjoint(_WAITS) or "end_to_end" in bounded:
            ttft = -np.inf
        elif "ttft" in bounded:
            ttft = min(limit for goal, limit in limits if goal.name == "ttft")
        more: tuple[Counted, ...] = ("chips",) if size and "chips" not in counted else ()
        return cls(ttft_s=ttft, counted=(*counted, *more))


def rows_of_prefill(
    pool: api.Pool, link: api.PoolLink, context: api.Context, numbers: Numbers
) -> Rows[PrefillShare]:
    """Pools that prefill and fit; `numbers` are those of the pool, flattened."""
    return _rows(prefill_share, pool, link, context, numbers)


def rows_of_decode(
    pool: api.Pool, link: api.PoolLink, context: api.Context, numbers: Numbers
) -> Rows[DecodeShare]:
    """Pools that decode and fit."""
    return _rows(decode_share, pool, link, context, numbers)


def _rows(
    share_of: Callable[[api.Pool, api.PoolLink, api.Context], tuple[S, object]],
    pool: api.Pool,
    link: api.PoolLink,
    context: api.Context,
    numbers: Numbers,
) -> Rows[S]:
    """Those that meet every constraint, flattened."""
    share, violations = share_of(pool, link, context)
    assert isinstance(violations, dict)
    fits = np.ones(pool.shape, dtype=np.bool_)
    for violation in violations.values():
        fits &= np.asarray(violation) <= 0.0
    at = np.flatnonzero(fits)
    columns = {
        name: np.broadcast_to(np.asarray(a, dtype=float), pool.shape).reshape(-1)[at]
        for name, a in share.columns().items()
    }
    return Rows(share=type(share)(**columns), numbers=numbers[at])


def _taken(share: S, at: npt.NDArray[np.intp]) -> S:
    return replace(share, **{name: column[at] for name, column in share.columns().items()})


def useful(
    rows: Rows[PrefillShare],
    receives_s: tuple[float, float],
    link: api.PoolLink,
    context: api.Context,
    trade: Trade,
) -> Rows[PrefillShare]:
    """Pools that prefill of which none other is as good in every pair; of equal ones the first."""
    if not rows.size:
        return rows
    columns = trade_offs(rows.share, receives_s, link, context, ttft_s=trade.ttft_s, counted=trade.counted)
    return rows.take(undominated([np.asarray(c, dtype=float) for c in columns]))


def undominated(columns: Sequence[Floats]) -> npt.NDArray[np.intp]:
    """Rows of which no other is as small in every column; of equal rows the first."""
    vary = [c for c in columns if np.ptp(c) > 0.0]
    if not vary:
        return np.zeros(1, dtype=np.intp)
    points = np.stack(vary, axis=1)
    # of a size, so that no column decides alone which rows are good
    low, middle = points.min(axis=0), np.median(points, axis=0)
    score = ((points - low) / np.where(middle > low, middle - low, 1.0)).sum(axis=1)
    # stable, so that the first of equals comes first
    left = np.argsort(score, kind="stable")
    for place in range(PIVOTS):
        if place >= len(left):
            break
        pivot = points[left[place]]
        keep = (points[left] < pivot).any(axis=1)
        keep[: place + 1] = True
        left = left[keep]
    left = np.sort(left)
    axes = [Axis(str(i), "", "", "", "minimize") for i in range(len(vary))]
    return left[nondominated(points[left], axes)]


def best_of_each(rows: Rows[PrefillShare], context: api.Context) -> Ideal:
    """The best value of each number of any of them, as a batch of one."""
    columns = ideal(rows.share, context).columns()
    return Ideal(**{name: np.min(np.asarray(a), keepdims=True) for name, a in columns.items()})

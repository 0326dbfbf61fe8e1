"""Lower bounds of boxes against a front: by how much some chip in a box may beat it, and in which layouts."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.search import judge
from dse.search.bound.boxes import Box
from dse.search.bound.corners import PLACING, SLACK, STAGES, lawful
from dse.search.points import grid_of
from dse.search.sweep.grid import Numbers
from dse.spec.branch import Floats
from dse.spec.resolved import ResolvedStudy
from objectives import api

ROUNDING = 1e-9
"""Leads and violations that are no more than the rounding of a few hundred operations, relatively."""

ROUND = 512
"""Boxes that are halved together."""

DENSE = 0.12
"""Share of the layouts beyond which all of them are evaluated, on axes, where sums are not repeated."""

LOOKED = 64
"""Boxes that are evaluated together at most: memory stays bounded however many a branch begins with."""

ROWS = 1 << 14
"""Lower bounds that are held against a front at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What is known of a box."""

    gap: float
    """By how much a chip in it may beat the front in every objective, as a logarithm; 0 if none may."""
    worst: int
    layouts: Numbers
    lower: Floats
    """(layouts, k) lower bounds on the logarithmic scale of `Bounds.log`."""


class Bounds:
    """Boxes of a study's chips that may still hold something better than a front, worst first."""

    def __init__(self, study: ResolvedStudy, costs: Floats, corner: Floats) -> None:
        """`costs` (n, k) of the front; only what is better than `corner` (k,) in every objective counts."""
        self.study = study
        self._grid = grid_of(study, 2)
        self.layouts = self._grid.size
        self._flat = self._grid.reshape(-1).columns()
        self.stages = self._flat["pp"]
        self.lawful = lawful(study, self.stages)
        goals = study.objectives
        self._signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in goals])
        self._corner = self.log(corner[None])[0]
        self.front = self.log(costs)
        self._open: list[tuple[float, int, Box, Floats]] = []
        self._serial = count()
        self.boxes = self.designs = 0

    def log(self, costs: Floats) -> Floats:
        """Signed objectives on a scale where less is better and a difference is a factor."""
        with np.errstate(divide="ignore"):
            return np.asarray(self._signs * np.log(np.abs(costs)))

    def remarks(self) -> tuple[str, ...]:
        """Where the laws that the bounds rest on do not hold as they are, and what is done about it."""
        if not any(branch.kind == "hybrid" for branch in self.study.branches.values()):
            return ()
        most = SLACK * (STAGES if (self.stages > 1.0).any() else 1.0)
        taken = f"bounds of chips with SRAM and DRAM are {most:.0%} lower: so far a step may miss its best"
        if self.lawful:
            return (f"{taken} placement",)
        names = ", ".join(sorted(PLACING))
        return (
            f"{taken} placement",
            f"on these chips more of {names} may slow what bytes are not placed for: each value alone",
        )

    @property
    def open(self) -> int:
        """Boxes that may hold something better."""
        return len(self._open)

    @property
    def gap(self) -> float:
        """The largest gap among them."""
        return -self._open[0][0] if self._open else 0.0

    def lower(self) -> Floats:
        """Lower bounds (n, k) of every layout that matters in an open box."""
        none = np.empty((0, len(self._signs)))
        return np.concatenate([none, *(lower for _, _, _, lower in self._open)])

    def worst(self) -> list[Box]:
        """Take the boxes with the largest gaps out, without those that the front has overtaken meanwhile."""
        taken: list[Box] = []
        while self._open and len(taken) < ROUND:
            _, _, box, lower = heapq.heappop(self._open)
            if self._leads(lower).max(initial=0.0) > ROUNDING:
                taken.append(box)
        return taken

    def look(self, boxes: Sequence[Box]) -> None:
        """Bound boxes, and keep those that may hold something better."""
        self.boxes += len(boxes)
        for part in _together(boxes):
            for box, found in zip(part, self.verdicts(part), strict=True):
                if found.gap > ROUNDING:
                    kept = replace(box, gap=found.gap, worst=found.worst, layouts=found.layouts)
                    heapq.heappush(self._open, (-found.gap, next(self._serial), kept, found.lower))

    def halves(self, boxes: Sequence[Box]) -> list[Box]:
        """Both halves of each box, along the axis that closes most of the gap of its worst layout."""
        tried = [
            replace(box, low=low, high=high, layouts=np.asarray([box.worst]))
            for box in boxes
            for axis in box.axes()
            for low, high in box.halves(axis)
        ]
        gaps = [v.gap for v in self.verdicts(tried)]
        out, at = [], 0
        for box in boxes:
            pairs = [(gaps[at + 2 * i], gaps[at + 2 * i + 1]) for i in range(len(box.axes()))]
            best = min(range(len(pairs)), key=lambda i, p=pairs: (max(p[i]), sum(p[i])))  # type: ignore[misc]
            chosen = tried[at + 2 * best : at + 2 * best + 2]
            out += [replace(half, layouts=box.layouts) for half in chosen]
            at += 2 * len(pairs)
        return out

    def verdicts(self, boxes: Sequence[Box]) -> list[Verdict]:
        """What is known of each box; those of one branch are evaluated together."""
        found: dict[int, Verdict] = {}
        groups: dict[int, list[int]] = {}
        for i, box in enumerate(boxes):
            groups.setdefault(id(box.corners), []).append(i)
        for members in groups.values():
            some = [boxes[i] for i in members]
            owner = np.repeat(np.arange(len(some)), [len(b.layouts) for b in some])
            layouts = np.concatenate([b.layouts for b in some])
            lower, ok = self._evaluated(some, owner, layouts)
            leads = np.where(ok, self._leads(lower), 0.0)
            ends = np.searchsorted(owner, np.arange(len(some) + 1))
            for at, i in enumerate(members):
                part = slice(ends[at], ends[at + 1])
                found[i] = _verdict(leads[part], layouts[part], lower[part])
        return [found[i] for i in range(len(boxes))]

    def _evaluated(
        self, boxes: Sequence[Box], owner: Numbers, layouts: Numbers
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Lower bounds of the optimistic chips of boxes of one branch, and which of them may be feasible."""
        self.designs += len(layouts)
        made = boxes[0].corners.optimistic(
            np.stack([b.low for b in boxes]), np.stack([b.high for b in boxes])
        )
        shape: tuple[int, ...] = (len(layouts),)
        taken = np.arange(len(layouts))
        if len(layouts) > DENSE * len(boxes) * self.layouts:
            shape, chips, chosen = (*self._grid.shape[:-1], len(boxes)), made, self._grid.columns()
            taken = owner * self.layouts + layouts
        else:
            chips = {k: a[owner] if len(a) == len(boxes) > 1 else a for k, a in made.items()}
            chosen = {k: a[layouts] for k, a in self._flat.items()}
        designs = api.Designs(chips=api.Chips(**chips), deployments=api.Deployments(**chosen))
        metrics = self.study.cost_model.evaluate(designs, self.study.context)

        def rows(column: Any) -> npt.NDArray[Any]:
            """The rows that are asked for, box by box."""
            whole = np.broadcast_to(np.asarray(column), shape)
            return np.moveaxis(whole, -1, 0).reshape(-1)[taken] if len(shape) > 1 else whole

        slack = np.asarray([b.slack for b in boxes])[owner]
        slack = slack * np.where(self.stages[layouts] > 1.0, STAGES, 1.0)
        ok = np.ones(len(layouts), dtype=np.bool_)
        for v in judge.violations(self.study, metrics).values():
            ok &= rows(v) <= (ROUNDING + slack) * np.abs(v).max(initial=0.0)
        costs = [rows(c) for c in judge.costs(self.study, metrics)]
        return self.log(np.stack(costs, axis=1)) - np.log1p(slack)[:, None], ok

    def _leads(self, lower: Floats) -> Floats:
        """By how much each row may beat the front: the least, over its designs, of the largest lead."""
        out = np.zeros(len(lower))
        ahead = np.flatnonzero((lower < self._corner).all(axis=1))
        for start in range(0, len(ahead), ROWS):
            here = ahead[start : start + ROWS]
            found = lead_of_two if lower.shape[1] == 2 and len(self.front) else _lead
            out[here] = np.maximum(found(self.front, lower[here]), 0.0)
        return out


def _lead(front: Floats, rows: Floats) -> Floats:
    lead = front[None, :, 0] - rows[:, 0, None]
    for i in range(1, rows.shape[1]):
        np.maximum(lead, front[None, :, i] - rows[:, i, None], out=lead)
    return np.asarray(lead.min(axis=1, initial=np.inf))


def lead_of_two(front: Floats, rows: Floats) -> Floats:
    """The same for two objectives: along a sorted front one lead grows while the other falls."""
    order = np.lexsort((front[:, 1], front[:, 0]))
    first, second = front[order].T
    best = np.concatenate([[True], second[1:] < np.minimum.accumulate(second)[:-1]])
    first, second = first[best], second[best]
    place = np.searchsorted(first - second, rows[:, 0] - rows[:, 1])
    padded = np.append(first, np.inf), np.append(np.inf, second)
    return np.asarray(np.minimum(padded[0][place] - rows[:, 0], padded[1][place] - rows[:, 1]))


def _together(boxes: Sequence[Box]) -> Iterator[list[Box]]:
    """Boxes of one branch and the same corners, so many as may be evaluated at once."""
    groups: dict[int, list[Box]] = {}
    for box in boxes:
        groups.setdefault(id(box.corners), []).append(box)
    for group in groups.values():
        yield from (group[i : i + LOOKED] for i in range(0, len(group), LOOKED))


def _verdict(leads: Floats, layouts: Numbers, lower: Floats) -> Verdict:
    mine = leads > ROUNDING
    if not mine.any():
        return Verdict(gap=0.0, worst=0, layouts=layouts[:0], lower=lower[:0])
    worst = int(np.argmax(leads))
    return Verdict(
        gap=float(leads[worst]), worst=int(layouts[worst]), layouts=layouts[mine], lower=lower[mine]
    )

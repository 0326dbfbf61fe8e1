"""Lower bounds of boxes against a front: by how much some chip in a box may beat it, and in which layouts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.errors import spec_error
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.boxes import Boxes, Mask, joined
from dse.search.bound.corners import PLACING, SLACK, STAGES
from dse.search.bound.judges import ROUNDING, ROWS, ByFront, Judge, logs_of
from dse.search.bound.limits import Limits
from dse.search.bound.one_memory import as_one_memory
from dse.search.bound.open_boxes import OpenBoxes
from objectives import api
from objectives.parts import PEAKS_OF_PARTS

DENSE = 0.12
"""Share of the layouts beyond which all of them are evaluated, on axes, where sums are not repeated."""

FITTING = frozenset(
    {
        "capacity",
        "network_domain",
        "context_parallel",
        "expert_replicas",
        "die_area",
        "dram_stacks",
        "link_edge",
        "cooling",
        "power_density",
    }
)
"""Constraints that depend neither on the placement of bytes nor on times."""

SPARED = 8.0
"""Ratio of the times of a design by itself and on axes."""


def hold_two_memories(study: ResolvedStudy) -> None:
    """Raise `SpecError` for branches with memories beyond SRAM and DRAM, whose chips no law here bounds."""
    for name, branch in study.branches.items():
        if branch.spec.memories:
            kinds = ", ".join(m.kind for m in branch.spec.memories)
            what = f"expected SRAM and DRAM alone for a proof, got {kinds}; a sweep without --prune knows all"
            raise spec_error(f"{study.path}: branches.{name}", what)


class Bounds:
    """Boxes of chips that may still hold something better than a front, those with the largest gap first."""

    def __init__(
        self,
        study: ResolvedStudy,
        costs: Floats,
        corner: Floats,
        limits: Limits | None = None,
        judge: Judge | None = None,
    ) -> None:
        """`costs` (n, k) of the front; only what is better than `corner` (k,) in every objective counts.

        A `judge` of its own says what is bounded instead; `corner` is not read then.
        """
        self.study = study
        self.limits = limits or Limits()
        self._judge = judge or ByFront.of(study, corner)
        self._grid = self._judge.grid
        self.layouts = self._grid.size
        self._flat = self._grid.reshape(-1).columns()
        self.stages = self._flat["pp"]
        self.lawless = self._judge.lawless
        self.front = self.log(costs)
        self._open = OpenBoxes()
        self._under_way: list[Boxes] = []
        self.boxes = self.designs = 0

    def log(self, costs: Floats) -> Floats:
        """Signed values on a scale where less is better and a difference is a factor."""
        return logs_of(self._judge.signs, costs)

    @property
    def lawful(self) -> bool:
        """Whether more of a resource never places bytes worse, in any layout."""
        return not self.lawless.any()

    @property
    def targets(self) -> int:
        """Number of the targets at which boxes are bounded."""
        return self._judge.targets

    def remarks(self) -> tuple[str, ...]:
        """Where the laws that the bounds rest on do not hold as they are, and what is done about it."""
        if not any(branch.kind == "hybrid" for branch in self.study.branches.values()):
            return ()
        most = SLACK * (STAGES if (self.stages > 1.0).any() else 1.0)
        lower = (
            f"bounds of chips with SRAM and DRAM are {most:.0%} lower: a step may miss its best placement of "
            "bytes by that much"
        )
        if self.lawful:
            return (lower,)
        # the peaks of parts rise with the one that is named
        names = ", ".join(sorted(PLACING - {*PEAKS_OF_PARTS.values()}))
        return (
            lower,
            f"on these chips more of {names} may slow down work that bytes are not placed for: several "
            "values together are bounded as if SRAM and DRAM were one memory, as fast as both",
        )

    @property
    def open(self) -> int:
        """Boxes that may hold something better."""
        return len(self._open) + sum(len(boxes) for boxes in self._under_way)

    @property
    def left(self) -> int:
        """Designs in them."""
        return sum(boxes.designs for boxes in (*self._open, *self._under_way))

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        return self._open.nbytes

    @property
    def gap(self) -> float:
        """The largest gap among them."""
        return max(
            (float(b.gap.max()) for b in (*self._open, *self._under_way) if len(b)),
            default=0.0,
        )

    def at(self) -> Floats:
        """(targets,) how good the goal may be at each target in an open box, as `log` has it."""
        found = [np.full((1, self.targets), np.inf)]
        found += [boxes.at for boxes in (*self._open, *self._under_way)]
        return np.asarray(np.concatenate(found).min(axis=0))

    def met(self, rows: Floats, owner: npt.NDArray[np.int64], count: int) -> Floats:
        """(count, targets) the best goal among the rows (m, k) of each owner that meet a target."""
        return self._judge.met(rows, owner, count)

    def take(self, *, few_designs: bool = False) -> list[Boxes]:
        """Boxes to halve next, those of one branch together; they count as open until `settled` is called.

        Those with the largest gaps, or with `few_designs` those that are settled soonest.
        """
        self._under_way = self._open.take(few_designs=few_designs)
        return list(self._under_way)

    def settled(self) -> None:
        """All boxes that were taken are bounded by their halves, or are single chips that are known."""
        self._under_way = []

    def add(self, boxes: Boxes) -> None:
        """Bound boxes, and keep those that may hold something better."""
        found = self.bounded(boxes)
        self.boxes += len(boxes)
        self._open.add(found)

    def halves(self, boxes: Boxes) -> Boxes:
        """Both halves of each box, along the axis that closes most of the gap of its worst layout."""
        box, axis = np.nonzero(boxes.axes)
        # strong branching: every axis of each box is tried, but in its worst layout alone
        tried = boxes.with_layouts(boxes.worst).part(box).halves(axis)
        gaps = np.zeros((len(box), 2))
        for part in _together(tried, self.layouts):
            self.limits.check()
            lower, ok = self.outlook(tried.part(part))
            gaps.reshape(-1)[part] = np.where(ok, self.leads(lower), 0.0)
        # by box, then by the larger gap of its two halves, then by their sum
        order = np.lexsort((gaps.sum(axis=1), gaps.max(axis=1), box))
        best = order[np.searchsorted(box, np.arange(len(boxes)))]  # the first of each box
        return boxes.halves(axis[best])

    def bounded(self, boxes: Boxes) -> Boxes:
        """Those of `boxes` that may hold something better than the front, with the layouts in which."""
        return joined([self._bounded(boxes.part(part)) for part in _together(boxes, self.layouts)])

    def _bounded(self, boxes: Boxes) -> Boxes:
        """What of `boxes` is ahead of the front in some layout that may be feasible."""
        self.limits.check()
        lower, ok = self.outlook(boxes)
        leads = np.where(ok, self.leads(lower), 0.0)
        ahead, owner = leads > ROUNDING, boxes.owner
        gap, worst = np.zeros(len(boxes)), np.zeros(len(boxes), dtype=np.int64)
        order = np.lexsort((leads, owner))  # the largest of each box comes last
        last = np.cumsum(boxes.counts) - 1
        some = boxes.counts > 0
        at = order[last[some]]
        gap[some], worst[some] = leads[at], boxes.layouts[at]
        return boxes.kept(ahead, gap, worst, self.met(lower[ahead], owner[ahead], len(boxes)))

    def outlook(self, boxes: Boxes) -> tuple[Floats, Mask]:
        """Lower bounds of the optimistic chips of boxes in their layouts, and which may be feasible."""
        made = boxes.family.table.optimistic(boxes.corners, boxes.low, boxes.high)
        apart = boxes.two_memories
        one = apart[boxes.owner] & self.lawless[boxes.layouts]
        if not one.any():
            return self._costs(boxes, made)
        as_one = self._costs(boxes, as_one_memory(made, apart))
        if one.all():
            return as_one
        lower, ok = self._costs(boxes, made)
        return np.where(one[:, None], as_one[0], lower), np.where(one, as_one[1], ok)

    def _costs(self, boxes: Boxes, made: dict[str, Floats]) -> tuple[Floats, Mask]:
        """Lower bounds of boxes whose optimistic chips have the columns `made`."""
        owner, layouts = boxes.owner, boxes.layouts
        self.designs += len(layouts)
        shape: tuple[int, ...] = (len(layouts),)
        taken = np.arange(len(layouts))
        if len(layouts) > DENSE * len(boxes) * self.layouts:
            shape, chips, chosen = (*self._grid.shape[:-1], len(boxes)), made, self._grid.columns()
            taken = owner * self.layouts + layouts
        else:
            # a column that all boxes share has length 1
            chips = {k: a[owner] if len(a) == len(boxes) > 1 else a for k, a in made.items()}
            chosen = {k: a[layouts] for k, a in self._flat.items()}
        costs, over_all = self._judge.evaluate(api.Chips.of(**chips), api.Deployments(**chosen))

        def rows(column: object) -> npt.NDArray[Any]:
            """The rows of the chosen layouts, box by box."""
            whole = np.broadcast_to(np.asarray(column), shape)
            return np.moveaxis(whole, -1, 0).reshape(-1)[taken] if len(shape) > 1 else whole

        slack = boxes.slack[owner] * np.where(self.stages[layouts] > 1.0, STAGES, 1.0)
        ok = np.ones(len(layouts), dtype=np.bool_)
        for name, v in over_all.items():
            over, most = rows(v), np.abs(v).max(initial=0.0)
            # what a limit is compared with is at most violation plus limit, and may be lower by the slack
            late = 0.0 if name in FITTING else slack * (np.abs(over) + self._judge.limits.get(name, most))
            ok &= over <= ROUNDING * most + late
        found = np.stack([rows(c) for c in costs], axis=1)
        # on a logarithmic scale the slack is a difference, the same for each value
        return self.log(found) - np.log1p(slack)[:, None] * self._judge.placed, ok

    def leads(self, lower: Floats) -> Floats:
        """By how much each row may be better than what is known."""
        return self._judge.leads(self.front, lower)


def _together(boxes: Boxes, layouts: int) -> Iterator[slice]:
    """Boxes that are evaluated together: so many that arrays stay in cache, and memory is bounded."""
    # in units of designs that are evaluated one by one; those on axes take less time each
    rows = np.where(boxes.counts > DENSE * layouts, layouts / SPARED, boxes.counts)
    block = ((np.cumsum(rows) - rows) // ROWS).astype(np.int64)
    # -1 is the number of no block, so that the last block ends as well
    ends = np.flatnonzero(np.diff(block, append=-1)) + 1
    start = 0
    for end in ends.tolist():
        yield slice(start, end)
        start = end
    # no boxes: `joined` takes at least one part
    if not len(ends):
        yield slice(0, 0)

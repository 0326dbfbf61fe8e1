"""What boxes of chips are bounded in: how designs are evaluated, and by how much they lead what is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.evaluate import scoring
from dse.evaluate.batch import grid_of
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.boxes import Mask
from dse.search.bound.corners import lawless_layouts
from objectives import api
from objectives.arrays import Array

ROUNDING = 1e-9
"""Leads and violations that are no more than the rounding of a few hundred operations, relatively."""

ROWS = 1 << 14
"""Lower bounds that are compared with a front at once."""

COMPARED = 1 << 22
"""Pairs of a lower bound and a design of the front that are compared at once."""

Evaluate = Callable[[api.Chips, api.Deployments], tuple[list[Array], Mapping[str, Array]]]
"""Values of designs, each with the sign with which less is better, and violations, feasible where <= 0."""


class Judge(Protocol):
    """What is bounded, and what counts as better."""

    @property
    def grid(self) -> api.Deployments:
        """Layouts, each size on an axis, and a last one for chips."""

    @property
    def lawless(self) -> Mask:
        """(layouts,) where more of what places bytes may slow something."""

    @property
    def signs(self) -> Floats:
        """(k,) 1 for a value of which less is better, else -1."""

    @property
    def limits(self) -> Mapping[str, float]:
        """What violations are compared with, by name, where it is no constraint of a chip."""

    @property
    def evaluate(self) -> Evaluate:
        """Evaluates designs."""

    @property
    def targets(self) -> int:
        """Numbers of a box that `met` gives."""

    @property
    def placed(self) -> Floats:
        """(k,) 1 for a value that depends on where bytes are placed, else 0."""

    def leads(self, front: Floats, lower: Floats) -> Floats:
        """(m,) by how much rows (m, k) may be better than a front (n, k); both are logarithms."""

    def met(self, rows: Floats, owner: npt.NDArray[np.int64], count: int) -> Floats:
        """(count, targets) what is best among the rows (m, k) of each owner."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ByFront:
    """Designs better than a front in every objective."""

    grid: api.Deployments
    lawless: Mask
    signs: Floats
    limits: Mapping[str, float]
    evaluate: Evaluate
    corner: Floats
    """(k,) logarithms: only what is better than it in every objective counts."""
    goal: int
    """Number of the objective that is bounded at targets."""
    swept: int
    """Number of the objective that has targets; -1 for none."""
    logs: Floats
    """(targets,) logarithms of the targets."""

    @classmethod
    def of(
        cls,
        study: ResolvedStudy,
        corner: Floats,
        *,
        grid: api.Deployments | None = None,
        lawless: Mask | None = None,
        evaluate: Evaluate | None = None,
    ) -> "ByFront":
        """The objectives and targets of a study, of whose chips designs are made, or are part."""
        # as for several chips, so that each size of a deployment keeps an axis
        layouts = grid_of(study, 2) if grid is None else grid
        goals = study.objectives
        signs = np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in goals])
        names = [g.name for g in goals]
        swept = study.swept.name if study.swept is not None else ""
        stages = layouts.reshape(-1).columns()["pp"]

        def alone(chips: api.Chips, deployments: api.Deployments) -> tuple[list[Array], Mapping[str, Array]]:
            designs = api.Designs.of(chips=chips, deployments=deployments)
            metrics = study.cost_model.evaluate(designs, study.context)
            return scoring.costs(study, metrics), scoring.violations(study, metrics)

        return cls(
            grid=layouts,
            lawless=lawless_layouts(study, stages) if lawless is None else lawless,
            signs=signs,
            limits={goal.name: abs(limit) for goal, limit in study.limits},
            evaluate=alone if evaluate is None else evaluate,
            corner=logs_of(signs, corner[None])[0],
            goal=names.index(study.goal.name),
            swept=names.index(swept) if swept in names else -1,
            logs=np.log(np.asarray(study.spec.report_at, dtype=np.float64)),
        )

    @property
    def targets(self) -> int:
        """Number of the targets at which boxes are bounded."""
        return len(self.logs)

    @property
    def placed(self) -> Floats:
        """All may."""
        return np.ones(len(self.signs))

    def leads(self, front: Floats, lower: Floats) -> Floats:
        """By how much each row may beat the front: the least, over its designs, of the largest lead."""
        out = np.zeros(len(lower))
        ahead = np.flatnonzero((lower < self.corner).all(axis=1))
        # sorting takes n log n; `_lead` compares every row with every point of the front
        found = lead_of_two if lower.shape[1] == 2 and len(front) else _lead
        rows = ROWS if found is lead_of_two else max(1, min(ROWS, COMPARED // max(1, len(front))))
        for start in range(0, len(ahead), rows):
            here = ahead[start : start + rows]
            out[here] = np.maximum(found(front, lower[here]), 0.0)
        return out

    def met(self, rows: Floats, owner: npt.NDArray[np.int64], count: int) -> Floats:
        """(count, targets) the best goal among the rows (m, k) of each owner that meet a target."""
        best = np.full((count, self.targets), np.inf)
        for i, target in enumerate(self.logs):
            # logarithms; at its very target a design meets it
            here = rows[:, self.swept] <= target + ROUNDING
            np.minimum.at(best[:, i], owner[here], rows[here, self.goal])
        return best


@dataclass(frozen=True, kw_only=True, eq=False)
class ByLeast:
    """Designs with a smaller value of anything than what is known."""

    grid: api.Deployments
    lawless: Mask
    limits: Mapping[str, float]
    evaluate: Evaluate
    count: int
    """Values of a design."""

    @property
    def signs(self) -> Floats:
        """Less is better."""
        return np.ones(self.count)

    @property
    def targets(self) -> int:
        """The least of each value."""
        return self.count

    @property
    def placed(self) -> Floats:
        """All may."""
        return np.ones(self.count)

    def leads(self, front: Floats, lower: Floats) -> Floats:
        """By how much some value of each row may be below the least of the front."""
        known = front.min(axis=0, initial=np.inf) if len(front) else np.full(self.count, np.inf)
        # of a value that is 0 nothing is less
        with np.errstate(invalid="ignore"):
            found = np.where(np.isneginf(known), 0.0, known - lower)
        return np.asarray(np.maximum(found.max(axis=1, initial=0.0), 0.0))

    def met(self, rows: Floats, owner: npt.NDArray[np.int64], count: int) -> Floats:
        """(count, k) the least of each value."""
        best = np.full((count, self.count), np.inf)
        np.minimum.at(best, owner, rows)
        return best


def logs_of(signs: Floats, costs: Floats) -> Floats:
    """Signed values on a scale where less is better and a difference is a factor."""
    # without a reference point the corner of a maximised goal is 0: its logarithm is no limit
    with np.errstate(divide="ignore"):
        return np.asarray(signs * np.log(np.abs(costs)))


def _lead(front: Floats, rows: Floats) -> Floats:
    # additive epsilon indicator (Zitzler et al. 2003) of the front against each row, on logarithms
    lead = front[None, :, 0] - rows[:, 0, None]
    for i in range(1, rows.shape[1]):
        np.maximum(lead, front[None, :, i] - rows[:, i, None], out=lead)
    # an empty front limits no lead
    return np.asarray(lead.min(axis=1, initial=np.inf))


def lead_of_two(front: Floats, rows: Floats) -> Floats:
    """The same for two objectives: along a sorted front one lead grows while the other falls."""
    order = np.lexsort((front[:, 1], front[:, 0]))
    first, second = front[order].T
    # without dominated points the second objective falls as the first one rises
    best = np.concatenate([[True], second[1:] < np.minimum.accumulate(second)[:-1]])
    first, second = first[best], second[best]
    # the leads are equal where first - second is that of the row; the least maximum is at a neighbour
    place = np.searchsorted(first - second, rows[:, 0] - rows[:, 1])
    padded = np.append(first, np.inf), np.append(np.inf, second)
    return np.asarray(np.minimum(padded[0][place] - rows[:, 0], padded[1][place] - rows[:, 1]))

"""How much better than a front of pairs any pair of pools that take turns could be."""

import numpy as np

from dse.arrays import Floats
from dse.evaluate.pools.study_layouts import grid_of_pool
from dse.front.files import Front
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.search.bound.judges import ByFront
from dse.search.bound.limits import MEMORY, Ended, Limits, OutOfTime
from dse.search.bound.prove import At, Bound, Progress
from dse.search.pairs.gap import BARRED, check_provable, question_of
from dse.search.turns.bounds import PairBounds
from dse.search.turns.question import TurnQuestion
from dse.search.turns.rows import OpenRows
from dse.search.turns.tree import Tree


def prove_turns(
    study: PooledStudy,
    front: Front,
    eligible: PairEligibility,
    *,
    between: bool = False,
    tolerance: float = 0.01,
    seconds: float = 60.0,
    memory: float = MEMORY,
    progress: Progress | None = None,
) -> Bound:
    """Prove how much better than `front` any pair of the chips of both pools could be.

    As `dse.search.bound.prove.prove`, by pairs of boxes. Domain: attention | FFN and draft | verify, all of
    whose pairs have prices of one group. Raises `SpecError`.
    """
    barred = check_provable(study, eligible)
    proof = _Proof(study, front, between=between, limits=Limits.of(seconds, memory), progress=progress)
    ended = proof.run(float(np.log1p(tolerance)))
    gap = proof.gap
    remarks = () if proof.bounds is None else proof.bounds.remarks()
    return Bound(
        factor=float(np.exp(gap)) if np.isfinite(gap) else None,
        between=between,
        closed=bool(gap <= np.log1p(tolerance)),
        ended=ended,
        found=len(proof.front),
        goal=study.first.goal.name,
        boxes=0 if proof.bounds is None else proof.bounds.boxes,
        designs=proof.exact,
        at=proof.at(),
        remarks=(*remarks, *((BARRED,) if barred else ())),
    )


class _Proof:
    """Pairs of boxes that may be better than a front, and pairs of chips that are."""

    def __init__(
        self, study: PooledStudy, front: Front, *, between: bool, limits: Limits, progress: Progress | None
    ) -> None:
        self._study, self._between, self._limits, self._progress = study, between, limits, progress
        self.question = TurnQuestion.of(
            question_of(study), {role: grid_of_pool(role, own) for role, own in study.pools.items()}
        )
        goals, signs = self.question.goals, self.question.signs
        worst = signs * [study.first.reference_point[g.name] for g in goals]
        lead = study.pools[self.question.roles[0]]
        self.judge = ByFront.of(lead, worst, grid=grid_of_pool(self.question.roles[0], lead))
        values = front.frame[[a.column for a in front.axes]].to_numpy(dtype=np.float64)
        self.front: Floats = np.asarray(signs * np.log(np.abs(values)))
        self.bounds: PairBounds | None = None
        self.exact = 0
        # until every pair is in boxes that are bounded, nothing limits what the others may do
        self._begun = False
        # what cannot be halved: nothing closes it
        self._stuck, self._best = 0.0, np.full(self.judge.targets, np.inf)

    @property
    def gap(self) -> float:
        """By how much a pair may beat the front, as a logarithm."""
        return max(self._stuck, self.bounds.gap) if self._begun and self.bounds is not None else np.inf

    def run(self, enough: float) -> Ended:
        """Bound and halve pairs of boxes until something ends it."""
        limits = self._limits
        try:
            pools = [self._study.pools[role] for role in self.question.roles]
            lead, fed = (Tree(own, between=self._between, check=limits.check) for own in pools)
            bounds = PairBounds(self.question, (lead, fed), self.judge, self.front, limits)
            self.bounds = bounds
            bounds.begin()
            self._begun = True
            while len(bounds.rows) and bounds.gap > max(self._stuck, enough):
                limits.check()
                if bounds.rows.nbytes > limits.for_boxes:
                    return "memory"
                self._round(bounds)
        except OutOfTime:
            return "time"
        except KeyboardInterrupt:
            return "interrupt"
        return "done"

    def _round(self, bounds: PairBounds) -> None:
        """Halve the pairs with the largest gaps; pairs of chips are known."""
        lead, fed = bounds.trees
        taken = bounds.take()
        wide = lead.wide[taken.lead] | fed.wide[taken.fed]
        self._settle(bounds, taken.part(~wide))
        bounds.under_way = taken.part(wide)
        bounds.put(bounds.halved(bounds.under_way))
        if self._progress is not None:
            self._progress(float(np.exp(self.gap)), len(bounds.rows))

    def _settle(self, bounds: PairBounds, rows: OpenRows) -> None:
        """What cannot be halved: pairs of chips are as good as they are, others as their bounds."""
        if not len(rows):
            return
        lead, fed = bounds.trees
        alone = lead.single[rows.lead] & fed.single[rows.fed]
        lower = rows.lower.copy()
        if alone.any():
            some = rows.part(alone)
            layouts = some.code // len(self.question.cuts)
            costs, ok = self.question.exact(lead.side(some.lead, layouts), fed.side(some.fed, some.layout))
            self.exact += len(ok)
            with np.errstate(divide="ignore"):
                known = self.question.signs * np.log(np.abs(costs))
            lower[alone] = np.where(ok[:, np.newaxis], known, np.inf)
        self._stuck = max(self._stuck, float(self.judge.leads(self.front, lower).max(initial=0.0)))
        self._best = np.minimum(self._best, self._met(lower))

    def _met(self, rows: Floats) -> Floats:
        """(targets,) the best goal of rows that meet each."""
        return np.asarray(self.judge.met(rows, np.zeros(len(rows), dtype=np.int64), 1)[0])

    def at(self) -> tuple[At, ...]:
        """The best goal at each target of the swept objective, and how low it may go."""
        study = self._study.first
        sign = 1.0 if study.goal.direction == "minimize" else -1.0
        best = self._met(self.front)
        lower = np.minimum(best, self._best)
        if self._begun and self.bounds is not None:
            for rows in (self.bounds.rows, self.bounds.under_way):
                lower = np.minimum(lower, self._met(rows.lower))
        else:
            lower = np.full(len(best), -np.inf)

        def goal(value: float) -> float | None:
            return float(np.exp(sign * value)) if np.isfinite(value) else None

        return tuple(
            At(target=target, best=goal(found), bound=goal(low))
            for target, found, low in zip(study.spec.report_at, best, lower, strict=True)
        )

"""Which published numbers would have to be wrong for a proposal not to win, and by how much."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.decide.explain.elasticity import used_facts
from dse.decide.propose.candidates import Candidate
from dse.decide.scenario.best_deployments import study_grid
from dse.decide.scenario.scenario_batch import solve_variants, varied
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Fact

SCAN = (1.3, 2.0, 4.0, 10.0)
"""Factors, up and down, that a number is tried at."""
ALMOST = 0.999
"""Largest share that a number which cannot pass 1 is tried at."""
ROUNDS = 12
"""Halvings of the bracket: the factor is then known to within 0.1 %."""


@dataclass(frozen=True, kw_only=True)
class OverturningNumber:
    """One number, and the value at which the proposal stops winning."""

    fact: Fact
    value: float
    """At which the best rival is as good, in SI."""
    factor: float
    """That value over the published one [1]."""
    rival: str
    """Who wins beyond it."""
    unbuildable: bool
    """Whether the proposal then breaks a constraint, such as the reticle, rather than costing too much."""

    @property
    def inside_range(self) -> bool:
        """Whether the sources' own range reaches that far."""
        low, high = self.fact.leaf.low, self.fact.leaf.high
        return (low is not None and float(low) <= self.value <= self.fact.value) or (
            high is not None and self.fact.value <= self.value <= float(high)
        )


Lead = Callable[[Sequence[tuple[Fact, float]]], tuple[Floats, list[str]]]
"""ln(best rival / proposal) for each number at a factor, positive while the proposal wins; and the rival."""


def overturning_numbers(
    study: ResolvedStudy, candidate: Candidate, rivals: Sequence[Candidate], limits: Mapping[str, float]
) -> list[OverturningNumber]:
    """Numbers that change the winner within a factor of ten either way, the smallest factor first.

    Each number is moved alone; every chip gets its best deployment again. Whole numbers are left out. A
    proposal that does not win now has none: the result is empty.
    """
    lead = _lead_of(study, candidate, rivals, limits)
    numbers = [f for f in used_facts(study, candidate) if not f.counted]
    # a factor of 1 changes nothing: that is the lead as it is
    if not rivals or not numbers or lead([(numbers[0], 1.0)])[0][0] <= 0.0:
        return []
    brackets = _brackets(numbers, lead)
    for _ in range(ROUNDS):
        # factors are halved on a logarithmic scale
        middles = [(f, float(np.sqrt(good * bad))) for f, good, bad in brackets]
        ahead, _ = lead(middles)
        brackets = [
            (f, m, bad) if won > 0.0 else (f, good, m)
            for (f, good, bad), (_, m), won in zip(brackets, middles, ahead, strict=True)
        ]
    # the far end of each bracket: there a rival wins, and its name is the answer
    behind, names = lead([(f, bad) for f, _, bad in brackets])
    found = [
        OverturningNumber(
            fact=f, value=f.value * bad, factor=bad, rival=name, unbuildable=bool(np.isneginf(by))
        )
        for (f, _, bad), by, name in zip(brackets, behind, names, strict=True)
    ]
    # a factor of a half is as large as one of two
    return sorted(found, key=lambda o: abs(np.log(o.factor)))


def _lead_of(
    study: ResolvedStudy, candidate: Candidate, rivals: Sequence[Candidate], limits: Mapping[str, float]
) -> Lead:
    """The lead of the candidate over its best rival, as a function of changed numbers."""
    all_candidates, grid = [candidate, *rivals], study_grid(study)

    def lead(pairs: Sequence[tuple[Fact, float]]) -> tuple[Floats, list[str]]:
        """ln(cost of the best rival / cost of the candidate) of each pair, and the rival."""
        # a value that no study can have counts as still ahead
        out, names = np.full(len(pairs), np.inf), [""] * len(pairs)
        studies, at = [], []
        for i, (fact, factor) in enumerate(pairs):
            try:
                studies.append(varied(study, {fact.place: fact.value * factor}, all_candidates))
            except SpecError:  # the number cannot be that
                continue
            at.append(i)
        if studies:
            cost, _ = solve_variants(studies, all_candidates, grid, limits)
            # column 0 is the candidate, so rivals are counted from the next one
            best = np.argmin(cost[:, 1:], axis=1)
            rival = cost[np.arange(len(studies)), 1 + best]
            out[at] = [_log_ratio(float(a), float(b)) for a, b in zip(rival, cost[:, 0], strict=True)]
            for i, k in zip(at, best, strict=True):
                names[i] = rivals[k].label
        return out, names

    return lead


def _most(fact: Fact) -> float:
    """The largest that a number is tried at: a share of all would leave nothing for the rest of a die."""
    return ALMOST * fact.most


def _log_ratio(rival: float, own: float) -> float:
    # first, so that a proposal that cannot be built has lost even where no rival is feasible
    if not np.isfinite(own):
        return -np.inf
    return float(np.log(rival / own)) if np.isfinite(rival) else np.inf


def _brackets(numbers: Sequence[Fact], lead: Lead) -> list[tuple[Fact, float, float]]:
    """For each number and direction the factors between which the lead is lost: still ahead, and behind."""
    found = []
    for sign in (1.0, -1.0):
        usable = [f for f in numbers if sign < 0.0 or f.value < _most(f)]
        # a factor of 1 is ahead, or there would be no search
        last, ahead = np.ones(len(usable)), np.ones(len(usable), dtype=bool)
        # a lead that is lost and regained between two of the factors is missed
        for step in SCAN:
            factors = np.asarray([min(step**sign, _most(f) / f.value) for f in usable])
            # a share that is cut off at its largest value repeats the factor before
            now = [i for i in np.flatnonzero(ahead) if factors[i] != last[i]]
            for i, won in zip(now, lead([(usable[i], factors[i]) for i in now])[0], strict=True):
                if won <= 0.0:
                    found.append((usable[i], float(last[i]), float(factors[i])))
                    # the first loss is the nearest one; larger factors are not tried
                    ahead[i] = False
                last[i] = factors[i]
    return found

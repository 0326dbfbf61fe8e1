"""Monte Carlo over all uncertain numbers: how often each candidate wins; and each number by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate
from dse.decide.scenario.best_deployments import study_grid
from dse.decide.scenario.scenario_batch import best_of_variants, solve_variants, varied
from dse.decide.uncertainty.quantiles import HIGH, LOW, best_shares, limits_of_dies
from dse.decide.uncertainty.sampling import sample_numbers, studies_of, uncertain_numbers
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Fact


@dataclass(frozen=True, kw_only=True)
class MonteCarlo:
    """Candidates at one target under all samples, each with its best deployment in each."""

    samples: int
    seed: int
    numbers: int
    cost: Floats
    """Goal (samples, candidates), infinite where nothing is feasible."""

    @property
    def wins(self) -> Floats:
        """Share of the samples that each candidate wins; of equally good ones the first does."""
        return best_shares(self.cost)

    @property
    def feasible(self) -> Floats:
        """Share of the samples in which each candidate is feasible."""
        return np.asarray(np.isfinite(self.cost).mean(axis=0))

    def interval(self, i: int) -> tuple[float, float, float]:
        """10th, 50th and 90th percentile of the goal of candidate `i` over the samples it is feasible in."""
        # `feasible` counts the others; one in ten of them would make the 90th percentile infinite
        finite = self.cost[np.isfinite(self.cost[:, i]), i]
        if not finite.size:
            return float("inf"), float("inf"), float("inf")
        low, median, high = np.percentile(finite, [LOW, 50.0, HIGH])
        return float(low), float(median), float(high)


def monte_carlo(
    study: ResolvedStudy,
    candidates: Sequence[Candidate],
    limits: Mapping[str, float],
    samples: int,
    seed: int,
) -> MonteCarlo:
    """Each candidate at `limits` with its best deployment in each sample; limits of dies are fixed."""
    sampled = sample_numbers(study, samples, seed)
    # a die is designed to its limits with the constants of its day, so samples do not break them
    studies, held = studies_of(study, sampled, candidates), limits_of_dies(study, candidates)
    cost, _ = solve_variants(studies, candidates, study_grid(study), limits, held)
    # every sample draws the same numbers
    numbers = len(sampled[0]) if sampled else 0
    return MonteCarlo(samples=samples, seed=seed, numbers=numbers, cost=cost)


@dataclass(frozen=True, kw_only=True)
class Swing:
    """One number moved over its range, all others held."""

    fact: Fact
    low: float
    """The number at its low end, in SI."""
    high: float
    cost_low: float | None
    """Goal at the low end, with the best deployment there; None where nothing is feasible."""
    cost_high: float | None

    def width(self, base: float) -> float:
        """Largest relative change of the goal; infinite where an end is infeasible."""
        ends = (self.cost_low, self.cost_high)
        return max(float("inf") if c is None else abs(c / base - 1.0) for c in ends)


def tornado(
    study: ResolvedStudy, candidate: Candidate, limits: Mapping[str, float], base: float
) -> list[Swing]:
    """Every uncertain number at both ends of its range, the largest swing first."""
    known = uncertain_numbers(study)
    # two entries a number, the low end at 2 i and the high end at 2 i + 1; gaps keep the places
    studies: list[ResolvedStudy | None] = []
    for u in known:
        for end in (u.low, u.high):
            try:
                studies.append(varied(study, {u.fact.place: end}, [candidate]))
            except SpecError:
                # no valid study has that value: its end is reported as infeasible
                studies.append(None)
    usable = [s for s in studies if s is not None]
    solved = iter(best_of_variants(usable, [candidate], limits)[:, 0])
    costs = [float(next(solved)) if s is not None else float("inf") for s in studies]
    found = []
    for i, u in enumerate(known):
        ends = [c if np.isfinite(c) else None for c in costs[2 * i : 2 * i + 2]]
        swing = Swing(fact=u.fact, low=u.low, high=u.high, cost_low=ends[0], cost_high=ends[1])
        # numbers of other chips of the study are among `known`, and do not move this one
        if swing.width(base) > 1e-4:
            found.append(swing)
    # an end without a feasible deployment is infinitely wide, so it comes first
    return sorted(found, key=lambda s: -s.width(base))

"""Why one pair of a study of pools is what it is: its ledgers, single changes, and sources."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dse.decide.explain.elasticity import Elasticity, rests_on
from dse.decide.pairs.design import Pair, estimate_of, exactly, found_pair, name_of
from dse.decide.pairs.elasticity import elasticities
from dse.decide.pairs.neighbours import PairNeighbour, neighbours
from dse.decide.propose.candidates import parameter_values
from dse.evaluate.pools.result import SystemEstimate
from dse.front.files import Front
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy

PRINTED = 0.0005
"""Largest share that prints as 0.0 %."""


@dataclass(frozen=True, kw_only=True)
class PairExplanation:
    """One pair, explained."""

    study: PooledStudy
    pair: Pair
    estimate: SystemEstimate
    goal: str
    goal_label: str
    exact: bool
    """Whether changed chips were compared in all pairs of layouts; else layouts were found by descent."""
    neighbours: tuple[PairNeighbour, ...]
    elasticities: tuple[Elasticity, ...]

    @property
    def least_gain(self) -> float:
        """Share that a change must gain to count: the study's tolerance, and what prints as 0.0 %."""
        return max(self.study.spec.tolerance, PRINTED)

    @property
    def improvements(self) -> list[PairNeighbour]:
        """Single changes that would make it better, the best first; empty for a local optimum."""
        better = [n for n in self.neighbours if n.gain > self.least_gain]
        return sorted(better, key=lambda n: -n.gain)

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        known = self.study.first.setting.catalog.sources()
        return {
            "study": self.study.slug,
            "chip": name_of(self.pair),
            "parameters": {
                role: parameter_values(own, self.pair[role].candidate)
                for role, own in self.study.pools.items()
            },
            "objective": self.goal,
            "estimate": self.estimate.as_dict(),
            "locally_optimal": not self.improvements,
            "neighbours": [{**asdict(n), "better": n.gain > self.least_gain} for n in self.neighbours],
            **rests_on(self.elasticities, known),
        }


def explain_pair(
    study: PooledStudy,
    front: Front,
    trial: str,
    limits: Mapping[str, float],
    eligible: PairEligibility,
) -> PairExplanation:
    """Explain a pair of a stored front at the target that it is best at.

    `trial` is `row:N` counted from 1, a trial, or the chips of a pair such as `r200 | lp30`. A
    changed pair is better only where it ranks against this one by `eligible`. Raises `SpecError`.
    """
    pair, held = found_pair(study, front, trial, limits)
    goal = study.first.goal
    return PairExplanation(
        study=study,
        pair=pair,
        estimate=estimate_of(study, pair, held),
        goal=goal.name,
        goal_label=goal.label,
        exact=exactly(study),
        neighbours=tuple(neighbours(study, pair, held, eligible)),
        elasticities=tuple(elasticities(study, pair)),
    )

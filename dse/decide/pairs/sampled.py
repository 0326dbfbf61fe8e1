"""Pairs under samples of every uncertain number: each is drawn once, for both pools.

Pools that prefill and decode choose their layouts again in each sample, as single chips do, and those of
attention and FFNs keep theirs, since they are found by descent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.arrays import Floats
from dse.choose.rule import Limits, cost_of, violations
from dse.decide.pairs.design import SIZES, Pair, best_layouts, exactly, name_of
from dse.decide.pairs.varied import varied_pools
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.uncertainty.monte_carlo import MonteCarlo
from dse.decide.uncertainty.quantiles import limits_of_dies
from dse.decide.uncertainty.sampling import sample_numbers
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Place
from objectives import api

Homes = Mapping[str, str]
"""Role to the pool of the study whose chip it has; most have their own."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A pair that is put to others in every sample."""

    name: str
    pair: Pair
    homes: Homes

    @classmethod
    def of(cls, pair: Pair, name: str | None = None) -> "Contender":
        """A pair whose chips are each of its own pool."""
        return cls(name=name or name_of(pair), pair=pair, homes={role: role for role in pair})

    def candidate(self, role: str) -> Candidate:
        """The chip of a pool."""
        return self.pair[self.homes[role]].candidate


@dataclass(frozen=True, kw_only=True)
class SampledPairs:
    """Pairs at one target under the same samples."""

    names: tuple[str, ...]
    drawn: MonteCarlo
    maximised: bool
    """Whether more of the goal is better; `drawn` has it with the sign with which less is."""
    fixed: bool
    """Whether layouts were held."""

    def interval(self, i: int) -> tuple[float, float, float]:
        """10th, 50th and 90th percentile of the goal of a pair over the samples in which it is feasible."""
        found = self.drawn.interval(i)
        return (-found[2], -found[1], -found[0]) if self.maximised else found

    def regret(self, i: int) -> float | None:
        """Mean share by which a pair is worse than the best of each sample; None where it ever fails.

        Domain: goals above 0.
        """
        cost = self.drawn.cost
        least = cost.min(axis=1)
        if not np.isfinite(cost[:, i]).all():
            return None
        return float(np.mean((cost[:, i] - least) / np.abs(least)))

    @property
    def steadiest(self) -> int:
        """The pair whose median is best; a sample in which it is infeasible is the worst."""
        return int(np.argmin(np.median(self.drawn.cost, axis=0)))

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON: what was drawn, and each pair."""
        return {
            "samples": self.drawn.samples,
            "seed": self.drawn.seed,
            "numbers": self.drawn.numbers,
            "layouts": "held" if self.fixed else "chosen again",
            "pairs": self.as_dicts(),
        }

    def as_dicts(self) -> list[dict[str, object]]:
        """Plain data for JSON, by pair; what is infinite is left out."""
        wins, feasible = self.drawn.wins, self.drawn.feasible
        found = []
        for i, name in enumerate(self.names):
            low, median, high = (v if np.isfinite(v) else None for v in self.interval(i))
            told: dict[str, object] = {"pair": name, "p10": low, "p50": median, "p90": high}
            told |= {"probability_best": float(wins[i]), "probability_meets_target": float(feasible[i])}
            found.append({**told, "mean_regret": self.regret(i)})
        return found


def joint(study: PooledStudy) -> ResolvedStudy:
    """A study with the configs of all pools, for what is drawn: a fact of both is one fact."""
    configs = {key: spec for own in study.pools.values() for key, spec in own.configs.items()}
    return replace(study.first, configs=configs)


def sample_pools(study: PooledStudy, samples: int, seed: int) -> list[dict[Place, float]]:
    """Values of all uncertain numbers of both pools, see `sample_numbers`."""
    return sample_numbers(joint(study), samples, seed)


Asked = tuple[Sequence[Contender], Limits]
"""Pairs that are compared, and the limits that they must meet."""


def sampled_pairs(
    study: PooledStudy, contenders: Sequence[Contender], limits: Limits, samples: int, seed: int
) -> SampledPairs:
    """The goal of some pairs within limits under the same samples, each with its best layouts in each."""
    return sampled_at(study, [(contenders, limits)], samples, seed)[0]


def sampled_at(
    study: PooledStudy, asked: Sequence[Asked], samples: int, seed: int, *, fixed: bool = False
) -> list[SampledPairs]:
    """The goals of pairs at several limits under the same samples; limits of dies are held.

    With `fixed` layouts are held, as they always are of attention and FFNs; otherwise each pair has the best
    of the coarse grid in each sample.
    """
    return goals_under(study, asked, sample_pools(study, samples, seed), seed, fixed=fixed)


def goals_under(
    study: PooledStudy,
    asked: Sequence[Asked],
    drawn: Sequence[Mapping[Place, float]],
    seed: int,
    *,
    fixed: bool = False,
) -> list[SampledPairs]:
    """As `sampled_at`, of values that are drawn already."""
    samples, held_layouts = len(drawn), fixed or not exactly(study)
    every = [contender for contenders, _ in asked for contender in contenders]
    dies = {id(c): {role: _dies(study, c, role) for role in study.pools} for c in every}
    costs = [np.full((samples, len(contenders)), np.inf) for contenders, _ in asked]
    for at, values in enumerate(drawn):
        changed = varied_pools(study, values, [c.pair for c in every])
        for cost, (contenders, limits) in zip(costs, asked, strict=True):
            made = [
                {role: _made(changed, c, role, dies[id(c)][role]) for role in study.pools} for c in contenders
            ]
            cost[at] = (
                _as_they_are(changed, contenders, made, limits)
                if held_layouts
                else [_at_best(changed, chips, limits) for chips in made]
            )
    numbers = len(drawn[0]) if drawn else 0
    return [
        SampledPairs(
            names=tuple(c.name for c in contenders),
            drawn=MonteCarlo(samples=samples, seed=seed, numbers=numbers, cost=cost),
            maximised=study.first.goal.direction == "maximize",
            fixed=held_layouts,
        )
        for cost, (contenders, _) in zip(costs, asked, strict=True)
    ]


def _dies(study: PooledStudy, contender: Contender, role: str) -> dict[str, Floats]:
    """How far a chip exceeds the limits of its die: it is designed to them with the constants of its day."""
    home = contender.homes[role]
    return limits_of_dies(study.pools[home], [contender.candidate(role)])


def _made(study: PooledStudy, contender: Contender, role: str, held: Mapping[str, Floats]) -> api.Chips:
    """The chip of a pool in a sample, a batch of one."""
    home = contender.homes[role]
    columns = chips_of_candidates(study.pools[home], [contender.candidate(role)]).columns()
    return api.Chips.of(**{**columns, **held})


def _at_best(study: PooledStudy, chips: Mapping[str, api.Chips], limits: Limits) -> float:
    """The goal in the best layouts of a sample, less is better; infinite where none is feasible."""
    found = best_layouts(study, chips, limits, fine=False)
    if found is None:
        return float("inf")
    metrics = study.first.cost_model.evaluate(found, study.context)
    value = cost_of(study.first.goal, study.first.goal.value(metrics, study.context))
    return float(np.asarray(value).reshape(-1)[0])


def _as_they_are(
    study: PooledStudy,
    contenders: Sequence[Contender],
    made: Sequence[Mapping[str, api.Chips]],
    limits: Limits,
) -> Floats:
    """The goals in the layouts that the pairs have; infinite where one breaks a limit."""
    count, pools = len(contenders), []
    for role in study.pools:
        columns = dict(_joined([chips[role].columns() for chips in made]))
        sizes = {n: np.asarray([float(c.pair[role].sizes[n]) for c in contenders]) for n in SIZES}
        chips = api.Chips.of(**columns)
        pools.append(api.Pool(role=role, chips=chips, deployments=api.Deployments(**sizes)))
    designs = api.Designs(pools=tuple(pools), link=study.link.columns())
    metrics = study.first.cost_model.evaluate(designs, study.context)
    value = cost_of(study.first.goal, study.first.goal.value(metrics, study.context))
    ok = np.ones(count, dtype=np.bool_)
    for over in violations(metrics, study.context, limits).values():
        ok &= np.broadcast_to(np.asarray(over), (count,)) <= 0.0
    return np.where(ok, np.broadcast_to(np.asarray(value), (count,)), np.inf)


def _joined(parts: Sequence[Mapping[str, Floats]]) -> Iterator[tuple[str, Floats]]:
    """Columns of batches of one as one batch; of memories that others have alone a chip has none."""
    for name in dict.fromkeys(name for part in parts for name in part):
        yield name, np.concatenate([np.reshape(part.get(name, np.zeros(1)), (1,)) for part in parts])

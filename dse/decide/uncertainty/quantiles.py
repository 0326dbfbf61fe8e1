"""Uncertainty of designs: P10, median and P90 of the goal, and how often each is the best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.silicon_columns import BONDED, EXCESS
from dse.choose.confidence import plain
from dse.decide.propose.candidates import Candidate, chips_of_candidates, from_rows
from dse.decide.scenario.best_deployments import DeploymentProblem, deployment_problem, evaluate
from dse.decide.scenario.mix_parts import column_of, contexts_of, parts_of
from dse.decide.uncertainty.sampling import sample_numbers, studies_of
from dse.front.axis import Axis
from dse.front.dominance import nondominated
from dse.front.tables import Row, size_in
from dse.plugins.designs import chips_named
from dse.question.resolved_study import ResolvedStudy
from objectives import api

LOW, HIGH = 10.0, 90.0
"""Percentiles of an interval."""
SAMPLES = 128
"""Default number of samples: a percentile is then known to some 3 % of the mass."""
TPOT = "tpot"
"""The objective whose percentiles are reported with those of the goal."""
_BLOCK = 1 << 18
"""Designs x samples evaluated in one call."""

DesignKey = tuple[str | int, ...]
"""Role, chip and deployment of a design."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class SampledDesigns:
    """Designs under the same samples, each with its deployment fixed."""

    seed: int
    numbers: int
    """Numbers that were drawn."""
    keys: tuple[DesignKey, ...]
    """Identity of each design, see `design_key`."""
    goals: tuple[api.Objective, ...]
    point: Floats
    """Each goal at the values of the configs (designs, goals)."""
    values: Floats
    """Each goal in each sample (samples, designs, goals)."""
    feasible: Flags
    """Whether a design violates no constraint and no fixed target, limits of dies held (samples, designs)."""

    @property
    def samples(self) -> int:
        """Samples."""
        return len(self.values)

    def column(self, name: str) -> int:
        """Position of the goal that is called `name`."""
        return next(i for i, g in enumerate(self.goals) if g.name == name)


def design_key(study: ResolvedStudy, row: Row) -> DesignKey:
    """Identity of the design of a row: its chip and its deployments."""
    names = [column_of(part, n) for part in parts_of(study) for n in api.Deployments.__dataclass_fields__]
    return (str(row["role"]), str(row["chip"]), *(size_in(row, name) for name in names))


def sample_designs(
    study: ResolvedStudy, rows: Sequence[Row], goals: Sequence[api.Objective], samples: int, seed: int
) -> SampledDesigns:
    """Every distinct design of `rows` scored at the values of the configs and under `samples` samples.

    The samples are an axis: one call of the cost model evaluates many designs under many of them. Values are
    those of all samples, also of those in which the design breaks a constraint: it then costs what it would.
    What a die has left of its limits (reticle, edge, cooling) is held: it is designed to them with the
    constants of its day, and would be drawn a little smaller where they turned out worse.
    """
    # a design that several targets list is one design, and draws once
    unique = {design_key(study, row): row for row in rows}
    each = list(unique.values())
    sampled = sample_numbers(study, samples, seed)
    candidates = from_rows(study, each)
    # a sample is one outcome, which meets a target or not: the margin of a probability is for estimates
    drawn, outcomes = study.confident(None), tuple(plain(goal) for goal in goals)
    studies = studies_of(drawn, sampled, candidates) if each else []
    if drawn is study:
        # the study itself comes first: it gives the point estimate
        values, feasible = _scored(study, each, goals, [study, *studies] if each else [])
        point, values, feasible = values[0], values[1:], feasible[1:]
    else:
        point = _scored(study, each, goals, [study] if each else [])[0][0]
        values, feasible = _scored(drawn, each, outcomes, studies)
    return SampledDesigns(
        seed=seed,
        numbers=len(sampled[0]) if sampled else 0,
        keys=tuple(unique),
        goals=outcomes,
        point=point,
        values=values,
        feasible=feasible,
    )


def _scored(
    study: ResolvedStudy,
    rows: Sequence[Row],
    goals: Sequence[api.Objective],
    studies: Sequence[ResolvedStudy],
) -> tuple[Floats, Flags]:
    """Goals (studies, designs, goals) and feasibility (studies, designs) of rows under each study."""
    n = len(rows)
    # one row even without designs, which have no studies: the point estimate is taken from the first
    values = np.empty((len(studies) or 1, n, len(goals)))
    feasible = np.empty(values.shape[:2], dtype=bool)
    candidates = from_rows(study, rows)
    place = {c.label: i for i, c in enumerate(candidates)}
    at = [place[str(r["chip"])] for r in rows]
    held = limits_of_dies(study, candidates) if candidates else {}
    layouts = _layouts_of_rows(study, rows)
    # one call has one context; samples that change the workload or the economy need calls of their own
    for members in _by_context(studies, max(1, _BLOCK // max(n, 1))):
        # held columns on the right, so that they replace those of the sample
        of_each = [chips_of_candidates(studies[i], candidates).columns() | held for i in members]
        # (studies x designs,), study by study; several designs may be of one chip
        chips = api.Chips.of(**{k: np.concatenate([c[k][at] for c in of_each]) for k in of_each[0]})
        problem, k = deployment_problem(studies[members[0]]), len(members)
        with chips_named(lambda _shape, at: str(rows[at % n]["chip"])):
            m = evaluate(problem, [_designs(chips, sizes, k) for sizes in layouts])
        for g, goal in enumerate(goals):
            # a list and a number around a slice: numpy puts both in front, hence (members, designs)
            values[members, :, g] = _table(goal.value(m, problem.context), k, n)
        feasible[members] = _all_met(problem, m, k, n)
    return values, feasible


def limits_of_dies(study: ResolvedStudy, candidates: Sequence[Candidate]) -> dict[str, Floats]:
    """How far each chip exceeds the limits of its die, by column (candidates,); samples do not change it."""
    columns = chips_of_candidates(study, candidates).columns()
    return {name: columns[name] for name in (*EXCESS, BONDED) if name in columns}


def _by_context(studies: Sequence[ResolvedStudy], most: int) -> Iterator[list[int]]:
    """Places of studies that share a context, at most `most` at a time."""
    by_context: dict[tuple[api.Context, ...], list[int]] = {}
    for i, s in enumerate(studies):
        by_context.setdefault(contexts_of(s), []).append(i)
    for members in by_context.values():
        yield from (members[start : start + most] for start in range(0, len(members), most))


def _all_met(problem: DeploymentProblem, metrics: api.Metrics, samples: int, rows: int) -> Flags:
    # axis 0 is that of the conditions
    flags: Flags = np.all(
        [_table(v, samples, rows) <= 0.0 for v in problem.violations(metrics).values()], axis=0
    )
    return flags


def _table(column: object, samples: int, rows: int) -> Floats:
    """A column of all samples one after the other as (samples, rows)."""
    # what all designs share, such as a constraint that no chip has, is a single number
    flat = np.broadcast_to(np.asarray(column, dtype=float), (samples * rows,))
    return flat.reshape(samples, rows)


def _layouts_of_rows(study: ResolvedStudy, rows: Sequence[Row]) -> list[dict[str, Floats]]:
    """The rows' deployments by column (rows,), for each part of what they serve."""
    names = tuple(api.Deployments.__dataclass_fields__)
    return [
        {
            k: np.asarray([float(size_in(r, column)) for r in rows])
            for k in names
            for column in [column_of(part, k)]
        }
        for part in parts_of(study)
    ]


def _designs(chips: api.Chips, sizes: Mapping[str, Floats], samples: int) -> api.Designs:
    """Deployments (rows,) on `chips` (samples * rows,)."""
    # all rows once a sample, the order in which `_scored` joins the chips
    tiled = api.Deployments(**{k: np.tile(a, samples) for k, a in sizes.items()})
    return api.Designs.of(chips=chips, deployments=tiled)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Percentiles and probabilities of one design among those that it is compared with."""

    p10: float
    p50: float
    p90: float
    probability_best: float
    """Share of the samples in which it is the best of those that are compared and work there."""
    probability_meets_target: float
    """Share of the samples in which it violates no constraint and meets every target.

    The limits of a die are held, see `sample_designs`."""
    tpot_s_p10: float
    """Percentiles of its TPOT [s], the deployment held; not a number where TPOT was not drawn."""
    tpot_s_p50: float
    tpot_s_p90: float

    def as_dict(self) -> dict[str, float]:
        """Plain data, by the names of the columns."""
        return dict(vars(self))


COLUMNS = tuple(Spread.__dataclass_fields__)


def spreads(
    sampled: SampledDesigns,
    keys: Sequence[DesignKey],
    goal: str,
    target: str | None,
    limit: float | None,
) -> list[Spread]:
    """Spreads of designs compared at a target, with the share of samples in which each is the best."""
    place = {key: i for i, key in enumerate(sampled.keys)}
    at = [place[k] for k in keys]
    g = sampled.column(goal)
    value, meets = sampled.values[:, at, g], sampled.feasible[:, at]
    # `feasible` knows the fixed targets alone; the one of this table is added
    if target is not None and limit is not None:
        t = sampled.column(target)
        meets = meets & (api.violation(sampled.goals[t], sampled.values[:, at, t], limit) <= 0.0)
    # shares are of the least; the percentiles stay those of the goal itself
    sign = 1.0 if sampled.goals[g].direction == "minimize" else -1.0
    return _spreads(value, best_shares(np.where(meets, sign * value, np.inf)), meets, _tpots(sampled, at))


def spreads_of(cost: Floats, meets: Flags, tpot: Floats) -> list[Spread]:
    """Designs side by side: costs, whether each meets everything, TPOT [s], all of (samples, designs)."""
    return _spreads(cost, best_shares(np.where(meets, cost, np.inf)), meets, tpot)


def _tpots(sampled: SampledDesigns, at: Sequence[int]) -> Floats:
    """TPOT of the designs `at` some places (samples, designs) [s]; not a number where it was not drawn."""
    if TPOT not in {goal.name for goal in sampled.goals}:
        return np.full((sampled.samples, len(at)), np.nan)
    return sampled.values[:, at, sampled.column(TPOT)]


def best_shares(cost: Floats) -> Floats:
    """Share of the samples (rows) in which each design (column) costs least; infinite where it fails."""
    some = np.isfinite(cost).any(axis=1)
    # the argmin of nothing but infinities is 0, hence `some`
    best = np.argmin(cost, axis=1)
    return np.asarray([np.mean((best == i) & some) for i in range(cost.shape[1])])


def front_spreads(
    sampled: SampledDesigns, keys: Sequence[DesignKey], goal: str, axes: Sequence[Axis]
) -> list[Spread]:
    """The designs of a front: the best are those that work and that nothing else on the front beats."""
    place = {key: i for i, key in enumerate(sampled.keys)}
    at, columns = [place[k] for k in keys], [sampled.column(axis.name) for axis in axes]
    values, works = sampled.values[:, at], sampled.feasible[:, at]
    best = np.zeros(works.shape, dtype=bool)
    for i, some in enumerate(works):
        # a design that fails in this sample dominates nothing there
        alive = np.flatnonzero(some)
        best[i, alive[nondominated(values[i, alive][:, columns], axes)]] = True
    return _spreads(values[:, :, sampled.column(goal)], best.mean(axis=0), works, _tpots(sampled, at))


def _spreads(value: Floats, best: Floats, meets: Flags, tpot: Floats) -> list[Spread]:
    low, median, high = np.percentile(value, [LOW, 50.0, HIGH], axis=0)
    # in the order of the fields of `Spread`, which are joined by place
    columns = (low, median, high, best, meets.mean(axis=0), *np.percentile(tpot, [LOW, 50.0, HIGH], axis=0))
    rows = zip(*(c.tolist() for c in columns), strict=True)
    return [Spread(**dict(zip(COLUMNS, row, strict=True))) for row in rows]

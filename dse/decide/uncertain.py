"""How sure a result is: every number that has a range drawn from it, the same draws for all designs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from dse.decide.candidates import Candidate, chips_of_candidates, from_rows
from dse.decide.parts import column_of, contexts_of, parts_of
from dse.decide.solve import Floats, ask_of, evaluate, study_grid
from dse.decide.variants import solve_variants, varied
from dse.front.dominance import nondominated
from dse.front.files import Front
from dse.front.tables import records
from dse.spec.problems import SpecError
from dse.spec.resolved import ResolvedStudy
from dse.spec.system import StackSpec
from dse.spec.variation import Fact, Place, facts
from objectives import api

SIGMAS = 1.2816
"""Standard deviations up and down that hold 80 % of a normal distribution."""
LOW, HIGH = 10.0, 90.0
"""Percentiles of an interval."""
_TIMES = ("layer_overhead", "step_overhead", "sequence_overhead", "request_overhead", "collective_overhead")
_RATES = (
    "compute_efficiency", "core_efficiency", "dram_efficiency", "kv_efficiency", "sram_efficiency",
    "link_efficiency",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Uncertain:
    """One number with a range."""

    fact: Fact
    low: float
    high: float


def uncertain_facts(study: ResolvedStudy) -> list[Uncertain]:
    """Numbers of the study whose sources give a range; whole numbers stay what they are.

    Numbers of a calibrated stack are left out: its interval, which holds all of them, stands for them.
    """
    calibrated = {f"stack/{s.name}" for s in _calibrated(study)}
    found = []
    for fact in facts(study):
        leaf = fact.leaf
        if fact.counted or fact.place.config in calibrated or (leaf.low is None and leaf.high is None):
            continue
        low = fact.value if leaf.low is None else min(float(leaf.low), fact.value)
        high = fact.value if leaf.high is None else max(float(leaf.high), fact.value)
        found.append(Uncertain(fact=fact, low=low, high=min(high, fact.most)))
    return found


def _calibrated(study: ResolvedStudy) -> list[StackSpec]:
    return [s for s in study.configs.values() if isinstance(s, StackSpec) and "tpot" in s.interval]


def draws(study: ResolvedStudy, samples: int, seed: int) -> list[dict[Place, float]]:
    """`samples` drawings of all uncertain numbers, each independent, triangular over low, value, high.

    A calibrated stack is drawn as a whole: all of its times longer by one lognormal factor whose middle 80 %
    is the interval of its TPOT. Every number has a stream of its own, so that one more of them changes none
    of the others, and every design meets the same drawings.
    """
    out: list[dict[Place, float]] = [{} for _ in range(samples)]
    for u in uncertain_facts(study):
        if u.low == u.high:
            continue
        drawn = _stream(seed, str(u.fact.place)).triangular(u.low, u.fact.value, u.high, samples)
        for i, value in enumerate(drawn):
            out[i][u.fact.place] = float(value)
    for stack in _calibrated(study):
        factor = np.exp(
            _stream(seed, f"stack/{stack.name}").standard_normal(samples)
            * (np.log(stack.interval["tpot"]) / SIGMAS)
        )
        for i, f in enumerate(factor):
            out[i] |= dict(_slower(stack, float(f)))
    return out


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(name.encode())])


def _slower(stack: StackSpec, factor: float) -> Iterator[tuple[Place, float]]:
    """All times of a stack `factor` times as long; a share of a peak cannot pass 1."""
    for name in _RATES:
        leaf = getattr(stack, name)
        yield Place(f"stack/{stack.name}", name), min(1.0, float(leaf.value or 1.0) / factor)
    for name in _TIMES:
        leaf = getattr(stack, name)
        if leaf.value:
            yield Place(f"stack/{stack.name}", name), float(leaf.value) * factor


def studies_of(
    study: ResolvedStudy, drawn: Sequence[Mapping[Place, float]], candidates: Sequence[Candidate]
) -> list[ResolvedStudy]:
    """The study under each drawing, as far as `candidates` need it."""
    return [varied(study, values, candidates) for values in drawn]


@dataclass(frozen=True, kw_only=True)
class Robust:
    """The designs of a front under all drawings; every array of shape (designs,)."""

    samples: int
    seed: int
    numbers: int
    """Numbers that were drawn."""
    stays: Floats
    """Share of the drawings in which nothing on the front dominates the design and it is feasible."""
    feasible: Floats
    """Share of the drawings in which it is feasible."""
    low: Floats
    """10th percentile of the goal over the drawings in which it is feasible."""
    median: Floats
    high: Floats
    """90th percentile of the same."""


def robust_front(study: ResolvedStudy, front: Front, samples: int, seed: int) -> Robust:
    """Every design of a front scored again under `samples` drawings, its deployment held.

    The drawings are an axis: one call of the cost model evaluates all designs under all of them, once per
    distinct workload and economy.
    """
    from dse.search.points import axes_of

    rows = records(front.frame)
    drawn = draws(study, samples, seed)
    values, feasible = _scores(study, rows, studies_of(study, drawn, from_rows(study, rows)))
    axes = axes_of(study)
    on_front = np.zeros(values.shape[:2], dtype=bool)
    for i in range(samples):
        alive = np.flatnonzero(feasible[i])
        on_front[i, alive[nondominated(values[i, alive], axes)]] = True
    goal = values[:, :, study.objectives.index(study.goal)]
    low, median, high = interval(goal, feasible)
    return Robust(
        samples=samples, seed=seed, numbers=len(drawn[0]) if drawn else 0,
        stays=on_front.mean(axis=0), feasible=feasible.mean(axis=0), low=low, median=median, high=high,
    )  # fmt: skip


def interval(values: Floats, feasible: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """10th, 50th and 90th percentile of each column over the rows in which it is feasible, else over all."""
    some = feasible.any(axis=0)
    told = np.where(feasible | ~some, values, np.nan)
    low, median, high = np.nanpercentile(told, [LOW, 50.0, HIGH], axis=0)
    return low, median, high


def _scores(
    study: ResolvedStudy, rows: Sequence[Mapping[str, object]], studies: Sequence[ResolvedStudy]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Objectives (samples, designs, k) and feasibility (samples, designs) of rows under each study."""
    chips_of_rows = {c.label: c for c in from_rows(study, rows)}
    each = [chips_of_rows[str(r["chip"])] for r in rows]
    n = len(rows)
    values = np.empty((len(studies), n, len(study.objectives)))
    feasible = np.empty((len(studies), n), dtype=bool)
    by_context: dict[tuple[api.Context, ...], list[int]] = {}
    for i, s in enumerate(studies):
        by_context.setdefault(contexts_of(s), []).append(i)
    for members in by_context.values():
        of_each = [chips_of_candidates(studies[i], each).columns() for i in members]
        chips = api.Chips(**{k: np.concatenate([c[k] for c in of_each]) for k in of_each[0]})
        ask, k = ask_of(studies[members[0]]), len(members)
        m = evaluate(ask, _designs_of_rows(study, rows, chips, k))
        for g, goal in enumerate(study.objectives):
            values[members, :, g] = _table(goal.value(m, ask.context), k, n)
        over = [_table(v, k, n) <= 0.0 for v in ask.violations(m).values()]
        feasible[members] = np.all(over, axis=0)
    return values, feasible


def _table(column: object, samples: int, rows: int) -> Floats:
    """A column of all drawings one after the other as (samples, rows)."""
    flat = np.broadcast_to(np.asarray(column, dtype=float), (samples * rows,))
    return flat.reshape(samples, rows)


def _designs_of_rows(
    study: ResolvedStudy, rows: Sequence[Mapping[str, object]], chips: api.Chips, samples: int
) -> list[api.Designs]:
    """The rows' deployments on `chips` (samples * rows,), for each part of what they serve."""
    names = tuple(api.Deployments.__dataclass_fields__)
    found = []
    for part in parts_of(study):
        sizes = {k: np.asarray([float(str(r[column_of(part, k)])) for r in rows]) for k in names}
        tiled = api.Deployments(**{k: np.tile(a, samples) for k, a in sizes.items()})
        found.append(api.Designs(chips=chips, deployments=tiled))
    return found


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Candidates at one target under all drawings, each with its best deployment in each."""

    samples: int
    seed: int
    numbers: int
    cost: Floats
    """Goal (samples, candidates), infinite where nothing is feasible."""

    @property
    def wins(self) -> Floats:
        """Share of the drawings that each candidate wins; of equally good ones the first does."""
        some = np.isfinite(self.cost).any(axis=1)
        best = np.argmin(self.cost, axis=1)
        return np.asarray([float(np.mean((best == i) & some)) for i in range(self.cost.shape[1])])

    @property
    def feasible(self) -> Floats:
        """Share of the drawings in which each candidate is feasible."""
        return np.asarray(np.isfinite(self.cost).mean(axis=0))

    def interval(self, i: int) -> tuple[float, float, float]:
        """10th, 50th and 90th percentile of the goal of candidate `i` over the drawings it is feasible in."""
        told = self.cost[np.isfinite(self.cost[:, i]), i]
        if not told.size:
            return float("inf"), float("inf"), float("inf")
        low, median, high = np.percentile(told, [LOW, 50.0, HIGH])
        return float(low), float(median), float(high)


def contest(
    study: ResolvedStudy,
    candidates: Sequence[Candidate],
    limits: Mapping[str, float],
    samples: int,
    seed: int,
) -> Contest:
    """Who wins at `limits`, how often: deployments are chosen anew under every drawing."""
    drawn = draws(study, samples, seed)
    cost, _ = solve_variants(studies_of(study, drawn, candidates), candidates, study_grid(study), limits)
    numbers = len(drawn[0]) if drawn else 0
    return Contest(samples=samples, seed=seed, numbers=numbers, cost=cost)


@dataclass(frozen=True, kw_only=True)
class Swing:
    """One number moved over its range, all others held."""

    fact: Fact
    low: float
    """The number at its low end, in SI."""
    high: float
    cost_low: float | None
    """Goal at the low end, deployment chosen anew; None where nothing is feasible."""
    cost_high: float | None

    def width(self, base: float) -> float:
        """Largest relative change of the goal; infinite where an end is infeasible."""
        ends = (self.cost_low, self.cost_high)
        return max(float("inf") if c is None else abs(c / base - 1.0) for c in ends)


def tornado(
    study: ResolvedStudy, candidate: Candidate, limits: Mapping[str, float], base: float
) -> list[Swing]:
    """Every uncertain number at both ends of its range, those that move the goal most first."""
    known = uncertain_facts(study)
    studies: list[ResolvedStudy | None] = []
    for u in known:
        for end in (u.low, u.high):
            try:
                studies.append(varied(study, {u.fact.place: end}, [candidate]))
            except SpecError:
                studies.append(None)
    usable = [s for s in studies if s is not None]
    solved = iter(solve_variants(usable, [candidate], study_grid(study), limits)[0][:, 0])
    costs = [float(next(solved)) if s is not None else float("inf") for s in studies]
    found = []
    for i, u in enumerate(known):
        ends = [c if np.isfinite(c) else None for c in costs[2 * i : 2 * i + 2]]
        swing = Swing(fact=u.fact, low=u.low, high=u.high, cost_low=ends[0], cost_high=ends[1])
        if swing.width(base) > 1e-4:
            found.append(swing)
    return sorted(found, key=lambda s: -s.width(base))

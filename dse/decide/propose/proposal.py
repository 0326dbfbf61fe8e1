"""The chip to build for a target: picked from a front, rounded, evaluated, and compared with its rivals."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.chips.price_basis import group_of
from dse.choose.rule import Limits
from dse.decide.explain.marginal_value import MarginalValue, marginal_values
from dse.decide.propose.candidates import Candidate, chips_of_candidates, from_rows
from dse.decide.propose.chip_file import chip_of, made_of, space_around
from dse.decide.propose.overturning_numbers import OverturningNumber, overturning_numbers
from dse.decide.propose.rivals import Near, Rival, family_of, nearest_chips, rivals
from dse.decide.propose.rounding import Rounded, rounded
from dse.decide.propose.validity import at_space_boundary, beyond_known_silicon, outside
from dse.decide.scenario.best_deployments import DeploymentProblem, deployment_problem
from dse.decide.scenario.evaluation import Evaluation, evaluate_candidate
from dse.decide.scenario.row_values import value_in
from dse.decide.scenario.scenario_batch import tpots_of_variants
from dse.decide.uncertainty.monte_carlo import MonteCarlo, Swing, monte_carlo, tornado
from dse.decide.uncertainty.quantiles import HIGH, LOW, SAMPLES, Spread
from dse.decide.uncertainty.sampling import sample_numbers, studies_of
from dse.decide.verdict.local_search import local_search
from dse.errors import InfeasibleError
from dse.evaluate.batch import axis_of
from dse.evaluate.estimate_result import Estimate
from dse.front.files import Front
from dse.front.tables import Row, records
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy
from dse.question.unanchored import family, price_bases_in, unanchored_in
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.chip import ChipSpec
from dse.spec.yaml.units import pretty

STEPS = "steps-2026"
"""Name of the bundled steps that chips can be built in."""
LARGEST_COST_RATIO = 10.0
"""A rival whose cost ratio is larger cannot win within the factors that are searched; it is skipped."""

Progress = Callable[[str], None]
"""Called with what is being worked out."""


@dataclass(frozen=True, kw_only=True)
class Odds:
    """How often the proposal wins when every uncertain number is drawn."""

    samples: int
    seed: int
    numbers: int
    wins: float
    feasible: float
    interval: tuple[float, float, float]
    """10th, 50th and 90th percentile of the goal."""
    tpot: tuple[float, float, float]
    """The same of TPOT [s], the deployment held."""
    others: Mapping[str, float]
    """Rival to the share of samples that it wins."""

    @property
    def spread(self) -> Spread:
        """The same by the names that all verbs use; the target is met where it is feasible."""
        low, median, high = self.interval
        return Spread(
            p10=low,
            p50=median,
            p90=high,
            probability_best=self.wins,
            probability_meets_target=self.feasible,
            tpot_s_p10=self.tpot[0],
            tpot_s_p50=self.tpot[1],
            tpot_s_p90=self.tpot[2],
        )


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One chip, with everything that its datasheet says."""

    study: ResolvedStudy
    picked: Candidate
    """As the front has it."""
    local_search_steps: int
    """Steps of the local search from there; 0 without one."""
    rounded: Rounded
    chip: ChipSpec
    price_usd: float
    """Price of one chip by the study's method, nothing around it."""
    prices: str
    """The prices that this one ranks among, see `group_of`."""
    unanchored: str | None
    """Why no measurement anchors its software; None where one does."""
    evaluation: Evaluation
    goal: str
    goal_label: str
    limits: Mapping[str, float]
    made: Mapping[str, Mapping[str, float]]
    """Parts of its die, power and unit cost, see `made_of`."""
    rivals: tuple[Rival, ...]
    near: tuple[Near, ...]
    marginal_values: tuple[MarginalValue, ...]
    overturning_numbers: tuple[OverturningNumber, ...]
    tornado: tuple[Swing, ...]
    odds: Odds | None
    warnings: tuple[str, ...]
    space: str
    """YAML of the space around it."""

    @property
    def estimate(self) -> Estimate:
        """Of the chip under its best deployment; of a mix the whole."""
        return self.evaluation.estimate

    @property
    def wins(self) -> bool:
        """Whether it is better than every rival that was looked at and that ranks against it."""
        # prices on another basis do not compare
        able = [r.cost for r in self.rivals if r.cost is not None and r.ranks]
        return all(cost >= self.rounded.cost for cost in able)

    @property
    def system_usd(self) -> float:
        """Capital of one chip with its share of all that the study's system counts."""
        return self.estimate.metrics["capex_usd"] / self.estimate.metrics["chips"]


def limits_text(limits: Mapping[str, float]) -> str:
    """Limits as text: `TPOT 5 ms, capital 100,000 USD`."""
    return ", ".join(f"{objective(n).label} {pretty(v, objective(n).unit)}" for n, v in limits.items())


def propose(
    study: ResolvedStudy,
    front: Front,
    limits: Mapping[str, float],
    *,
    name: str | None = None,
    robust: bool = False,
    polish: bool = False,
    intervals: bool = True,
    with_unanchored: bool = False,
    samples: int = SAMPLES,
    seed: int = 1,
    progress: Progress = lambda _: None,
) -> Proposal:
    """Propose the chip of `front` that is best at `limits` [SI, by objective], in buildable sizes.

    With `intervals` every uncertain number is drawn `samples` times, and the proposal is put to its rivals in
    each sample. With `robust` the chip is the one whose median is best, infeasible samples counting as the
    worst, instead of the one that is best at the values of all numbers.
    With `polish` a local search improves it first, see `local_search`.
    Chips whose software no measurement anchors are not proposed and win nothing unless `with_unanchored` says
    so; rivals rank against it where their prices are on the basis of its own.
    Raises `InfeasibleError` when no design of the search may be proposed, with every reason.
    """
    problem = deployment_problem(study, limits)
    rules = study.setting.catalog.get(BuildableSpec, STEPS)
    found = _contenders(study, front, problem, with_unanchored)
    progress("rounding")
    picked, odds = found[0], None
    if robust:
        progress(f"evaluating {samples} samples")
        picked = _steadiest(study, found, limits, samples, seed)
    start, steps = local_search(study, problem, picked) if polish else (picked, 0)
    made = rounded(study, problem, start, rules)
    evaluation = evaluate_candidate(study, problem, made.candidate, made.layout)
    # after rounding, which may take a chip over a limit
    if reasons := outside(study, made.candidate, evaluation.estimate.violations):
        raise InfeasibleError([f"{picked.label} in buildable sizes cannot be proposed: {r}" for r in reasons])
    progress("evaluating its rivals")
    others = rivals(study, front, problem, made.candidate, with_unanchored)
    ranked = [r for r in others if r.ranks]
    if intervals or robust:
        progress("estimating how often it wins")
        odds = _odds(study, made, ranked, limits, samples, seed)
    chip = chip_of(study, made.candidate, name or name_at(study.slug, problem.limits), _words(problem))
    near_enough = [
        r.candidate for r in ranked if r.cost is not None and r.cost < LARGEST_COST_RATIO * made.cost
    ]
    progress("searching for values that change the winner")
    branch = family_of(made.candidate)
    return Proposal(
        study=study,
        picked=picked,
        local_search_steps=steps,
        rounded=made,
        chip=chip,
        # by the study's method: the file of the chip has no price
        price_usd=float(chips_of_candidates(study, [made.candidate]).cost.price_usd[0]),
        prices=group_of(price_bases_in(study)[branch]),
        unanchored=unanchored_in(study).get(branch),
        # as its file calls it, no longer by branch and trial
        evaluation=_under_name(evaluation, chip.name),
        goal=problem.goal.name,
        goal_label=problem.goal.label,
        limits={o.name: v for o, v in problem.limits},
        made=made_of(chip, study.setting.technology),
        rivals=tuple(others),
        near=tuple(nearest_chips(study, chip)),
        marginal_values=tuple(marginal_values(study, problem, made.candidate)),
        overturning_numbers=tuple(overturning_numbers(study, made.candidate, near_enough, limits)),
        tornado=tuple(tornado(study, made.candidate, limits, made.cost)),
        odds=odds,
        warnings=(
            *beyond_known_silicon(made.candidate, rules),
            # as it was before rounding, which moves values off the boundary
            *at_space_boundary(start, study.branches[start.branch or ""].spec),
        ),
        space=space_around(study, made.candidate, chip.name),
    )


def _under_name(evaluation: Evaluation, name: str) -> Evaluation:
    parts = (replace(part, estimate=replace(part.estimate, chip=name)) for part in evaluation.parts)
    return Evaluation(estimate=replace(evaluation.estimate, chip=name), parts=tuple(parts))


def _contenders(
    study: ResolvedStudy, front: Front, problem: DeploymentProblem, with_unanchored: bool
) -> list[Candidate]:
    """Chips of the search that meet the limits and may win, the best first; `InfeasibleError` for none."""
    # a chip that exists needs no proposal
    rows = [r for r in records(front.frame) if r["role"] == "search"]
    if not rows:
        raise InfeasibleError([f"the front of {study.slug} has no chip of a search space to propose"])
    # of each limit its values, row by row
    values = [[value_in(study, row, goal) for row in rows] for goal, _ in problem.limits]
    each = zip(rows, zip(*values, strict=True), strict=True) if values else ((row, ()) for row in rows)
    limits = problem.limits
    met = [
        row
        for row, own in each
        if all(_meets(v, goal.direction, limit) for v, (goal, limit) in zip(own, limits, strict=True))
    ]
    if not met:
        raise InfeasibleError([_nearest_miss(study, values, limits)])
    sign = 1.0 if problem.goal.direction == "minimize" else -1.0
    column, able = axis_of(problem.goal).column, met if with_unanchored else _anchored(study, met)
    return from_rows(study, sorted(able, key=lambda r: sign * float(r[column])))


def _anchored(study: ResolvedStudy, rows: Sequence[Row]) -> list[Row]:
    """Rows of branches that a measurement anchors; raises `InfeasibleError` where there are none of them."""
    unanchored = unanchored_in(study)
    branches = [family(str(row["chip"]), str(row["role"])) for row in rows]
    kept = [row for row, branch in zip(rows, branches, strict=True) if branch not in unanchored]
    if kept:
        return kept
    hint = "--with-unanchored allows it."
    # one reason a branch, however many of its rows meet the target
    reasons = [
        f"{b} meets the target but is unanchored: {unanchored[b]} {hint}" for b in dict.fromkeys(branches)
    ]
    raise InfeasibleError(reasons)


def _meets(value: float | None, direction: str, limit: float) -> bool:
    # unknown on the front, so it is judged after rounding, see `outside`
    if value is None:
        return True
    return bool(value <= limit if direction == "minimize" else value >= limit)


def _nearest_miss(study: ResolvedStudy, values: Sequence[Sequence[float | None]], limits: Limits) -> str:
    """The tightest limits that no design meets, each with the best value on the front."""
    missed = []
    for own, (goal, limit) in zip(values, limits, strict=True):
        known = [v for v in own if v is not None]
        best = min(known) if goal.direction == "minimize" else max(known)
        missed.append(
            f"{goal.label} {pretty(limit, goal.unit)} (the best alone is {pretty(best, goal.unit)})"
        )
    return f"no design on the front of {study.slug} meets {' and '.join(missed)}"


def _steadiest(
    study: ResolvedStudy, found: Sequence[Candidate], limits: Mapping[str, float], samples: int, seed: int
) -> Candidate:
    """The chip whose median over all samples is best; a sample in which it is infeasible is the worst."""
    # a sample is one outcome, which meets a target or not
    cost = monte_carlo(study.confident(None), found, limits, samples, seed).cost
    # the median, since a mean is infinite after one infeasible sample
    return found[int(np.argmin(np.median(cost, axis=0)))]


def _odds(
    study: ResolvedStudy,
    made: Rounded,
    others: Sequence[Rival],
    limits: Mapping[str, float],
    samples: int,
    seed: int,
) -> Odds:
    """Monte Carlo of the proposal against its rivals, and percentiles of TPOT with its deployment fixed."""
    candidate = made.candidate
    # a sample is one outcome, which meets a target or not
    study = study.confident(None)
    # the samples of `monte_carlo` below, since seed and numbers are the same
    studies = studies_of(study, sample_numbers(study, samples, seed), [candidate])
    # TPOT with the deployment held; the goal, below, with deployments chosen again in each sample
    low, median, high = np.percentile(
        tpots_of_variants(studies, candidate, made.layout, limits), [LOW, 50.0, HIGH]
    )
    found: MonteCarlo = monte_carlo(study, [candidate, *(r.candidate for r in others)], limits, samples, seed)
    wins = found.wins
    return Odds(
        samples=samples,
        seed=seed,
        numbers=found.numbers,
        wins=float(wins[0]),
        feasible=float(found.feasible[0]),
        interval=found.interval(0),
        tpot=(float(low), float(median), float(high)),
        # `wins[0]` is the proposal
        others={r.candidate.label: float(w) for r, w in zip(others, wins[1:], strict=True) if w > 0.0},
    )


def name_at(slug: str, limits: Limits) -> str:
    """Name of a proposed chip: the study and its limits, in the letters of names."""
    # without the number of the study
    parts = [slug.partition("-")[2] if slug[:4].isdigit() else slug]
    parts += [pretty(v, o.unit, 3) for o, v in limits]
    # 5.00ms becomes 5ms
    text = re.sub(r"\.0+(?=\D)", "", "-".join(parts).lower())
    return re.sub(r"[^a-z0-9.+-]+", "", text).strip(".+-")


def _words(problem: DeploymentProblem) -> dict[str, str]:
    return {o.name: pretty(v, o.unit) for o, v in problem.limits}

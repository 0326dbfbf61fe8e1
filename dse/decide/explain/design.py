"""Why one design of a study is what it is: its breakdown, its sources, and every single change of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from dse.chips.branch import chip_kind
from dse.decide.explain.elasticity import Elasticity, elasticities, rests_on
from dse.decide.explain.neighbours import Neighbour, neighbours
from dse.decide.propose.candidates import Candidate, chips_of_candidates, from_rows, parameter_values
from dse.decide.scenario.best_deployments import DeploymentProblem, best_layouts, deployment_problem
from dse.decide.scenario.evaluation import Evaluation, as_plain, evaluate_candidate
from dse.decide.scenario.mix_parts import Layout, layout_of_row
from dse.decide.scenario.row_values import value_in
from dse.errors import nearest, spec_error
from dse.evaluate.batch import axis_of
from dse.evaluate.estimate_result import Estimate
from dse.front.files import Front
from dse.front.tables import Row, records, stack
from dse.question.chip_names import chip_name
from dse.question.resolved_study import ResolvedStudy
from dse.search.trials.read_trials import FrozenTrial
from dse.search.trials.sound import choice_of
from dse.spec.yaml.units import pretty
from dse.text import is_count

PRINTED = 0.0005
"""Largest share that prints as 0.0 %."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One design, explained."""

    study: ResolvedStudy
    candidate: Candidate
    evaluation: Evaluation
    goal: str
    goal_label: str
    neighbours: tuple[Neighbour, ...]
    elasticities: tuple[Elasticity, ...]

    @property
    def estimate(self) -> Estimate:
        """Of the design; of a mix the whole."""
        return self.evaluation.estimate

    @property
    def least_gain(self) -> float:
        """Share that a change must gain to count: the study's tolerance, and what prints as 0.0 %."""
        return max(self.study.spec.tolerance, PRINTED)

    @property
    def improvements(self) -> list[Neighbour]:
        """Single changes that would make it better, the best first; empty for a local optimum."""
        better = [n for n in self.neighbours if n.gain > self.least_gain]
        return sorted(better, key=lambda n: -n.gain)

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        known = self.study.setting.catalog.sources()
        return {
            "study": self.study.slug,
            "trial": self.candidate.trial,
            "chip": self.candidate.label,
            "parameters": parameter_values(self.study, self.candidate),
            "objective": self.goal,
            "estimate": as_plain(self.evaluation),
            "locally_optimal": not self.improvements,
            "neighbours": [{**asdict(n), "better": n.gain > self.least_gain} for n in self.neighbours],
            **rests_on(self.elasticities, known),
        }


def explain(
    study: ResolvedStudy,
    front: Front,
    trial: str,
    limits: Mapping[str, float],
    trials: Sequence[FrozenTrial] = (),
) -> Explanation:
    """Explain a design of a stored front at the target that it is best at, or any other of the `trials`.

    `trial` is the number of a trial, the name of a chip on the front, or `row:N` counted from 1.
    Of several deployments of one chip the cheapest that meets `limits` [SI, by objective] is taken; without
    limits the tightest target of the study that its fastest one meets is the limit. A trial that is not on
    the front is taken at the best deployment for its own target. Raises `SpecError`.
    """
    rows = _rows(front, trial)
    if rows:
        # limits first: they decide between the deployments of one chip
        problem = deployment_problem(study, dict(limits) or _usual(study, rows))
        row = _best(rows, problem, study)
        candidate = from_rows(study, [row])[0]
        layout = layout_of_row(study, row)
    else:
        candidate, limit = candidate_of_trial(study, _trial(study.slug, front, trial, trials))
        problem = deployment_problem(study, dict(limits) or limit)
        layout = _solved(study, problem, candidate)
    return Explanation(
        study=study,
        candidate=candidate,
        goal=problem.goal.name,
        goal_label=problem.goal.label,
        evaluation=evaluate_candidate(study, problem, candidate, layout),
        neighbours=tuple(neighbours(study, problem, candidate, layout)),
        elasticities=tuple(elasticities(study, candidate, layout)),
    )


def _rows(front: Front, trial: str) -> list[Row]:
    """Rows of the front, or else of the baselines, that `trial` names."""
    # the front first: `row:N` counts its rows
    every: Sequence[Row] = records(stack([front.frame, front.at_targets, front.baselines]))
    if trial.startswith("row:"):
        number = trial.removeprefix("row:")
        count = len(front.frame)
        if not is_count(number) or not 1 <= int(number) <= count:
            raise spec_error("TRIAL", f"expected a row from row:1 to row:{count}, got {trial!r}")
        # rows of the front are first in `every`, and counted from 1
        return [every[int(number) - 1]]
    return [r for r in every if trial in (str(r["trial"]), r["chip"])]


def _trial(slug: str, front: Front, number: str, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The stored trial of that number."""
    for trial in trials:
        if str(trial.number) == number and trial.state.is_finished():
            return trial
    chips = dict.fromkeys(str(r["chip"]) for r in records(front.frame))
    among = f" or one of the {len(trials):,} stored trials" if trials else ""
    what = f"expected a trial or a chip of the front{among}, got {number!r}"
    raise spec_error("TRIAL", f"{what}; {nearest(number, chips, f'dse front {slug}')}")


def candidate_of_trial(study: ResolvedStudy, trial: FrozenTrial) -> tuple[Candidate, dict[str, float]]:
    """The chip of a stored trial, and the latency limit of the trial."""
    choice = choice_of(study, trial)
    swept = study.swept
    # without a swept target the limit of a trial is infinite, and none is set
    limit = {swept.name: choice.limit} if swept is not None and np.isfinite(choice.limit) else {}
    if choice.chip is not None:
        kind = chip_kind(study.baselines[choice.chip])
        return Candidate(label=choice.chip, kind=kind, trial=trial.number), limit
    branch = study.branches[choice.branch or ""]
    # a trial chooses one chip, in columns of shape (1,)
    values = {name: float(v[0]) for name, v in choice.values.items()}
    label = chip_name(branch.name, trial.number)
    return Candidate(
        label=label, kind=branch.kind, branch=branch.name, values=values, trial=trial.number
    ), limit


def _solved(study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate) -> Layout:
    return best_layouts(study, problem, chips_of_candidates(study, [candidate]))[1][0]


def _usual(study: ResolvedStudy, rows: Sequence[Row]) -> dict[str, float]:
    """The tightest target to report at that some row meets; without one its own latency."""
    if study.swept is None:
        return {}
    column = axis_of(study.swept).column
    fastest = min(float(r[column]) for r in rows)
    met = [t for t in study.spec.report_at if t >= fastest]
    # a row that misses all targets is judged at its own latency, which it meets
    return {study.swept.name: min(met, default=fastest)}


def _best(rows: Sequence[Row], problem: DeploymentProblem, study: ResolvedStudy) -> Row:
    """The row with the best goal among those that meet the limits; `SpecError` where none does."""

    def met(row: Row) -> bool:
        for goal, limit in problem.limits:
            value = value_in(study, row, goal)
            # an objective without a column is unknown here, so it excludes no row
            beyond = value is not None and (value > limit if goal.direction == "minimize" else value < limit)
            if beyond:
                return False
        return True

    column = axis_of(problem.goal).column
    sign = 1.0 if problem.goal.direction == "minimize" else -1.0
    good = [r for r in rows if met(r)]
    if not good:
        limits_text = ", ".join(f"{o.label} {pretty(limit, o.unit)}" for o, limit in problem.limits)
        what = f"expected a design that meets {limits_text}, got {rows[0]['chip']} of {study.slug}"
        raise spec_error("TRIAL", f"{what}, none of whose deployments on the front does")
    return min(good, key=lambda r: sign * float(r[column]))

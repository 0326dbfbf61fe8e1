"""Scores of metrics by a study: objectives that are all minimised, violations of constraints and targets.

Array-namespace code, so that a compiled backend runs the same source.
"""

from dse.choose import rule
from dse.question.resolved_study import ResolvedStudy
from objectives import api
from objectives.arrays import Array


def costs(study: ResolvedStudy, metrics: api.Metrics) -> list[Array]:
    """The objectives of a study, each with the sign with which less is better."""
    values = [goal.value(metrics, study.context) for goal in study.objectives]
    signs = [1.0 if goal.direction == "minimize" else -1.0 for goal in study.objectives]
    return [value if sign > 0.0 else -value for value, sign in zip(values, signs, strict=True)]


def violations(study: ResolvedStudy, metrics: api.Metrics) -> dict[str, Array]:
    """Violation of each named constraint and of each fixed target; feasible where all are <= 0."""
    return rule.violations(metrics, study.context, study.limits)

"""What a study bounds and what it chooses by: its targets, those of its workloads, and its goal."""

from collections.abc import Sequence
from dataclasses import dataclass

from dse.choose.confidence import INTERVALS, AtConfidence
from dse.choose.rule import Limits, merged
from dse.errors import Attempts, UnitError, spec_error
from dse.plugins import interval_of, metrics, objective
from dse.plugins.broken import broken
from dse.plugins.checked_objective import CheckedObjective
from dse.spec.schema.study import StudySpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.units import parse
from objectives import api

RESERVED = frozenset(
    {"trial", "chip", "branch", "role", "price_usd", *api.Deployments.__dataclass_fields__, "feasible"}
)
"""Columns of tables that hold no objective."""

PREFIXES = ("param_", "violation_", "p_")
"""What columns of parameters and constraints begin with."""

USUAL_GOAL = "usd_per_token_per_second"
"""What deployments are chosen by where a study has several goals and names none."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """An objective and the worst value that is accepted, in SI."""

    objective: api.Objective
    limit: float


def target_of(name: str, text: str, confidence: float | None = None) -> Target:
    """The target that a study writes as `name: text`, met with a probability where one is given."""
    goal = objective(name)
    return Target(objective=at_confidence(goal, confidence), limit=parse(str(text), goal.unit))


def own_targets(spec: StudySpec, look: Attempts | None = None) -> tuple[Target, ...]:
    """Targets of the study itself and its limits; `look` keeps what is wrong with one, and leaves None."""
    asked = []
    for name, text in spec.targets.items():
        given = (name, text, spec.confidence)
        asked.append(target_of(*given) if look is None else look(f"targets.{name}", target_of, *given))
    most = {} if spec.limits is None else spec.limits.by_objective()
    return (*asked, *(Target(objective=objective(name), limit=limit) for name, limit in most.items()))


def check_columns(goals: Sequence[api.Objective]) -> None:
    """Raise `PluginError` for an objective of no known unit, or with a column that tables have already.

    Raises `SpecError` for two objectives with one column: a front could show only one of them.
    """
    # the columns of tables come from packages too, and are the same for every study
    metrics()
    by_column: dict[str, str] = {}
    for goal in goals:
        if isinstance(goal, CheckedObjective):
            _check_axis(goal)
        column = getattr(goal, "column", goal.name)
        other = by_column.setdefault(column, goal.name)
        if other != goal.name:
            raise spec_error(
                "", f"expected a column for each, got {column!r} for both {other} and {goal.name}"
            )


def _check_axis(goal: CheckedObjective) -> None:
    try:
        one = parse(f"1 {goal.unit}".strip(), goal.unit)
    # the parser of units says in its own words what it cannot read
    except (UnitError, ValueError):
        one = None
    if one != 1.0:
        raise broken(goal.point, f"unit: expected an SI unit, of which one is 1, got {goal.unit!r}")
    if goal.column in RESERVED or goal.column.startswith(PREFIXES):
        raise broken(goal.point, f"column: expected one that tables do not have yet, got {goal.column!r}")


def at_confidence(goal: api.Objective, confidence: float | None) -> api.Objective:
    """The objective at the value that is met with a probability; as it is where it has no error bar.

    A price, or a number of chips, is no prediction. A latency is one: raises `SpecError` for a latency that
    no stack states an error bar of.
    """
    if confidence is None or isinstance(goal, AtConfidence):
        return goal
    column = INTERVALS.get(interval_of(getattr(goal, "column", "")))
    if column is not None:
        return AtConfidence(of=goal, interval=column, confidence=confidence)
    if goal.unit == "s":
        what = f"expected a metric that stacks state an error bar of, got {goal.name}"
        raise spec_error("", f"{what}: it cannot be met with a probability")
    return goal


def limits_of(targets: Sequence[Target]) -> Limits:
    """Targets as the choice of a deployment reads them."""
    return tuple((t.objective, t.limit) for t in targets)


def bound(own: Sequence[Target], workload: WorkloadSpec | None, spec: StudySpec) -> tuple[Target, ...]:
    """Targets of a study and, unless it lifts them, of a workload; the tighter of two on one objective."""
    promised = workload.targets if workload and spec.workload_targets else {}
    of_workload = tuple(
        (at_confidence(objective(name), spec.confidence), limit) for name, limit in promised.items()
    )
    # None where the look-up of a target failed, whose problem is reported later
    both = merged(limits_of([t for t in own if t is not None]), of_workload)
    return tuple(Target(objective=goal, limit=limit) for goal, limit in both)


def goal_of(spec: StudySpec, goals: Sequence[api.Objective], swept: api.Objective | None) -> api.Objective:
    """What deployments are chosen by; no order of the objectives decides it.

    The one that the study names; else $/(token/s) where that is among them, else the only one that is not
    swept and no latency. Raises `SpecError` where several are left.
    """
    if spec.goal is not None:
        # the schema has checked that it is one of them
        return next(g for g in goals if g.name == spec.goal)
    unswept = [g for g in goals if swept is None or g.name != swept.name] or list(goals)
    others = [g for g in unswept if g.unit != "s"] or unswept  # latencies are bounds more often than goals
    usual = [g for g in others if g.name == USUAL_GOAL] or others
    if len(usual) > 1:
        names = ", ".join(sorted(g.name for g in usual))
        raise spec_error("", f"expected one of {names} to choose deployments by, got none; add `goal: NAME`")
    return usual[0]

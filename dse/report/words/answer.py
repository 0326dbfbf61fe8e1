"""What a front answers: the best design at each latency target, and what the baselines can do there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dse.choose.confidence import INTERVALS, met_column, probability
from dse.evaluate.batch import axis_of
from dse.front.axis import Axis, axis_named
from dse.front.files import Front
from dse.front.query import best_at_targets
from dse.front.tables import Row, Table, distinct, plain_rows, stack
from dse.plugins import interval_of, objective
from dse.report.words.eligibility import Eligibility, eligibility_of


@dataclass(frozen=True)
class Answer:
    """The best designs of a front by target, in SI."""

    objective: Axis
    """The axis that is made best."""
    target: Axis | None
    """The axis that the targets bound; None when the study has no targets to report at."""
    best: tuple[Row, ...]
    """One row per target, with `found` false where no design meets it; without targets the best design of
    each objective, named in `best_for`."""
    baselines: Mapping[str, tuple[float | None, ...]]
    """Baseline chip to its best objective at each target; None where it cannot meet it."""
    rivals: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    """Baseline chip to its best design at each target, rows as in `best`."""
    eligibility: Eligibility = field(
        default_factory=lambda: Eligibility(group_of={}, group=None, unanchored={})
    )
    """Who of them may be the best."""


def answer(front: Front) -> Answer:
    """The answer of a stored front."""
    axis, targets = _targets(front)
    eligibility = eligibility_of(front)
    if axis is None:
        every = ranked(front)
        rows = [_extreme(every, a) for a in front.axes if len(every)]
        return Answer(front.axes[0], None, tuple(rows), {}, eligibility=eligibility)
    goal = goal_of(front, axis.name)
    # of baselines all: a table shows also those that may not win
    every, real = ranked(front), baselines_of(front)
    if goal.column not in every.columns:
        every = front.frame
    rivals = {name: tuple(_best(front, part, axis, targets, goal)) for name, part in _by_chip(real)}
    return Answer(
        objective=goal,
        target=axis,
        best=tuple(_best(front, every, axis, targets, goal)),
        baselines={name: tuple(row[goal.column] for row in rows) for name, rows in rivals.items()},
        rivals=rivals,
        eligibility=eligibility,
    )


def goal_of(front: Front, target: str) -> Axis:
    """The axis that decides what is best; in older results the first that is not that of the targets."""
    named = [a for a in front.axes if a.name == front.manifest.get("goal")]
    others = [a for a in front.axes if a.name != target]
    return (named or others or list(front.axes))[0]


def contenders(front: Front) -> Table:
    """Designs that the best at a target is chosen from: the front, and what was solved again at targets."""
    return stack([front.frame, front.at_targets]) if len(front.at_targets) else front.frame


def ranked(front: Front) -> Table:
    """Of the contenders those that may be the best.

    What a chip that may not has kept off the front comes back: the deployments of the baselines.
    """
    every, eligibility = contenders(front), eligibility_of(front)
    kept = eligibility.ranked(every)
    # nothing was barred, so nothing that it dominated is missing
    if kept is every or not len(front.baselines):
        return kept
    return stack([kept, eligibility.ranked(front.baselines)])


def searched_of(front: Front) -> Table:
    """The front, and what was solved again at targets of the chips that were searched."""
    solved = front.at_targets
    if not len(solved):
        return front.frame
    # the front first, so that of equal rows its own one stays
    return distinct(stack([front.frame, solved[solved["role"] == "search"]]))


def baselines_of(front: Front) -> Table:
    """The same of the baselines."""
    solved = front.at_targets
    if not len(solved):
        return front.baselines
    return distinct(stack([front.baselines, solved[solved["role"] == "baseline"]]))


def tolerance_of(front: Front) -> float:
    """Share of the best within which the smallest system is taken; 0 in results that do not say."""
    return float(front.manifest.get("tolerance") or 0.0)


def _targets(front: Front) -> tuple[Axis | None, list[float]]:
    """The objective with the most targets, and these; (None, []) when the study has none."""
    stored = front.manifest.get("targets")
    limits = {name: v if isinstance(v, list) else [v] for name, v in stored.items()} if stored else {}
    # by name where two have as many, so that the answer does not depend on the order in a file
    for name in sorted(limits, key=lambda n: (-len(limits[n]), n)):
        # a target may be on an objective that is no axis of the front
        axis = next((a for a in front.axes if a.name == name), None) or _registered(name)
        if limits[name] and axis.column in front.frame.columns:
            return axis, [float(v) for v in limits[name]]
    return None, []


def _registered(name: str) -> Axis:
    return axis_of(objective(name))


def _best(front: Front, rows: Table, axis: Axis, targets: list[float], goal: Axis) -> list[Row]:
    found = plain_rows(best_at_targets(rows, axis, targets, goal, tolerance_of(front)))
    return [{**row, **_chance(row, axis)} for row in found]


def _chance(row: Row, axis: Axis) -> dict[str, float | None]:
    """The probability that a design meets its target; empty where the study requires none."""
    # intervals are columns only where a probability is required
    if not set(INTERVALS.values()) & set(row):
        return {}
    # the axis is of what is met with the probability; the estimate has its own column
    column = _registered(axis.name).column
    factor = row.get(INTERVALS.get(interval_of(column), ""))
    # a target without a design has gaps
    if factor is None:
        return {met_column(axis.name): None}
    target = float(row[f"target_{axis.column}"])
    return {met_column(axis.name): probability(float(row[column]), target, float(factor), axis.direction)}


def _extreme(every: Table, axis: Axis) -> Row:
    # stable, so that of equal designs the first on the front is named
    rows = plain_rows(every.sort_values(axis.column, ascending=not axis.maximised, kind="stable").head(1))
    return {"best_for": axis.name, **rows[0]}


def best_label(front: Front, row: Row) -> str:
    """Why a row of an answer without targets is shown, in words: `best $/(token/s)`."""
    return f"best {axis_named(front.axes, row['best_for']).label}"


def _by_chip(frame: Table) -> list[tuple[str, Table]]:
    if "chip" not in frame.columns:
        return []
    return [(str(name), part) for name, part in frame.groupby("chip", sort=True)]

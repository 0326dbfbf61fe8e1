"""The designs of a front solved again at each target, on the fine grid of deployments and between batches.

A search tries a coarse grid, and its front keeps what nothing dominates. What a study answers with is chosen
as `dse estimate` chooses it: the best deployment of a chip at the target, and the smallest system near it.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dse.chips.branch import chip_kind
from dse.chips.resolve import chip_columns, chips_of
from dse.choose.rule import Limits, merged
from dse.choose.solve import Found, Question, best_deployments
from dse.evaluate.batch import Origin, axis_of, evaluate
from dse.evaluate.detail import family_of
from dse.front.dominance import Mask
from dse.front.tables import Table, distinct, records, stack
from dse.question.chip_names import branch_of
from dse.question.layouts import grid
from dse.question.resolved_study import ResolvedStudy
from objectives import api

CONTENDS = 1.3
"""Chips of a front that are at most this factor behind the best at some target, or behind the target, are
solved again: what a finer grid of deployments gains is seldom more."""

NO_TRIAL = -1
"""Trial number of a chip of the catalog that no trial chose."""


def most_targets(targets: Mapping[str, list[float]]) -> tuple[str, list[float]] | None:
    """The objective with the most targets, and these; None where there are none."""
    known = [name for name in targets if targets[name]]
    # of two with as many, by name, so that the choice does not depend on the file
    return min(((name, targets[name]) for name in known), key=lambda t: (-len(t[1]), t[0]), default=None)


def solved_at_targets(
    study: ResolvedStudy, frame: Table, baselines: Table, targets: Mapping[str, list[float]]
) -> Table:
    """Rows of the baselines and of the chips of the front that contend, at each of `targets`.

    Of each chip and target the best deployment, and the smallest system within the tolerance of it; what
    several targets find is listed once. Empty for a mix, and where deployments are parameters of a trial, so
    that only those of the trials are known.
    """
    chosen = most_targets(targets)
    if chosen is None or study.members or study.spec.deployment.mode != "solve":
        # no rows, but the columns of the front
        return frame.iloc[:0]
    goal = study.bounded(chosen[0])
    limits = [merged(study.limits, ((goal, limit),)) for limit in chosen[1]]
    found = [*_of_baselines(study, frame, baselines, limits), *_of_front(study, frame, goal, limits)]
    return distinct(stack([t for t in found if len(t)] or [frame.iloc[:0]]))


def _of_baselines(
    study: ResolvedStudy, frame: Table, baselines: Table, limits: list[Limits]
) -> Iterator[Table]:
    """Rows of every chip of the catalog in the study."""
    trials = {str(row["chip"]): int(row["trial"]) for t in (frame, baselines) for row in records(t)}
    for name, spec in sorted(study.baselines.items()):
        chips = chips_of([chip_columns(spec, study.setting)])
        origin = Origin(
            trial=np.asarray([trials.get(name, NO_TRIAL)]),
            chip=[name],
            branch=chip_kind(spec),
            role="baseline",
            parameters={},
            names={},
            price_usd=np.asarray(chips.cost.price_usd),
        )
        yield from _solved(study, chips, origin, limits)


def _of_front(
    study: ResolvedStudy, frame: Table, target: api.Objective, limits: list[Limits]
) -> Iterator[Table]:
    """Rows of the chips of the front that contend at some target, branch by branch."""
    if not len(frame):
        return
    # baselines on the front are solved by `_of_baselines`
    rows = frame[_contending(study, frame, target, limits) & (frame["role"] == "search").to_numpy()]
    # deployments are chosen again below, so one row of each chip is enough
    rows = rows.drop_duplicates("chip")
    if not len(rows):
        return
    for name, part in rows.groupby(rows["chip"].map(branch_of), sort=True):
        branch, chips = study.branches[str(name)], family_of(study, str(name), part).chips
        values = {n: part[f"param_{n}"].to_numpy(dtype=float) for n in branch.spec.parameters}
        # chips that share a price have it once
        price = np.broadcast_to(np.asarray(chips.cost.price_usd), (len(part),))
        origin = Origin(
            trial=part["trial"].to_numpy(),
            chip=list(part["chip"]),
            branch=branch.kind,
            role="search",
            parameters=values,
            names=branch.named(values),
            price_usd=price,
        )
        yield from _solved(study, chips, origin, limits)


def _contending(study: ResolvedStudy, frame: Table, target: api.Objective, limits: list[Limits]) -> Mask:
    """Rows whose goal is near the best of those that meet a target, and that meet it or nearly do."""
    sign = 1.0 if study.goal.direction == "minimize" else -1.0
    cost = sign * frame[axis_of(study.goal).column].to_numpy(dtype=float)
    late = frame[axis_of(target).column].to_numpy(dtype=float)
    near = np.zeros(len(frame), dtype=np.bool_)
    for each in limits:
        limit = next(v for goal, v in each if goal.name == target.name)
        late_by = late / limit if target.direction == "minimize" else limit / late
        # infinite where nothing is in time
        least = np.min(cost, where=late_by <= 1.0, initial=np.inf)
        close = late_by <= CONTENDS  # a deployment between the steps of the grid may be in time
        # |least|, since the cost of a goal that is maximised is negative; where nothing is in time,
        # all that is nearly so contends
        near |= close & (cost <= least + (CONTENDS - 1.0) * abs(least)) if np.isfinite(least) else close
    return near


def on_fine_grid(study: ResolvedStudy, chips: api.Chips, limits: Sequence[Limits]) -> list[Found]:
    """The best deployment of each chip under each of some limits, as `dse estimate` chooses it."""
    question = Question(
        cost_model=study.cost_model,
        context=study.context,
        goal=study.goal,
        tolerance=study.spec.tolerance,
        any_batch=study.fine_lists.any_batch,
    )
    return best_deployments(question, chips, grid(study.fine_lists), limits)


def _solved(study: ResolvedStudy, chips: api.Chips, origin: Origin, limits: list[Limits]) -> Iterator[Table]:
    every = on_fine_grid(study, chips, limits)
    # axes (choice, chip): for each limit the best deployment, then the smallest system near it
    found = [(f.feasible, d.columns()) for f in every for d in (f.cheapest, f.deployments)]
    columns = {name: np.stack([each[name] for _, each in found]) for name in found[0][1]}
    points = evaluate(study, chips, api.Deployments(**columns), origin)
    yield points.rows(np.flatnonzero(np.stack([feasible for feasible, _ in found])))

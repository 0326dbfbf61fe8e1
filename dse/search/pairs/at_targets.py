"""Pairs of a front solved again at each target, in layouts between those of the coarse grid.

A sweep pairs the layouts of a coarse grid where a study lists none. What a study answers with is chosen as
`dse estimate --pool` chooses it: the best of all pairs of layouts of the chips that contend at the target.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dse.choose.pools import PoolChoice
from dse.choose.rule import Limits, merged
from dse.choose.solve import Question
from dse.evaluate.batch import axes_of, axis_of
from dse.evaluate.pools.fronts import Numbers
from dse.evaluate.pools.pairs import best_of_pair
from dse.evaluate.pools.study_layouts import fine_layouts
from dse.front.archive import Archive
from dse.front.tables import Row, Table, distinct, plain_rows, stack
from dse.question.chip_names import branch_of
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.search.analysis.at_targets import CONTENDS
from dse.search.pairs.result import add_pairs
from dse.search.pairs.trial import OneChip
from objectives import api

MOST = 6
"""Pairs of chips of each standing that are solved again at a target: the best ones."""


def solved_at_targets(study: PooledStudy, frame: Table, eligible: PairEligibility) -> Table:
    """Rows of the pairs of chips that contend, at each target to report at.

    Empty where nothing is solved: for pools of attention and FFNs, without targets, or where deployments are
    parameters of a trial.
    """
    swept, targets = study.first.swept, study.spec.report_at
    solves = study.spec.deployment.mode == "solve" and "prefill" in study.pools
    if not solves or swept is None or not len(frame) or not _leaves_sizes(study):
        return frame.iloc[:0]
    found: list[Table] = []
    known = _by_standing(frame, eligible)
    for target in targets:
        limits = merged(study.limits, ((swept, target),))
        for rows in known.values():
            some = _contending(study, rows, axis_of(swept).column, target)
            found += [solved for row in some for solved in _solved(study, row, limits)]
    return distinct(stack(found or [frame.iloc[:0]]))


def _leaves_sizes(study: PooledStudy) -> bool:
    """Whether some pool has a size between those of its coarse grid."""
    return any(own.fine_lists != own.lists for own in study.pools.values())


def _by_standing(frame: Table, eligible: PairEligibility) -> dict[Standing, list[Row]]:
    found: dict[Standing, list[Row]] = {}
    for row in plain_rows(frame):
        chips = [str(row[f"{role}.chip"]) for role in eligible.roles]
        found.setdefault(eligible.standing(chips), []).append(row)
    return found


def _contending(study: PooledStudy, rows: list[Row], column: str, target: float) -> list[Row]:
    """A row of each pair of chips that is near the best within a target, or nearly within it."""
    goal = axis_of(study.first.goal)
    sign = -1.0 if goal.maximised else 1.0
    cost = np.asarray([sign * float(row[goal.column]) for row in rows])
    late = np.asarray([float(row[column]) / target for row in rows])
    least = np.min(cost, where=late <= 1.0, initial=np.inf)
    near = late <= CONTENDS
    if np.isfinite(least):
        near &= cost <= least + (CONTENDS - 1.0) * abs(least)
    ordered = sorted(np.flatnonzero(near), key=lambda i: cost[i])
    one_each = {str(rows[i]["chip"]): rows[i] for i in reversed(ordered)}
    best_first = list(dict.fromkeys(str(rows[i]["chip"]) for i in ordered))
    return [one_each[name] for name in best_first[:MOST]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _One:
    """The pool of one design, whatever its number."""

    pool: api.Pool
    chip: OneChip

    def at(self, points: Numbers) -> api.Pool:
        del points
        return self.pool

    def facts(self, point: int) -> dict[str, object]:
        return self.chip.facts(point)


def _solved(study: PooledStudy, row: Row, limits: Limits) -> Iterator[Table]:
    """The best layouts of the chips of a row within some limits."""
    chips = {role: _chip(study, role, row) for role in study.pools}
    question = Question(
        cost_model=study.first.cost_model,
        context=study.context,
        goal=study.first.goal,
        tolerance=study.spec.tolerance,
    )
    choices = []
    for role, chip in chips.items():
        layouts, any_batch = fine_layouts(role, chip.study)
        choices.append(PoolChoice(role=role, chips=chip.chips, layouts=layouts, any_batch=any_batch))
    best = best_of_pair(question, tuple(choices), study.link.columns(), limits)
    if best is None:
        return
    ones: Mapping[str, _One] = {role: _One(pool=best.pool(role), chip=chip) for role, chip in chips.items()}
    archive = Archive(axes_of(study.first))
    number = {role: np.zeros(1, dtype=np.int64) for role in chips}
    add_pairs(archive, study, ones, number, int(row["trial"]) if "trial" in row else None)
    yield archive.frame


def _chip(study: PooledStudy, role: str, row: Row) -> OneChip:
    """The chip of a pool of a row."""
    own, name = study.pools[role], str(row[f"{role}.chip"])
    if name in own.baselines:
        return OneChip(role=role, study=own, branch=None, name=name, values={})
    branch = own.branches[branch_of(name)]
    values = {p: np.asarray([float(row[f"{role}.param_{p}"])]) for p in branch.spec.parameters}
    return OneChip(role=role, study=own, branch=branch.name, name=name, values=values)

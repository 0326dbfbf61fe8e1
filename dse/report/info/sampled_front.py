"""A stored front with how sure each design is: P10, median, P90, and how often it is the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.decide.uncertainty.quantiles import (
    COLUMNS,
    SAMPLES,
    TPOT,
    SampledDesigns,
    Spread,
    design_key,
    front_spreads,
    sample_designs,
    spreads,
)
from dse.errors import StaleResultsError
from dse.evaluate.stored_rows import check_rows
from dse.front.axis import Axis
from dse.front.files import Front
from dse.front.tables import Row, Table, records
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy
from dse.report.words.answer import Answer, answer

SEED = 1
"""Default seed of the samples."""
_SAME = 1e-6
"""Relative difference of a stored figure and the same figure evaluated now that is rounding."""


@dataclass(frozen=True)
class SampledFront:
    """A front whose designs were drawn."""

    study: ResolvedStudy
    front: Front
    """Its designs with the columns of `Spread`: percentiles of the goal and of TPOT, and the chances."""
    drawn: SampledDesigns

    @property
    def answer(self) -> Answer:
        """The best design at each target, without spreads."""
        return answer(self.front)

    def with_spreads(self, stored: Answer) -> Answer:
        """The answer with the spread of each design among those that it ranks with at its target."""
        if stored.target is None:
            return stored
        rivals: dict[str, list[Row]] = {name: [] for name in stored.rivals}
        best: list[Row] = []
        for i, row in enumerate(stored.best):
            others = {name: rows[i] for name, rows in stored.rivals.items()}
            found = self._spreads_at(row, others, stored, stored.target)
            # gaps where nothing meets the target, so that all rows have the same columns
            best.append({**row, **found.get("", _NONE)})
            for name, rows in rivals.items():
                rows.append({**others[name], **found.get(name, _NONE)})
        return replace(stored, best=tuple(best), rivals={n: tuple(rows) for n, rows in rivals.items()})

    def _spreads_at(
        self, row: Row, rivals: Mapping[str, Row], result: Answer, target: Axis
    ) -> dict[str, dict[str, float | None]]:
        """Spreads of the best design at a target, by the empty name, and of the baselines that meet it."""
        limit = float(row[f"target_{target.column}"])
        meets = {name: rival for name, rival in rivals.items() if rival["found"]}
        # where a baseline is the best, it is not a rival of itself
        itself = str(row["chip"]) if row["found"] and row["role"] == "baseline" else None
        there = {"": row} if row["found"] else {}
        # chances are shares among designs of one price basis
        there |= {n: r for n, r in meets.items() if result.eligibility.ranks(n) and n != itself}
        found = dict(zip(there, self._compared(list(there.values()), result, target, limit), strict=True))
        each: dict[str, dict[str, float | None]] = {
            name: dict(spread.as_dict()) for name, spread in found.items()
        }
        for name, rival in meets.items():
            if name == itself:
                each[name] = each[""]
            elif name not in each:  # it ranks among none of these
                each[name] = {
                    **self._compared([rival], result, target, limit)[0].as_dict(),
                    # alone in its group it would win every sample, which says nothing
                    "probability_best": None,
                }
        return each

    def _compared(self, rows: list[Row], result: Answer, target: Axis, limit: float) -> list[Spread]:
        keys = [design_key(self.study, row) for row in rows]
        return spreads(self.drawn, keys, result.objective.name, target.name, limit) if rows else []


_NONE: Mapping[str, None] = dict.fromkeys(COLUMNS)


def sample_front(
    study: ResolvedStudy, front: Front, samples: int = SAMPLES, seed: int = SEED
) -> SampledFront:
    """The designs of a front, and the best of each baseline at each target, under the same samples.

    Deployments are held. Raises `StaleResultsError` where the stored figures are not those of the study
    today, and `SpecError` where its rows are no designs of the study.
    """
    for table in (front.frame, front.baselines, front.at_targets):
        check_rows(study, table)
    result, own = answer(front), records(front.frame)
    others = [*result.best, *(r for rows in result.rivals.values() for r in rows)]
    # the best at a target need not be on the front: it was solved again on the fine grid
    rows = [*own, *(r for r in others if r.get("found"))]
    goals = list(study.objectives)
    # the target and TPOT are scored as well, where the study does not optimise them
    for name in (*([] if result.target is None else [result.target.name]), TPOT):
        if name not in {g.name for g in goals}:
            goals.append(objective(name))
    drawn = sample_designs(study, rows, goals, samples, seed)
    _check(study, drawn, rows, front)
    found = front_spreads(drawn, [design_key(study, r) for r in own], result.objective.name, front.axes)
    real = _known(study, drawn, records(front.baselines), result.objective.name)
    frame, baselines = _with(front.frame, found), _with(front.baselines, real)
    return SampledFront(study, replace(front, frame=frame, baselines=baselines), drawn)


def _known(study: ResolvedStudy, drawn: SampledDesigns, rows: Sequence[Row], goal: str) -> list[Spread]:
    """Of baselines, gaps where one was not drawn; none is compared with the front here."""
    keys, seen = [design_key(study, row) for row in rows], set(drawn.keys)
    known = [k for k in dict.fromkeys(keys) if k in seen]
    found = dict(zip(known, spreads(drawn, known, goal, None, None), strict=True)) if known else {}
    gap = Spread(**dict.fromkeys(COLUMNS, float("nan")))
    return [replace(found.get(k, gap), probability_best=float("nan")) for k in keys]


def _with(table: Table, found: Sequence[Spread]) -> Table:
    return table.assign(**{n: np.asarray([getattr(s, n) for s in found], dtype=float) for n in COLUMNS})


def _check(study: ResolvedStudy, drawn: SampledDesigns, rows: Sequence[Row], front: Front) -> None:
    """Raise `StaleResultsError` unless the stored goals are those that the study gives today."""
    place = {key: i for i, key in enumerate(drawn.keys)}
    for axis in front.axes:
        column = drawn.column(axis.name)
        now = np.asarray([drawn.point[place[design_key(study, row)], column] for row in rows])
        then = np.asarray([float(row[axis.column]) for row in rows])
        # without the absolute tolerance that is the default: next to a TPOT in seconds 1e-8 is not small
        if not np.allclose(now, then, rtol=_SAME, atol=0.0):
            # a stored 0 has no relative difference, so it is compared with 1
            far = int(np.argmax(np.abs(now / np.where(then == 0.0, 1.0, then) - 1.0)))
            raise StaleResultsError(
                f"{axis.label} of {rows[far]['chip']} is stored as {then[far]:.4g}, and is {now[far]:.4g} now"
            )

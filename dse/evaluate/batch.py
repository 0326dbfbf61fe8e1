"""Evaluated designs of a study as flat arrays: objectives, violations, and the rows worth keeping."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.bounds.speed_of_light import assert_within_physics
from dse.choose.confidence import AtConfidence, met_column, probability
from dse.choose.rule import best, judged, merged
from dse.evaluate.mix import MemberPoints, combine
from dse.evaluate.scoring import violations
from dse.front.axis import Axis
from dse.front.columns import whole_numbers
from dse.front.tables import Table
from dse.plugins import metrics_of
from dse.plugins.designs import chips_named
from dse.question.layouts import grid
from dse.question.resolved_study import ResolvedStudy
from objectives import api


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the chips of a batch come from; every array has shape (chips,)."""

    trial: npt.NDArray[np.int64]
    chip: list[str]
    branch: str
    role: str
    parameters: Mapping[str, Floats]
    """Numbers in SI; of names their places."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """Names that the numbers of such a parameter select."""
    price_usd: Floats

    def called(self, shape: tuple[int, ...], at: int) -> str:
        """The chip of a design at a flat index in words: its name, and its parameters where it has some."""
        # the chip is the last axis
        chip = int(np.unravel_index(at, shape)[-1]) if shape else 0

        def one(column: npt.ArrayLike) -> object:
            flat = np.asarray(column).reshape(-1)
            return flat[chip if len(flat) > 1 else 0]

        # a name instead of its place among the choices
        known = [
            f"{k} {one(self.names[k])}" if k in self.names else f"{k} {one(v):.6g}"
            for k, v in self.parameters.items()
        ]
        name = self.chip[chip if len(self.chip) > 1 else 0]
        return f"{name} ({', '.join(known)})" if known else name


@dataclass(frozen=True, kw_only=True)
class DesignBatch:
    """Deployments x chips of one batch, flattened; the chip is the last axis."""

    study: ResolvedStudy
    origin: Origin
    designs: api.Designs
    metrics: api.Metrics
    members: tuple[MemberPoints, ...] = ()
    """For a mix: every member in each combination; the combinations are then on the axis of the chips."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Deployments on one or several axes, chips on the last."""
        return self.designs.shape

    def flat(self, column: object) -> Floats:
        """A column of the metrics, broadcast and flattened to shape (points,)."""
        # row-major, so that a flat index is that of `unravel_index` in `rows`
        return np.broadcast_to(np.asarray(column, dtype=float), self.shape).reshape(-1)

    @cached_property
    def values(self) -> Floats:
        """Objectives of the study, shape (points, objectives)."""
        study = self.study
        columns = [g.value(self.metrics, study.context) for g in study.objectives]
        # one row a point, as the archive takes them
        return np.stack([self.flat(c) for c in columns], axis=1)

    @cached_property
    def violations(self) -> dict[str, Floats]:
        """Violation of each named constraint and each fixed target, shape (points,)."""
        return {name: self.flat(v) for name, v in violations(self.study, self.metrics).items()}

    @cached_property
    def feasible(self) -> npt.NDArray[np.bool_]:
        """True where no constraint and no fixed target is violated, shape (points,)."""
        ok: npt.NDArray[np.bool_] = np.all([v <= 0.0 for v in self.violations.values()], axis=0)
        return ok

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """Number of the trial of each point, shape (points,)."""
        # a trial belongs to its chip, which is on the last axis
        return np.broadcast_to(self.origin.trial, self.shape).reshape(-1)

    def swept_violation(self, limit: float) -> Floats:
        """Violation of the latency target that is a parameter of the trial, shape (points,)."""
        swept = self.study.swept
        if swept is None:
            # no latency is beyond a target that the study does not have
            return np.full(self.values.shape[0], -np.inf)
        late: Floats = api.violation(swept, self.flat(swept.value(self.metrics, self.study.context)), limit)
        return late

    def best(self, limit: float) -> int:
        """Index of the best deployment under the swept target, or the one that misses by least."""
        study = self.study
        # a swept target of infinity is none
        swept = () if study.swept is None or not np.isfinite(limit) else ((study.swept, limit),)
        limits = merged(study.limits, swept)
        # as of one chip: a mix has its combinations on the axis of the chips
        found = judged(self.metrics, study.context, study.goal, limits, self.shape, 1)
        return int(best(found)[0])

    def design(self, index: int) -> dict[str, Any]:
        """The chip, deployment and headline metrics of one point, as plain data."""
        at = np.unravel_index(index, self.shape)
        o, m, d = self.origin, self.metrics, self.designs.deployments
        headline = {
            "chips": m.chips,
            "capex_usd": m.capex_usd,
            "tpot_s": m.tpot_s,
            "tokens_per_s": m.tokens_per_s,
            "usd_per_token_per_s": m.usd_per_token_per_s,
        }
        layout = {k: int(np.broadcast_to(a, self.shape)[at]) for k, a in d.columns().items()}
        # each member of a mix has a layout of its own
        if self.members:
            layout = {k: int(v[0]) for k, v in self._layouts(np.asarray([index])).items()}
        return {
            # a chip of the catalog has one name for all trials that chose it
            "chip": o.chip[at[-1] if len(o.chip) > 1 else 0],
            "branch": o.branch,
            **layout,
            **{k: float(np.broadcast_to(a, self.shape)[at]) for k, a in headline.items()},
        }

    def _layouts(self, indices: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[np.int64]]:
        """Deployment of each member of a mix, by `llm.workload.name`."""
        return {
            f"{m.member.label}.{name}": np.asarray(a)[indices].astype(np.int64)
            for m in self.members
            for name, a in m.designs.deployments.columns().items()
        }

    def _member_metrics(self, indices: npt.NDArray[np.intp]) -> dict[str, Floats]:
        """What each member of a mix does and costs, by `llm.workload.metric`."""
        return {
            f"{m.member.label}.{metric.column}": np.asarray(metric.of(m.metrics, m.member.context))[indices]
            for m in self.members
            for metric in metrics_of("member")
        }

    def _probabilities(self, indices: npt.NDArray[np.intp]) -> dict[str, Floats]:
        """Of what is met with a probability: the interval, the value, and the probability of a target.

        Empty where the study requires none.
        """
        study, found = self.study, dict[str, Floats]()
        swept = () if study.swept is None else ((study.swept, np.nan),)
        for goal, limit in (*swept, *study.limits):
            if not isinstance(goal, AtConfidence):
                continue
            # of a mix the intervals are those of its first part, as it is one chip
            factor = self.flat(self.metrics.more[goal.interval])[indices]
            value = self.flat(goal.of.value(self.metrics, study.context))[indices]
            found[goal.interval] = factor
            found[goal.column] = self.flat(goal.value(self.metrics, study.context))[indices]
            # a swept target is one of each trial; those to report at are looked at one by one
            if np.isfinite(limit):
                rows = zip(value.tolist(), factor.tolist(), strict=True)
                chances = [probability(v, limit, f, goal.direction) for v, f in rows]
                found[met_column(goal.name)] = np.asarray(chances)
        return found

    def rows(self, indices: npt.NDArray[np.intp]) -> Table:
        """Table of the designs at flat `indices`, units in the column names."""
        # columns of `Origin` are by chip, those of designs by flat index
        chip = np.unravel_index(indices, self.shape)[-1]
        o, m, d = self.origin, self.metrics, self.designs.deployments

        def at(column: object) -> Floats:
            return np.broadcast_to(np.asarray(column, dtype=float), self.shape).reshape(-1)[indices]

        # only rows that are kept are held against physics; claims of makers are no predictions
        if api.predicts(self.study.cost_model):
            # one name for each place on the last axis
            names = np.broadcast_to(np.asarray(o.chip), self.shape[-1:])
            mix = [(m.designs, m.member.context, m.metrics) for m in self.members]
            for designs, context, metrics in mix or [(self.designs, self.study.context, self.metrics)]:
                assert_within_physics(designs, context, metrics, indices=indices, names=names)
        columns: dict[str, Any] = {
            "trial": np.broadcast_to(o.trial, self.shape[-1:])[chip],
            "chip": [o.chip[i if len(o.chip) > 1 else 0] for i in chip],
            "branch": o.branch,
            "role": o.role,
            **{k: np.broadcast_to(v, self.shape[-1:])[chip] for k, v in o.names.items()},
            **{f"param_{k}": np.broadcast_to(v, self.shape[-1:])[chip] for k, v in o.parameters.items()},
            **(
                self._layouts(indices)
                if self.members
                else {name: at(a).astype(np.int64) for name, a in d.columns().items()}
            ),
            "price_usd": np.broadcast_to(o.price_usd, self.shape[-1:])[chip],
            **{metric.column: at(metric.of(m, self.study.context)) for metric in metrics_of("table")},
        }
        columns["chips"] = whole_numbers(columns["chips"])
        for i, axis in enumerate(axes_of(self.study)):
            # an objective that is no metric has no column yet
            columns.setdefault(axis.column, self.values[indices, i])
        columns |= self._probabilities(indices)
        columns |= self._member_metrics(indices)
        columns |= {f"violation_{name}": v[indices] for name, v in self.violations.items()}
        return Table(columns)


def axis_of(goal: api.Objective) -> Axis:
    """The column of the tables that holds an objective; one that is no metric gets one of its own name."""
    column = getattr(goal, "column", f"objective_{goal.name}")
    return Axis(goal.name, column, goal.label, goal.unit, goal.direction)


def axes_of(study: ResolvedStudy) -> tuple[Axis, ...]:
    """The axes of a study's front."""
    return tuple(axis_of(goal) for goal in study.objectives)


def grid_of(study: ResolvedStudy, chips: int = 1) -> api.Deployments:
    """Every deployment that the study allows, ready for `chips` chips on the last axis.

    One replica each, or as many as share a set of experts. For many chips TP with EP, PP and batch lie on an
    axis each, so that the grid costs its distinct sums only; for
    one chip a single axis (deployments, 1) is faster, because its loops are longer.
    """
    every = grid(study.lists)
    return every if chips > 1 else every.reshape(-1, 1)


def evaluate(
    study: ResolvedStudy, chips: api.Chips, deployments: api.Deployments, origin: Origin
) -> DesignBatch:
    """Evaluate chips of shape (n,) under deployments that broadcast against them, in one call."""
    with chips_named(origin.called):
        # a mix has deployments for each member, which do not broadcast into one grid
        if study.members:
            return _mixed(study, chips, deployments, origin)
        designs = api.Designs.of(chips=chips, deployments=deployments)
        metrics = study.cost_model.evaluate(designs, study.context)
    return DesignBatch(study=study, origin=origin, designs=designs, metrics=metrics)


def _mixed(
    study: ResolvedStudy, chips: api.Chips, deployments: api.Deployments, origin: Origin
) -> DesignBatch:
    """Every chip in every combination of deployments that is its best somewhere, one after the other."""
    found = combine(study, chips, deployments)
    # a chip has as many combinations as trade-offs, so its facts are repeated for each
    at, n = found.chip, chips.size

    def each(column: Any) -> Any:
        return np.broadcast_to(np.asarray(column), (n,))[at]

    spread = Origin(
        trial=each(origin.trial),
        chip=[str(name) for name in each(origin.chip)],
        branch=origin.branch,
        role=origin.role,
        parameters={k: each(v) for k, v in origin.parameters.items()},
        names={k: each(v) for k, v in origin.names.items()},
        price_usd=each(origin.price_usd),
    )
    # for its shape and chips: layouts differ by member, see `_layouts`
    first = found.members[0].designs
    return DesignBatch(
        study=study, origin=spread, designs=first, metrics=found.metrics, members=found.members
    )

"""Several LLMs and workloads on one chip, each from a cluster of its own: all trade-offs of every chip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose.confidence import INTERVALS
from dse.choose.rule import best, judged, violations
from dse.plugins import metrics
from dse.question.resolved_study import Member, ResolvedStudy
from objectives.api import Chips, Deployments, Designs, Metrics
from objectives.metrics import Ratio, Rule

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class MemberPoints:
    """What one member of the mix does in every combination, all of shape (points,)."""

    member: Member
    designs: Designs
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Combined:
    """Combinations of one deployment for each member, of all chips of a batch."""

    chip: Ints
    """Chip of each combination (points,)."""
    members: tuple[MemberPoints, ...]
    metrics: Metrics
    """Of the chip over all members, see `combined_metrics`."""


def combine(study: ResolvedStudy, chips: Chips, deployments: Deployments) -> Combined:
    """Every combination of deployments that is the best of its chip at some latency.

    Each member is evaluated on the whole grid for all chips at once. At a latency limit every member takes
    its cheapest deployment within it, so the combinations of a chip are those at the latencies where one of
    the members changes: all that is non-dominated in latency and weighted cost, and nothing else. Where a
    member has no feasible deployment, the one that misses by least is taken.
    """
    n = chips.size
    designs = Designs.of(chips=chips, deployments=deployments)
    # one call for all chips and deployments of a member; only combinations are made chip by chip
    each = [
        _Member(study, m, designs, study.cost_model.evaluate(designs, m.context), n) for m in study.members
    ]
    picks, chip = [], []
    for j in range(n):
        found = list(_combinations([m.choices(j) for m in each]))
        picks += found
        # combinations of one chip follow each other
        chip += [j] * len(found)
    index, chips_of = np.asarray(picks, dtype=np.intp), np.asarray(chip, dtype=np.intp)
    # (points, members): a column has the deployments of one member
    members = tuple(m.points(index[:, k], chips_of) for k, m in enumerate(each))
    return Combined(chip=chips_of, members=members, metrics=combined_metrics(members))


class _Member:
    """One member on the grid, chips last."""

    def __init__(
        self, study: ResolvedStudy, member: Member, designs: Designs, found: Metrics, chips: int
    ) -> None:
        self.study, self.member, self.designs = study, member, designs
        # the whole takes the largest violation of its members, and a missed target must be among them
        promised = violations(found, member.context, member.limits)
        self.metrics = replace(found, violations=promised)
        self.size = designs.size // chips
        shape = (self.size, chips)
        self.judged = judged(found, member.context, study.goal, member.limits, designs.shape)
        self.goal, self.good = self.judged.cost, self.judged.feasible
        # taken where no deployment of a chip is feasible, so that it has finite metrics and a violation
        self.stand_in = best(self.judged)
        swept, context = study.swept, member.context
        # without a swept objective all are equally fast, and only the cheapest is a step
        self.late = np.zeros(shape) if swept is None else self._flat(swept.value(found, context))

    def _flat(self, column: object) -> Floats:
        """A column as (deployments, chips)."""
        whole = np.broadcast_to(np.asarray(column, dtype=float), self.designs.shape)
        return whole.reshape(self.size, -1)

    def choices(self, chip: int) -> list[tuple[float, int]]:
        """Latency and deployment of each step of the member's own trade-off, the fastest first."""
        alive = np.flatnonzero(self.good[:, chip])
        if not alive.size:
            at = int(self.stand_in[chip])
            return [(float(self.late[at, chip]), at)]
        # the fastest first, of equally fast ones the cheapest
        order = alive[np.lexsort((self.goal[alive, chip], self.late[alive, chip]))]
        cost = self.goal[order, chip]
        least = np.minimum.accumulate(cost)
        # a slower deployment is a step of the trade-off only where it is cheaper than all faster ones
        steps = order[np.concatenate([[True], cost[1:] < least[:-1]])]
        return [(float(self.late[i, chip]), int(i)) for i in steps]

    def points(self, index: Ints, chip: Ints) -> MemberPoints:
        """The member under deployment `index` of each combination."""
        # row-major: a deployment has all its chips next to each other
        flat = index * (self.designs.size // self.size) + chip  # chips are on the last axis
        return MemberPoints(
            member=self.member,
            designs=self.designs.take(flat),
            metrics=taken(self.metrics, self.designs, flat),
        )


def taken(whole: Metrics, designs: Designs, flat: Ints) -> Metrics:
    """The metrics at flat indices into the shape of the designs, ledgers left out."""
    shape = designs.shape

    def at(column: object) -> Floats:
        # flat indices count in the whole shape, and a column may lack some of its axes
        return np.broadcast_to(np.asarray(column, dtype=float), shape).reshape(-1)[flat]

    columns: dict[str, Any] = {n: at(getattr(whole, n)) for n in _columns(whole)}
    return Metrics(
        **columns,
        violations={n: at(v) for n, v in whole.violations.items()},
        more={n: at(v) for n, v in whole.more.items()},
    )


def _combinations(choices: list[list[tuple[float, int]]]) -> Iterator[tuple[int, ...]]:
    """One deployment of each member at every latency at which one of them changes, slower ones last."""
    # below the slowest member's best latency there is no combination
    fastest = max(steps[0][0] for steps in choices)
    limits = sorted({fastest, *(late for steps in choices for late, _ in steps if late > fastest)})
    for limit in limits:
        # steps get cheaper as they get slower, so that the last one within the limit is the cheapest
        yield tuple(next(i for late, i in reversed(steps) if late <= limit) for steps in choices)


def combined_metrics(members: tuple[MemberPoints, ...]) -> Metrics:
    """Metrics of a chip that serves all members.

    Each metric is combined as its row of the table says. Latency: the slowest. Chips and capital: one cluster
    for each member. Costs per output: weighted by the shares of the tokens, which is what a fleet pays that
    serves them in these shares. Output: the tokens a second that the capital buys at that cost. Violations:
    the largest.
    """
    weights = [m.member.weight for m in members]
    found: dict[str, Floats] = {}
    for metric in metrics():
        if isinstance(rule := metric.combine, str):
            each = [np.asarray(metric.of(m.metrics, m.member.context)) for m in members]
            found[metric.column] = combined_column(rule, each, weights)
    # ratios last, since they are of combined columns
    for metric in metrics():
        if isinstance(rule := metric.combine, Ratio):
            # a mean of ratios is no ratio of the whole
            found[metric.column] = found[rule.over] / found[rule.under]
    # one chip serves all members, so that each has the intervals of the whole
    intervals = {n: v for n, v in members[0].metrics.more.items() if n in INTERVALS.values()}
    over = [m.metrics.violations for m in members]
    # members differ in their constraints: only a network with experts needs replicas that share them
    names = dict.fromkeys(name for each in over for name in each)
    own = Metrics.__dataclass_fields__
    columns: dict[str, Any] = {column: found[column] for column in found if column in own}
    return Metrics(
        **columns,
        more={**{column: found[column] for column in found if column not in own}, **intervals},
        # axis 0 is that of the members
        violations={n: np.max([np.asarray(each[n]) for each in over if n in each], axis=0) for n in names},
    )


def combined_column(rule: Rule, each: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """A column of the whole from those of its parts, whose `weights` sum to 1."""
    if rule == "mean":
        return np.asarray(np.sum([w * column for w, column in zip(weights, each, strict=True)], axis=0))
    stacked = np.asarray(each)
    if rule == "sum":
        return np.asarray(stacked.sum(axis=0))
    return np.asarray(stacked.max(axis=0) if rule == "largest" else stacked.min(axis=0))


def _columns(whole: Metrics) -> list[str]:
    """Columns that are arrays, the ledgers left out."""
    # a ledger is a mapping; a column is an array or a number
    return [n for n in Metrics.__dataclass_fields__ if not isinstance(getattr(whole, n), Mapping)]

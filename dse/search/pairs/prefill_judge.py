"""What boxes of chips that prefill are bounded in: whether a known one is as good in every pair."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.evaluate.pools.fronts import Rows, Trade
from dse.search.bound.boxes import Mask
from dse.search.bound.judges import COMPARED, ROUNDING, Evaluate, logs_of
from dse.search.pairs.gap import unnamed
from dse.search.pairs.solve import PairJob
from objectives import api
from objectives.arrays import Array
from objectives.systems.decode_side import port_bandwidth
from objectives.systems.prefill_order import Clause, placed, prefill_clauses, prefill_numbers
from objectives.systems.shares import PrefillShare, prefill_share

PIVOTS = 32
"""Known designs that every row is compared with before it is compared with all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ByTrade:
    """Designs that prefill which no known one is as good as in every pair."""

    grid: api.Deployments
    lawless: Mask
    limits: Mapping[str, float]
    evaluate: Evaluate
    names: tuple[str, ...]
    """Values of a design: those of `prefill_numbers`."""
    clauses: tuple[Clause, ...]
    exact: bool
    """Whether a difference of rounding counts: whole replicas are counted."""

    @property
    def signs(self) -> Floats:
        """Less is better; `back` is below 0."""
        return np.asarray([-1.0 if name == "back" else 1.0 for name in self.names])

    @property
    def placed(self) -> Floats:
        """(k,) 1 for a value that depends on where bytes are placed, else 0."""
        return np.asarray([float(placed(name)) for name in self.names])

    @property
    def targets(self) -> int:
        """None."""
        return 0

    def leads(self, front: Floats, lower: Floats) -> Floats:
        """(m,) by how much rows (m, k) may be better than all of a front (n, k); both are logarithms."""
        if not len(front):
            return np.full(len(lower), np.inf)
        # those that are good in all: of a long front few settle most rows
        score = np.nan_to_num(front, neginf=-1e3).sum(axis=1)
        best = front[np.argsort(score, kind="stable")[:PIVOTS]]
        out = np.zeros(len(lower))
        left = self._chunked(best, lower, np.arange(len(lower)), out)
        self._chunked(front, lower, left, out)
        return out + 2.0 * ROUNDING * (out > 0.0) if self.exact else out

    def _chunked(
        self, front: Floats, lower: Floats, some: npt.NDArray[np.intp], out: Floats
    ) -> npt.NDArray[np.intp]:
        """Write the leads of some rows; return those that are ahead of all of the front."""
        rows = max(1, COMPARED // len(front))
        for start in range(0, len(some), rows):
            here = some[start : start + rows]
            out[here] = np.maximum(self._lead(front, lower[here]), 0.0)
        return some[out[some] > 0.0]

    def _lead(self, front: Floats, rows: Floats) -> Floats:
        """By how much each row is ahead of the nearest of a front: the largest lead over all clauses."""
        place = {name: i for i, name in enumerate(self.names)}
        worst = np.full((len(rows), len(front)), -np.inf)
        with np.errstate(invalid="ignore"):  # of a number that is 0 for both neither is ahead
            for ways in self.clauses:
                either = np.full(worst.shape, np.inf)
                for way in ways:
                    ahead = np.full(worst.shape, -np.inf)
                    for mine, theirs in way:
                        np.fmax(ahead, front[None, :, place[mine]] - rows[:, None, place[theirs]], out=ahead)
                    np.minimum(either, ahead, out=either)
                np.maximum(worst, either, out=worst)
        return np.asarray(worst.min(axis=1))

    def met(self, rows: Floats, owner: npt.NDArray[np.int64], count: int) -> Floats:
        """(count, 0) has no targets."""
        del rows, owner
        return np.empty((count, 0))

    def known(self, rows: Rows[PrefillShare], job: PairJob, received: tuple[float, float]) -> Floats:
        """(n, k) logarithms of the numbers of designs that are known."""
        own = _numbers(rows.share, job, received, None)
        columns = [np.broadcast_to(np.asarray(own[name], dtype=float), (rows.size,)) for name in self.names]
        return logs_of(self.signs, np.stack(columns, axis=1))


def judge_of(job: PairJob, received: tuple[float, float], narrowest: float) -> ByTrade:
    """The judge of the pool that prefills; no port of its chips is below `narrowest` [B/s]."""
    grid, link, context = job.prefill.deployments, job.link, job.context
    soonest = [(goal, limit) for goal, limit in job.limits if goal.name == "ttft"]

    def numbers(
        chips: api.Chips, deployments: api.Deployments
    ) -> tuple[dict[str, Array], Mapping[str, Array]]:
        pool = api.Pool(role="prefill", chips=chips, deployments=deployments)
        share, over = prefill_share(pool, link, context)
        # sending takes a time that is inverse to the port
        longest = share.sends_s * (port_bandwidth(chips, link.bandwidth) / narrowest)
        # where nobody waits
        first = share.first_s + share.some * (link.latency_s + share.sends_s)
        missed = {goal.name: first - limit for goal, limit in soonest}
        return _numbers(share, job, received, longest), {**unnamed(over), **missed}

    one = job.prefill.at(np.zeros(1, dtype=np.int64))
    names = tuple(numbers(one.chips, one.deployments)[0])

    def evaluate(chips: api.Chips, deployments: api.Deployments) -> tuple[list[Array], Mapping[str, Array]]:
        found, over = numbers(chips, deployments)
        return [found[name] for name in names], over

    return ByTrade(
        grid=grid,
        # bytes are placed for steps of decode, and a chip that prefills runs none
        lawless=np.ones(grid.size, dtype=np.bool_),
        limits={goal.name: abs(limit) for goal, limit in job.limits},
        evaluate=evaluate,
        names=names,
        clauses=prefill_clauses(names),
        exact=context.workload.pools == "system",
    )


def _numbers(
    share: PrefillShare, job: PairJob, received: tuple[float, float], longest: Array | None
) -> dict[str, Array]:
    """Numbers of pools that prefill, of the costs that count in a job."""
    trade = Trade.of(job.goals, job.limits)
    return prefill_numbers(
        share,
        received,
        job.link,
        job.context,
        ttft_s=trade.ttft_s,
        counted=trade.counted,
        longest_s=longest,
    )

"""From the numbers of pairs to their table and its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Protocol

import numpy as np

from dse.choose.rule import violations
from dse.evaluate.batch import axes_of
from dse.evaluate.pools.fronts import Numbers
from dse.front.archive import Archive
from dse.front.axis import Axis
from dse.front.columns import ordered, whole_numbers
from dse.front.files import Front
from dse.front.tables import Column, Table, stack
from dse.plugins import metrics_of
from dse.question.chip_names import pair_name
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import digest
from dse.question.unanchored import assumed_in, price_bases_in, unanchored_in
from dse.search.analysis import manifest
from objectives import api

BRANCH: Final = "pools"
"""What a table says in the place of the kind of the only chip."""


class Numbered(Protocol):
    """Designs of a pool that have numbers."""

    def at(self, points: Numbers) -> api.Pool:
        """The designs with these numbers, one a row."""

    def facts(self, point: int) -> dict[str, object]:
        """What a table says of a design."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fronts:
    """The front of the pairs of each standing: a pair drops none that it does not rank among."""

    eligible: PairEligibility
    axes: tuple[Axis, ...]
    archives: dict[Standing, Archive] = field(default_factory=dict)

    @classmethod
    def of(cls, study: PooledStudy, eligible: PairEligibility) -> "Fronts":
        """Without a pair."""
        return cls(eligible=eligible, axes=axes_of(study.first))

    def add(
        self,
        study: PooledStudy,
        grids: Mapping[str, Numbered],
        pairs: Mapping[str, Numbers],
        trial: int | None = None,
    ) -> None:
        """Offer pairs of one standing."""
        if not len(next(iter(pairs.values()))):
            return
        chips = [str(grids[role].facts(int(points[0]))["chip"]) for role, points in pairs.items()]
        archive = self.archives.setdefault(self.eligible.standing(chips), Archive(self.axes))
        add_pairs(archive, study, grids, pairs, trial)

    def stored(self, study: PooledStudy, facts: Mapping[str, object], alone: Sequence[Archive] = ()) -> Front:
        """All fronts as one table, with the manifest and, in it, `facts`.

        `alone` are the fronts of pairs of the catalog, each by itself.
        """
        every = list(self.archives.values())
        whole = every[0] if len(every) == 1 else Archive(self.axes)
        frame = whole.frame
        if len(every) > 1:
            for archive in every:
                whole.add_frame(archive.frame)
            both = stack(archive.frame for archive in every)
            frame = both.sort_values([axis.column for axis in self.axes], kind="stable", ignore_index=True)
            frame = frame[ordered(frame.columns)]
        return Front(
            frame=frame,
            baselines=stack(archive.frame for archive in alone),
            axes=self.axes,
            manifest={**described(study, whole), **facts},
        )


def eligibility_of(study: PooledStudy) -> PairEligibility:
    """What pairs of a study rank among."""
    told = {what: _all(study, what) for what in ("price_bases", "unanchored", "assumed")}
    return PairEligibility.of(told, list(study.pools))


def add_pairs(
    archive: Archive,
    study: PooledStudy,
    grids: Mapping[str, Numbered],
    pairs: Mapping[str, Numbers],
    trial: int | None = None,
) -> None:
    """Evaluate pairs by the cost model, with all that tables say of them, and offer them to an archive."""
    first = study.first
    count = len(next(iter(pairs.values())))
    if not count:
        return
    pools = tuple(grids[role].at(points) for role, points in pairs.items())
    designs = api.Designs(pools=pools, link=study.link.columns())
    m = first.cost_model.evaluate(designs, study.context, detail=True)
    over = {name: _flat(v, count) for name, v in violations(m, study.context, study.limits).items()}
    values = np.stack([_flat(g.value(m, study.context), count) for g in first.objectives], axis=1)
    feasible = np.all([v <= 0.0 for v in over.values()], axis=0)

    def rows(at: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Table:
        chips = [_of_pool(designs, m, role, grids[role], points, at) for role, points in pairs.items()]
        own_names = [of[f"{role}.chip"] for role, of in zip(pairs, chips, strict=True)]
        names = [pair_name(each) for each in zip(*own_names, strict=True)]
        known = {pair_name(pair) for pair in study.known_pairs}
        of_role = ["baseline" if name in known else "search" for name in names]
        columns: dict[str, object] = {"chip": names, "branch": BRANCH, "role": of_role}
        if trial is not None:
            columns["trial"] = np.full(len(at), trial)
        for own in chips:
            columns |= own
        columns |= {
            metric.column: _flat(metric.of(m, study.context), count)[at] for metric in metrics_of("table")
        }
        for i, axis in enumerate(axes_of(first)):
            columns.setdefault(axis.column, values[at, i])
        return Table({**columns, **{f"violation_{name}": v[at] for name, v in over.items()}})

    archive.add(values, feasible, rows, 0 if trial is None else trial)


def _of_pool(
    designs: api.Designs,
    m: api.Metrics,
    role: str,
    grid: Numbered,
    points: Numbers,
    at: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
) -> dict[str, Column]:
    """Columns of one pool, named after it."""
    count, pool = len(points), designs.pool(role)
    found = Table([grid.facts(int(point)) for point in points[at]])
    layout = {k: _flat(a, count)[at].astype(np.int64) for k, a in pool.deployments.columns().items()}
    own = {name: _flat(m.of_pools[role][name], count)[at] for name in ("chips", "replicas", "capex_usd")}
    price = _flat(pool.chips.cost.price_usd, count)[at]
    found = found.assign(**layout, price_usd=price, **{k: whole_numbers(v) for k, v in own.items()})
    return {f"{role}.{name}": found[name] for name in found.columns}


def _flat(column: object, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.broadcast_to(np.asarray(column, dtype=float), (count,))


def described(study: PooledStudy, archive: Archive) -> dict[str, object]:
    """The question, its quality and the inputs."""
    spec = study.spec
    return {
        # of the first pool, all of which serve one question
        **manifest.described(study.first, archive),
        "study": study.slug,
        **{what: _all(study, what) for what in ("unanchored", "price_bases", "assumed")},
        "problem": digest(study.problem),
        "digests": study.digests(),
        "substance": study.substance(),
        "pools": {} if spec.pools is None else spec.pools.model_dump(mode="json", exclude_none=True),
        "link": asdict(study.link),
    }


def _all(study: PooledStudy, what: str) -> dict[str, str]:
    """Facts of the chips of all pools, by `ROLE.NAME`."""
    found = {"unanchored": unanchored_in, "price_bases": price_bases_in, "assumed": assumed_in}[what]
    return {
        f"{role}.{name}": text for role, pool in study.pools.items() for name, text in found(pool).items()
    }

"""What pairs of chips, or of the best chips of boxes, come to in some layouts and cuts of the batch.

Each pool is evaluated alone, once for all pairs that it is part of; a pair then costs some additions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose.rule import late
from dse.evaluate.pools.fronts import Numbers
from dse.search.bound.boxes import Mask
from dse.search.bound.corners import STAGES
from dse.search.bound.judges import ROUNDING, logs_of
from dse.search.pairs.gap import lawless_of_decode
from dse.search.pairs.solve import PairQuestion
from dse.search.turns.cache import Cache, Evaluated
from objectives import api
from objectives.systems.draft_verify import draft_context
from objectives.systems.turn_shares import (
    CUTS,
    LEADS,
    Fed,
    Share,
    TurnShare,
    fed_by,
    fed_share,
    in_turn,
    lead_share,
)

NAMES = tuple(f.name for f in fields(TurnShare))
"""Numbers of a pool."""

PORT = NAMES.index("port")
"""The one of them of which more is better."""

PLACED = ("work_s", "fixed_s", "prompt_s", "drawn_j")
"""Those that depend on where bytes are placed."""

WAITS = frozenset({"ttft", "end_to_end"})
"""Objectives that prompts count in."""

JOULES = frozenset({"energy_per_token", "usd_per_million_tokens"})
"""Objectives that the place of a byte counts in by what it takes to read it."""

Rows = npt.NDArray[np.integer]


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """Chips of one pool in some layouts."""

    columns: Mapping[str, Floats]
    """Chips, each column of shape (k,)."""
    one_memory: Mapping[str, Floats]
    """Those of these columns that are others where bytes are not placed for what is waited for."""
    chips: Rows
    """(n,) which of them each row has."""
    layouts: Rows
    """(n,) its layout; of the pool that leads layout x cuts + cut."""
    slack: Floats
    """(n,) by how much a chip of a box may be better than its best one, as a share."""
    known: Cache | None = None
    """Numbers of these chips that are known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Matched:
    """Numbers of one pool, and which of them each row has."""

    numbers: Floats
    """(names, u)."""
    fits: Mask
    """(u,) where no constraint is broken."""
    rows: Rows
    """(n,) their place."""
    slack: Floats
    """(n,) by how much a chip of a box may be better than its best one, as a share."""

    @property
    def share(self) -> TurnShare:
        """What each row brings at best."""
        own = dict(zip(NAMES, self.numbers[:, self.rows], strict=True))
        if self.slack.any():
            own |= {name: own[name] / (1.0 + self.slack) for name in PLACED}
        return TurnShare(**own)

    @property
    def ok(self) -> Mask:
        """(n,) where no constraint is broken."""
        return np.asarray(self.fits[self.rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class TurnQuestion(PairQuestion):
    """What counts of a pair whose pools take turns."""

    leads: str
    """Role of the pool that leads, which feeds the other one."""
    layouts: tuple[api.Deployments, api.Deployments]
    """(a,) of the pool that leads, and (b,) of the other one."""
    cuts: Floats
    """(cuts,) of the batch, each of which is bounded by itself."""
    ways: Fed
    """(ways,) what the pool that leads may feed the other one with."""
    fed_by: Numbers
    """(a x cuts,) which of these each layout and cut of it does."""
    lawless: tuple[Mask, Mask]
    """(a,) and (b,) where more of what places bytes may slow something, see `lawless_of`."""

    @classmethod
    def of(cls, question: PairQuestion, layouts: Mapping[str, api.Deployments]) -> "TurnQuestion":
        """The question of two pools, by the layouts of each."""
        leads = next(role for role in LEADS if role in layouts)
        lead, fed = (layouts[role].reshape(-1) for role in (leads, LEADS[leads]))
        cuts = np.asarray(CUTS[leads], dtype=float)
        # of chips it does not depend: any will do
        own = fed_by(leads, lead.reshape(-1, 1), cuts[np.newaxis])
        shape = (lead.size, len(cuts))
        both = np.stack([np.broadcast_to(a, shape).reshape(-1) for a in (own.rows, own.parts)])
        known, place = np.unique(both, axis=1, return_inverse=True)
        return cls(
            context=question.context,
            link=question.link,
            goals=question.goals,
            limits=question.limits,
            leads=leads,
            layouts=(lead, fed),
            cuts=cuts,
            ways=Fed(rows=known[0], parts=known[1]),
            fed_by=place.reshape(-1),
            lawless=(
                lawless_of(question.context, leads, lead),
                lawless_of(question.context, LEADS[leads], fed),
            ),
        )

    @property
    def roles(self) -> tuple[str, str]:
        """The pool that leads, and the other one."""
        return self.leads, LEADS[self.leads]

    @property
    def prompts(self) -> bool:
        """Whether TTFT counts."""
        return bool(WAITS & self.names)

    @property
    def names(self) -> set[str]:
        """Objectives and what limits are of."""
        return {goal.name for goal in (*self.goals, *(goal for goal, _ in self.limits))}

    @property
    def signs(self) -> Floats:
        """(k,) 1 for an objective of which less is better, else -1."""
        return np.asarray([1.0 if g.direction == "minimize" else -1.0 for g in self.goals])

    def lead(self, side: Side, *, strict: bool = False) -> Matched:
        """What the pool that leads brings; with `strict` rounding breaks a constraint."""
        each = self.layouts[0].size * len(self.cuts)
        keys, rows = np.unique(side.chips * np.int64(each) + side.layouts, return_inverse=True)

        def evaluated(keys: Numbers) -> tuple[Floats, Mask]:
            chips, codes = np.divmod(keys, each)
            layouts, cuts = np.divmod(codes, len(self.cuts))

            def share(some: Rows, *, one: bool = False) -> Share:
                pool = self._pool(0, side, chips[some], layouts[some], one=one)
                return lead_share(pool, self.cuts[cuts[some]], self.link, self.context, prompts=self.prompts)

            return _fitting(share, self._apart(0, side, chips, layouts), strict=strict)

        return _matched(side, keys, rows, evaluated, self._slack(0, side), strict=strict)

    def fed(self, side: Side, leads: Rows, *, strict: bool = False) -> Matched:
        """What the other pool brings, fed by layouts `leads` (n,) x cuts of the first."""
        each, ways = self.layouts[1].size, self.ways.rows.size
        of = (side.chips * np.int64(each) + side.layouts) * ways + self.fed_by[leads]
        keys, rows = np.unique(of, return_inverse=True)

        def evaluated(keys: Numbers) -> tuple[Floats, Mask]:
            rest, way = np.divmod(keys, ways)
            chips, layouts = np.divmod(rest, each)

            def share(some: Rows, *, one: bool = False) -> Share:
                pool = self._pool(1, side, chips[some], layouts[some], one=one)
                way_of = Fed(rows=self.ways.rows[way[some]], parts=self.ways.parts[way[some]])
                return fed_share(pool, way_of, self.link, self.context, prompts=self.prompts)

            return _fitting(share, self._apart(1, side, chips, layouts), strict=strict)

        return _matched(side, keys, rows, evaluated, self._slack(1, side), strict=strict)

    def _apart(self, pool: int, side: Side, chips: Rows, layouts: Rows) -> Mask:
        """(u,) where bytes are placed for a turn, and not for prompts and joules, which count."""
        counts = self.prompts or bool(JOULES & self.names)
        if not side.one_memory or not counts:
            return np.zeros(len(chips), dtype=np.bool_)
        return np.asarray(self._differs(side)[chips] & ~self.lawless[pool][layouts])

    @staticmethod
    def _differs(side: Side) -> Mask:
        """(k,) chips of a box whose bytes are not all placed alike."""
        return np.asarray(side.one_memory["sram_bytes"] != side.columns["sram_bytes"])

    def _pool(self, pool: int, side: Side, chips: Rows, layouts: Rows, *, one: bool) -> api.Pool:
        """Some chips, each in a layout; with `one` memory, or where more may slow a turn."""
        # a column that all chips share has length 1
        own = {name: a[chips] if len(a) > 1 else a for name, a in side.columns.items()}
        apart = self.lawless[pool][layouts] | one
        own |= {name: np.where(apart, a[chips], own[name]) for name, a in side.one_memory.items()}
        deployments = self.layouts[pool].take(layouts)
        return api.Pool(role=self.roles[pool], chips=api.Chips.of(**own), deployments=deployments)

    def metrics(self, lead: Matched, fed: Matched) -> api.Metrics:
        """Metrics of rows."""
        return in_turn(self.leads, lead.share, fed.share, self.link, self.context)

    def outlook(self, lead: Side, fed: Side) -> tuple[Floats, Mask]:
        """Lower bounds (n, k) of rows, as logarithms, and which may be feasible."""
        return self.bounded(self.lead(lead), self.fed(fed, lead.layouts))

    def bounded(self, lead: Matched, fed: Matched) -> tuple[Floats, Mask]:
        """As `outlook`, of numbers that are known."""
        shape, ok = lead.rows.shape, lead.ok & fed.ok
        with np.errstate(invalid="ignore", divide="ignore"):  # numbers of what does not fit may be infinite
            m = self.metrics(lead, fed)
            most = {goal.name: abs(limit) for goal, limit in self.limits}
            for name, missed in late(m, self.context, self.limits).items():
                over = np.broadcast_to(np.asarray(missed), shape)
                ok &= over <= ROUNDING * (np.abs(over) + most[name])
            found = np.stack(self.costs(m, shape), axis=1)
            lower = logs_of(self.signs, found)
        return np.where(ok[:, np.newaxis], lower, np.inf), ok

    def _slack(self, pool: int, side: Side) -> Floats:
        """(n,) by how much a chip of a box may be better than its best one, as a share."""
        layouts = side.layouts if pool else side.layouts // len(self.cuts)
        # a layer of FFNs is the same in all stages, and none is waited for longer than for others
        stages = np.asarray(self.layouts[pool].pp)[layouts] > (np.inf if self.roles[pool] == "ffn" else 1.0)
        found = side.slack * np.where(stages, STAGES, 1.0)
        if not side.one_memory:
            return found
        # one memory misses no placement
        return np.where(self._differs(side)[side.chips] & self.lawless[pool][layouts], 0.0, found)

    def exact(self, lead: Side, fed: Side) -> tuple[Floats, Mask]:
        """Costs (n, k) of designs in the fastest cut of their batch, and which are feasible.

        `lead.layouts` are layouts here, without a cut.
        """
        shape = (len(lead.chips), len(self.cuts))
        codes = lead.layouts[:, np.newaxis] * len(self.cuts) + np.arange(len(self.cuts))
        every = [_spread(side, shape) for side in (lead, fed)]
        first = Side(**{**vars(every[0]), "layouts": codes.reshape(-1)})
        mine, theirs = self.lead(first, strict=True), self.fed(every[1], first.layouts, strict=True)
        m = self.metrics(mine, theirs)
        best = np.argmin(np.reshape(m.tpot_s, shape), axis=1)
        rows = np.arange(shape[0]) * shape[1] + best
        ok = mine.ok & theirs.ok & self.met(m, mine.rows.shape)
        return np.stack(self.costs(m, mine.rows.shape), axis=1)[rows], ok[rows]


def _spread(side: Side, shape: tuple[int, int]) -> Side:
    """Each row once for every cut."""
    return Side(
        columns=side.columns,
        one_memory=side.one_memory,
        chips=np.repeat(side.chips, shape[1]),
        layouts=np.repeat(side.layouts, shape[1]),
        slack=np.repeat(side.slack, shape[1]),
    )


def lawless_of(context: api.Context, role: str, layouts: api.Deployments) -> Mask:
    """(n,) where more of what places bytes on SRAM and DRAM may slow what a turn waits for.

    Bytes are placed so that all layers and the head of a step, or of a pass that checks drafts, take the
    shortest time. FFNs have no head, and a turn waits for the station with the head at least as long as for
    all of its layers, so that it never waits longer where a step of one stage is shorter. Stages are not what
    bytes are placed for; nor are prompts and joules, see `_fitting`.
    """
    if role == "ffn":
        return np.zeros(layouts.size, dtype=np.bool_)
    several = np.asarray(layouts.pp) > 1.0
    return several | lawless_of_decode(draft_context(context), layouts) if role == "draft" else several


def _matched(
    side: Side, keys: Numbers, rows: Rows, evaluated: Evaluated, slack: Floats, *, strict: bool
) -> Matched:
    """Numbers of some keys; those of boxes that were evaluated before are known."""
    known = side.known
    numbers, fits = evaluated(keys) if strict or known is None else known.of(keys, evaluated)
    return Matched(numbers=numbers, fits=fits, rows=rows.reshape(-1), slack=slack)


def _fitting(share: Callable[..., Share], apart: Mask, *, strict: bool) -> tuple[Floats, Mask]:
    """Numbers of a pool, of prompts and joules those of one memory where bytes are `apart` (u,)."""
    found, over = share(np.arange(len(apart)))
    fits = np.ones(len(apart), dtype=np.bool_)
    for violation in over.values():
        v = np.asarray(violation)
        most = 0.0 if strict else ROUNDING * np.abs(v).max(initial=0.0)
        fits &= np.broadcast_to(v <= most, fits.shape)
    numbers, some = _numbers(found, len(apart)), np.flatnonzero(apart)
    if len(some):
        alone = _numbers(share(some, one=True)[0], len(some))
        for name in ("prompt_s", "drawn_j"):
            numbers[NAMES.index(name), some] = alone[NAMES.index(name)]
    return numbers, fits


def _numbers(share: TurnShare, count: int) -> Floats:
    """(names, count)."""
    own = share.columns()
    return np.stack([np.broadcast_to(np.asarray(own[name], dtype=float), (count,)) for name in NAMES])

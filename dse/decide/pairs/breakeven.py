"""Who wins over one or two assumptions among pairs of pools, each in its best layouts at every point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.choose.rule import merged
from dse.decide.pairs.design import (
    Pair,
    PoolDesign,
    costs_of,
    family_of,
    name_of,
    pair_of_row,
    with_best_layouts,
)
from dse.decide.pairs.varied import varied_pools
from dse.decide.propose.candidates import Candidate
from dse.decide.scenario.assumptions import UNKNOWN, Assumption, assumption_of
from dse.decide.scenario.breakeven import OTHERS, BreakEven, Progress, mapped
from dse.errors import SpecError, nearest, spec_error
from dse.evaluate.batch import axis_of
from dse.front.files import Front
from dse.front.tables import Row, plain_rows
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.question.variation import Place

TARGETS = 6
"""Targets of the swept objective at which the best pair of each family of chips is looked at."""
SOME = 8
"""Pairs of the front that are looked at where there are as many."""
OF_CATALOG = 64
"""Pairs of chips of the catalog that are looked at, at most."""


def assumption_of_pools(study: PooledStudy, text: str, option: str) -> Assumption:
    """The number of a config, of every pool that has it, or the target that `NAME[=LOW..HIGH]` names.

    Raises `SpecError` for a name that no pool knows, and for sizes and parameters of one pool.
    """
    found: list[Assumption] = []
    problem: SpecError | None = None
    for own in study.pools.values():
        try:
            found.append(assumption_of(own, text, [], option))
        except SpecError as error:
            # a pool that knows the name says what is wrong with its range
            problem = error if problem is None or UNKNOWN in str(problem) else problem
    if not found:
        assert problem is not None
        raise problem
    first = found[0]
    if first.kind not in ("places", "limits"):
        what = "expected a number of a file, such as chip/lp30.price, or a target"
        raise spec_error(option, f"{what}, for pools; got {first.name}, of the layouts or the space")
    return replace(first, places=tuple(dict.fromkeys(place for a in found for place in a.places)))


def breakeven_pairs(
    study: PooledStudy,
    front: Front,
    eligible: PairEligibility,
    x: Assumption,
    y: Assumption | None,
    between: tuple[str, str] | None,
    limits: Mapping[str, float],
    points: tuple[int, int],
    progress: Progress = lambda _: None,
) -> BreakEven:
    """The map of which pair wins, among those with prices of one group.

    Sides are pairs such as `r200 | lp30`, families such as `hybrid | lp30`, or `others`. Candidates are the
    best pairs of the front of each family at several targets, and those of the catalog. A pair of unanchored
    chips takes part where `eligible` lets it win, or a side names it. Raises `SpecError`.
    """
    sides = tuple(_spaced(side) for side in between) if between is not None else None
    known = _candidates(study, front)
    every = _alike(str(study.path), known, eligible, sides)
    progress(f"evaluating {len(every)} pairs")
    whole = _Pairs(study=study, pairs=every, first=[], second=[], x=x, y=y, limits=dict(limits))
    now = whole.costs([(None, None)])[0]
    one, other = sides or (name_of(every[int(np.argmin(now))]), OTHERS)
    barred = not all(eligible.may_win(standing_of(pair, eligible)) for pair in known)
    whole = whole.of_sides(one, other, "; --with-unanchored adds pairs of unanchored chips" if barred else "")
    kept = _carried(whole, points, now)
    goal = study.first.goal.label
    named = (one, other)
    return mapped(
        study.first, kept, x, y, named, dict(limits), points, goal, len(every), progress, what="pairs"
    )


def _spaced(side: str) -> str:
    return " | ".join(part.strip() for part in side.split("|"))


def _candidates(study: PooledStudy, front: Front) -> list[Pair]:
    """The best pairs of the front of each family at several targets, and pairs of chips of the catalog."""
    goal, swept, sweep = axis_of(study.first.goal), study.first.swept, study.spec.sweep
    sign = -1.0 if goal.maximised else 1.0
    rows: Sequence[Row] = sorted(plain_rows(front.frame), key=lambda row: sign * float(row[goal.column]))
    limits = [np.inf]
    if swept is not None and sweep is not None:
        limits += [*study.spec.report_at, *np.geomspace(sweep.low, sweep.high, TARGETS)]
    column = None if swept is None else axis_of(swept).column
    found: dict[str, Pair] = {}
    seen: set[tuple[str, int]] = set()
    for row in rows:
        pair = pair_of_row(study, row)
        family, reached = family_of(pair), -np.inf if column is None else float(row[column])
        # rows come the best first, so that the first within a target is the best there
        new = {(family, i) for i, limit in enumerate(limits) if reached <= limit} - seen
        if new or len(found) < SOME:
            found.setdefault(name_of(pair), pair)
        seen |= new
    chips = [sorted(own.baselines.items()) for own in study.pools.values()]
    for each in list(product(*chips))[:OF_CATALOG]:
        pair = {
            role: PoolDesign(candidate=Candidate(label=name, kind=chip_kind(chip)), sizes={})
            for role, (name, chip) in zip(study.pools, each, strict=True)
        }
        found.setdefault(name_of(pair), pair)
    return list(found.values())


def _alike(
    where: str, pairs: Sequence[Pair], eligible: PairEligibility, sides: tuple[str, ...] | None
) -> list[Pair]:
    """Pairs whose prices rank among each other: those of the side that is named, else of the first group.

    Those that may not win are left out unless a side names them.
    """

    def prices(pair: Pair) -> str:
        return standing_of(pair, eligible)[0]

    named = named_by(sides, pairs)
    known = sorted({*map(name_of, pairs), *map(family_of, pairs)})
    for side in sides or ():
        if side != OTHERS and side not in known:
            what = f"expected a pair, a family of pairs or {OTHERS}, got {side!r}"
            raise spec_error("--between", f"{what}; {nearest(side, known)}")
    groups = dict.fromkeys(prices(pair) for pair in named)
    if len(groups) > 1:
        what = "expected sides whose prices rank among each other, got"
        raise spec_error("--between", f"{what} {' and '.join(f'those of {group}' for group in groups)}")
    names = {name_of(pair) for pair in named}
    some = [p for p in pairs if name_of(p) in names or eligible.may_win(standing_of(p, eligible))]
    if not some:
        what = "expected pairs that a measurement anchors, got none; --with-unanchored ranks the others"
        raise spec_error(where, what)
    present = {prices(pair) for pair in some}
    group = next(iter(groups), None) or next(g for g in eligible.groups if g in present)
    return [pair for pair in some if prices(pair) == group]


def standing_of(pair: Pair, eligible: PairEligibility) -> Standing:
    """What a pair ranks among, and whether a chip of it is unanchored."""
    return eligible.standing([pool.candidate.label for pool in pair.values()])


def named_by(sides: tuple[str, ...] | None, pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs that a side names, or whose family it names."""
    return [pair for pair in pairs for side in sides or () if side in (name_of(pair), family_of(pair))]


UNLIKE = "expected pairs whose prices rank with those of the other side among"


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """Pairs of both sides under two assumptions."""

    study: PooledStudy
    pairs: Sequence[Pair]
    first: Sequence[int]
    second: Sequence[int]
    x: Assumption
    y: Assumption | None
    limits: Mapping[str, float]

    @property
    def names(self) -> Sequence[str]:
        """Of all pairs."""
        return [name_of(pair) for pair in self.pairs]

    def of_sides(self, one: str, other: str, hint: str) -> "_Pairs":
        """The same with the pairs of both sides; `hint` is what to do where one has none."""
        places = {side: _members(side, self.pairs) for side in (one, other) if side != OTHERS}
        rest = set(range(len(self.pairs))) - {i for each in places.values() for i in each}
        first, second = (places.get(side, sorted(rest)) for side in (one, other))
        for side, found in ((one, first), (other, second)):
            if not found:
                raise spec_error("--between", f"{UNLIKE} {side}, got none{hint}")
        if set(first) & set(second):
            raise spec_error("--between", f"expected sides that share no pair, got {one}, {other}")
        return replace(self, first=first, second=second)

    def kept(self, places: Sequence[int]) -> "_Pairs":
        """Some of them, in their order."""
        at = {old: new for new, old in enumerate(places)}
        return replace(
            self,
            pairs=[self.pairs[i] for i in places],
            first=[at[i] for i in self.first if i in at],
            second=[at[i] for i in self.second if i in at],
        )

    def costs(self, points: Sequence[tuple[float | None, float | None]]) -> Floats:
        """The goal of every pair in its best layouts at points (x, y), shape (points, pairs)."""
        out = np.full((len(points), len(self.pairs)), np.inf)
        for i, (a, b) in enumerate(points):
            values: dict[Place, float] = {}
            limits = dict(self.limits)
            for knob, value in ((self.x, a), (self.y, b)):
                if knob is None or value is None:
                    continue
                if knob.kind == "limits":
                    limits[knob.key] = value
                values |= dict.fromkeys(knob.places, value)
            study = varied_pools(self.study, values, self.pairs) if values else self.study
            own = tuple((study.first.bounded(name), limit) for name, limit in limits.items())
            held = merged(study.limits, own)
            for j, pair in enumerate(self.pairs):
                chips = {role: pool.candidate for role, pool in pair.items()}
                best = with_best_layouts(study, chips, held, fine=False)
                if best is not None:
                    out[i, j] = costs_of(study, [best])[0]
        return out

    def best(self, points: Sequence[tuple[float, float]]) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Cost of the best pair of each side (points, 2), and which pair it is."""
        cost = self.costs(points)
        out, who = np.empty((len(points), 2)), np.empty((len(points), 2), dtype=np.intp)
        for k, side in enumerate((self.first, self.second)):
            at = np.asarray(side)[np.argmin(cost[:, side], axis=1)]
            out[:, k], who[:, k] = cost[np.arange(len(points)), at], at
        return out, who


def _members(side: str, pairs: Sequence[Pair]) -> list[int]:
    return [i for i, pair in enumerate(pairs) if side in (name_of(pair), family_of(pair))]


def _carried(whole: _Pairs, points: tuple[int, int], now: Floats) -> _Pairs:
    """The pairs that are the best of their side somewhere on a coarse net, or as the study is."""
    xs = whole.x.values(min(points[0], 5))
    ys = np.asarray([np.nan]) if whole.y is None else whole.y.values(3)
    cost = np.concatenate([now[None], whole.costs([(float(a), float(b)) for b in ys for a in xs])])
    chosen = {
        int(np.asarray(side)[at])
        for side in (whole.first, whole.second)
        for at in np.argmin(cost[:, side], axis=1)
    }
    return whole.kept(sorted(chosen))

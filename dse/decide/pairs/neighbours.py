"""Every single change of a pair, evaluated exactly: each chip, each parameter, each size of a layout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.choose.rule import Limits
from dse.decide.explain.neighbours import steps_of
from dse.decide.pairs.design import (
    Pair,
    PoolDesign,
    costs_of,
    layouts_of,
    violations_of,
    with_best_layouts,
)
from dse.decide.propose.candidates import Candidate
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.spec.schema.space import PARAMETERS

CHIP = "chip"
"""What changes where a chip of the catalog takes the place of another one."""
_LAYOUT = ("batch", "tp", "cp", "pp", "ep")


@dataclass(frozen=True, kw_only=True)
class PairNeighbour:
    """A pair with one thing of one pool changed."""

    role: str
    what: str
    """`chip`, the name of a parameter, or batch, tp, cp, pp, ep, replicas."""
    unit: str
    old: float | str
    new: float | str
    change: float | None
    """Relative change of the objective with everything else held; None where it is infeasible."""
    resolved_change: float | None
    """The same in the best layouts of both pools; None for steps of a layout, and where none is feasible."""
    hits: Mapping[str, float]
    """Violation of each constraint that it breaks, in its own unit."""
    ranks: bool
    """Whether it ranks against the pair: prices mean the same, and no chip becomes an unanchored one."""

    @property
    def gain(self) -> float:
        """Share by which the pair improves, alone or in its best layouts; at least 0 [1]."""
        if not self.ranks:
            return 0.0
        return max([0.0, *(-c for c in (self.change, self.resolved_change) if c is not None)])


@dataclass(frozen=True, kw_only=True)
class _Move:
    role: str
    what: str
    unit: str
    old: float | str
    new: float | str
    pool: PoolDesign

    @property
    def of_chip(self) -> bool:
        return self.what == CHIP or self.what in PARAMETERS


def neighbours(
    study: PooledStudy, pair: Pair, limits: Limits, eligible: PairEligibility
) -> list[PairNeighbour]:
    """One step of everything: chips of the catalog, parameters of a space, sizes of layouts."""
    moves = [move for role in study.pools for move in _moves(study, role, pair[role])]
    # place 0 is the pair itself, so that one call evaluates it with its neighbours
    pairs: list[Pair] = [pair, *({**pair, move.role: move.pool} for move in moves)]
    cost, over = costs_of(study, pairs), violations_of(study, pairs, limits)
    found = []
    for i, (move, changed) in enumerate(zip(moves, pairs[1:], strict=True), 1):
        hits = {name: float(v[i]) for name, v in over.items() if v[i] > 0.0}
        best = _resolved(study, changed, limits) if move.of_chip else None
        found.append(
            PairNeighbour(
                role=move.role,
                what=move.what,
                unit=move.unit,
                old=move.old,
                new=move.new,
                change=None if hits else _relative(float(cost[i]), float(cost[0])),
                resolved_change=None if best is None else _relative(best, float(cost[0])),
                hits=hits,
                ranks=_ranks(eligible, pair, changed),
            )
        )
    return found


def _ranks(eligible: PairEligibility, pair: Pair, changed: Pair) -> bool:
    """Whether the changed pair could win in the place of the pair."""
    own, other = (
        eligible.standing([pool.candidate.label for pool in each.values()]) for each in (pair, changed)
    )
    return own[0] == other[0] and (own[1] or eligible.may_win(other))


def _relative(cost: float, base: float) -> float | None:
    return (cost - base) / abs(base) if np.isfinite(cost) and base else None


def _resolved(study: PooledStudy, pair: Pair, limits: Limits) -> float | None:
    """The goal in the best layouts of both chips; None where none is feasible."""
    best = with_best_layouts(study, {role: pool.candidate for role, pool in pair.items()}, limits)
    return None if best is None else float(costs_of(study, [best])[0])


def _moves(study: PooledStudy, role: str, pool: PoolDesign) -> Iterator[_Move]:
    yield from _chip_moves(study, role, pool)
    yield from _size_moves(study, role, pool)


def _chip_moves(study: PooledStudy, role: str, pool: PoolDesign) -> Iterator[_Move]:
    """Other chips of the catalog, or the steps of a chip of the space."""
    own, chip = study.pools[role], pool.candidate
    for name in sorted(own.baselines):
        if name != chip.label:
            other = Candidate(label=name, kind=chip_kind(own.baselines[name]))
            yield _Move(
                role=role,
                what=CHIP,
                unit="",
                old=chip.label,
                new=name,
                pool=replace(pool, candidate=other),
            )
    if chip.branch is None:
        return
    for name, spec in own.branches[chip.branch].spec.parameters.items():
        old = chip.values[name]
        for new in steps_of(spec, old):
            moved = replace(pool, candidate=chip.at(name, new))
            yield _Move(role=role, what=name, unit=PARAMETERS[name], old=old, new=new, pool=moved)


def _size_moves(study: PooledStudy, role: str, pool: PoolDesign) -> Iterator[_Move]:
    """Layouts of the study that differ in one size, the next below and above."""
    layouts = layouts_of(study, role)
    every = _sizes_of({name: np.asarray(a) for name, a in layouts.columns().items()})
    here = _sizes_of({name: np.asarray(float(v)) for name, v in pool.sizes.items()})
    for name in every:
        alike = np.ones(layouts.size, dtype=np.bool_)
        for other in every:
            # a batch may be between those of the grid, and stays as it is
            if other not in (name, "batch"):
                alike &= every[other] == here[other]
        old = float(here[name])
        values = np.unique(every[name][alike])
        # slices, so that an end of the list has one neighbour
        for new in (*values[values < old][-1:], *values[values > old][:1]):
            row = int(np.flatnonzero(alike & (every[name] == new))[0])
            sizes = {k: int(np.asarray(a)[row]) for k, a in layouts.columns().items()}
            sizes["batch"] = sizes["batch"] if name == "batch" else pool.sizes["batch"]
            moved = replace(pool, sizes=sizes)
            yield _Move(role=role, what=name, unit="", old=old, new=float(new), pool=moved)


def _sizes_of(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """What a study chooses: DP follows from EP, but for the replicas that feed one pool of FFNs."""
    sharing = np.maximum(columns["ep"] / (columns["tp"] * columns["cp"]), 1.0)
    return {**{name: columns[name] for name in _LAYOUT}, "replicas": columns["dp"] / sharing}

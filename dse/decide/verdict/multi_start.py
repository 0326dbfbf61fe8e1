"""Multi-start local search: better chips of every kind near the best known ones.

A short search under other software may miss the chip of a kind that would win. So the best chips of each kind
at each target, and what the winner becomes in every other branch, descend together until none improves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from dse.arrays import Floats
from dse.chips.parameter_range import fraction_of, value_at
from dse.decide.explain.neighbours import steps_of
from dse.decide.propose.candidates import Candidate
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import ParameterSpec

STRIDE = 4
"""Steps of a long move, so that a descent crosses the range of a parameter in few rounds."""
ROUNDS = 40
"""Largest number of rounds; the search ends when a round improves no chip."""
LARGEST_GAP = 1.5
"""A kind is searched at a target where its best costs at most this many times the winner."""

NEAR, AS_BRANCH = "near ", " as "
"""Labels: `near hybrid-5` was reached from hybrid-5, `hybrid-5 as dram-only` is it in another branch."""

Costs = Callable[[Sequence[Candidate]], Floats]
"""Cost of each chip at its best under each limit (limits, chips), infinite where it meets none."""


def multi_start_search(
    study: ResolvedStudy,
    known: Sequence[Candidate],
    found: Floats,
    costs: Costs,
    branches: Sequence[str],
    most: int,
) -> list[Candidate]:
    """Local optima in `branches` that descents from the best of `known`, of cost `found`, reach.

    A round tries every move of one parameter of every leading chip, for all limits at once; where none
    improves a chip, every move of two parameters. The results are local optima, not global ones; after `most`
    chips no further round begins, and they may not be that.
    """
    searched = [i for i, c in enumerate(known) if c.branch is not None]
    if not searched:
        return []
    # `found` is (limits, chips), and a chip keeps its column
    pool = _Pool(costs=costs, tried={_key(known[i]): (known[i], found[:, i]) for i in searched})
    old = set(pool.tried)
    pool.evaluate(_twins(study, pool.leaders(), branches))
    for _ in range(ROUNDS):
        if len(pool.tried) - len(searched) >= most:
            break
        # both before any move, since `evaluate` adds to the pool
        leaders, before = pool.leaders(), pool.least()
        # pairs are many more, so they are tried only where no single move helps; where they do not
        # help either, `else` ends the search
        for moves in (_single, _pairs):
            pool.evaluate(m for c in leaders for m in moves(study, c))
            if pool.beats(before):
                break
        else:
            break
    return [c for c in pool.leaders() if _key(c) not in old]


Key = tuple[str | None, tuple[tuple[str, float], ...]]


def _key(c: Candidate) -> Key:
    # sorted: the order in which parameters were set makes no other chip
    return c.branch, tuple(sorted(c.values.items()))


@dataclass(frozen=True, kw_only=True)
class _Pool:
    """Chips that were tried, each with its cost under each limit."""

    costs: Costs
    tried: dict[Key, tuple[Candidate, Floats]]

    def evaluate(self, chips: Iterable[Candidate]) -> None:
        """Try those that are new."""
        fresh = {_key(c): c for c in chips if _key(c) not in self.tried}
        if fresh:
            # all new chips in one call; transposed to one row a chip
            found = self.costs([*fresh.values()]).T
            self.tried.update((k, (c, own)) for (k, c), own in zip(fresh.items(), found, strict=True))

    def least(self) -> dict[str, Floats]:
        """The least cost in each branch under each limit."""
        branches: dict[str, list[Floats]] = {}
        for c, own in self.tried.values():
            branches.setdefault(str(c.branch), []).append(own)
        return {name: np.min(each, axis=0) for name, each in branches.items()}

    def beats(self, before: Mapping[str, Floats]) -> bool:
        """Whether some branch has become better somewhere, by more than rounding."""
        # infinite costs are not below each other, so a branch that meets no limit has not improved
        return any(bool(np.any(own < before[name] * (1.0 - 1e-9))) for name, own in self.least().items())

    def leaders(self) -> list[Candidate]:
        """The best chip of each branch under each limit at which it is near the winner."""
        least = self.least()
        # axis 0 is that of the branches: the winner under each limit
        best = LARGEST_GAP * np.min([*least.values()], axis=0)
        near = {name: np.isfinite(own) & (own <= best) for name, own in least.items()}
        # equal to the bit, since the least is one of these costs
        return [
            c for c, own in self.tried.values() if np.any(near[str(c.branch)] & (own == least[str(c.branch)]))
        ]


def _twins(study: ResolvedStudy, chips: Sequence[Candidate], branches: Iterable[str]) -> Iterator[Candidate]:
    """Each chip in other branches: shared parameters stay, others take the middle of their range."""
    for c in chips:
        for name in branches:
            if name != c.branch:
                branch = study.branches[name]
                values = {n: _nearest(p, c.values.get(n)) for n, p in branch.spec.parameters.items()}
                label = f"{c.label}{AS_BRANCH}{name}"
                yield Candidate(label=label, kind=branch.kind, branch=name, values=values)


def _nearest(p: ParameterSpec, value: float | None) -> float:
    """The value of the space that is nearest to `value`; that in the middle where there is none."""
    at = 0.5 if value is None else fraction_of(p, value)
    if p.steps is not None:
        # a single step has no width to divide by
        at = round(at * (p.steps - 1)) / max(p.steps - 1, 1)
    return float(value_at(p, np.asarray(at)))


def _moves(study: ResolvedStudy, c: Candidate) -> list[tuple[str, float]]:
    specs = study.branches[str(c.branch)].spec.parameters
    return [(n, v) for n, p in specs.items() for v in {*steps_of(p, c.values[n]), *_strides(p, c.values[n])}]


def _strides(p: ParameterSpec, old: float) -> Iterator[float]:
    if p.steps is None or p.low == p.high:
        return
    at = round(fraction_of(p, old) * (p.steps - 1))
    for place in (at - STRIDE, at + STRIDE):
        if 0 <= place < p.steps:
            yield float(value_at(p, np.asarray(place / (p.steps - 1))))


def _single(study: ResolvedStudy, c: Candidate) -> Iterator[Candidate]:
    for name, value in _moves(study, c):
        yield _at(c, {name: value})


def _pairs(study: ResolvedStudy, c: Candidate) -> Iterator[Candidate]:
    specs = study.branches[str(c.branch)].spec.parameters
    # without strides, which would make four times as many pairs
    steps = [(n, v) for n, p in specs.items() for v in steps_of(p, c.values[n])]
    for one, other in combinations(steps, 2):
        if one[0] != other[0]:
            yield _at(c, dict((one, other)))


def _at(c: Candidate, change: Mapping[str, float]) -> Candidate:
    label = c.label if c.label.startswith(NEAR) else f"{NEAR}{c.label}"
    # no trial made it, so that `_winner` of a study prefers a stored chip that is as good
    return replace(c, label=label, trial=None, values={**c.values, **change})

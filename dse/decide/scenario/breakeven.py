"""Who wins over one or two assumptions, and where that changes: the boundary is solved, not only sampled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate, of_baselines, of_front, of_grid
from dse.decide.scenario.assumptions import Assumption, assumption_of
from dse.decide.scenario.best_deployments import deployment_problem
from dse.decide.scenario.scenario import Scenario, costs_of, members
from dse.errors import spec_error
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import COUNTED

OTHERS = "others"
"""Group of every chip that the other side does not have."""
NEITHER = "nobody"
"""Value of `winner` where neither side is feasible; part of the JSON and CSV output, so that it stays."""
GRID = 256
"""Chips of each branch that the coarse search of the space tries."""
KEEP = 6
"""Best chips of each side, at each of the points of the first look, that are carried on."""
ROUNDS = 24
"""Halvings of a bracket at most: 1e-7 of its width."""
EQUAL = 1e-3
"""Costs that differ by less than this share are equal; a larger gap is a step."""

Why = Literal["equal cost", "step", "first infeasible", "second infeasible", "nobody"]
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A place on the boundary."""

    x: float
    y: float | None
    left: str
    """Who wins below it: the name of a side, or `nobody`."""
    right: str
    why: Why
    costs: tuple[float, float]
    """Objective of both sides at the boundary, on its left end; infinite where a side is infeasible."""


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """A map of who wins."""

    study: ResolvedStudy
    x: Assumption
    y: Assumption | None
    sides: tuple[str, str]
    limits: dict[str, float]
    goal_label: str
    """What costs are: the objective of the study that is not swept."""
    xs: Floats
    """(nx,)"""
    ys: Floats
    """(ny,); one row of not-a-number without a second assumption."""
    costs: Floats
    """Objective of the best chip of each side (ny, nx, 2), smaller is better, infinite when infeasible."""
    best_chips: npt.NDArray[np.object_]
    """Name of that chip (ny, nx, 2)."""
    boundary: tuple[Crossing, ...]
    """By row, from left to right."""
    tried: int
    """Chips of the front, of the baselines and of the coarse grid that were looked at first."""
    carried: int
    """Of them, those that the map is made of."""
    what: str = "chips"
    """What was looked at: chips, or pairs of pools."""

    def winner(self, row: int, column: int) -> str:
        """Who wins at a point of the map."""
        a, b = self.costs[row, column]
        return _who(float(a), float(b), self.sides)


def _who(a: float, b: float, sides: tuple[str, str]) -> str:
    if not np.isfinite(a) and not np.isfinite(b):
        return NEITHER
    # of equals the first side, as argmin takes the first chip
    return sides[0] if a <= b else sides[1]


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """The candidates of both sides; `best` gives the best of each."""

    candidates: list[Candidate]
    first: list[int]
    second: list[int]

    def best(self, scenarios: Sequence[Scenario]) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Cost of the best chip of each side (situations, 2), and which candidate it is."""
        cost = costs_of(scenarios, self.candidates)
        out, who = np.empty((len(scenarios), 2)), np.empty((len(scenarios), 2), dtype=np.intp)
        for k, side in enumerate((self.first, self.second)):
            # counted within the side; `side[at]` is the place among all candidates
            at = np.argmin(cost[:, side], axis=1)
            out[:, k] = cost[np.arange(len(scenarios)), np.asarray(side)[at]]
            who[:, k] = np.asarray(side)[at]
        return out, who


class Contenders(Protocol):
    """What both sides have, at any point of a map."""

    @property
    def names(self) -> Sequence[str]:
        """Of all of them."""

    def best(self, points: Sequence[tuple[float, float]]) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Cost of the best of each side at points (x, y), shape (points, 2), and which of them it is."""


@dataclass(frozen=True, kw_only=True)
class _OnMap:
    """Chips of both sides under two assumptions."""

    sides: _Sides
    base: Scenario
    x: Assumption
    y: Assumption | None

    @property
    def names(self) -> Sequence[str]:
        return [c.label for c in self.sides.candidates]

    def best(self, points: Sequence[tuple[float, float]]) -> tuple[Floats, npt.NDArray[np.intp]]:
        return self.sides.best([_at(self.base, self.x, self.y, a, b) for a, b in points])


def all_candidates(study: ResolvedStudy, front: Front) -> list[Candidate]:
    """Chips of the front, baselines, and a coarse grid of the space."""
    return [*of_front(study, front), *(c for c in of_baselines(study)), *of_grid(study, GRID)]


def assumptions(
    study: ResolvedStudy, candidates: Sequence[Candidate], x: str, y: str | None
) -> tuple[Assumption, Assumption | None]:
    """The assumptions that `--x` and `--y` name.

    Raises `SpecError` for unknown names, for ends that cannot be counted, and where both turn one number.
    """
    across = _counted(assumption_of(study, x, candidates, "--x"), x, "--x")
    if y is None:
        return across, None
    upwards = _counted(assumption_of(study, y, candidates, "--y"), y, "--y")
    # what they turn, not what they are called: one number may have two names
    if _overridden(across) & _overridden(upwards):
        raise spec_error("--y", f"expected another assumption than --x {across.name}, got {upwards.name}")
    return across, upwards


def _counted(assumption: Assumption, text: str, option: str) -> Assumption:
    """`assumption`, whose ends must be whole where it is counted and a range is given in `text`."""
    span = text.partition("=")[2].strip()
    least = COUNTED.get(assumption.key, 1.0) if assumption.kind == "parameters" else 1.0
    whole = all(end.is_integer() and end >= least for end in (assumption.low, assumption.high))
    if assumption.whole and span and not whole:
        what = f"{assumption.name}: expected whole numbers of at least {least:g}, got {span!r}"
        raise spec_error(option, what)
    return assumption


def _overridden(assumption: Assumption) -> set[object]:
    """Every number that a knob turns."""
    return set(assumption.places) or {(assumption.kind, assumption.group, assumption.key)}


def breakeven(
    study: ResolvedStudy,
    candidates: Sequence[Candidate],
    x: Assumption,
    y: Assumption | None,
    between: tuple[str, str] | None,
    limits: dict[str, float],
    points: tuple[int, int],
    progress: Progress = lambda _: None,
) -> BreakEven:
    """The map of who wins over `x`, or over `x` and `y`, at `limits` [SI, by objective].

    Every chip gets its best deployment at every point, as every verb chooses it. All candidates are evaluated
    on a coarse 3 x 3 net and on the coarse grid of deployments first; the best of each side anywhere on it
    make the map. On each row the boundary is bisected between
    neighbours where the winner changes, all rows at once. Raises `SpecError` for a side without chips.
    """
    base = Scenario(study=study, limits=limits)
    # a baseline may be on the front as well
    unique = list({c.label: c for c in candidates}.values())
    sides = between or _usual(base, unique)
    whole = _sides(unique, sides)
    progress(f"evaluating {len(unique)} chips")
    kept = _OnMap(sides=_kept(whole, base, x, y), base=base, x=x, y=y)
    goal = deployment_problem(study, limits).goal.label
    return mapped(study, kept, x, y, sides, limits, points, goal, len(unique), progress)


def mapped(
    study: ResolvedStudy,
    kept: Contenders,
    x: Assumption,
    y: Assumption | None,
    sides: tuple[str, str],
    limits: dict[str, float],
    points: tuple[int, int],
    goal_label: str,
    tried: int,
    progress: Progress = lambda _: None,
    what: str = "chips",
) -> BreakEven:
    """The map of two sides and its boundary, of whatever `kept` is made of."""
    xs = x.values(points[0])
    # one row without a value, so that a line is a map too
    ys = np.asarray([np.nan]) if y is None else y.values(points[1])
    progress(f"computing a map of {len(xs) * len(ys)} points")
    # x changes fastest, as in the shape below
    cost, who = kept.best([(float(a), float(b)) for b in ys for a in xs])
    shape = (len(ys), len(xs), 2)
    names = np.asarray(kept.names, dtype=object)
    progress("bisecting the boundary")
    return BreakEven(
        study=study,
        x=x,
        y=y,
        sides=sides,
        limits=limits,
        xs=xs,
        goal_label=goal_label,
        ys=ys,
        costs=cost.reshape(shape),
        best_chips=names[who].reshape(shape),
        tried=tried,
        carried=len(kept.names),
        what=what,
        boundary=tuple(_boundary(kept, x, y, xs, ys, cost.reshape(shape), sides)),
    )


def _at(base: Scenario, x: Assumption, y: Assumption | None, a: float, b: float) -> Scenario:
    turned = x.applied(base, a)
    return turned if y is None else y.applied(turned, b)


def _usual(base: Scenario, candidates: list[Candidate]) -> tuple[str, str]:
    """The storage kind that wins under the study's own assumptions, against the others.

    Where all chips are of that kind, the chip that wins, against the others.
    """
    cost = costs_of([base], candidates, coarse=True)
    # one scenario, so row 0
    best = candidates[int(np.argmin(cost[0]))]
    alike = all(c.kind == best.kind for c in candidates)
    return best.label if alike else best.kind, OTHERS


def _sides(candidates: list[Candidate], sides: tuple[str, str]) -> _Sides:
    """Candidates of both sides by index; `SpecError` for a side that is unknown, empty or shared."""
    named = {s: set(members(s, candidates)) for s in sides if s != OTHERS}
    for side, found in named.items():
        if not found:
            kinds = ", ".join(sorted({c.kind for c in candidates}))
            what = f"expected a storage kind ({kinds}), a chip or {OTHERS}, got {side!r}"
            raise spec_error("--between", what)
    # `others` is what the named side leaves, so it is known last
    rest = set(range(len(candidates))) - set().union(*named.values())
    first, second = (named.get(s, rest) for s in sides)
    if not rest and OTHERS in sides:
        side = next(s for s in sides if s != OTHERS)
        example = f"such as --between {candidates[0].label},{OTHERS}"
        hint = f"every chip here is {side}; name one chip, {example}" if len(candidates) > 1 else ""
        raise spec_error(
            "--between", f"expected other chips than {side}, got none{f': {hint}' if hint else ''}"
        )
    if first & second:
        raise spec_error("--between", f"expected sides that share no chip, got {', '.join(sides)}")
    return _Sides(candidates=candidates, first=sorted(first), second=sorted(second))


def _kept(whole: _Sides, base: Scenario, x: Assumption, y: Assumption | None) -> _Sides:
    """The chips that are among the best of their side somewhere on a coarse net."""
    ys = [np.nan] if y is None else y.values(3)
    net = [_at(base, x, y, float(a), float(b)) for b in ys for a in x.values(3)]
    # the study's own assumptions too, which need not be on the net
    cost = costs_of([base, *net], whole.candidates, coarse=True)
    chosen: list[list[int]] = []
    for side in (whole.first, whole.second):
        # a chip that leads only between the points of the net is missed
        order = np.argsort(cost[:, side], axis=1, kind="stable")[:, :KEEP]
        chosen.append(sorted({side[i] for i in order.ravel()}))
    every = [*chosen[0], *chosen[1]]
    # the kept chips of the first side come first; places are counted from new
    n = len(chosen[0])
    return _Sides(
        candidates=[whole.candidates[i] for i in every],
        first=list(range(n)),
        second=list(range(n, len(every))),
    )


def _boundary(
    kept: Contenders,
    x: Assumption,
    y: Assumption | None,
    xs: Floats,
    ys: Floats,
    costs: Floats,
    sides: tuple[str, str],
) -> list[Crossing]:
    """Every change of the winner along the rows, bisected to the end, all brackets together."""
    left, right, row, before = [], [], [], []
    for j in range(len(ys)):
        won = [_who(float(a), float(b), sides) for a, b in costs[j]]
        for i in range(len(xs) - 1):
            # a winner that changes twice between two neighbours is missed
            if won[i] != won[i + 1]:
                left.append(xs[i])
                right.append(xs[i + 1])
                row.append(j)
                before.append(won[i])
    if not left:
        return []
    a, b, wide = np.asarray(left), np.asarray(right), np.ones(len(left), dtype=bool)
    for _ in range(ROUNDS):
        middle = x.between(a, b)
        # neighbouring counts, or floats with no number between them, cannot be halved
        wide = (middle != a) & (middle != b)
        if not wide.any():
            break
        found, _ = kept.best([(float(m), float(ys[j])) for m, j in zip(middle, row, strict=True)])
        same = np.asarray(
            [_who(float(c[0]), float(c[1]), sides) == w for c, w in zip(found, before, strict=True)]
        )
        # at `a` the winner is the one before, at `b` another one: the bracket keeps a change
        a, b = np.where(same, middle, a), np.where(same, b, middle)
    # costs at both ends of a bracket distinguish a crossing from a step
    ends, _ = kept.best([(float(v), float(ys[j])) for end in (a, b) for v, j in zip(end, row, strict=True)])
    # all left ends come first, so the right end of bracket i is at n + i
    n = len(row)
    return [
        _crossing(
            x, float(a[i]), float(b[i]), None if y is None else float(ys[row[i]]), ends[i], ends[n + i], sides
        )
        for i in range(n)
    ]


def _crossing(
    x: Assumption, a: float, b: float, y: float | None, left: Floats, right: Floats, sides: tuple[str, str]
) -> Crossing:
    """A place on the boundary and why the winner changes there."""
    won = [_who(float(c[0]), float(c[1]), sides) for c in (left, right)]
    if NEITHER in won:
        why: Why = "nobody"
    elif not np.isfinite(left).all() or not np.isfinite(right).all():
        lost = right if np.isfinite(left).all() else left
        why = "first infeasible" if not np.isfinite(lost[0]) else "second infeasible"
    else:
        # the costs meet at one end and neither jumps between the ends
        gap = min(abs(np.log(c[0] / c[1])) for c in (left, right))
        why = "equal cost" if gap < EQUAL and max(abs(np.log(right / left))) < EQUAL else "step"
    return Crossing(
        # of a count, the first value at which the other side wins
        x=b if x.whole else float(x.between(np.asarray(a), np.asarray(b))),
        y=y,
        left=won[0],
        right=won[1],
        why=why,
        costs=(float(left[0]), float(left[1])),
    )

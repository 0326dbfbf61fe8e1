"""Boxes of a branch's chips: where they begin, how they are halved, the layouts that still matter in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.errors import spec_error
from dse.search.bound.corners import SLACK, Apart, Table, apart_of, corners
from dse.search.sweep.grid import Numbers
from dse.spec.schema.space import NAME, PARAMETERS

Mask = npt.NDArray[np.bool_]

THINNEST = 1e-4
"""Width, in the whole range, below which an axis is not halved any more."""

AT_ONCE = 256
"""Boxes that a branch yields together at the start, when every layout matters in each."""

ROWS_AT_ONCE = 1 << 19
"""Rows of layouts of these together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """What all boxes of a branch share."""

    branch: Branch
    table: Table
    """Their corners, one kind for each combination of unordered choices."""
    steps: Numbers
    """(parameters,) values of each axis; 0 where it is continuous."""
    placing: Mask
    """(parameters,) true where more may place bytes worse; a box of several values has one memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Boxes:
    """Boxes of one branch, and the layouts in which a chip of each may beat the front."""

    family: Family
    corners: Numbers
    """(n,) which corners of the family's table each has."""
    low: Floats
    """(n, parameters) shares of the ranges, in [0, 1]."""
    high: Floats
    gap: Floats
    """(n,) by how much a chip may beat the front, as a logarithm."""
    worst: Numbers
    """(n,) the layout in which it may by most."""
    counts: Numbers
    """(n,) layouts of each."""
    layouts: npt.NDArray[np.integer]
    """(rows,) layouts, box after box, in as few bytes as their number takes."""
    at: Floats
    """(n, targets) how good the goal may be at each target, as `Bounds.log` has it; infinite where none is
    met, and -infinite while it is unknown."""

    def __len__(self) -> int:
        return len(self.gap)

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        arrays = (self.corners, self.low, self.high, self.gap, self.worst, self.counts, self.layouts, self.at)
        return sum(a.nbytes for a in arrays)

    @property
    def owner(self) -> Numbers:
        """(rows,) the box of each layout."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def single(self) -> Mask:
        """(n,) true where a box is one chip."""
        return np.asarray((self.low == self.high).all(axis=1))

    @property
    def two_memories(self) -> Mask:
        """(n,) true where bytes are placed in two memories, and not the same way in the whole box."""
        return np.asarray((self.low < self.high)[:, self.family.placing].any(axis=1))

    @property
    def designs_each(self) -> Floats:
        """(n,) designs of each: its chips times its layouts; the longer continuous axes are, the more."""
        values = np.where(
            self.family.steps > 0,
            np.rint((self.high - self.low) * (self.family.steps - 1)) + 1.0,
            (self.high - self.low) / THINNEST + 1.0,
        )
        return np.asarray(values.prod(axis=1) * self.counts)

    @property
    def designs(self) -> int:
        """Designs in them all. Domain: every axis has steps."""
        return int(self.designs_each.sum())

    @property
    def slack(self) -> Floats:
        """(n,) by how much a chip may be better than the optimistic one, as a share; one chip is itself."""
        return np.where(self.single, 0.0, SLACK if self.family.branch.kind == "hybrid" else 0.0)

    @property
    def axes(self) -> Mask:
        """(n, parameters) true where a box can be halved."""
        return np.asarray(self.high - self.low > THINNEST)

    @property
    def wide(self) -> Mask:
        """(n,) true where a box can be halved at all."""
        return np.asarray(self.axes.any(axis=1))

    def part(self, boxes: Numbers | Mask | slice) -> "Boxes":
        """Some boxes in the order of the index, which may repeat a box."""
        chosen = np.arange(len(self))[boxes]
        counts = self.counts[chosen]
        first = np.cumsum(self.counts) - self.counts
        # the rows of the chosen boxes, box after box, without a loop over them
        rows = np.repeat(first[chosen] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return Boxes(
            family=self.family,
            corners=self.corners[chosen],
            low=self.low[chosen],
            high=self.high[chosen],
            gap=self.gap[chosen],
            worst=self.worst[chosen],
            counts=counts,
            layouts=self.layouts[rows],
            at=self.at[chosen],
        )

    def kept(self, rows: Mask, gap: Floats, worst: Numbers, at: Floats) -> "Boxes":
        """Boxes that have one of some layouts left, with these alone; the others are of all boxes."""
        counts = np.bincount(self.owner[rows], minlength=len(self))
        left = counts > 0
        return Boxes(
            family=self.family,
            corners=self.corners[left],
            low=self.low[left],
            high=self.high[left],
            gap=gap[left],
            worst=worst[left],
            counts=counts[left],
            layouts=self.layouts[rows],
            at=at[left],
        )

    def with_layouts(self, layouts: Numbers) -> "Boxes":
        """The same boxes with one layout each."""
        return replace(self, counts=np.ones(len(self), dtype=np.int64), layouts=layouts)

    def halves(self, axis: Numbers) -> "Boxes":
        """Both halves of each box along an axis of its own (n,), one after the other: 2 n boxes.

        No chip exists between two steps of an axis, so the halves do not touch.
        """
        rows, steps = np.arange(len(self)), self.family.steps[axis]
        middle = (self.low[rows, axis] + self.high[rows, axis]) / 2.0
        # continuous axes have no steps; their quotient is not used
        last = np.maximum(steps - 1, 1)
        # a share is a quotient: rounding must not move it below its own step
        index = np.floor(middle * last + 1e-9)
        out = self.part(np.repeat(rows, 2))
        out.high[0::2][rows, axis] = np.where(steps > 0, index / last, middle)
        out.low[1::2][rows, axis] = np.where(steps > 0, (index + 1.0) / last, middle)
        return out


def joined(parts: Sequence[Boxes]) -> Boxes:
    """Boxes of one branch together."""
    first, *rest = parts
    if not rest:
        return first
    names = ("corners", "low", "high", "gap", "worst", "counts", "layouts", "at")
    return Boxes(family=first.family, **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def whole(
    branch: Branch,
    layouts: int,
    *,
    lawful: bool,
    between: bool = False,
    counts: Mapping[str, int] | None = None,
    targets: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Boxes]:
    """The boxes that a branch begins with: one for each combination of the values of unordered parameters.

    `lawful` is whether more of what places bytes on two tiers never slows anything.
    With `between` the values between the steps of the others belong to the boxes as well, but for what is
    counted. `counts` replaces the steps of the space; `targets` is the number of targets at which boxes are
    bounded; `check` is called often. Raises `SpecError` for a continuous parameter of which a box must hold
    one value.
    """
    specs, apart = branch.spec.parameters, apart_of(branch, check)
    names = tuple(specs)
    steps = np.asarray([(counts or {}).get(n) or p.steps or 0 for n, p in specs.items()], dtype=np.int64)
    fixed = [i for i, (n, p) in enumerate(specs.items()) if n in apart.unordered and p.low < p.high]
    for i in fixed:
        if not steps[i]:
            raise spec_error(
                f"branches.{branch.name}", f"{names[i]}: expected steps, to prove a bound, got none"
            )
    family = _family(branch, fixed, steps, apart, lawful=lawful, between=between, check=check)
    named = [i for i in fixed if specs[names[i]].choices]
    # choices change slowest, so that all boxes of one kind of corners follow each other: `i // each`
    fixed.sort(key=lambda i: not specs[names[i]].choices)
    # with a dtype: the product over no axes is otherwise the float 1.0
    kinds = int(np.prod(steps[named], dtype=np.int64))
    each = int(np.prod(steps[fixed], dtype=np.int64)) // kinds
    full = np.asarray([float(p.low < p.high) for p in specs.values()])
    chosen = enumerate(product(*(np.arange(steps[i]) / (steps[i] - 1) for i in fixed)))
    every = np.arange(layouts, dtype=np.min_scalar_type(layouts))
    # every layout matters in each, so the more there are, the fewer boxes come at once
    at_once = max(1, min(AT_ONCE, ROWS_AT_ONCE // layouts))
    while some := list(islice(chosen, at_once)):
        n = len(some)
        low, high = np.zeros((n, len(specs))), np.tile(full, (n, 1))
        low[:, fixed] = high[:, fixed] = np.asarray([c for _, c in some]).reshape(n, len(fixed))
        yield Boxes(
            family=family,
            corners=np.asarray([i // each for i, _ in some]),
            low=low,
            high=high,
            gap=np.full(n, np.inf),
            worst=np.zeros(n, dtype=np.int64),
            counts=np.full(n, layouts),
            layouts=np.tile(every, n),
            at=np.full((n, targets), -np.inf),
        )


def _family(
    branch: Branch,
    fixed: Sequence[int],
    steps: Numbers,
    apart: Apart,
    *,
    lawful: bool,
    between: bool,
    check: Callable[[], None],
) -> Family:
    """The corners of every combination of fixed choices, in their order, and the steps of the axes."""
    specs = branch.spec.parameters
    names = tuple(specs)
    named = [i for i in fixed if specs[names[i]].choices]
    made = []
    for some in product(*(np.arange(steps[i]) / (steps[i] - 1) for i in named)):
        check()
        held = {names[i]: float(c) for i, c in zip(named, some, strict=True)}
        made.append(corners(branch, held, apart.unordered))
    if between:
        # between two names, counts or choices there is no chip
        only = [PARAMETERS[n] in ("", NAME) or bool(p.choices) for n, p in specs.items()]
        steps = np.where([o or i in fixed for i, o in enumerate(only)], steps, 0)
    placing = np.asarray([n in apart.placing and not lawful for n in names], dtype=np.bool_)
    return Family(branch=branch, table=Table.of(made), steps=steps, placing=placing)

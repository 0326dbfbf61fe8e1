"""Boxes of a branch's chips: where they begin, how they are halved, the layouts that still matter in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.errors import spec_error
from dse.search.bound.corners import SLACK, Table, corners, unordered
from dse.search.sweep.grid import Numbers
from dse.spec.schema.space import NAME, PARAMETERS

THINNEST = 1e-4
"""Width, in the whole range, below which an axis is not halved any more."""

AT_ONCE = 256
"""Boxes that a branch yields together at the start, when every layout matters in each."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """What all boxes of a branch share."""

    branch: Branch
    table: Table
    """Their corners, one kind for each combination of unordered choices."""
    steps: Numbers
    """(parameters,) values of each axis; 0 where it is continuous."""


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
    layouts: Numbers
    """(rows,) layouts, box after box."""
    lower: Floats
    """(rows, k) lower bounds of the objectives in each, as `Bounds.log` has them; (rows, 0) while unknown."""

    def __len__(self) -> int:
        return len(self.gap)

    @cached_property
    def owner(self) -> Numbers:
        """(rows,) the box of each layout."""
        return np.repeat(np.arange(len(self)), self.counts)

    @cached_property
    def single(self) -> Mask:
        """(n,) true where a box is one chip."""
        return np.asarray((self.low == self.high).all(axis=1))

    @property
    def designs(self) -> int:
        """Designs in them: chips of each times its layouts. Domain: every axis has steps."""
        values = np.rint((self.high - self.low) * (self.family.steps - 1)) + 1.0
        return int((values.prod(axis=1) * self.counts).sum())

    @cached_property
    def slack(self) -> Floats:
        """(n,) by how much a chip may be better than the optimistic one, as a share; one chip is itself."""
        return np.where(self.single, 0.0, SLACK if self.family.branch.kind == "hybrid" else 0.0)

    @cached_property
    def axes(self) -> Mask:
        """(n, parameters) true where a box can be halved."""
        return np.asarray(self.high - self.low > THINNEST)

    @cached_property
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
            lower=self.lower[rows],
        )

    def kept(self, rows: Mask, gap: Floats, worst: Numbers, lower: Floats) -> "Boxes":
        """Boxes that have one of some layouts left, with these alone; `gap` and `worst` of all boxes."""
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
            lower=lower[rows],
        )

    def with_layouts(self, layouts: Numbers) -> "Boxes":
        """The same boxes with one layout each."""
        none = np.empty((len(self), 0))
        return replace(self, counts=np.ones(len(self), dtype=np.int64), layouts=layouts, lower=none)

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
    names = ("corners", "low", "high", "gap", "worst", "counts", "layouts", "lower")
    return Boxes(family=first.family, **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def whole(
    branch: Branch,
    layouts: int,
    *,
    lawful: bool,
    between: bool = False,
    counts: Mapping[str, int] | None = None,
) -> Iterator[Boxes]:
    """The boxes that a branch begins with: one for each combination of the values of unordered parameters.

    `lawful` is whether more of what places bytes on two tiers never slows anything.
    With `between` the values between the steps of the others belong to the boxes as well, but for what is
    counted. `counts` replaces the steps of the space. Raises `SpecError` for a continuous parameter of
    which a box must hold one value.
    """
    specs, apart = branch.spec.parameters, unordered(branch, lawful=lawful)
    names = tuple(specs)
    steps = np.asarray([(counts or {}).get(n) or p.steps or 0 for n, p in specs.items()], dtype=np.int64)
    fixed = [i for i, (n, p) in enumerate(specs.items()) if n in apart and p.low < p.high]
    for i in fixed:
        if not steps[i]:
            raise spec_error(
                f"branches.{branch.name}", f"{names[i]}: expected steps, to prove a bound, got none"
            )
    family = _family(branch, fixed, steps, apart, between=between)
    named = [i for i in fixed if specs[names[i]].choices]
    # choices change slowest, so that all boxes of one kind of corners follow each other: `i // each`
    fixed.sort(key=lambda i: not specs[names[i]].choices)
    # with a dtype: the product over no axes is otherwise the float 1.0
    kinds = int(np.prod(steps[named], dtype=np.int64))
    each = int(np.prod(steps[fixed], dtype=np.int64)) // kinds
    full = np.asarray([float(p.low < p.high) for p in specs.values()])
    chosen = enumerate(product(*(np.arange(steps[i]) / (steps[i] - 1) for i in fixed)))
    while some := list(islice(chosen, AT_ONCE)):
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
            layouts=np.tile(np.arange(layouts), n),
            lower=np.empty((n * layouts, 0)),
        )


def _family(
    branch: Branch, fixed: Sequence[int], steps: Numbers, apart: frozenset[str], *, between: bool
) -> Family:
    """The corners of every combination of fixed choices, in their order, and the steps of the axes."""
    specs = branch.spec.parameters
    names = tuple(specs)
    named = [i for i in fixed if specs[names[i]].choices]
    held = product(*(np.arange(steps[i]) / (steps[i] - 1) for i in named))
    made = [
        corners(branch, {names[i]: float(c) for i, c in zip(named, some, strict=True)}, apart)
        for some in held
    ]
    if between:
        # between two names, counts or choices there is no chip
        only = [PARAMETERS[n] in ("", NAME) or bool(p.choices) for n, p in specs.items()]
        steps = np.where([o or i in fixed for i, o in enumerate(only)], steps, 0)
    return Family(branch=branch, table=Table.of(made), steps=steps)

"""Boxes of a branch's chips: where they begin, how they are halved, the layouts that still matter in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from dse.search.bound.corners import SLACK, Corners, corners, unordered
from dse.search.sweep.grid import Numbers
from dse.spec.branch import Branch, Floats
from dse.spec.problems import wrong
from dse.spec.space import NAME, PARAMETERS

THINNEST = 1e-4
"""Width, in the whole range, below which an axis is not halved any more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Box:
    """Chips between two corners, and the layouts in which one of them may beat the front."""

    corners: Corners
    steps: tuple[int, ...]
    """Values of each axis; 0 where it is continuous."""
    low: Floats
    """(parameters,) shares of the ranges, in [0, 1]."""
    high: Floats
    layouts: Numbers
    worst: int
    """The layout in which the front may be beaten by most."""
    gap: float
    """By how much, as a logarithm."""

    @property
    def slack(self) -> float:
        """By how much a chip in it may be better than its optimistic chip, as a share; a chip is itself."""
        several = self.corners.branch.kind == "hybrid" and bool((self.low != self.high).any())
        return SLACK if several else 0.0

    def axes(self) -> list[int]:
        """Axes that can be halved."""
        return [i for i, (a, b) in enumerate(zip(self.low, self.high, strict=True)) if b - a > THINNEST]

    def halves(self, axis: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Ends of both halves along an axis; between two values there is nothing."""
        below = above = (self.low[axis] + self.high[axis]) / 2.0
        if self.steps[axis]:
            last = self.steps[axis] - 1
            index = np.floor(below * last + 1e-9)
            below, above = index / last, (index + 1.0) / last
        left, right = self.high.copy(), self.low.copy()
        left[axis], right[axis] = below, above
        return (self.low, left), (right, self.high)


def whole(
    branch: Branch,
    layouts: int,
    *,
    lawful: bool,
    between: bool = False,
    counts: Mapping[str, int] | None = None,
) -> Iterator[Box]:
    """The boxes that a branch begins with: one for each combination of the values of unordered parameters.

    `lawful` tells whether more of what places bytes on two tiers never slows anything.
    With `between` the values between the steps of the others belong to the boxes as well, but for what is
    counted. `counts` stands in for the steps of the space. Raises `SpecError` for a continuous parameter of
    which a box must hold one value.
    """
    specs, apart = branch.spec.parameters, unordered(branch, lawful=lawful)
    steps = tuple((counts or {}).get(n) or p.steps or 0 for n, p in specs.items())
    fixed = [i for i, (n, p) in enumerate(specs.items()) if n in apart and p.low < p.high]
    for i in fixed:
        if not steps[i]:
            name = tuple(specs)[i]
            raise wrong(f"branches.{branch.name}", f"{name}: expected steps, to prove a bound, got none")
    if between:
        whole_only = [PARAMETERS[n] in ("", NAME) or bool(p.choices) for n, p in specs.items()]
        kept = {i for i, only in enumerate(whole_only) if only or i in fixed}
        steps = tuple(n if i in kept else 0 for i, n in enumerate(steps))
    shared: dict[tuple[float, ...], Corners] = {}
    names = tuple(specs)
    fixed.sort(key=lambda i: not specs[names[i]].choices)  # boxes with the same corners one after the other
    named = [at for at, i in enumerate(fixed) if specs[names[i]].choices]
    for chosen in product(*(np.arange(steps[i]) / (steps[i] - 1) for i in fixed)):
        held = {names[fixed[at]]: float(chosen[at]) for at in named}
        key = tuple(held.values())
        if key not in shared:
            shared[key] = corners(branch, held, apart)
        low = np.zeros(len(specs))
        high = np.asarray([float(p.low < p.high) for p in specs.values()])
        low[fixed] = high[fixed] = chosen
        yield Box(
            corners=shared[key], steps=steps, low=low, high=high,
            layouts=np.arange(layouts), worst=0, gap=np.inf,
        )  # fmt: skip

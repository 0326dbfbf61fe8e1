"""The designs of a sweep, numbered: chips of every branch on a grid, each in every deployment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.chips.parameter_range import value_at
from dse.errors import Problem, SpecError, nearest, spec_error
from dse.evaluate.batch import grid_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import PARAMETERS, ParameterSpec
from objectives import api

Numbers = npt.NDArray[np.int64]

MOST = 2**62
"""Points that can be numbered."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BranchGrid:
    """The chips of one branch: every combination of the values of its parameters."""

    branch: Branch
    axes: Mapping[str, Floats]
    """Values of each parameter [SI], ascending; the last parameter changes fastest."""
    first: int
    """Number of its first chip in the whole grid."""

    @property
    def size(self) -> int:
        """Chips of the branch."""
        return prod(len(axis) for axis in self.axes.values())

    def values(self, chips: Numbers) -> dict[str, Floats]:
        """Parameter values of the chips with these numbers of the whole grid, each of shape (n,)."""
        # a branch without parameters has one chip and no axis
        at = np.unravel_index(chips - self.first, tuple(len(a) for a in self.axes.values()) or (1,))
        # not strict: a branch without parameters has a position and no axis
        return {name: axis[i] for (name, axis), i in zip(self.axes.items(), at, strict=False)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """All designs of a sweep. A point is a chip in a deployment: number = chip x deployments + deployment."""

    branches: tuple[BranchGrid, ...]
    deployments: api.Deployments
    """One axis for each of TP, PP and batch, and a last one of length 1 for the chips."""

    @property
    def chips(self) -> int:
        """Chips of all branches."""
        return sum(b.size for b in self.branches)

    @property
    def layouts(self) -> int:
        """Deployments of each chip."""
        return self.deployments.size

    @property
    def size(self) -> int:
        """Points."""
        return self.chips * self.layouts

    def called(self, point: int) -> str:
        """The chip of a point in words: its branch and its parameters."""
        chip = point // self.layouts
        branch = next(b for b in self.branches if b.first <= chip < b.first + b.size)
        return branch.branch.called(branch.values(np.asarray([chip])), 0)

    def parts(self, start: int, stop: int) -> Iterator[tuple[BranchGrid, int, int]]:
        """Chips `start` to `stop` cut where a branch ends."""
        for branch in self.branches:
            low, high = max(start, branch.first), min(stop, branch.first + branch.size)
            if low < high:
                yield branch, low, high

    def by_branch(self, chips: Numbers) -> Iterator[tuple[BranchGrid, npt.NDArray[np.bool_]]]:
        """Branches with the mask of those of `chips` that belong to them."""
        for branch in self.branches:
            here = (chips >= branch.first) & (chips < branch.first + branch.size)
            if here.any():
                yield branch, here

    def pieces(self, most: int) -> list["Piece"]:
        """The deployments in pieces of at most `most`, so that memory is bounded however many there are."""
        return [Piece.of(self.deployments, cut) for cut in _cuts(self.deployments.shape, most)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some deployments of the grid, on the same axes."""

    deployments: api.Deployments
    numbers: Numbers
    """Number of each in the grid, of the shape of the piece without its last axis, flattened."""

    @classmethod
    def of(cls, whole: api.Deployments, cut: tuple[slice, ...]) -> "Piece":
        """The piece that `cut`, one slice for each axis, takes."""
        columns = {
            # a column of length 1 along an axis is shared by all of it
            name: a[tuple(c if n > 1 else slice(None) for c, n in zip(cut, a.shape, strict=True))]
            for name, a in whole.columns().items()
        }
        numbers = np.arange(whole.size).reshape(whole.shape)[cut]
        return cls(deployments=api.Deployments(**columns), numbers=numbers.reshape(-1))


def _cuts(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    lengths = list(shape)
    while prod(lengths) > most and max(lengths) > 1:
        longest = lengths.index(max(lengths))
        lengths[longest] = -(-lengths[longest] // 2)
    steps = [[slice(i, i + n) for i in range(0, size, n)] for size, n in zip(shape, lengths, strict=True)]
    yield from product(*steps)


def grid(study: ResolvedStudy, counts: Mapping[str, int] | None = None) -> Grid:
    """The grid of a study: `steps` values of each parameter, or as many as `counts` gives by its name.

    Raises `SpecError` with every problem: an unknown parameter, a continuous one without a count, a
    count that leads to fractions of what is counted in whole numbers.
    """
    if not study.branches:
        raise spec_error(str(study.path), "space: expected a space of chips to sweep, got none")
    if study.members:
        raise spec_error(
            str(study.path), "mix: expected one LLM and one workload to sweep, got a mix of them"
        )
    wanted = dict(counts or {})
    known = sorted({name for b in study.branches.values() for name in b.spec.parameters})
    problems = [
        Problem("--grid", f"unknown parameter {name!r} of {study.spec.space}; {nearest(name, known)}")
        for name in wanted
        if name not in known
    ]
    branches, bad = branch_grids(study, wanted)
    problems += bad
    if problems:
        raise SpecError(problems)
    # as for several chips, so that each size of a deployment keeps an axis
    made = Grid(branches=tuple(branches), deployments=grid_of(study, 2))
    if made.size > MOST:
        raise spec_error("--grid", f"expected at most {MOST:.1e} points, got {float(made.size):.1e}")
    return made


def branch_grids(
    study: ResolvedStudy, wanted: Mapping[str, int], prefix: str = ""
) -> tuple[list[BranchGrid], list[Problem]]:
    """The grid of each branch, `wanted` values of a parameter, and what is wrong with them.

    Problems name a branch with `prefix` in front.
    """
    branches: list[BranchGrid] = []
    problems: list[Problem] = []
    first = 0
    # sorted: designs are numbered in this order, and checkpoints hold their numbers
    for name in sorted(study.branches):
        branch, axes = study.branches[name], {}
        for parameter, spec in branch.spec.parameters.items():
            try:
                axes[parameter] = axis_values(f"{prefix}{name}.{parameter}", spec, wanted.get(parameter))
            except SpecError as error:
                problems += error.problems
        branches.append(BranchGrid(branch=branch, axes=axes, first=first))
        first += branches[-1].size
    return branches, problems


def axis_values(where: str, spec: ParameterSpec, count: int | None = None) -> Floats:
    """Values of one parameter on its scale, both ends among them; raises `SpecError`."""
    if count is not None and count < 1:
        raise spec_error("--grid", f"{where}: expected at least 2 values, got {count}")
    if spec.low == spec.high:
        return np.asarray([spec.low])
    if spec.choices and count not in (None, spec.steps):
        raise spec_error("--grid", f"{where}: expected its {spec.steps} choices, got {count} values")
    steps = spec.steps if count is None else count
    if steps is None:
        name = where.rpartition(".")[2]
        raise spec_error(
            "--grid", f"{where}: expected a number of values for a continuous range; give {name}=N"
        )
    if steps < 2:
        raise spec_error("--grid", f"{where}: expected at least 2 values, got {steps}")
    values = value_at(spec, np.arange(steps) / (steps - 1))
    # what is counted has no unit
    counted = PARAMETERS.get(where.rpartition(".")[2]) == "" and float(spec.low).is_integer()
    if counted and not np.all(np.abs(values - np.round(values)) < 1e-9):
        whole = round(spec.high - spec.low) + 1
        raise spec_error("--grid", f"{where}: expected whole numbers, so at most {whole} values, got {steps}")
    return values

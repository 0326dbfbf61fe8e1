"""The designs of one pool, numbered: chips of its space on a grid and of the catalog, in every layout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.chips.formats import with_formats
from dse.chips.resolve import chip_columns, with_absent
from dse.errors import Problem, SpecError, nearest
from dse.evaluate.pools.fronts import Numbers
from dse.evaluate.pools.study_layouts import grid_of_pool
from dse.question.chip_names import chip_name
from dse.question.resolved_study import ResolvedStudy
from dse.search.sweep.block import BATCH, CHUNK, Columns, taken
from dse.search.sweep.grid import BranchGrid, Grid, Piece, branch_grids
from objectives import api
from objectives.systems.decode_side import silicon_violations


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipBlock:
    """Some chips of a pool that can be made."""

    numbers: Numbers
    """(n,) in the pool."""
    columns: Columns
    """Columns that all share have the shape (1,)."""

    def chips(self, low: int, high: int) -> api.Chips:
        """Some of them."""
        return api.Chips.of(**taken(self.columns, slice(low, high), len(self.numbers)))


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolGrid:
    """All designs of a pool. A point is a chip in a layout: number = chip x layouts + layout."""

    role: str
    study: ResolvedStudy
    branches: tuple[BranchGrid, ...]
    names: tuple[str, ...]
    """Chips of the catalog, numbered behind those of the branches."""
    pieces: tuple[Piece, ...]
    deployments: api.Deployments
    kept: frozenset[str] | None = None
    """Branches and chips of the catalog that `spans` are of; all keep their numbers. None for all."""

    @classmethod
    def of(cls, role: str, study: ResolvedStudy, counts: Mapping[str, int]) -> "PoolGrid":
        """The grid of a pool: the steps of its space, or as many values as `counts` gives; `SpecError`."""
        branches, problems = branch_grids(study, counts, f"{role}.")
        if problems:
            raise SpecError(problems)
        # as for several chips, so that each size of a layout keeps an axis
        layouts = grid_of_pool(role, study)
        return cls(
            role=role,
            study=study,
            branches=tuple(branches),
            names=tuple(sorted(study.baselines)),
            pieces=tuple(Grid(branches=(), deployments=layouts).pieces(CHUNK)),
            deployments=layouts,
        )

    @property
    def made(self) -> int:
        """Chips of the branches."""
        return sum(b.size for b in self.branches)

    @property
    def chips(self) -> int:
        """Chips."""
        return self.made + len(self.names)

    @property
    def layouts(self) -> int:
        """Layouts of each chip."""
        return self.deployments.size

    @property
    def size(self) -> int:
        """Points."""
        return self.chips * self.layouts

    def spans(self, most: int = BATCH) -> Iterator[tuple[int, int]]:
        """First and last chip of blocks that lie in one branch, or are one chip of the catalog."""
        for branch in self.kept_branches:
            end = branch.first + branch.size
            yield from ((low, min(low + most, end)) for low in range(branch.first, end, most))
        yield from self.catalog_spans()

    def catalog_spans(self) -> Iterator[tuple[int, int]]:
        """Those of `spans` that are one chip of the catalog."""
        yield from (
            (self.made + i, self.made + i + 1) for i, name in enumerate(self.names) if self._keeps(name)
        )

    @property
    def kept_branches(self) -> tuple[BranchGrid, ...]:
        """Branches that `spans` are of."""
        return tuple(b for b in self.branches if self._keeps(b.branch.name))

    def _keeps(self, family: str) -> bool:
        return self.kept is None or family in self.kept

    @property
    def looked_at(self) -> int:
        """Points of all spans."""
        chips = sum(b.size for b in self.kept_branches) + sum(1 for _ in self.catalog_spans())
        return self.layouts * chips

    def block(self, low: int, high: int) -> ChipBlock:
        """The chips of a span that can be made."""
        return self.block_of(np.arange(low, high))

    def block_of(self, numbers: Numbers) -> ChipBlock:
        """Chips of one branch, or one chip of the catalog, that can be made."""
        columns = self.columns_of(numbers)
        ok = np.ones(len(numbers), dtype=np.bool_)
        for excess in silicon_violations(api.Chips.of(**columns)).values():
            ok &= np.asarray(excess) <= 0.0
        return ChipBlock(numbers=numbers[ok], columns=taken(columns, ok, len(numbers)))

    def pools(self, block: ChipBlock) -> Iterator[tuple[api.Pool, Numbers]]:
        """The chips of a block in every layout, some points at a time, and the number of each point."""
        for piece in self.pieces:
            step = max(1, CHUNK // piece.numbers.size)
            for low in range(0, len(block.numbers), step):
                some = block.numbers[low : low + step]
                pool = api.Pool(
                    role=self.role,
                    chips=block.chips(low, low + step),
                    deployments=piece.deployments,
                )
                yield pool, (some * self.layouts + piece.numbers[:, np.newaxis]).reshape(-1)

    def at(self, points: Numbers) -> api.Pool:
        """The designs with these numbers, one a row, whether they can be made or not."""
        chips, layouts = np.divmod(points, self.layouts)
        some, place = np.unique(chips, return_inverse=True)
        columns = {name: a[place] for name, a in self.columns_at(some).items()}
        return api.Pool(
            role=self.role, chips=api.Chips.of(**columns), deployments=self.deployments.take(layouts)
        )

    def columns_at(self, chips: Numbers) -> dict[str, Floats]:
        """Columns (n,) of ascending chips of any branches and of the catalog."""
        runs = list(self._runs(chips))
        sizes = [high - low for low, high in runs]
        alike = with_absent([self.columns_of(chips[low:high]) for low, high in runs])

        def joined(name: str) -> Floats:
            # those that all chips of a part share have one row
            each = [np.broadcast_to(part[name], (n,)) for part, n in zip(alike, sizes, strict=True)]
            return np.concatenate(each)

        return {name: joined(name) for name in alike[0]}

    def _runs(self, chips: Numbers) -> Iterator[tuple[int, int]]:
        """Places of ascending chips that are of one branch, or one chip of the catalog."""
        ends = [b.first + b.size for b in self.branches] + [self.made + i + 1 for i in range(len(self.names))]
        cuts = np.searchsorted(chips, [0, *ends])
        yield from ((int(a), int(b)) for a, b in pairwise(cuts) if a < b)

    def columns_of(self, chips: Numbers) -> Columns:
        """Columns of chips of one branch, or of one chip of the catalog."""
        if chips[0] >= self.made:
            found = self._catalog(self.names[int(chips[0]) - self.made])
            return {k: np.asarray([v]) for k, v in found.items()}
        (branch,) = (b for b in self.branches if b.first <= chips[0] < b.first + b.size)
        return branch.branch.columns(branch.values(chips))

    def facts(self, point: int) -> dict[str, object]:
        """What a table says of a design: its chip, the values of its parameters."""
        number = point // self.layouts
        if number >= self.made:
            name = self.names[number - self.made]
            return {"chip": name, "branch": chip_kind(self.study.baselines[name])}
        (branch,) = (b for b in self.branches if b.first <= number < b.first + b.size)
        values = branch.values(np.asarray([number]))
        named = {name: str(a[0]) for name, a in branch.branch.named(values).items()}
        parameters = {f"param_{name}": float(a[0]) for name, a in values.items()}
        made = {"chip": chip_name(branch.branch.name, number), "branch": branch.branch.kind}
        return {**made, **named, **parameters}

    def _catalog(self, name: str) -> dict[str, float]:
        """Columns of a chip of the catalog."""
        setting = self.study.setting
        return chip_columns(with_formats(self.study.baselines[name], setting.technology), setting)


def grids_of(pools: Mapping[str, ResolvedStudy], counts: Mapping[str, int]) -> dict[str, PoolGrid]:
    """The grid of every pool; `counts` are by `ROLE.PARAMETER`. Raises `SpecError` with all problems."""
    known = [
        f"{role}.{name}"
        for role, study in pools.items()
        for name in sorted({p for b in study.branches.values() for p in b.spec.parameters})
    ]
    problems = [
        Problem("--grid", f"unknown parameter {name!r} of the pools; {nearest(name, known)}")
        for name in counts
        if name not in known
    ]
    found: dict[str, PoolGrid] = {}
    for role, study in pools.items():
        own = {n.removeprefix(f"{role}."): c for n, c in counts.items() if n.startswith(f"{role}.")}
        try:
            found[role] = PoolGrid.of(role, study, own)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return found

"""Boxes of the chips of one pool: numbered, and halved once for all pairs that they are part of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.formats import with_formats
from dse.chips.resolve import chip_columns, with_absent
from dse.errors import spec_error
from dse.evaluate.pools.fronts import Numbers
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.boxes import Boxes, joined, whole
from dse.search.bound.one_memory import as_one_memory
from dse.search.turns.cache import Cache
from dse.search.turns.question import Rows, Side

CATALOG = -1
"""Family of the chips of the catalog, each of which is a box of its own."""

ONE_MEMORY = ("sram_bytes", "dram_bytes", "dram_bandwidth", "kv_efficiency", "dram_w")
"""Columns that differ where SRAM and DRAM are one memory."""

PORTS = ("link_bandwidth", "scale_out_bandwidth")


@dataclass(frozen=True, kw_only=True, eq=False)
class Halved:
    """Both halves of some boxes along each of their axes."""

    box: Rows
    """(m,) which of the boxes, ascending."""
    axis: Rows
    """(m,)."""
    columns: Mapping[str, Floats]
    """(2 m,) best chips, one half after the other."""
    one_memory: Mapping[str, Floats]
    """Columns in which they have one memory."""
    slack: Floats
    """(2 m,)."""


class Tree:
    """Boxes of one pool. Those that a branch begins with and chips of the catalog come first."""

    def __init__(
        self,
        study: ResolvedStudy,
        *,
        kept: frozenset[str] | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
        between: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Of the branches and chips of the catalog that are `kept`, all where it is None.

        `counts` are values of parameters by branch, where they are not the steps of the space. With `between`
        values between the steps belong to boxes as well. Raises `SpecError` for chips without a bound.
        """
        names = [n for n in sorted(study.branches) if kept is None or n in kept]
        self.catalog = tuple(n for n in sorted(study.baselines) if kept is None or n in kept)
        self.boxes: list[Boxes] = []
        for name in names:
            own = (counts or {}).get(name)
            branch = study.branches[name]
            parts = list(whole(branch, 1, lawful=False, between=between, counts=own, check=check))
            self.boxes.append(joined(parts))
            _hold_ports(self.boxes[-1], f"{study.path}: branches.{name}")
        setting = study.setting
        known = [
            chip_columns(with_formats(study.baselines[n], setting.technology), setting) for n in self.catalog
        ]
        made = [_best(b) for b in self.boxes]
        every = with_absent([*made, *({k: np.asarray([v]) for k, v in one.items()} for one in known)])
        sizes = [*(len(b) for b in self.boxes), *(1 for _ in known)]
        self.columns: dict[str, Floats] = {
            name: np.concatenate(
                [np.broadcast_to(part[name], (n,)) for part, n in zip(every, sizes, strict=True)]
            )
            for name in every[0]
        }
        # chips of one memory alike: those of boxes whose bytes are not all placed alike
        alone = [_one_memory(b, own) for b, own in zip(self.boxes, made, strict=True)]
        self.one_memory = {
            name: np.concatenate([*(a[name] for a in alone), self.columns[name][sum(sizes[: len(made)]) :]])
            for name in (ONE_MEMORY if alone else ())
        }
        family = [*range(len(self.boxes)), *(CATALOG for _ in known)]
        self.family = np.repeat(np.asarray(family, dtype=np.int64), sizes)
        place = [*(np.arange(len(b)) for b in self.boxes), np.arange(len(known))]
        self.place = np.concatenate([np.empty(0, dtype=np.int64), *place])
        facts = [(b.single, b.slack, b.wide, _chips(b)) for b in self.boxes]
        certain = (
            np.ones(len(known), bool),
            np.zeros(len(known)),
            np.zeros(len(known), bool),
            np.ones(len(known)),
        )
        self.single, self.slack, self.wide, self.chips = (
            np.concatenate(column) for column in zip(*facts, certain, strict=True)
        )
        self.first_half = np.full(len(self.family), -1, dtype=np.int64)
        self.roots, self._known = len(self.family), Cache()

    def side(self, nodes: Rows, layouts: Rows) -> Side:
        """The best chips of some boxes in some layouts."""
        return Side(
            columns=self.columns,
            one_memory=self.one_memory,
            chips=nodes,
            layouts=layouts,
            slack=self.slack[nodes],
            known=self._known,
        )

    @property
    def hybrid(self) -> bool:
        """Whether some boxes have chips with SRAM and DRAM."""
        return any(b.family.branch.kind == "hybrid" for b in self.boxes)

    def tried(self, nodes: Rows) -> Halved:
        """Both halves of wide boxes along every axis, which are not kept."""
        box, axis, columns, slack, one_memory = [], [], [], [], []
        for family, boxes in enumerate(self.boxes):
            here = np.flatnonzero(self.family[nodes] == family)
            if not len(here):
                continue
            some = boxes.part(self.place[nodes[here]])
            one, along = np.nonzero(some.axes)
            halves = some.part(one).halves(along)
            box.append(here[one])
            axis.append(along)
            made = _best(halves)
            columns.append(self._full(made, len(halves)))
            one_memory.append(_one_memory(halves, made))
            slack.append(halves.slack)
        together = {name: np.concatenate([c[name] for c in columns]) for name in self.columns}
        alike = {name: np.concatenate([c[name] for c in one_memory]) for name in self.one_memory}
        whose = np.concatenate(box)
        order = np.argsort(whose, kind="stable")
        both = (2 * order[:, np.newaxis] + np.arange(2)).reshape(-1)
        return Halved(
            box=whose[order],
            axis=np.concatenate(axis)[order],
            columns={name: a[both] for name, a in together.items()},
            one_memory={name: a[both] for name, a in alike.items()},
            slack=np.concatenate(slack)[both],
        )

    def halve(self, nodes: Rows, axes: Numbers) -> None:
        """Keep both halves of boxes, each along an axis; `first_half` says where."""
        for family, boxes in enumerate(self.boxes):
            here = np.flatnonzero(self.family[nodes] == family)
            if not len(here):
                continue
            some = nodes[here]
            halves = boxes.part(self.place[some]).halves(axes[here])
            start, count = len(self.family), len(halves)
            self.first_half[some] = start + 2 * np.arange(len(some))
            made = _best(halves)
            own, alike = self._full(made, count), _one_memory(halves, made)
            self.columns = {name: np.concatenate([a, own[name]]) for name, a in self.columns.items()}
            self.one_memory = {name: np.concatenate([a, alike[name]]) for name, a in self.one_memory.items()}
            self.boxes[family] = joined([boxes, halves])
            more = {
                "family": np.full(count, family),
                "place": len(boxes) + np.arange(count),
                "single": halves.single,
                "slack": halves.slack,
                "wide": halves.wide,
                "chips": _chips(halves),
                "first_half": np.full(count, -1),
            }
            for name, values in more.items():
                setattr(self, name, np.concatenate([getattr(self, name), values]))

    def _full(self, columns: Mapping[str, Floats], count: int) -> dict[str, Floats]:
        """Every column of the pool for some boxes; memories that only others have are 0."""
        none = np.zeros(1)
        return {name: np.broadcast_to(columns.get(name, none), (count,)) for name in self.columns}


def _best(boxes: Boxes) -> dict[str, Floats]:
    """Columns of chips that no chip of a box is better than, where bytes are placed for what counts."""
    return boxes.family.table.optimistic(boxes.corners, boxes.low, boxes.high)


def _one_memory(boxes: Boxes, made: Mapping[str, Floats]) -> dict[str, Floats]:
    """`ONE_MEMORY` columns (n,): chips of boxes whose bytes are not all placed alike have one memory."""
    apart = boxes.two_memories
    found = as_one_memory(made, apart) if apart.any() else made
    return {name: np.broadcast_to(found[name], (len(boxes),)) for name in ONE_MEMORY}


def _chips(boxes: Boxes) -> npt.NDArray[np.float64]:
    """(n,) chips of each, the more the longer continuous axes are."""
    return boxes.designs_each


def _hold_ports(boxes: Boxes, where: str) -> None:
    """Raise `SpecError` where some chips have no links and others do: these have a port of their host."""
    table, ends = boxes.family.table, (boxes.corners, boxes.low, boxes.high)
    least = np.maximum(*(table.least(name, *ends) for name in PORTS))
    made = table.optimistic(*ends)
    most = np.maximum(*(np.broadcast_to(made[name], least.shape) for name in PORTS))
    if ((least <= 0.0) & (most > 0.0)).any():
        raise spec_error(where, "expected links of every chip for a proof, got some chips without")

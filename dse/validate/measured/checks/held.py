"""Whether the chips of a row can hold what it says that they ran."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.question.layouts import bad_ep
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Batch, Case, Refusal, batches
from dse.validate.measured.checks.remark import Remark
from objectives import api

SLACK: Final = 0.1
"""Share of a chip's capacity that a measured system may seem to exceed: a chip of one's own may state GB for
GiB (7 %), and engines that split layers keep the embedding in the host."""


AS_IF: Final = "the stated batch does not fit, and is predicted as if it did"


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the fullest chip of each row lacks; negative where it has room to spare."""

    usable: Floats = field(repr=False)
    """With one sequence in each replica, in the share of the capacity that the stack uses [B]."""
    physical: Floats = field(repr=False)
    """The same in the whole capacity [B]."""
    batch: Floats = field(repr=False)
    """With the stated sequences, in the whole capacity [B]; as `physical` where none are stated."""
    capacity: Floats = field(repr=False)
    """Of one chip [B]."""

    @property
    def holds(self) -> Floats:
        """1 where one sequence fits, up to `SLACK`, else 0.

        Physical capacity decides: a row that was measured has run, whatever share of it a stack plans with.
        """
        return np.asarray(self.physical <= SLACK * self.capacity, dtype=float)


def room(model: api.CostModel, batch: Batch) -> Room:
    """What each row of a batch lacks, from the bytes of the cost model."""
    d, chips = batch.designs.deployments, batch.designs.chips
    one, full = np.ones(len(batch.cases)), np.ones_like(chips.stack.usable_capacity)

    def excess(size: Floats, share: Floats | None) -> Floats:
        used = chips if share is None else chips.replace(usable_capacity=share)
        designs = batch.designs.replace(chips=used, deployments=d.replace(batch=size))
        found = model.evaluate(designs, batch.context).violations["capacity"]
        return np.broadcast_to(np.asarray(found, dtype=float), len(batch.cases))

    physical = excess(one, full)
    stated = np.where(np.isfinite(batch.users), d.batch, one)
    return Room(
        usable=excess(one, None),
        physical=physical,
        batch=excess(stated, full),
        # the excess is linear in the share: the half that is missing is half of the capacity
        capacity=2.0 * (excess(one, full / 2.0) - physical),
    )


def too_small(case: Case, lacking: float) -> Refusal:
    """The refusal of a row whose chips lack so many bytes."""
    taken = f" in the assumed layout {case.layout.assumed}" if case.layout.assumed else ""
    return Refusal(case.row, f"does not fit by {_size(lacking)} a chip, even with one sequence{taken}")


def held(model: api.CostModel, cases: Sequence[Case], catalog: Catalog) -> tuple[list[Case], list[Refusal]]:
    """Cases whose chips hold the weights and a sequence, and the refusals of the others, in their order.

    A mixture whose experts do not fit on a chip has them spread over TP x DP, although its row states or
    means EP 1: no other layout of these chips can have run. `tight` remarks it.
    """
    lacking = _lacking(model, cases, catalog)
    spread = {id(c): wider for c in cases if id(c) in lacking and (wider := _spread(c)) is not None}
    still = _lacking(model, list(spread.values()), catalog)
    spread = {key: wider for key, wider in spread.items() if id(wider) not in still}
    kept = [spread.get(id(c), c) for c in cases if id(c) not in lacking or id(c) in spread]
    refused = [too_small(c, lacking[id(c)]) for c in cases if id(c) in lacking and id(c) not in spread]
    return kept, refused


def _lacking(model: api.CostModel, cases: Sequence[Case], catalog: Catalog) -> dict[int, float]:
    """Identity of each case whose chips are too small to the bytes that the fullest lacks [B]."""
    found: dict[int, float] = {}
    for batch in batches(cases, catalog):
        lacks = room(model, batch)
        for case, holds, short in zip(batch.cases, lacks.holds, lacks.usable, strict=True):
            if not holds:
                found[id(case)] = float(short)
    return found


def _spread(case: Case) -> Case | None:
    """The case with its experts spread over all its chips; None where it has none or spreads them already."""
    ways = case.layout
    size = ways.tp * ways.dp
    if (ways.ep or 1.0) > 1.0 or size == 1.0 or not case.llm.expert_count:
        return None
    if bad_ep(int(size), int(ways.tp), int(ways.dp), case.llm):
        return None
    return replace(case, layout=replace(ways, ep=size))


def tight(batch: Batch, found: Room) -> Iterator[Remark]:
    """Remarks on rows that are predicted although they do not fit."""
    for i, case in enumerate(batch.cases):
        if not found.holds[i]:
            continue
        ep = case.layout.ep or 1.0
        if ep != (case.row.ep or 1.0):
            text = f"experts of EP 1 do not fit on a chip: predicted with EP {ep:.0f}, spread over TP x DP"
            yield Remark(rows=(case.row,), text=text)
        if found.usable[i] > 0.0:
            text = "does not fit into the share of the capacity that the stack uses; predicted all the same"
            lacking = float(found.usable[i])
        elif found.batch[i] > 0.0:
            # an engine lets users wait; a batch that was set is what ran
            waits = case.row.kind in ("concurrency", "unknown")
            text = "the stated users do not fit at once: those beyond wait" if waits else AS_IF
            lacking = float(found.batch[i])
        else:
            continue
        yield Remark(rows=(case.row,), text=text, detail=f"{_size(lacking)} a chip too much")


def _size(size: float) -> str:
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.3g} B"

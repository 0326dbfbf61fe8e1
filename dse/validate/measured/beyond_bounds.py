"""Measured rows that beat the speed of light: errors of the table or of a chip's facts, not fast machines."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.bounds.speed_of_light import ROUNDING, Bound, speed_of_light
from dse.validate.measured.batches import Batch
from dse.validate.measured.rows import METRICS, Measured
from objectives.arrays import zeros_like

CROWD: Final = 1e9
"""Sequences in flight where none are stated: so many that each costs its own bytes and FLOP only."""

RATES: Final = ("tok_s_user", "decode_tok_s_total", "tok_s_per_chip", "total_tok_s_incl_input")
"""Metrics of which more is faster."""


@dataclass(frozen=True, kw_only=True)
class Beaten:
    """One measured row that is faster than physics allows."""

    row: Measured
    limit: float
    """Best value that the chip could reach, in the unit of the row's metric."""

    @property
    def factor(self) -> float:
        """How many times too fast the row is."""
        ratio = self.row.value / self.limit
        return ratio if self.row.metric in RATES else 1.0 / ratio

    def __str__(self) -> str:
        r, side = self.row, "most" if self.row.metric in RATES else "least"
        return (
            f"{r.where}: {r.chip}, {r.llm}: {r.metric}: expected at {side} {self.limit:.4g}, "
            f"got {r.value:.4g}, {self.factor:.3g} times too fast for the chip's peaks"
        )


def rows_beating(batches: Iterable[Batch]) -> list[Beaten]:
    """Rows of all batches that beat their bound by more than rounding, the worst first.

    In a closed loop it is unknown how many of the users decode at once: times are compared with a lone user,
    rates against all of them. Experts may be spread over all replicas, so the chips of a mixture of experts
    count as one pool without links.
    """
    found = []
    for batch in batches:
        limits = _limits(batch)
        pairs = (Beaten(row=c.row, limit=float(v)) for c, v in zip(batch.cases, limits, strict=True))
        found += [b for b in pairs if b.factor > 1.0 + ROUNDING]
    return sorted(found, key=lambda b: -b.factor)


def _limits(batch: Batch) -> Floats:
    """Best possible value of each row in the unit of its metric, shape (rows,)."""
    pooled = _pooled(batch) if any(b.experts for b in batch.context.llm.blocks) else batch
    d = pooled.designs.deployments
    static = batch.cases[0].row.kind == "static"
    # sequences in each replica
    crowd = d.batch if static else np.where(np.isfinite(batch.users), batch.users, CROWD) / d.dp
    alone, all_of_them = _bound(pooled, d.batch if static else np.ones_like(d.batch)), _bound(pooled, crowd)
    osl, isl = batch.osl, np.asarray([c.row.isl for c in batch.cases])
    # an OSL of 1 has no decode step: its only token comes with the prompt
    after_first = np.maximum(osl - 1.0, 0.0)
    decode = np.where(after_first > 0.0, after_first * all_of_them.tpot_s, all_of_them.ttft_s)
    # at best, prompts of some requests run while others decode
    whole = np.maximum(all_of_them.ttft_s, after_first * all_of_them.tpot_s)
    requests = crowd * d.dp
    chips = np.asarray([c.row.chips or 0.0 for c in batch.cases])
    # a row without a count of chips uses those of its layout
    per_chip = np.where(chips > 0.0, chips, d.tp * d.pp * d.dp)
    values = {
        "tpot_ms": alone.tpot_s * 1e3,
        "tok_s_user": 1.0 / alone.tpot_s,
        "ttft_ms": alone.ttft_s * 1e3,
        "prefill_ms": alone.ttft_s * 1e3,
        "e2e_s": alone.ttft_s + after_first * alone.tpot_s,
        "decode_tok_s_total": requests * osl / decode,
        "tok_s_per_chip": requests * osl / decode / per_chip,
        "total_tok_s_incl_input": requests * (isl + osl) / whole,
    }
    # a new metric without a bound would pass unchecked
    if set(values) != set(METRICS):
        raise KeyError(f"rows_beating: expected a bound for each of {sorted(METRICS)}, got {sorted(values)}")
    metric = [c.row.metric for c in batch.cases]
    shape = (len(metric),)
    columns = {name: np.broadcast_to(v, shape) for name, v in values.items()}
    return np.asarray([columns[name][i] for i, name in enumerate(metric)])


def _bound(batch: Batch, size: Floats) -> Bound:
    """The bound with `size` sequences in each replica, whose prompts come together."""
    designs = batch.designs
    crowded = designs.replace(deployments=designs.deployments.replace(batch=size))
    together = replace(batch.context.workload, serving="static")
    return speed_of_light(crowded, replace(batch.context, workload=together))


def _pooled(batch: Batch) -> Batch:
    """All replicas as one, joined by links that take no time."""
    designs, d = batch.designs, batch.designs.deployments
    chips = designs.chips
    free = chips.replace(
        link_latency=zeros_like(chips.links.link_latency),
        scale_out_latency=zeros_like(chips.links.link_latency),
    )
    one = d.replace(batch=d.batch * d.dp, tp=d.tp * d.dp, dp=np.ones_like(d.dp))
    return replace(batch, designs=designs.replace(chips=free, deployments=one))

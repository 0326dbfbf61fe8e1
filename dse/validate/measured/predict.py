"""Predictions for batches of measured rows, each in the metric of its row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.validate.measured.batches import Batch, Case
from dse.validate.measured.reading.serving import DECODE_ONLY
from objectives import api

MEDIAN: Final = r"p50|median"
"""Statistics that are medians."""

MOST_SEQUENCES: Final = 2048.0
"""Sequences that an engine schedules at most when the batch is not stated: the default `max_batch_size` of
trtllm-bench (TensorRT-LLM documentation, 2024)."""


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A batch of rows, and how many of the users of each run at once."""

    batch: Batch
    deployments: api.Deployments
    running: Floats = field(repr=False)
    """Sequences in all replicas, shape (rows,)."""
    users: Floats = field(repr=False)
    """Requests of the whole system at any time; those that run where no more are stated."""
    together: Floats = field(repr=False)
    """1 where users start together, as in a closed loop, 0 where requests arrive by chance, shape (rows,)."""


def schedule(model: api.CostModel, batch: Batch) -> Scheduled:
    """How many sequences run at once: bytes decide, so no efficiency changes it."""
    rows = len(batch.cases)
    d = batch.designs.deployments
    # a static batch is what the row says; other engines may hold fewer at once than they have users
    if batch.cases[0].row.kind != "static":
        d = d.replace(batch=_resident(model, batch))
    running = np.broadcast_to(d.batch * d.dp, rows)
    return Scheduled(
        batch=batch,
        deployments=d,
        running=running,
        users=np.where(np.isfinite(batch.users), batch.users, running),
        together=np.asarray([_together(c) for c in batch.cases]),
    )


def _together(case: Case) -> float:
    """1 where the value holds the burst in which the clients of a closed loop start, else 0.

    Each client sends many requests and only the first is in the burst, so that a median is beyond it.
    """
    return float(case.row.kind != "mean_in_flight" and not re.match(MEDIAN, case.row.stat, re.IGNORECASE))


def predict(model: api.CostModel, batch: Batch) -> Floats:
    """Prediction of each row of the batch in the unit of its metric, shape (rows,)."""
    return predict_scheduled(model, schedule(model, batch), {})


def predict_scheduled(model: api.CostModel, scheduled: Scheduled, columns: Mapping[str, Floats]) -> Floats:
    """Predictions with some chip columns replaced; columns of shape (k, 1) give k predictions of each row.

    Users beyond what fits wait: their TTFT grows by the time in the system of those before them.
    """
    batch, d = scheduled.batch, scheduled.deployments
    chips = batch.designs.chips.replace(**columns)
    # requests that arrive by chance come one by one
    chips = chips.replace(burst=chips.stack.burst * scheduled.together)
    designs = batch.designs.replace(chips=chips, deployments=d)
    found = model.evaluate(designs, batch.context)
    shape = np.broadcast_shapes((len(batch.cases),), *(np.shape(c) for c in columns.values()))
    tpot, ttft = np.broadcast_to(found.tpot_s, shape), np.broadcast_to(found.ttft_s, shape)
    if batch.context.workload.serving == DECODE_ONLY:
        # prompts are on other chips: the first token costs a step here, as every other one does
        ttft = tpot
    # time of one request in the system, once it runs
    stay = ttft + np.maximum(batch.osl - 1.0, 0.0) * tpot
    waiting = np.maximum(scheduled.users / scheduled.running - 1.0, 0.0) * stay
    # those who wait count as well, since the time in the system that Little's law divides by holds their wait
    in_flight = np.maximum(scheduled.users, scheduled.running)
    return in_metrics(batch, tpot, ttft + waiting, in_flight, np.asarray(d.tp * d.pp * d.dp))


def in_metrics(batch: Batch, tpot: Floats, ttft: Floats, in_flight: Floats, chips: Floats) -> Floats:
    """Seconds turned into what each row measured.

    End to end is TTFT + (OSL - 1) TPOT, throughput the requests in flight over that (Little 1961), times the
    tokens that the metric counts.
    """
    osl = batch.osl
    isl = np.asarray([c.row.isl for c in batch.cases])
    total = ttft + np.maximum(osl - 1.0, 0.0) * tpot
    rate = in_flight * osl / total
    system = np.asarray([c.row.chips or 0.0 for c in batch.cases])
    values: Mapping[str, Floats] = {
        "tpot_ms": tpot * 1e3,
        "tok_s_user": 1.0 / tpot,
        "ttft_ms": ttft * 1e3,
        "prefill_ms": ttft * 1e3,
        "e2e_s": total,
        "decode_tok_s_total": rate,
        # over the chips that the row states, which may be more than its layout uses
        "tok_s_per_chip": rate / np.where(system > 0.0, system, chips),
        "total_tok_s_incl_input": rate * (isl + osl) / osl,
    }
    metric = np.asarray([c.row.metric for c in batch.cases])
    # by mask, since rows of one batch differ in metric; the axis of points broadcasts
    out = np.zeros(len(metric))
    for name, value in values.items():
        out = np.where(metric == name, value, out)
    return out


def _resident(model: api.CostModel, batch: Batch) -> Floats:
    """Sequences that are in a replica at once: the users, or what fits where that is less.

    Bytes held are linear in the batch, so two evaluations give the batch at which the capacity ends.
    """
    d = batch.designs.deployments

    def excess(size: Floats) -> Floats:
        designs = batch.designs.replace(deployments=d.replace(batch=size))
        found = model.evaluate(designs, batch.context).violations["capacity"]
        return np.broadcast_to(found, len(batch.cases))

    one = np.ones(len(batch.cases))
    low, high = excess(one), excess(65.0 * one)
    # root of a line through batches 1 and 65, rounded down; 1e-9 B where nothing grows with the batch
    fits: Floats = np.floor(1.0 - low * 64.0 / np.maximum(high - low, 1e-9))
    seen = np.asarray(
        [c.row.kind in ("mean_in_flight", "max_seqs") for c in batch.cases]
    )  # what an engine held, or was set to hold
    users: Floats = batch.users / d.dp
    # at least one: rows whose chips do not hold one are refused before, see `held`
    size: Floats = np.maximum(
        np.where(seen, users, np.clip(np.minimum(fits, users), 1.0, MOST_SEQUENCES)), 1.0
    )
    return size

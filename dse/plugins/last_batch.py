"""The batch that was evaluated last: an objective gets metrics alone, and its design is found here."""

import threading
from weakref import ref

import numpy as np

from dse.arrays import Floats
from dse.plugins.designs import Names, design_in_words
from dse.plugins.numbers import concrete
from objectives import api
from objectives.metrics import METRICS

FILLED = tuple(metric.column for metric in METRICS if metric.compute is None)
"""Columns that every cost model fills, none of them below 0."""


class _Last(threading.local):
    """Of this thread; weak, so that nothing is kept alive for an error that may never come."""

    designs: "ref[api.Designs] | None" = None
    tpot: "ref[Floats] | None" = None
    names: Names | None = None


_LAST = _Last()


def remember(designs: api.Designs, metrics: api.Metrics, names: Names | None) -> None:
    """Keep what was evaluated."""
    known = isinstance(metrics.tpot_s, np.ndarray)
    _LAST.designs, _LAST.tpot, _LAST.names = ref(designs), ref(metrics.tpot_s) if known else None, names


def shape_of(metrics: api.Metrics) -> tuple[int, ...]:
    """The shape of the designs, as far as metrics show it."""
    first = np.shape(metrics.tpot_s)
    if first == np.shape(metrics.tokens_per_s) and first:
        return first
    every = [getattr(metrics, name) for name in FILLED]
    return api.broadcast_shape(*(np.shape(c) for c in (*every, *metrics.violations.values())))


def design_at(metrics: api.Metrics, at: int) -> str:
    """The design of metrics at a flat index in words; by what it does, of a mix."""
    if not all(concrete(getattr(metrics, name)) for name in FILLED):
        return "designs that are being compiled"
    shape = shape_of(metrics)
    at = max(min(at, int(np.prod(shape)) - 1), 0)
    designs = None if _LAST.designs is None else _LAST.designs()
    # by a column, since a copy of metrics with more violations has the same one
    same = _LAST.tpot is not None and _LAST.tpot() is metrics.tpot_s
    if designs is not None and same and designs.shape == shape:
        return design_in_words(designs, shape, at, None if _LAST.names is None else _LAST.names(shape, at))

    def one(column: object) -> float:
        return float(np.broadcast_to(np.asarray(column, dtype=float), shape).reshape(-1)[at])

    system = f"{one(metrics.chips):g} chips for {one(metrics.capex_usd):.6g} USD"
    return f"design of {system} with a TPOT of {one(metrics.tpot_s):.6g} s"

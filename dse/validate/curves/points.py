"""Runs of one question as points of a curve: a time per token of one user against output of a chip."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.validate.measured.predictions import Prediction
from dse.validate.measured.row import run_of

LEAST: Final = 3
"""Points of a curve at least: two have no rank correlation but 1 and -1."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run, measured and predicted."""

    batch: float | None
    """Requests in the whole system; None where it is not stated."""
    layout: tuple[float, float, float, float]
    """TP, PP, EP and DP."""
    tpot: tuple[float, float]
    """Measured and predicted time per output token [s]."""
    rate: tuple[float, float]
    """Measured and predicted output of one chip [token/s]."""
    factor: float | None
    """80 % interval of TPOT up and down; None where the stack states none."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Runs that differ in layout and batch alone."""

    chip: str
    llm: str
    isl: float
    osl: float
    formats: str
    engine: str
    source: str
    stack: str
    points: tuple[Point, ...]

    def tpot(self, predicted: bool) -> Floats:
        """Time per output token of each point [s], measured or predicted."""
        return np.asarray([p.tpot[predicted] for p in self.points])

    def rate(self, predicted: bool) -> Floats:
        """Output of one chip at each point [token/s], measured or predicted."""
        return np.asarray([p.rate[predicted] for p in self.points])

    @property
    def factors(self) -> Floats | None:
        """80 % interval of TPOT at each point [1]; None where one of them has none."""
        known = [p.factor for p in self.points if p.factor is not None]
        return np.asarray(known) if len(known) == len(self.points) else None


def curves(found: Iterable[Prediction]) -> list[Curve]:
    """Curves of at least `LEAST` runs that state both a time per token and a rate, in the order of the table.

    Runs are of one curve where chip, LLM, lengths, number formats, engine, source and the way of serving and
    of loading agree.
    """
    runs: dict[tuple[object, ...], list[Prediction]] = defaultdict(list)
    for p in found:
        runs[run_of(p.case.row)].append(p)
    groups: dict[tuple[object, ...], list[tuple[Prediction, Point]]] = defaultdict(list)
    for rows in runs.values():
        if (point := _point(rows)) is not None:
            groups[_question(rows[0])].append((rows[0], point))
    return [_curve(each) for each in groups.values() if len(each) >= LEAST]


def _question(p: Prediction) -> tuple[object, ...]:
    """What the points of one curve share."""
    case, row = p.case, p.case.row
    formats = (case.precision.weights, case.precision.kv, case.precision.activations)
    how = (row.engine, row.source, row.kind, row.mode, row.spec_decode)
    return (case.chip.name, case.llm.name, row.isl, row.osl, formats, *how)


def _curve(each: list[tuple[Prediction, Point]]) -> Curve:
    """The curve of runs that share a question."""
    case, row = each[0][0].case, each[0][0].case.row
    return Curve(
        chip=case.chip.name,
        llm=case.llm.name,
        isl=row.isl,
        osl=row.osl,
        formats=case.precision.weights,
        engine=row.engine,
        source=row.source,
        stack=case.stack.name,
        points=tuple(point for _, point in each),
    )


def _point(rows: list[Prediction]) -> Point | None:
    """A run as a point; None where it lacks a time per token or a rate."""
    # of several values of one family, such as a mean and a median, the first of the table
    tpot = next((p for p in rows if p.metric == "tpot"), None)
    rate = next((p for p in rows if p.metric == "throughput"), None)
    if tpot is None or rate is None:
        return None
    ways = tpot.case.layout
    return Point(
        batch=tpot.case.row.batch,
        layout=(ways.tp, ways.pp, ways.ep or 1.0, ways.dp),
        tpot=(_seconds(tpot, tpot.case.row.value), _seconds(tpot, tpot.predicted)),
        rate=(_of_a_chip(rate, rate.case.row.value), _of_a_chip(rate, rate.predicted)),
        factor=tpot.factor,
    )


def _seconds(p: Prediction, value: float) -> float:
    """A time per token [s], from milliseconds or from the speed of a user."""
    return 1.0 / value if p.case.row.metric == "tok_s_user" else value / 1e3


def _of_a_chip(p: Prediction, value: float) -> float:
    """Output tokens per second of one chip, from that of the system or with the prompts."""
    row, ways = p.case.row, p.case.layout
    if row.metric == "tok_s_per_chip":
        return value
    pools = (row.prefill_chips or 0.0) + (row.decode_chips or 0.0)
    chips = pools or row.chips or ways.tp * ways.pp * ways.dp
    # prompts and output are in proportion to their lengths
    share = row.osl / (row.isl + row.osl) if row.metric == "total_tok_s_incl_input" else 1.0
    return value * share / chips

"""What is odd about predicted rows, one by one: open batches, wrong units, more speed than the chip has."""

from collections.abc import Iterable, Iterator, Mapping
from math import exp, log, log10
from typing import Final

from dse.arrays import Floats
from dse.question.layouts import bad_tp
from dse.validate.measured.batches import Batch, Case
from dse.validate.measured.beyond_bounds import RATES, rows_beating
from dse.validate.measured.checks.remark import Remark
from dse.validate.measured.row import METRICS, Measured

FAR: Final = 4.0
"""Factor between prediction and value from which on another unit is tried."""
NEAR: Final = 1.5
"""Factor within which the value would then agree."""
LEAST: Final = 3.0
"""Smallest factor between two units that is distinguished from a prediction that is merely wrong."""
_THOUSANDS: Final = {1: "ks", 0: "s", -1: "ms", -2: "us", -3: "ns"}
"""Power of 1,000 of a second to its unit."""


def stated(rows: Iterable[Measured]) -> Iterator[Remark]:
    """Remarks that follow from what a row states alone."""
    for row in rows:
        if not row.unclear:
            yield from (Remark(rows=(row,), text=text) for text in (row.assumed, row.doubt) if text)


def open_batches(batch: Batch, running: Floats) -> Iterator[Remark]:
    """How many sequences were taken for a time or a speed of a user whose batch is not stated."""
    for case, number in zip(batch.cases, running, strict=True):
        if case.row.batch is None and METRICS[case.row.metric] != "throughput":
            text = f"the batch is not stated: predicted with the {number:.0f} sequences that fit"
            yield Remark(rows=(case.row,), text=text)


def padded(cases: Iterable[Case]) -> Iterator[Remark]:
    """Remarks on rows whose TP does not divide the heads."""
    for case in cases:
        if bad_tp(int(case.layout.tp), case.llm):
            text = "TP does not divide the heads of the LLM: predicted with heads padded, as some engines do"
            yield Remark(
                rows=(case.row,), text=text, detail=f"TP {case.layout.tp:.0f}, {case.llm.heads} heads"
            )


def wrong_units(cases: Iterable[Case], predicted: Iterable[float]) -> Iterator[Remark]:
    """Values that are far off, and near in another unit."""
    for case, value in zip(cases, predicted, strict=True):
        row, off = case.row, abs(log(value / case.row.value))
        if off < log(FAR):
            continue
        for factor, asked in _units(case):
            there = abs(log(value / (row.value * factor)))
            if abs(log(factor)) > log(LEAST) and there < log(NEAR):
                yield Remark(rows=(row,), text=f"off by a factor of {exp(off):.3g}: {asked}")
                break


def _units(case: Case) -> Iterator[tuple[float, str]]:
    """What the value may be in, as factor to what it should be in, and the question to ask."""
    row, ways = case.row, case.layout
    chips = row.chips or ways.tp * ways.pp * ways.dp
    if row.metric not in RATES:
        # the unit that the table states, as thousands of a second
        power = round(log10(row.unit)) // 3 - (0 if row.metric == "e2e_s" else 1)
        for step in (1, -1):
            if power + step in _THOUSANDS:
                yield 1e3**step, f"is it in {_THOUSANDS[power + step]}?"
        return
    if METRICS[row.metric] != "throughput":
        if row.batch:
            yield 1.0 / row.batch, "is it the rate of all users?"
        return
    yield row.osl, "does it count samples or requests, not tokens?"
    if row.metric == "decode_tok_s_total":
        yield chips, "is it the rate of one chip?"
    if row.metric == "tok_s_per_chip":
        yield 1.0 / chips, "is it the rate of all chips?"
    if row.isl:
        share = (row.isl + row.osl) / row.osl
        with_prompts = row.metric == "total_tok_s_incl_input"
        asked = "does it leave prompts out?" if with_prompts else "does it count prompts too?"
        yield (share if with_prompts else 1.0 / share), asked
    if row.batch:
        yield row.batch, "is it the speed of one user?"


def too_fast(batches: Iterable[Batch]) -> Iterator[Remark]:
    """Values that beat the peaks of the chip: errors of the table, or of the facts of the chip."""
    for beaten in rows_beating(batches):
        side = "most" if beaten.row.metric in RATES else "least"
        text = f"{beaten.factor:.3g} times too fast for the peaks of the chip: at {side} {beaten.limit:.4g}"
        yield Remark(rows=(beaten.row,), text=text)


def by_row(remarks: Iterable[Remark]) -> Mapping[int, str]:
    """Identity of a row to all remarks on it."""
    found: dict[int, list[str]] = {}
    for remark in remarks:
        for row in remark.rows:
            found.setdefault(id(row), []).append(remark.whole)
    return {key: "; ".join(texts) for key, texts in found.items()}

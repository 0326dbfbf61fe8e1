"""Rows of one run compared with each other: what is in flight is the rate times the time in the system."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dse.validate.measured.batches import TAIL
from dse.validate.measured.checks.remark import Remark
from dse.validate.measured.reading.serving import DECODE_ONLY
from dse.validate.measured.row import Measured, run_of

APART: Final = 1.5
"""Factor between what is in flight and the batch from which on a run contradicts itself: ramps at both ends,
and medians next to means, are less."""
APART_WITHOUT_TTFT: Final = 2.0
"""The same where TTFT is not stated, so that only those that decode are counted."""

STATED: Final = ("static", "concurrency", "mean_in_flight")
"""Kinds of batch that are a number of sequences, and no ceiling."""


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Sequences in flight in a run by Little's law."""

    value: float
    """Of the whole system; without TTFT only those that decode."""
    rows: tuple[Measured, ...]
    """What it follows from."""
    whole: bool
    """Whether the time to the first token is in it."""


def contradictions(rows: Iterable[Measured]) -> Iterator[Remark]:
    """Remarks on runs whose rows do not go together."""
    for values in _runs(rows):
        yield from _speeds(values)
        yield from _ends(values)
        found = in_flight(values)
        if found is None:
            continue
        first = found.rows[0]
        apart = APART if found.whole else APART_WITHOUT_TTFT
        if first.batch is None or first.kind not in STATED or 1 / apart <= found.value / first.batch <= apart:
            continue
        few = found.value < first.batch
        asked = "is it a ceiling?" if few else "is it the batch of one replica, or the rate of another run?"
        decode = "" if found.whole else " (of decode alone: TTFT is not stated)"
        what = f"these rows of one run have {found.value:.3g} in flight, not {first.batch:g}"
        yield Remark(rows=found.rows, text=f"{what}; {asked}{decode}")


def in_flight(values: Mapping[str, Measured]) -> Flight | None:
    """Sequences in flight in a run, from its metrics; None where they do not say it.

    Little, Operations Research 9 (1961): requests a second times the time in the system, which is end to end,
    or TTFT + (OSL - 1) TPOT. In a pool that only decodes it is OSL x TPOT.
    """
    rate, step = _rate(values), _step(values)
    if rate is None:
        return None
    requests = rate[0] / rate[1].osl
    if rate[1].mode == DECODE_ONLY:
        return step and Flight(value=rate[0] * step[0], rows=(rate[1], step[1]), whole=True)
    if end := values.get("e2e_s"):
        return Flight(value=requests * end.value, rows=(rate[1], end), whole=True)
    if step is None:
        return None
    decode = max(rate[1].osl - 1.0, 0.0) * step[0]
    if first := values.get("ttft_ms"):
        stay = first.value * 1e-3 + decode
        return Flight(value=requests * stay, rows=(rate[1], step[1], first), whole=True)
    return Flight(value=requests * decode, rows=(rate[1], step[1]), whole=False)


def _runs(rows: Iterable[Measured]) -> list[dict[str, Measured]]:
    """Each run as its rows by metric, of several statistics the first that is no tail."""
    found: dict[Hashable, dict[str, Measured]] = defaultdict(dict)
    for row in rows:
        if not row.unclear and not re.match(TAIL, row.stat, re.IGNORECASE):
            found[run_of(row)].setdefault(row.metric, row)
    return [run for run in found.values() if len(run) > 1]


def _rate(values: Mapping[str, Measured]) -> tuple[float, Measured] | None:
    """Output tokens a second of the whole system, and the row that says so."""
    if row := values.get("decode_tok_s_total"):
        return row.value, row
    if row := values.get("tok_s_per_chip"):
        chips = row.chips or (row.tp or 0.0) * (row.pp or 1.0) * (row.dp or 1.0)
        return (row.value * chips, row) if chips else None
    if row := values.get("total_tok_s_incl_input"):
        return row.value * row.osl / (row.isl + row.osl), row
    return None


def _step(values: Mapping[str, Measured]) -> tuple[float, Measured] | None:
    """Seconds a token of one user, and the row that says so."""
    if row := values.get("tpot_ms"):
        return row.value * 1e-3, row
    if row := values.get("tok_s_user"):
        return 1.0 / row.value, row
    return None


def _speeds(values: Mapping[str, Measured]) -> Iterator[Remark]:
    """A remark where the speed of a user is not 1 / TPOT."""
    time, speed = values.get("tpot_ms"), values.get("tok_s_user")
    if time and speed and not 1 / APART <= time.value * 1e-3 * speed.value <= APART:
        text = f"TPOT and speed of one run differ: 1 / {time.value:.4g} ms is not {speed.value:.4g} token/s"
        yield Remark(rows=(time, speed), text=text)


def _ends(values: Mapping[str, Measured]) -> Iterator[Remark]:
    """A remark where end to end is not TTFT + (OSL - 1) TPOT."""
    end, first, step = values.get("e2e_s"), values.get("ttft_ms"), _step(values)
    if end and first and step:
        parts = first.value * 1e-3 + max(end.osl - 1.0, 0.0) * step[0]
        if not 1 / APART <= parts / end.value <= APART:
            text = f"end to end of one run is {end.value:.4g} s, but TTFT + (OSL - 1) TPOT {parts:.4g} s"
            yield Remark(rows=(end, first, step[1]), text=text)

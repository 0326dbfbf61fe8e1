"""Aims: the largest errors of rows left out that this project accepts, and whether they are met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dse.calibrate.accuracy import FITTED, LEFT_OUT, Unseen
from dse.pages.accuracy.scores import DEP, NAMES, Score, layout_of, of, score
from dse.pages.accuracy.tables import HOLDS, Rows, percent, table
from dse.validate.measured.batches import Case


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The largest error of some rows of a metric."""

    what: str
    metric: str
    most: float
    p90: bool = False
    """Whether it is of the 90th percentile in place of the median."""
    among: Callable[[Case], bool] = lambda _: True

    def reached(self, rows: Sequence[Unseen]) -> float | None:
        """The error; None without rows."""
        found = score([u for u in of(rows, self.metric) if self.among(u.case)])
        return None if found is None else found.p90 if self.p90 else found.median


AIMS: Final = (
    Aim(what="TPOT, median", metric="tpot", most=0.11),
    Aim(what="TPOT, 90th percentile", metric="tpot", most=0.40, p90=True),
    Aim(what="throughput, median", metric="throughput", most=0.12),
    Aim(what="throughput, 90th percentile", metric="throughput", most=0.70, p90=True),
    Aim(what="end to end, median", metric="end_to_end", most=0.18),
    Aim(what="TTFT of a fixed batch", metric="ttft", most=0.09, among=lambda c: c.row.kind == "static"),
    Aim(what="TTFT at a concurrency", metric="ttft", most=0.28, among=lambda c: c.row.kind == "concurrency"),
    Aim(what="TPOT in DEP", metric="tpot", most=0.15, among=lambda c: layout_of(c) == DEP),
    Aim(
        what="TPOT on MI300X and MI325X",
        metric="tpot",
        most=0.15,
        among=lambda c: c.chip.name in ("mi300x", "mi325x"),
    ),
)


def aims(rows: Rows) -> str:
    """Each aim next to the errors of fitted rows and of rows left out."""
    lines = []
    for aim in AIMS:
        errors = {name: aim.reached(rows[name]) for name in (FITTED, *LEFT_OUT)}
        missed = [name for name in LEFT_OUT if (e := errors[name]) is not None and e > aim.most]
        lines.append([aim.what, percent(aim.most), *(percent(e) for e in errors.values()), _verdict(missed)])
    low, high = (f"{share:.0%}" for share in HOLDS)
    for metric, name in NAMES.items():
        found = {g: score(of(rows[g], metric)) for g in (FITTED, *LEFT_OUT)}
        missed = [g for g in LEFT_OUT if (s := found[g]) is not None and not _holds(s)]
        shares = [percent(None if s is None else s.inside) for s in found.values()]
        lines.append([f"{name}, inside the interval", f"{low} to {high}", *shares, _verdict(missed)])
    return table(["", "aim", FITTED, *(f"{name} left out" for name in LEFT_OUT), "met"], lines)


def _holds(found: Score) -> bool:
    low, high = HOLDS
    return found.inside is not None and low <= found.inside <= high


def _verdict(missed: Sequence[str]) -> str:
    return f"no: {', '.join(missed)}" if missed else "yes"

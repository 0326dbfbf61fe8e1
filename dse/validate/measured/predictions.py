"""Predictions of measured rows with their error bars, and the rows that cannot be predicted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Case, Lookup, Refusal, batches
from dse.validate.measured.checks.doubts import open_batches, padded, stated, too_fast, wrong_units
from dse.validate.measured.checks.held import held, room, tight
from dse.validate.measured.checks.littles_law import contradictions
from dse.validate.measured.checks.remark import Remark
from dse.validate.measured.predict import predict_scheduled, schedule
from dse.validate.measured.rows import METRICS, Measured
from objectives import api

INTERVAL_OF: Final = {"end_to_end": "throughput"}
"""Family of metrics to the one whose interval it has where it has none of its own: its inverse."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One row, predicted."""

    case: Case
    predicted: float
    """In the unit of the row's metric."""

    @property
    def metric(self) -> str:
        """Family of the row's metric: tpot, ttft, throughput or end_to_end."""
        return METRICS[self.case.row.metric]

    @property
    def error(self) -> float:
        """How far it is off: predicted / measured - 1."""
        return self.predicted / self.case.row.value - 1.0

    @property
    def family_error(self) -> float:
        """How far it is off in the direction of its family: above 0 a time is too long, a rate too high.

        The speed of a user counts as 1 / TPOT: a speed that is predicted too low is a time too long.
        """
        ratio = self.predicted / self.case.row.value
        return (1.0 / ratio if self.case.row.metric == "tok_s_user" else ratio) - 1.0

    @property
    def factor(self) -> float | None:
        """Factor up and down of the 80 % interval; None where the stack states none."""
        known = self.case.interval
        return known.get(self.metric, known.get(INTERVAL_OF.get(self.metric, self.metric)))

    @property
    def low(self) -> float | None:
        """Low end of the 80 % interval."""
        return None if self.factor is None else self.predicted / self.factor

    @property
    def high(self) -> float | None:
        """High end of the 80 % interval."""
        return None if self.factor is None else self.predicted * self.factor

    @property
    def inside(self) -> bool | None:
        """Whether the measured value is inside the interval; None without one."""
        low, high = self.low, self.high
        return None if low is None or high is None else low <= self.case.row.value <= high


@dataclass(frozen=True)
class Predicted:
    """A table, predicted as far as it can be, in its own order."""

    found: tuple[Prediction, ...]
    refused: tuple[Refusal, ...]
    remarks: tuple[Remark, ...] = ()


def predictions(
    model: api.CostModel,
    rows: Iterable[Measured],
    catalog: Catalog,
    stack: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Predicted:
    """Predict every row that can be; all of them on `stack` where one is named.

    Raises `SpecError` for an unknown stack.
    """
    lookup, listed = Lookup(catalog, stack), list(rows)
    progress("looking up chips, LLMs and stacks")
    looked_up = [lookup.case(row) for row in listed]
    cases = [c for c in looked_up if isinstance(c, Case)]
    progress(f"predicting {len(cases)} rows")
    kept, small = held(model, cases, catalog)
    # batches regroup the cases; identity brings them back into the order of the table
    place = {id(row): i for i, row in enumerate(listed)}
    found: list[Prediction] = []
    remarks = [*stated(listed), *padded(kept), *contradictions(listed)]
    grouped = batches(kept, catalog)
    for batch in grouped:
        scheduled = schedule(model, batch)
        values = predict_scheduled(model, scheduled, {})
        found += [Prediction(case=c, predicted=float(v)) for c, v in zip(batch.cases, values, strict=True)]
        remarks += tight(batch, room(model, batch))
        remarks += open_batches(batch, scheduled.running)
        remarks += wrong_units(batch.cases, values)
    remarks += too_fast(grouped)
    refused = [c for c in looked_up if isinstance(c, Refusal)] + small
    return Predicted(
        found=tuple(sorted(found, key=lambda p: place[id(p.case.row)])),
        refused=tuple(sorted(refused, key=lambda r: place[id(r.row)])),
        remarks=tuple(remarks),
    )

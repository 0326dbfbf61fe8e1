"""Predictions of measured rows with their error bars, and the rows that cannot be predicted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Case, Lookup, Refusal, batches
from dse.validate.measured.predict import predict
from dse.validate.measured.rows import METRICS, Measured
from objectives import api

INTERVAL_OF: Final = {"end_to_end": "throughput"}
"""Family of metrics to the one whose interval it shares: the inverse of end to end is throughput."""


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
    def factor(self) -> float | None:
        """Factor up and down of the 80 % interval; None where the stack states none."""
        return self.case.interval.get(INTERVAL_OF.get(self.metric, self.metric))

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
    lookup = Lookup(catalog, stack)
    cases, refused = [], []
    progress("looking up chips, LLMs and stacks")
    for row in rows:
        case = lookup.case(row)
        if isinstance(case, Refusal):
            refused.append(case)
        else:
            cases.append(case)
    progress(f"predicting {len(cases)} rows")
    # batches regroup the cases; identity brings them back into the order of the table
    place = {id(case): i for i, case in enumerate(cases)}
    found: list[Prediction | None] = [None] * len(cases)
    for batch in batches(cases, catalog):
        for case, value in zip(batch.cases, predict(model, batch), strict=True):
            found[place[id(case)]] = Prediction(case=case, predicted=float(value))
    return Predicted(tuple(p for p in found if p is not None), tuple(refused))

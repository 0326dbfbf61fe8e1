"""How accurate the bundled profiles are: on the rows they were fitted to, and on rows left out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.calibrate.bundled import Bundle, bundle, left_out_in
from dse.calibrate.left_out import metric_of
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec, wider
from dse.validate.measured.batches import Case
from dse.validate.measured.dataflow import DataflowComparison, compare_dataflow
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.rows import METRICS, Measured
from objectives import api

LEFT_OUT: Final = ("chip", "llm", "source", "engine")
"""What is left out in turn, all rows of all stacks at once."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """One row, predicted by stacks that had not seen its chip, LLM, source or engine."""

    case: Case
    grouping: str
    error: float
    """log(predicted / measured)."""

    @property
    def metric(self) -> str:
        """Family of the row's metric."""
        return METRICS[self.case.row.metric]

    @property
    def miss(self) -> float:
        """|predicted / measured - 1|."""
        return float(abs(np.expm1(self.error)))


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What the page of accuracy shows."""

    predicted: Predicted
    unseen: tuple[Unseen, ...]
    inside: Mapping[tuple[str, str], tuple[int, int]]
    """Grouping and metric to rows left out inside the interval of their class, and all of them."""
    dataflow: DataflowComparison
    """Rows of dataflow chips, with their vendor left out."""


def accuracy(
    model: api.CostModel, rows: Sequence[Measured], catalog: Catalog, progress: Callable[[str], None]
) -> Accuracy:
    """Predict all rows, then fit all stacks again without each chip, LLM, source and engine."""
    progress("fitting all stacks")
    b = bundle(model, list(rows), catalog)
    found = []
    for grouping in LEFT_OUT:
        progress(f"without each {grouping}")
        found += left_out_of(b, grouping)
    return Accuracy(
        predicted=predictions(model, rows, catalog),
        unseen=tuple(found),
        inside=inside_of(found, catalog),
        dataflow=compare_dataflow(model, catalog),
    )


def left_out_of(b: Bundle, grouping: str) -> list[Unseen]:
    """Every row under a fit without the rows of its group, in whatever stack they are."""
    return [Unseen(case=c, grouping=grouping, error=e) for c, e in left_out_in(b, grouping)]


def inside_of(found: Iterable[Unseen], catalog: Catalog) -> dict[tuple[str, str], tuple[int, int]]:
    """Rows inside the interval that an external row gets: the wider of that of stack and class."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for u in found:
        factors = wider(u.case.stack.interval, catalog.get(StackSpec, u.case.chip.stack).interval)
        metric = metric_of(u.case)
        if metric in factors:
            count = counts[(u.grouping, metric)]
            # an interval is a factor up and down: symmetric in logarithms
            count[0] += abs(u.error) <= np.log(factors[metric])
            count[1] += 1
    return {key: (n[0], n[1]) for key, n in counts.items()}

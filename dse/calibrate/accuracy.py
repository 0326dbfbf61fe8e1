"""How accurate the bundled profiles are: on the rows they were fitted to, and on rows left out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.bundled import Bundle, bundle
from dse.calibrate.left_out import GROUPINGS, metric_of
from dse.calibrate.pool import without
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
    key = GROUPINGS[grouping]
    groups = {name: [key(c) for c in rows.cases] for name, rows in b.rows.items()}
    found = []
    # sorted, so that a run repeats the same fits in the same order
    for group in sorted({g for names in groups.values() for g in names}):
        keep: dict[str, Floats] = {
            name: np.asarray([float(g != group) for g in names])
            for name, names in groups.items()
            if group in names
        }
        # all stacks with rows of the group are refitted together: a chip has rows on several of them
        points = without(b.found, b.rows, keep, b.counted)
        for name, kept in keep.items():
            errors = b.rows[name].errors(points[name])[0]
            found += [
                Unseen(case=c, grouping=grouping, error=float(e))
                for c, e, k in zip(b.rows[name].cases, errors, kept, strict=True)
                if not k
            ]
    return found


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

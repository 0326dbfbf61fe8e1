"""Measured rows as one function: from numbers of a stack to log(predicted / measured) of every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.calibrate.parameters import PARAMETERS, Table, columns, shifts_of
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec
from dse.validate.measured.batches import Case, batches
from dse.validate.measured.predict import Scheduled, predict_scheduled, schedule
from dse.validate.measured.rows import METRICS
from objectives import api

SCATTER: Final = 0.12
"""Relative error of a good prediction: two laboratories with one engine agree to about 0.10."""
SCATTER_UNDER_LOAD: Final = 0.35
"""The same of TTFT under load, where a wait hangs on how clients happen to start."""
SCATTER_ASSUMED: Final = 0.3
"""The same of rows whose layout is assumed in several ways (quality C)."""
ENOUGH: Final = 120.0
"""Rows of one engine that say about as much as infinitely many: rows of one sweep share their errors."""


@dataclass(frozen=True)
class Rows:
    """Cases, with what no number of a stack changes computed once."""

    model: api.CostModel = field(repr=False)
    catalog: Catalog = field(repr=False)
    cases: tuple[Case, ...] = field(repr=False)
    scheduled: tuple[Scheduled, ...] = field(repr=False)
    order: npt.NDArray[np.intp] = field(repr=False)
    """Index of each row of the batches, one after another, in `cases`."""
    measured: Floats = field(repr=False)
    scatter: Floats = field(repr=False)
    """Relative error to expect of each row."""
    shift: Floats = field(repr=False)
    """What else moves the numbers of each row on the line of the fit, its architecture or its engine, shape
    (rows, parameters)."""
    table: Table = field(repr=False, default_factory=lambda: PARAMETERS)
    """What is fitted to them."""

    @classmethod
    def of(
        cls, model: api.CostModel, cases: Sequence[Case], catalog: Catalog, table: Table = PARAMETERS
    ) -> "Rows":
        """Schedule every case once: which sequences run together depends on bytes, not on efficiencies."""
        grouped = batches(cases, catalog)
        # by identity: two rows of a table may be equal
        place = {id(c): i for i, c in enumerate(cases)}
        order = np.asarray([place[id(c)] for b in grouped for c in b.cases], dtype=np.intp)
        return cls(
            model=model,
            catalog=catalog,
            cases=tuple(cases),
            scheduled=tuple(schedule(model, b) for b in grouped),
            order=order,
            measured=np.asarray([c.row.value for c in cases]),
            scatter=np.asarray([_scatter(c) for c in cases]),
            shift=np.asarray([_shift(c, catalog, table) for c in cases]),
            table=table,
        )

    def errors(self, points: Floats) -> Floats:
        """log(predicted / measured), shape (k, rows), for k points of shape (k, parameters)."""
        at, begin = np.atleast_2d(points), 0
        # shape (points, rows), filled by index: batches regroup the rows
        out = np.empty((len(at), len(self.cases)))
        for scheduled in self.scheduled:
            rows = self.order[begin : begin + len(scheduled.batch.cases)]
            moved = columns(at, self.shift[rows], self.table)
            out[:, rows] = predict_scheduled(self.model, scheduled, moved)
            begin += len(rows)
        return np.asarray(np.log(out / self.measured))

    def of_others(self, cases: Sequence[Case]) -> "Rows":
        """Other rows under the same cost model and catalog."""
        return Rows.of(self.model, cases, self.catalog, self.table)

    def shifted(self, points: Mapping[str, Floats], names: Sequence[str]) -> "Rows":
        """The same rows, each moved by the point of its name; by nothing where there is none."""
        none = np.zeros(len(self.table))
        return replace(self, shift=np.asarray([points.get(name, none) for name in names]))

    def weights(self, keep: Floats | None = None) -> Floats:
        """Weight of each row, 0 where `keep` is 0: n rows count as n / (1 + n / `ENOUGH`)."""
        # n rows of one engine count as at most `ENOUGH`, so that no large sweep outweighs the prior
        kept = np.ones(len(self.cases)) if keep is None else keep
        return kept / (1.0 + float(np.sum(kept)) / ENOUGH)


def _shift(case: Case, catalog: Catalog, table: Table) -> Floats:
    """What the architecture of a row's chip adds to each number."""
    name = case.chip.architecture
    return shifts_of(catalog.get(ArchitectureSpec, name) if name else None, table)


def _scatter(case: Case) -> float:
    # a static batch starts all requests at once: its TTFT has no queue whose length is luck
    waits = METRICS[case.row.metric] == "ttft" and case.row.kind != "static"
    if waits:
        return SCATTER_UNDER_LOAD
    return SCATTER_ASSUMED if case.row.quality == "C" else SCATTER

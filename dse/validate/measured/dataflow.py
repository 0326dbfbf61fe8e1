"""Published speeds of dataflow chips and ours: as fitted, and by the family without the chip's vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dse.chips.granularity import with_grain
from dse.errors import spec_error, unknown
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup, Refusal, batches
from dse.validate.measured.predict import predict
from dse.validate.measured.rows import METRICS, Measured, read_rows
from dse.validate.own_table import number, read_table
from objectives import api

TABLE: Final = "dataflow.csv"
LEFT_OUT: Final = "dataflow-left-out.csv"
"""The family fitted without each vendor, a vendor's stack a row."""
FAMILY: Final = "static-dataflow"
"""The stack of dataflow chips whose vendor has no measurements."""


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One row of the table and its predictions."""

    row: Measured
    predicted: float | None = None
    """On the stack of its vendor, in the unit of the row's metric; None where it cannot be predicted."""
    unseen: float | None = None
    """By the family fitted without the rows of its vendor."""
    factor: float | None = None
    """Factor up and down of the 80 % interval of the family."""
    stack: str = ""
    why_not: str = ""

    @property
    def ratio(self) -> float | None:
        """Predicted over measured."""
        return None if self.predicted is None else self.predicted / self.row.value

    @property
    def unseen_ratio(self) -> float | None:
        """The same with the vendor left out."""
        return None if self.unseen is None else self.unseen / self.row.value

    @property
    def inside(self) -> bool | None:
        """Whether the measured value is in the interval around the prediction with its vendor left out."""
        if self.unseen_ratio is None or self.factor is None:
            return None
        return 1.0 / self.factor <= self.unseen_ratio <= self.factor

    def as_dict(self) -> dict[str, object]:
        """Flat, as `--format json` gives it."""
        r = self.row
        return {
            "vendor": r.vendor,
            "chip": r.chip,
            "llm": r.llm,
            "chips": r.chips,
            "tp": r.tp,
            "pp": r.pp,
            "dp": r.dp,
            "batch": r.batch,
            "weights": r.weights,
            "isl": r.isl,
            "osl": r.osl,
            "metric": r.metric,
            # a blank is read as 0
            "measured": r.value or None,
            "predicted": self.predicted,
            "ratio": self.ratio,
            "predicted_vendor_left_out": self.unseen,
            "ratio_vendor_left_out": self.unseen_ratio,
            "inside_interval": self.inside,
            "interval": self.factor,
            "stack": self.stack,
            "why_not": self.why_not or None,
            "basis": r.basis,
            "quality": r.quality,
            "ours": r.ours,
            "source": r.source,
            "date": r.date,
        }


@dataclass(frozen=True, kw_only=True)
class DataflowComparison:
    """The whole table in its own order, with its medians."""

    rows: tuple[ComparedRow, ...]

    def median(self, vendor: str | None = None, left_out: bool = True) -> float | None:
        """Median of |predicted / measured - 1| of speeds per user, of one vendor or of all."""
        found = [
            abs(ratio - 1.0)
            for b in self.rows
            if METRICS.get(b.row.metric) == "tpot" and vendor in (None, b.row.vendor)
            if (ratio := b.unseen_ratio if left_out else b.ratio) is not None
        ]
        return float(np.median(found)) if found else None

    @property
    def vendors(self) -> list[str]:
        """Vendors with a row that can be predicted, in the order of the table."""
        return list(dict.fromkeys(b.row.vendor for b in self.rows if b.predicted is not None))

    @property
    def inside(self) -> float:
        """Share of predicted rows inside the interval."""
        return float(np.mean([b.inside for b in self.rows if b.inside is not None]))


def dataflow_rows(catalog: Catalog) -> list[Measured]:
    """Every row of the table; raises `SpecError` where no configs folder has it."""
    return read_rows(find_bundled(catalog, TABLE))


def find_bundled(catalog: Catalog, name: str) -> Path:
    """A table of measurements by the name of its file, in the first folder that has it."""
    for folder in catalog.folders:
        if (path := folder / "measurements" / name).is_file():
            return path
    raise spec_error(f"measurements/{name}", "expected this table in a configs folder, got none")


def families_without(catalog: Catalog) -> dict[str, StackSpec]:
    """Stack of a vendor to the family fitted without its rows, in the grain of that stack."""
    whole = catalog.get(StackSpec, FAMILY)
    found = {}
    for line in read_table(find_bundled(catalog, LEFT_OUT), _left_out):
        # taken out of the line, which then holds the numbers alone
        own = catalog.get(StackSpec, str(line.pop("without")))
        leaves = {n: getattr(whole, n).model_copy(update={"value": v}) for n, v in line.items()}
        found[own.name] = with_grain(whole, own).model_copy(update=leaves)
    return found


def _left_out(cells: Mapping[str, str]) -> dict[str, float | str]:
    """The name of a stack and its fitted numbers; raises `ValueError` for a column that a stack lacks."""
    names = [name for name in cells if name != "without"]
    if strange := [n for n in names if n not in StackSpec.model_fields]:
        raise ValueError(unknown("column", strange[0], StackSpec.model_fields))
    return {"without": cells["without"], **{name: number(cells, name) for name in names}}


def compare_dataflow(model: api.CostModel, catalog: Catalog) -> DataflowComparison:
    """Predict every row of the table twice: on its vendor's stack, and without its vendor."""
    rows = dataflow_rows(catalog)
    lookup, family = Lookup(catalog), catalog.get(StackSpec, FAMILY)
    without = families_without(catalog)
    # by identity: two rows of a table may be equal
    looked_up = {id(row): lookup.case(row) for row in rows}
    cases = [c for c in looked_up.values() if isinstance(c, Case)]
    # a vendor without rows was never part of the family: there is nothing to leave out
    blind = [lookup.on(c, without.get(c.stack.name, family)) for c in cases]
    fitted, unseen = _values(model, cases, catalog), _values(model, blind, catalog)
    predicted = {id(c.row): (c, a, b) for c, a, b in zip(cases, fitted, unseen, strict=True)}
    out = []
    for row in rows:
        found = looked_up[id(row)]
        if isinstance(found, Refusal):
            out.append(ComparedRow(row=row, why_not=found.reason))
            continue
        case, own, other = predicted[id(row)]
        out.append(
            ComparedRow(
                row=row,
                predicted=own,
                unseen=other,
                # for every metric of the table: speed per user is the inverse of TPOT
                factor=family.interval.get("tpot"),
                stack=case.stack.name,
            )
        )
    return DataflowComparison(rows=tuple(out))


def _values(model: api.CostModel, cases: Sequence[Case], catalog: Catalog) -> list[float]:
    found: dict[int, float] = {}
    for batch in batches(cases, catalog):
        found |= {id(c): float(v) for c, v in zip(batch.cases, predict(model, batch), strict=True)}
    # in the order of `cases`, which batches regroup
    return [found[id(c)] for c in cases]

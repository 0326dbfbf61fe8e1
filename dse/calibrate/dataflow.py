"""`python -m dse.calibrate.dataflow FOLDER`: fit every stack of dataflow chips again, together.

Each vendor writes its own compiler and has few published rows, so the prior of each is the family
`static-dataflow`, and that of the family is `dataflow-published`. The family is the stack of a chip whose
vendor has no measurements, hypothetical ones above all; its error bar is that of vendors left out one at a
time.
"""

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import Fit
from dse.calibrate.left_out import interval
from dse.calibrate.parameters import DATAFLOW, Prior, prior
from dse.calibrate.pool import Pool, pool
from dse.calibrate.profile import Profile, profile_values, rounded, span, valued
from dse.calibrate.residuals import Rows
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.dataflow import FAMILY, LEFT_OUT, dataflow_rows
from objectives import api

RANGES: Final = "dataflow-published"
"""The prior of the family, whose low to high says how far vendors differ in each number."""
GPUS: Final = "gpu-serving"
"""The class whose rows say what experts and unknown LLMs add to an interval."""
SOURCE: Final = "dataflow-measurements"


@dataclass(frozen=True)
class Family:
    """Every vendor's stack, fitted together."""

    rows: Mapping[str, Rows]
    found: Pool
    without: Mapping[str, Prior]
    """Stack of a vendor to the family that has not seen its rows."""

    def unseen(self, name: str) -> Floats:
        """log(predicted / measured) of the rows of a vendor under a family that has not seen them."""
        errors: Floats = self.rows[name].errors(self.without[name].centre)[0]
        return errors


def family(model: api.CostModel, catalog: Catalog) -> Family:
    """Fit the stacks of all vendors, and the family once more without each."""
    lookup = Lookup(catalog)
    members: dict[str, list[Case]] = {}
    for row in dataflow_rows(catalog):
        case = lookup.case(row)
        if not isinstance(case, Refusal) and case.own_stack:
            members.setdefault(case.stack.name, []).append(case)
    rows = {name: Rows.of(model, cases, catalog, DATAFLOW) for name, cases in sorted(members.items())}
    published = catalog.get(StackSpec, RANGES)
    own = prior(published, published, DATAFLOW)
    high = above(own)  # from below, times that are too short have no slope to follow
    # a vendor left out is left out of the centre too; otherwise its rows would leak into the family
    others = {name: {n: r for n, r in rows.items() if n != name} for name in rows}
    without = {name: pool(rest, own, set(rest), high).centre for name, rest in others.items()}
    return Family(rows, pool(rows, own, set(rows), high), without)


def above(own: Prior) -> Floats:
    """Where a fit begins: times two spreads above what is expected; one that is too short has no slope."""
    times = np.asarray([p.scale == "positive" for p in DATAFLOW.values()])
    begin: Floats = own.centre + 2.0 * own.spread * times
    return begin


def profiles(found: Family, catalog: Catalog) -> dict[str, Profile]:
    """The family and the stack of each vendor."""
    start = catalog.get(StackSpec, RANGES)
    whole = _family(found, catalog, start)
    # stacks of vendors fall back on the numbers of the new family, not on those of the file on disk
    leant = valued(catalog.get(StackSpec, FAMILY), whole)
    out = {FAMILY: whole}
    for name, rows in found.rows.items():
        spec = catalog.get(StackSpec, name)
        fitted = found.found.fits[name]
        out[name] = Profile(
            spec=spec,
            leaves=profile_values(spec, leant, fitted, len(rows.cases), SOURCE, _dates(rows.cases)),
            interval=whole.interval,
            chips=_chips(rows.cases),
            llms=tuple(sorted({c.llm.name for c in rows.cases})),
            notes=_summary(rows.cases, fitted.errors) + f" Leans on {FAMILY}, whose interval it has: that of "
            "vendors left out, which is wide for a vendor that was measured.",
        )
    return out


def _family(found: Family, catalog: Catalog, start: StackSpec) -> Profile:
    """The centre of the vendors; its interval is that of vendors left out."""
    cases = [c for rows in found.rows.values() for c in rows.cases]
    errors = np.concatenate([found.unseen(name) for name in found.rows])
    # one vendor is one group: its rows share a compiler, so they are few independent values
    factors = interval(cases, errors, errors, [c.stack.name for c in cases])
    factor = factors["tpot"][0]
    fits = found.found.fits.values()
    centre = Fit(
        x=found.found.centre.centre,
        # the spread of vendors in the published ranges, without correlations between numbers
        covariance=np.diag(found.found.centre.spread**2),
        # a number is open in the family only where every vendor leaves it open
        freedom=np.min([f.freedom for f in fits], axis=0),
        errors=np.zeros(0),
        table=DATAFLOW,
    )
    spec = catalog.get(StackSpec, FAMILY)
    return Profile(
        spec=spec,
        leaves=profile_values(spec, start, centre, len(cases), SOURCE, _dates(cases)),
        # speed per user is the inverse of TPOT, so one factor serves both metrics
        interval={"tpot": factor, "throughput": factor},
        chips=_chips(cases),
        llms=tuple(sorted({c.llm.name for c in cases})),
        # hardly a row is of a mixture: what these add is known of GPUs alone, and no less here
        widened={str(what): by for what, by in catalog.get(StackSpec, GPUS).widened.items()},
        notes=f"The centre of {len(found.rows)} vendors, {len(cases)} published rows; low to high: 80 % of "
        "vendors. The interval held 80 % of the rows of vendors left out one at a time; no row tells TTFT. "
        f"What experts and unknown LLMs add to it is that of {GPUS}.",
    )


def left_out_table(found: Family) -> str:
    """Numbers of the family without each vendor as CSV: `dse validate dataflow` predicts its rows by them."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["without", *DATAFLOW])
    for name, centre in found.without.items():
        values = [p.outward(x) for p, x in zip(DATAFLOW.values(), centre.centre, strict=True)]
        table.writerow([name, *(f"{rounded(float(v)):.6g}" for v in values)])
    return file.getvalue()


def _dates(cases: Sequence[Case]) -> str | None:
    return span(c.row.date for c in cases)


def _chips(cases: Sequence[Case]) -> tuple[str, ...]:
    return tuple(sorted({c.chip.name for c in cases}))


def _summary(cases: tuple[Case, ...], errors: Floats) -> str:
    off = float(np.median(np.abs(np.expm1(errors))))
    return f"{len(cases)} published rows, {len(_chips(cases))} chips; off by a median of {off:.0%} on them."


def write(folder: Path) -> list[str]:
    """Write the stacks and the table into a configs folder; returns the names of the stacks."""
    catalog = Catalog.of(folder)
    found = family(cost_model("roofline"), catalog)
    new = profiles(found, catalog)
    write_files({folder / "stacks" / f"{name}.yaml": p.yaml() for name, p in new.items()})
    write_files({folder / "measurements" / LEFT_OUT: left_out_table(found)})
    return list(new)


if __name__ == "__main__":
    print("\n".join(write(Path(sys.argv[1]))))

"""`python -m dse.calibrate.bundled FOLDER`: fit every calibrated stack of a configs folder again, together.

To be run after a change of the cost model or of the table of measurements. Engines on GPUs are fitted around
a common centre, which is the stack of an unknown engine; the centre stays near published derates.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.calibration import RANGES, profile_of_fit
from dse.calibrate.fit import Fit
from dse.calibrate.left_out import GROUPINGS, interval
from dse.calibrate.parameters import PARAMETERS, prior
from dse.calibrate.pool import Pool, centre_of, pool, without
from dse.calibrate.profile import Profile, profile_values, span
from dse.calibrate.residuals import Rows
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.rows import Measured, find_table, read_rows
from objectives import api

CLASS: Final = "gpu-serving"
"""The stack of an unknown engine."""
SYSTOLIC: Final = "systolic-serving"
"""The same on chips that are no GPUs: the class of GPUs, moved half of the way to the one engine measured."""
APART: Final = ("llamacpp", "neuron", "gpu-consumer")
"""Beginnings of stacks that do not speak for engines on GPUs in datacentres."""


@dataclass(frozen=True)
class Bundle:
    """Every stack of the catalog that has rows, fitted together."""

    rows: Mapping[str, Rows]
    counted: frozenset[str]
    found: Pool


def bundle(model: api.CostModel, table: list[Measured], catalog: Catalog) -> Bundle:
    """Fit all stacks to the rows of quality A and B, each row to the stack that `dse validate` gives it."""
    lookup = Lookup(catalog)
    members: dict[str, list[Case]] = {}
    for row in table:
        case = lookup.case(row)
        # quality C assumes the layout in several ways; such rows would pull the fit by a guess
        if not isinstance(case, Refusal) and row.quality in ("A", "B", ""):
            members.setdefault(case.stack.name, []).append(case)
    rows = {name: Rows.of(model, cases, catalog) for name, cases in sorted(members.items())}
    # their engines do not run in datacentres, so they do not shape the centre of those that do
    counted = frozenset(name for name in rows if not name.startswith(APART))
    published = catalog.get(StackSpec, RANGES)
    return Bundle(rows, counted, pool(rows, prior(published, published), counted))


def engines_out(b: Bundle) -> dict[str, Floats]:
    """log(predicted / measured) of the rows of each stack under a centre that has not seen them."""
    out = {}
    for name, rows in b.rows.items():
        # all weights zero: the stack becomes the centre of the others
        none = {name: np.zeros(len(rows.cases))}
        out[name] = rows.errors(without(b.found, b.rows, none, b.counted)[name])[0]
    return out


def refit(folder: Path, progress: Callable[[str], None]) -> list[str]:
    """Write the calibrated profiles into `folder`; returns their names."""
    catalog = Catalog.of(folder)
    b = bundle(cost_model("roofline"), read_rows(find_table("published", catalog)), catalog)
    unseen = engines_out(b)
    # a class has no rows of its own: freedom 0 marks every number as determined by its engines
    centre = Fit(
        x=b.found.centre.centre, covariance=_between(b), freedom=np.zeros(len(PARAMETERS)), errors=np.zeros(0)
    )
    counted = {name: b.rows[name] for name in sorted(b.counted)}
    _write(folder, _class_profile(catalog, CLASS, centre, counted, unseen, RANGES))
    others = {"neuron": b.rows["neuron"]} if "neuron" in b.rows else {}
    if others:
        # one engine weighs at most as much as the prior, so the centre moves at most half of the way to it
        moved = centre_of({"neuron": b.found.fits["neuron"]}, b.found.centre)
        systolic = Fit(x=moved.centre, covariance=_between(b), freedom=centre.freedom, errors=centre.errors)
        _write(folder, _class_profile(catalog, SYSTOLIC, systolic, others, unseen, CLASS))
    # read again from disk: the class that was just written is the start of the stacks below
    start = Catalog.of(folder).get(StackSpec, CLASS)
    written = [CLASS, SYSTOLIC]
    for name, rows in b.rows.items():
        if name in (CLASS, SYSTOLIC):
            continue
        spec = catalog.get(StackSpec, name)
        found = profile_of_fit(
            rows, b.found.fits[name], b.found.centre, spec, start, "case", "published-measurements"
        )
        _write(folder, found.profile)
        written.append(name)
        for r in found.residuals():
            progress(f"{name}: {r.metric} {r.median:.1%} of {r.n} rows, left out {r.unseen or 0.0:.1%}")
    return written


def _between(b: Bundle) -> Floats:
    """Spread of engines around the centre, as a covariance without correlations."""
    return np.diag(b.found.centre.spread**2)


def _class_profile(
    catalog: Catalog,
    name: str,
    fitted: Fit,
    rows: Mapping[str, Rows],
    unseen: Mapping[str, Floats],
    ranges: str,
) -> Profile:
    """The profile of unknown engines, whose error bar is that of engines left out."""
    cases = [c for mine in rows.values() for c in mine.cases]
    errors = np.concatenate([unseen[n] for n in rows])
    groups = [GROUPINGS["case"](c) for c in cases]
    # every row was left out, so no fitted errors are needed
    factors = {m: factor for m, (factor, _) in interval(cases, errors, errors, groups).items()}
    # a class that has no rows of a metric takes the factor of the class of GPUs
    wide = {**catalog.get(StackSpec, CLASS).interval, **factors} if name != CLASS else factors
    spec = catalog.get(StackSpec, name)
    date = span(c.row.date for c in cases)
    start = catalog.get(StackSpec, ranges)
    basis = f"{len(rows)} engines, {len(cases)} published rows"
    return Profile(
        spec=spec,
        leaves=profile_values(spec, start, fitted, len(cases), "published-measurements", date),
        interval=wide,
        chips=(),
        notes=f"The centre of {basis}, of which none outweighs the others; low to high: 80 % of engines. "
        "The interval held 80 % of the rows of engines left out.",
    )


def _write(folder: Path, profile: Profile) -> None:
    write_files({folder / "stacks" / f"{profile.spec.name}.yaml": profile.yaml()})


if __name__ == "__main__":
    refit(Path(sys.argv[1]), print)

"""`python -m dse.calibrate.bundled FOLDER`: fit every calibrated stack of a configs folder again, together.

To be run after a change of the cost model or of the table of measurements. Engines on GPUs are fitted around
a common centre, which is the stack of an unknown engine; the centre stays near published derates.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.calibration import PUBLISHED, RANGES, profile_of_fit
from dse.calibrate.fit import Fit
from dse.calibrate.left_out import GROUPINGS, interval
from dse.calibrate.parameters import PARAMETERS, prior
from dse.calibrate.pool import Pool, centre_of, pool, without
from dse.calibrate.profile import Profile, profile_values, span, valued
from dse.calibrate.residuals import Rows
from dse.calibrate.shifts import write_shifts
from dse.calibrate.unlike import Missed, of_architectures, widened
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec, wider
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.checks.held import held
from dse.validate.measured.rows import Measured, find_table, read_rows
from objectives import api

CLASS: Final = "gpu-serving"
"""The stack of an unknown engine."""
SYSTOLIC: Final = "systolic-serving"
"""The same on chips that are no GPUs: the class of GPUs, moved half of the way to the one engine measured."""
OWN_CLASSES: Final = ("gpu-consumer", "llamacpp-soc")
"""Stacks of engines that are those of their class of chips as well."""
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
    # quality C assumes the layout in several ways; such rows would pull the fit by a guess
    looked_up = [lookup.case(row) for row in table if row.quality in ("A", "B", "")]
    members: dict[str, list[Case]] = {}
    for case in held(model, [c for c in looked_up if not isinstance(c, Refusal)], catalog)[0]:
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
        out[name] = without(b.found, none).errors(name)
    return out


def refit(folder: Path, progress: Callable[[str], None]) -> list[str]:
    """Write the calibrated profiles and the architectures into `folder`; returns the names of the stacks."""
    catalog = Catalog.of(folder)
    progress("fitting all stacks")
    b = bundle(cost_model("roofline"), read_rows(find_table("published", catalog)), catalog)
    together = b.found.members.architectures
    write_shifts(folder, catalog, b.found.shifts, {name: rows.cases for name, rows in together.items()})
    classes = _classes(b, catalog, progress)
    # the class that was just fitted is the start of the stacks below
    start = valued(catalog.get(StackSpec, CLASS), classes[CLASS])
    own: dict[str, Profile] = {}
    for name in sorted(set(b.rows) - set(classes)):
        spec = catalog.get(StackSpec, name)
        found = profile_of_fit(
            b.found.rows(name), b.found.fits[name], b.found.centre, spec, start, "case", PUBLISHED
        )
        own[name] = found.profile
        for r in found.residuals():
            progress(f"{name}: {r.metric} {r.median:.1%} of {r.n} rows, left out {r.unseen or 0.0:.1%}")
    progress("leaving out every LLM")
    every = {**classes, **own}
    missed = [Missed(case=case, error=error) for case, error in left_out_in(b, "llm")]
    top = widened(missed, {name: p.interval for name, p in every.items()})
    progress("leaving out every architecture")
    fitted = set(b.found.members.architectures)
    apart = [
        Missed(case=c, error=e) for c, e in left_out_in(b, "architecture") if c.chip.architecture in fitted
    ]
    wide = {name: wider(p.interval, classes[CLASS].interval) for name, p in every.items()}
    new = of_architectures(apart, wide, top)
    found_top = {"architecture": new, **{str(k): by for k, by in top.items()}}
    by_name = {what: by for what, by in found_top.items() if by}
    llms = tuple(sorted({c.llm.name for rows in b.rows.values() for c in rows.cases}))
    for name, profile in every.items():
        known = replace(profile, llms=llms) if name in classes else profile
        _write(folder, replace(known, widened=by_name) if name in (*classes, *OWN_CLASSES) else known)
    return list(every)


def _classes(b: Bundle, catalog: Catalog, progress: Callable[[str], None]) -> dict[str, Profile]:
    """The stacks of unknown engines: on GPUs the centre of all, on systolic chips half of the way to one."""
    progress("leaving out every engine")
    unseen = engines_out(b)
    # a class has no rows of its own: freedom 0 marks every number as determined by its engines
    open_to = np.zeros(len(PARAMETERS))
    centre = Fit(x=b.found.centre.centre, covariance=_between(b), freedom=open_to, errors=np.zeros(0))
    counted = {name: b.rows[name] for name in sorted(b.counted)}
    found = {CLASS: _class_profile(catalog, CLASS, centre, counted, unseen, catalog.get(StackSpec, RANGES))}
    if "neuron" not in b.rows:
        return found
    # one engine weighs at most as much as the prior, so the centre moves at most half of the way to it
    moved = centre_of({"neuron": b.found.fits["neuron"]}, b.found.centre)
    systolic = replace(centre, x=moved.centre)
    start = valued(catalog.get(StackSpec, CLASS), found[CLASS])
    one = _class_profile(catalog, SYSTOLIC, systolic, {"neuron": b.rows["neuron"]}, unseen, start)
    # a class that has no rows of a metric takes the factor of the class of GPUs
    wide = {**found[CLASS].interval, **one.interval}
    return {**found, SYSTOLIC: replace(one, interval=wide)}


def left_out_in(b: Bundle, grouping: str) -> list[tuple[Case, float]]:
    """Every row with log(predicted / measured) under fits that have not seen the rows of its group."""
    key = GROUPINGS[grouping]
    groups = {name: [key(c) for c in rows.cases] for name, rows in b.rows.items()}
    found: list[tuple[Case, float]] = []
    # sorted, so that a run repeats the same fits in the same order
    for group in sorted({g for names in groups.values() for g in names}):
        keep: dict[str, Floats] = {
            name: np.asarray([float(g != group) for g in names])
            for name, names in groups.items()
            if group in names
        }
        # all stacks with rows of the group are refitted together: a chip has rows on several of them
        left = without(b.found, keep)
        for name, kept in keep.items():
            errors = zip(b.rows[name].cases, left.errors(name), kept, strict=True)
            found += [(case, float(error)) for case, error, k in errors if not k]
    return found


def _between(b: Bundle) -> Floats:
    """Spread of engines around the centre, as a covariance without correlations."""
    return np.diag(b.found.centre.spread**2)


def _class_profile(
    catalog: Catalog,
    name: str,
    fitted: Fit,
    rows: Mapping[str, Rows],
    unseen: Mapping[str, Floats],
    start: StackSpec,
) -> Profile:
    """The profile of unknown engines, whose error bar is that of engines left out."""
    cases = [c for mine in rows.values() for c in mine.cases]
    errors = np.concatenate([unseen[n] for n in rows])
    groups = [GROUPINGS["case"](c) for c in cases]
    # every row was left out, so no fitted errors are needed; engines are not counted alike, since the few
    # rows of the worst would then make the intervals of chips left out hold 94 % of the rows
    factors = {m: factor for m, (factor, _) in interval(cases, errors, errors, groups).items()}
    spec = catalog.get(StackSpec, name)
    date = span(c.row.date for c in cases)
    engines = f"{len(rows)} engines" if len(rows) > 1 else f"the class of GPUs and {', '.join(rows)}"
    return Profile(
        spec=spec,
        leaves=profile_values(spec, start, fitted, len(cases), PUBLISHED, date),
        interval=factors,
        chips=(),
        rows=Counter(c.chip.name for c in cases),
        makers=tuple(sorted({c.chip.vendor for c in cases})),
        notes=f"The centre of {engines}, {len(cases)} published rows, of which none outweighs the others; "
        "low to high: 80 % of engines. The interval held 80 % of the rows of engines left out.",
    )


def _write(folder: Path, profile: Profile) -> None:
    write_files({folder / "stacks" / f"{profile.spec.name}.yaml": profile.yaml()})


if __name__ == "__main__":
    refit(Path(sys.argv[1]), print)

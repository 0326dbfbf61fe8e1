"""One calibration from rows to profile: choose rows, fit, leave groups out, write down write the result."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import Fit, fit
from dse.calibrate.left_out import GROUPINGS, folds, interval, left_out, metric_of
from dse.calibrate.parameters import PARAMETERS, Prior, prior, vector
from dse.calibrate.profile import Profile, profile_values, span
from dse.calibrate.residuals import Rows
from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipClass
from dse.spec.schema.pattern import pattern_problem
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.rows import METRICS, Measured
from objectives import api

METHODS: Final = (*GROUPINGS, "in-sample")
NAME: Final = re.compile(r"^[a-z0-9][a-z0-9.+-]*$")
PARTS: Final = 5
"""Most fits that leave something out."""
FEWEST: Final = 8
"""Fewest rows that a stack is fitted to."""
RANGES: Final = "gpu-published"
"""The stack whose low to high says how far engines differ in each number."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The result of a calibration; one entry per case in `errors` and `unseen`."""

    profile: Profile
    cases: tuple[Case, ...]
    errors: Floats
    """log(predicted / measured) under the profile as it is written."""
    unseen: Floats
    """The same under a fit that had not seen the row's group; NaN where there was none."""

    def residuals(self) -> list["Residuals"]:
        """Errors by metric, as in the intervals."""
        names = np.asarray([metric_of(c) for c in self.cases])
        return [
            _residuals(str(m), self.errors[names == m], self.unseen[names == m]) for m in sorted(set(names))
        ]


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Errors of the rows of one metric."""

    metric: str
    n: int
    median: float
    """Median of |predicted / measured - 1| of the rows as they were fitted."""
    p90: float
    bias: float
    """Median of predicted / measured - 1."""
    unseen: float | None
    """Median of |predicted / measured - 1| of rows left out; None without any."""


def _residuals(metric: str, fitted: Floats, unseen: Floats) -> Residuals:
    """Errors of one metric from the logarithms of predicted over measured."""
    # NaN marks rows that no fit has left out
    off, left = np.expm1(fitted), np.abs(np.expm1(unseen[np.isfinite(unseen)]))
    return Residuals(
        metric=metric,
        n=len(off),
        median=float(np.median(np.abs(off))),
        p90=float(np.quantile(np.abs(off), 0.9)),
        bias=float(np.median(off)),
        unseen=float(np.median(left)) if len(left) else None,
    )


def described(
    catalog: Catalog, name: str, start: StackSpec, engines: Sequence[str] = (), classes: Sequence[str] = ()
) -> StackSpec:
    """The stack `name` for these engines and classes, or a new one with the unfitted numbers of `start`.

    Raises `SpecError` for an invalid name, regular expression or class.
    """
    try:
        base = catalog.get(StackSpec, name)
    except SpecError:
        # a new stack takes the numbers of `start`, but not what they are valid for
        base = start.model_copy(
            update={
                "name": name,
                "title": name,
                "aliases": (),
                "engines": (),
                "classes": (),
                "since": None,
                "until": None,
            }
        )
    problems = [p for text in engines if (p := _not_a_pattern(text))]
    problems += [
        Problem("--class", f"unknown class {c!r}; {nearest(c, get_args(ChipClass))}")
        for c in classes
        if c not in get_args(ChipClass)
    ]
    if not NAME.match(base.name):
        problems.append(Problem("--stack", f"expected small letters, digits, '.', '+' and '-', got {name!r}"))
    if problems:
        raise SpecError(problems)
    given = {"engines": tuple(engines), "classes": tuple(classes)}
    # what is not given stays as the stack has it
    return base.model_copy(update={key: value for key, value in given.items() if value})


def _not_a_pattern(text: str) -> Problem | None:
    why = pattern_problem(text)
    return Problem("--engine", why) if why else None


def choose(
    rows: Sequence[Measured], catalog: Catalog, spec: StackSpec, quality: str
) -> tuple[list[Case], list[Refusal]]:
    """Rows that the stack is valid for, of the given qualities or of none stated, and those that are refused.

    A stack with engines is valid for what a look-up gives it, one without for every chip of its classes.
    """
    # the candidate competes with the stacks of the catalog for each row
    lookup = Lookup(catalog, candidate=spec)
    taken, refused = [], []
    for row in rows:
        if row.quality and row.quality not in quality:
            continue
        case = lookup.case(row)
        if isinstance(case, Refusal):
            refused.append(case)
        # the first condition is both parts of the `and`: `if` binds last
        elif case.stack.name == spec.name and case.own_stack if spec.engines else _in_class(case, spec):
            taken.append(case)
    return taken, refused


def _in_class(case: Case, spec: StackSpec) -> bool:
    return not spec.classes or case.chip.chip_class in spec.classes


def calibrate(
    model: api.CostModel,
    cases: Sequence[Case],
    catalog: Catalog,
    spec: StackSpec,
    start: StackSpec,
    *,
    method: str = "case",
    source: str = "published-measurements",
    progress: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Fit `spec` to the cases around the numbers of `start`, and find its error bar; see `METHODS`.

    Raises `SpecError` for too few rows.
    """
    if len(cases) < FEWEST:
        raise spec_error(
            f"stacks/{spec.name}",
            f"expected at least {FEWEST} rows to fit a stack to, got {len(cases)}. "
            "Rows of other engines, classes or qualities do not count.",
        )
    progress(f"fitting {len(cases)} rows")
    rows = Rows.of(model, cases, catalog)
    # centred on `start`, as wide as engines differ in what is published
    expected = prior(start, catalog.get(StackSpec, RANGES))
    return profile_of_fit(rows, fit(rows, expected), expected, spec, start, method, source, progress)


def profile_of_fit(
    rows: Rows,
    fitted: Fit,
    expected: Prior,
    spec: StackSpec,
    start: StackSpec,
    method: str,
    source: str,
    progress: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """The profile of a fit, with an error bar from rows left out."""
    cases = rows.cases
    found = profile_values(spec, start, fitted, len(cases), source, span(c.row.date for c in cases))
    # of the numbers as they are written, with three digits, so that a reader can repeat them
    errors = rows.errors(vector({name: found[name].value for name in PARAMETERS}))[0]
    groups = [GROUPINGS["case" if method == "in-sample" else method](c) for c in cases]
    unseen = np.full(len(cases), np.nan)
    if method != "in-sample":
        unseen = left_out(rows, expected, folds(groups, PARTS), fitted.x, progress)
    factors = interval(cases, errors, unseen, groups)
    held = {metric: factor for metric, (factor, _) in factors.items()}
    profile = Profile(
        spec=spec,
        leaves=found,
        # factors of metrics without enough rows stay those of the stack that the fit began with
        interval={**start.interval, **held},
        chips=tuple(sorted({c.chip.name for c in cases})),
        notes=_notes(cases, errors, method, {m: out for m, (_, out) in factors.items()}, start),
    )
    return Calibration(profile=profile, cases=cases, errors=errors, unseen=unseen)


def _notes(
    cases: Sequence[Case], errors: Floats, method: str, unseen: dict[str, bool], start: StackSpec
) -> str:
    """What the numbers rest on, in words."""
    chips, llms = sorted({c.chip.name for c in cases}), sorted({c.llm.name for c in cases})
    sentences = [f"{len(cases)} published rows, {_some(chips, 'chips')}, {_some(llms, 'LLMs')}"]
    families = [METRICS[c.row.metric] for c in cases]
    # exp of a log error minus 1: the relative error of the prediction, as `dse validate` prints it
    misses = np.abs(np.exp(errors) - 1.0)
    for family in sorted(set(families)):
        mine = misses[[f == family for f in families]]
        sentences.append(
            f"{family} off by a median of {np.median(mine):.1%} over {len(mine)} rows that were fitted"
        )
    left = [metric for metric, out in sorted(unseen.items()) if out]
    if left:
        sentences.append(
            f"the interval of {', '.join(left)} held 80 % of rows left out by {method}, "
            "with a margin for the few groups"
        )
    if stayed := [metric for metric, out in sorted(unseen.items()) if not out]:
        sentences.append(f"that of {', '.join(stayed)} is that of fitted rows, widened")
    if absent := sorted(set(start.interval) - set(unseen)):
        sentences.append(f"that of {', '.join(absent)} is that of {start.name}")
    return "; ".join(sentences) + "."


def _some(names: list[str], what: str) -> str:
    return f"{what} {', '.join(names)}" if len(names) <= 5 else f"{len(names)} {what}"

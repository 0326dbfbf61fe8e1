"""One calibration from rows to profile: choose rows, fit, leave groups out, write down the result."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import Fit, fit
from dse.calibrate.left_out import GROUPINGS, folds, interval, left_out, metric_of
from dse.calibrate.parameters import PARAMETERS, Prior, fields, prior, startable, vector
from dse.calibrate.profile import Profile, determined, profile_values, span
from dse.calibrate.residuals import Rows
from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipClass
from dse.spec.schema.pattern import pattern_problem
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.rows import METRICS, Measured, run_of
from objectives import api

METHODS: Final = (*GROUPINGS, "in-sample")
NAME: Final = re.compile(r"^[a-z0-9][a-z0-9.+-]*$")
PARTS: Final = 5
"""Most fits that leave something out."""
FEWEST: Final = 3
"""Fewest rows that a stack is fitted to; what so few leave open is that of the stack to start from."""
MOST_OFF: Final = 2.0
"""Median factor between predictions and rows of a metric from which on a fit explains nothing."""
FARTHEST: Final = 6.0
"""Spreads of engines between a number and where it starts from which on no engine is so."""
WIDEST: Final = 4.0
"""Factor of an interval from which on it says nothing; the widest of a bundled stack is 3."""
MOST_NAMED: Final = 5
"""Names that a note lists; of more it gives the number."""
PUBLISHED: Final = "published-measurements"
OWN: Final = "own-measurements"
"""Keys of the sources of numbers fitted to bundled tables, and to any other."""
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
    determined: Mapping[str, float]
    """Share of each fitted number that the rows determine; the rest is that of the stack to start from."""
    far: Mapping[str, float]
    """Numbers that left what engines have, to how many times they are that of the stack to start from."""

    def failures(self) -> list[str]:
        """Why the fit is none, in sentences: metrics that it misses, and intervals that say nothing."""
        found = [
            f"{r.metric}: expected a median error of at most a factor of {MOST_OFF:g}, "
            f"got {r.factor:.3g} over {r.n} rows"
            for r in self.residuals()
            if r.n >= FEWEST and r.factor > MOST_OFF
        ]
        found += [
            f"{name}: expected what some engine may have, got {times:.3g} times that of the start; "
            "are the values in the unit of their metric?"
            for name, times in self.far.items()
        ]
        return found + [
            f"{metric}: expected an interval of at most x {WIDEST:g}, got x {factor:.3g}"
            for metric, factor in sorted(self.profile.interval.items())
            if factor > WIDEST
        ]

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
    factor: float
    """Median factor between predicted and measured, up or down."""
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
        factor=float(np.exp(np.median(np.abs(fitted)))),
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
    taken: list[Case] = []
    refused: list[Refusal] = []
    seen: set[Hashable] = set()
    for row in rows:
        if row.quality and row.quality not in quality:
            continue
        case = lookup.case(row)
        if isinstance(case, Refusal):
            refused.append(case)
        # the first condition is both parts of the `and`: `if` binds last
        elif case.stack.name == spec.name and case.own_stack if spec.engines else _in_class(case, spec):
            # a benchmark writes one measurement in several columns, as mean and median, as TPOT and speed
            key = (run_of(row), METRICS[row.metric])
            if row.column and key in seen:
                refused.append(Refusal(row, "another value of its run and kind of metric is fitted"))
                continue
            seen.add(key)
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
    source: str = OWN,
    progress: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Fit `spec` to the cases around the numbers of `start`, and find its error bar; see `METHODS`.

    Raises `SpecError` for too few rows, and for a start that no fit can begin at.
    """
    start = startable(start)
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
    told = {metric: out for metric, (_, out) in factors.items()}
    profile = Profile(
        spec=spec,
        leaves=found,
        # factors of metrics without enough rows stay those of the stack that the fit began with
        interval={**start.interval, **held},
        chips=tuple(sorted({c.chip.name for c in cases})),
        rows=Counter(c.chip.name for c in cases),
        makers=tuple(sorted({c.chip.vendor for c in cases})),
        llms=tuple(sorted({c.llm.name for c in cases})),
        notes=_notes(cases, errors, method, told, start, source, fitted),
    )
    return Calibration(
        profile=profile,
        cases=cases,
        errors=errors,
        unseen=unseen,
        determined=determined(fitted),
        far=_far(fitted, expected),
    )


def _far(fitted: Fit, expected: Prior) -> dict[str, float]:
    """Fitted numbers that are too far from the expected ones, and their ratio."""
    at = fields(expected.centre, fitted.table)
    off = np.abs(fitted.x - expected.centre) / expected.spread
    return {
        n: fitted.values[n] / at[n] for n, o in zip(fitted.table, off, strict=True) if float(o) > FARTHEST
    }


def _notes(
    cases: Sequence[Case],
    errors: Floats,
    method: str,
    unseen: dict[str, bool],
    start: StackSpec,
    source: str,
    fitted: Fit,
) -> str:
    """What the numbers rest on, in words."""
    chips, llms = sorted({c.chip.name for c in cases}), sorted({c.llm.name for c in cases})
    sentences = [f"{_origin(cases, source)}, {_some(chips, 'chips')}, {_some(llms, 'LLMs')}"]
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
    return "; ".join([*sentences, _leaning(fitted, start)]) + "."


def _origin(cases: Sequence[Case], source: str) -> str:
    """How many rows of what."""
    if source == PUBLISHED:
        return f"{len(cases)} published rows"
    names = sorted({c.row.source for c in cases})
    return f"{len(cases)} rows of {', '.join(names) if len(names) <= MOST_NAMED else f'{len(names)} sources'}"


def _leaning(fitted: Fit, start: StackSpec) -> str:
    """How many numbers are mainly those of the rows."""
    shares = determined(fitted)
    most = sum(share >= 0.5 for share in shares.values())
    return f"the rows determine {most} of {len(shares)} numbers by half or more, {start.name} the others"


def _some(names: list[str], what: str) -> str:
    return f"{what} {', '.join(names)}" if len(names) <= MOST_NAMED else f"{len(names)} {what}"

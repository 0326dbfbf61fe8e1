"""One assumption that can be varied, found by its common name, with its range and its scale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate
from dse.decide.scenario.scenario import ALL_CHIPS, Scenario, members
from dse.errors import SpecError, UnitError, nearest, spec_error
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import SHORT, Fact, Place, leaf_at, places_of, unit_of_leaf
from dse.spec.overrides.replace import OPTIONAL
from dse.spec.overrides.short_names import CHIP, TECHNOLOGY
from dse.spec.schema.base import SourcedRatio, SourcedShare
from dse.spec.schema.space import PARAMETERS
from dse.spec.yaml.units import parse

Kind = Literal["places", "limits", "sizes", "parameters", "prices", "margins"]

REACH = 8.0
"""A number without a range of its own is turned from an eighth to eight times."""
ALIASES = {
    "context_length": "context",
    "prompt": "isl",
    "output": "osl",
    "hbm_price": "hbm_cost",
    "gross_margin": "margin",
    "chip_price": "price",
    "batch_size": "batch",
}
SIZES = ("batch", "tp", "cp", "pp")
LIMITS = ("tpot", "ttft", "end_to_end", "entry_price")


UNKNOWN = "unknown assumption"
"""What an error of a name that no file has begins with."""


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """An assumption and the range that it is turned over."""

    name: str
    label: str
    unit: str
    """SI unit; the empty string for a plain number."""
    kind: Kind
    places: tuple[Place, ...] = ()
    group: str = ALL_CHIPS
    key: str = ""
    low: float
    high: float
    log: bool
    whole: bool
    now: float | None
    """What the study assumes; None where it assumes no one value."""
    most: float = inf
    """The largest that it can be: 1 for a share."""
    above_zero: bool = False
    """Whether 0 cannot be, as of an efficiency."""

    def applied(self, scenario: Scenario, value: float) -> Scenario:
        """The scenario with this assumption at `value` in SI."""
        match self.kind:
            case "places":
                return replace(scenario, places={**scenario.places, **dict.fromkeys(self.places, value)})
            case "sizes":
                return replace(scenario, sizes={**scenario.sizes, self.key: round(value)})
            case "parameters":
                return replace(scenario, parameters={**scenario.parameters, (self.group, self.key): value})
            case "limits":
                return replace(scenario, limits={**scenario.limits, self.key: value})
            case "prices":
                return replace(scenario, prices={**scenario.prices, self.group: value})
            case "margins":
                return replace(scenario, margins={**scenario.margins, self.group: value})

    def values(self, count: int) -> Floats:
        """`count` values over the range, ends included, evenly spread on its scale; fewer where whole."""
        ends = (self.low, self.high)
        found = np.geomspace(*ends, count) if self.log else np.linspace(*ends, count)
        return np.unique(np.round(found)) if self.whole else np.asarray(found)

    def between(self, a: Floats, b: Floats) -> Floats:
        """Middle of each pair on its scale; whole where the assumption is."""
        middle = np.sqrt(a * b) if self.log else 0.5 * (a + b)
        return np.round(middle) if self.whole else np.asarray(middle)


def assumption_of(
    study: ResolvedStudy, text: str, candidates: Sequence[Candidate], option: str
) -> Assumption:
    """The assumption that `NAME` or `NAME=LOW..HIGH` names.

    NAME is a short name such as `hop latency`, a dotted path such as `stack/static-dataflow.sram_efficiency`,
    a latency target, `batch`, a parameter of the search space, `price` or `margin`; the last three may be
    those of a group, `sram-only.price`. Raises `SpecError` with the nearest names.
    """
    name, _, span = text.partition("=")
    try:
        assumption = _named(study, name.strip(), candidates)
        return _spanned(assumption, span.strip()) if span.strip() else _checked(assumption)
    except SpecError as error:
        # none of these errors has the option as its place: only here it is known which option they are of
        raise spec_error(option, "; ".join(str(p) for p in error.problems)) from None


def _named(study: ResolvedStudy, text: str, candidates: Sequence[Candidate]) -> Assumption:
    """The assumption of that name, with or without a group of chips before a dot."""
    head, dot, tail = text.rpartition(".")
    # `sram-only.price` names a group, `stack/x.sram_efficiency` a number in a file: the head decides
    grouped = bool(dot) and (head == "all" or bool(members(head, candidates)))
    group, bare = (ALL_CHIPS if head == "all" else head, tail) if grouped else (ALL_CHIPS, text)
    name = bare.strip().lower().replace(" ", "_").replace("-", "_")
    name = ALIASES.get(name, name)
    if name == "latency_target" and study.swept is not None:
        name = study.swept.name
    if name in LIMITS:
        return _limit(study, name)
    if name in SIZES:
        # those of the search, filled in where the study leaves them out
        known = getattr(study.lists, name)
        return Assumption(
            name=name,
            label=name.upper() if name != "batch" else "batch",
            unit="",
            kind="sizes",
            key=name,
            low=float(min(known)),
            high=float(max(known)),
            log=True,
            whole=True,
            now=None,
        )
    # before the parameters, one of which is a price too
    if name in ("price", "margin"):
        return _money(study, name, group)
    if name in PARAMETERS:
        return _parameter(study, name, group)
    return _place(study, text, name)


def _limit(study: ResolvedStudy, name: str) -> Assumption:
    """A limit on an objective, over the range that the study sweeps or a usual one."""
    goal, sweep = objective(name), study.spec.sweep
    if sweep is not None and sweep.objective == name:
        low, high = sweep.low, sweep.high
    elif goal.unit == "s":
        low, high = 0.01, 100.0
    else:
        # capital [USD], the only limit that is no time
        low, high = 1e4, 1e8
    return Assumption(
        name=name,
        label=f"{goal.label} target" if goal.unit == "s" else f"{goal.label} at most",
        unit=goal.unit,
        kind="limits",
        key=name,
        low=low,
        high=high,
        log=True,
        whole=False,
        now=None,
    )


def _money(study: ResolvedStudy, name: str, group: str) -> Assumption:
    """The gross margin of searched chips, or the price of one group of chips."""
    if name == "margin":
        if not study.branches:
            raise spec_error("", "expected a search space, whose chips get the margin, got none; try a price")
        whose = f"{group} " if group else ""
        return Assumption(
            name=name,
            label=f"gross margin of searched {whose}chips",
            unit="",
            kind="margins",
            group=group,
            low=0.0,
            # towards a margin of 1 the price grows without limit
            high=0.9,
            log=False,
            whole=False,
            # what other methods charge over unit cost is unknown
            now=0.0 if study.spec.price.method == "unit-cost" else None,
        )
    if not group:
        raise spec_error(
            "", "expected whose price, such as sram-only.price, got all prices at once; try margin"
        )
    return Assumption(
        name=name,
        label=f"price of {group}",
        unit="USD",
        kind="prices",
        group=group,
        low=100.0,
        high=1e5,
        log=True,
        whole=False,
        now=None,
    )


def _parameter(study: ResolvedStudy, name: str, group: str) -> Assumption:
    """A parameter of the search space, over the union of its ranges in the branches."""
    ranges = [
        b.spec.parameters[name]
        for b in study.branches.values()
        if name in b.spec.parameters and (group in (ALL_CHIPS, b.kind))
    ]
    if not ranges:
        raise spec_error("", f"expected a parameter that {group or 'the space'} has, got {name!r}")
    low, high = min(p.low for p in ranges), max(p.high for p in ranges)
    return Assumption(
        name=name,
        label=name.replace("_", " "),
        unit=PARAMETERS[name],
        kind="parameters",
        group=group,
        key=name,
        low=low,
        high=high,
        # a linear range may begin at 0, which has no logarithm
        log=all(p.scale == "log" for p in ranges),
        whole=not PARAMETERS[name],
        now=None,
    )


def _of_all(name: str) -> str:
    """What a short name of the technology hides: it means the search space, and some studies have none."""
    path = TECHNOLOGY.get(name)
    return "" if path is None else f" for a search space; technology.{path} is that of all chips"


def _place(study: ResolvedStudy, text: str, name: str) -> Assumption:
    """A number of the config files, over its published range or a factor of `REACH` either way."""
    try:
        # first as a short name, then as the dotted path that was typed
        places = places_of(study, name)
    except SpecError:
        try:
            places = places_of(study, text)
        except SpecError:
            raise spec_error("", _unknown(text, name)) from None
        # as it was typed: names of files have dashes
        name = text
    if not places:
        raise spec_error(
            "",
            f"expected a number that this study has, got {name}, which none of its files has{_of_all(name)}",
        )
    found = [leaf for p in places if (leaf := leaf_at(study, p)) is not None and leaf.value is not None]
    if not found:
        now, whole = None, False
        unit, low, high, most = _left_out(study, places[0])
    else:
        fact = Fact(places[0], found[0], unit_of_leaf(found[0]))
        now, unit, whole, most = fact.value, fact.unit, fact.counted, fact.most
        # the range of the sources or a factor of `REACH`, whichever reaches farther
        # `now` itself counts, since an eighth of a negative number is larger
        low = min(now / REACH, *(float(v.low) for v in found if v.low is not None), now)
        high = min(most, max(now * REACH, *(float(v.high) for v in found if v.high is not None), now))
    return Assumption(
        name=name,
        label=name if "/" in name else name.replace("_", " ").replace("hbm", "HBM"),
        unit=unit,
        kind="places",
        places=places,
        # an eighth of a small count would be none at all
        low=max(low, 1.0) if whole else low,
        high=high,
        log=low > 0.0,
        whole=whole,
        now=now,
        most=most,
        above_zero=any(type(leaf) is SourcedRatio for leaf in found),
    )


def _left_out(study: ResolvedStudy, place: Place) -> tuple[str, float, float, float]:
    """Unit, range and largest value of a number that a file leaves out: an empty range but for tokens."""
    leaf = leaf_at(study, place) or OPTIONAL.get(place.path.rpartition(".")[2])
    kind = leaf if leaf is None or isinstance(leaf, type) else type(leaf)
    unit = "token" if kind is None else unit_of_leaf(kind)
    most = 1.0 if kind in (SourcedRatio, SourcedShare) else inf
    # an empty range makes `_checked` require one
    return unit, *((128.0, 131072.0) if unit == "token" else (1.0, 1.0)), most


def _unknown(text: str, name: str) -> str:
    short = [n for kind, table in SHORT.items() if kind != "chip" for n in table]
    known = [*LIMITS, *SIZES, *PARAMETERS, "price", "margin", *short, *(n for n in CHIP if n in PARAMETERS)]
    return f"{UNKNOWN} {text!r}; {nearest(name, known)}"


def _checked(assumption: Assumption) -> Assumption:
    if not assumption.low < assumption.high:
        name = assumption.name
        what = f"{name}: expected a range such as {name}=LOW..HIGH, because it has no default range"
        raise spec_error("", what)
    return assumption


def _spanned(assumption: Assumption, span: str) -> Assumption:
    """The assumption over a range given as `LOW..HIGH` with units."""
    low_text, dots, high_text = span.partition("..")
    if not dots:
        raise spec_error("", f"expected a range such as {assumption.name}=LOW..HIGH, got {span!r}")
    try:
        low, high = (parse(t.strip(), assumption.unit) for t in (low_text, high_text))
    except UnitError as error:
        raise spec_error("", f"{assumption.name}: {error}") from None
    if assumption.kind == "margins" and not 0.0 <= low < high < 1.0:
        raise spec_error("", f"{assumption.name}: expected shares from 0 to below 1, got {span!r}")
    if not 0.0 <= low < high:
        raise spec_error("", f"{assumption.name}: expected 0 <= LOW < HIGH, got {span!r}")
    if high > assumption.most or (low == 0.0 and assumption.above_zero):
        least = "above 0" if assumption.above_zero else "from 0"
        raise spec_error("", f"{assumption.name}: expected shares {least} to 1, got {span!r}")
    # beyond a factor of 20 equal steps would leave most of the range to its upper end
    return replace(assumption, low=low, high=high, log=low > 0.0 and (assumption.log or high / low > 20.0))

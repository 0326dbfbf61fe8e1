"""A fitted stack as the text of a file of `configs/stacks`, with the source and basis of every number."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dse.calibrate.fit import Fit
from dse.calibrate.parameters import PARAMETERS, SIGMAS
from dse.spec.schema.base import Sourced, unit_in
from dse.spec.schema.system import StackSpec

Number = Sourced[float]

OPEN: Final = 0.97
"""Share of the prior's own spread from which on the rows say nothing about a number."""
WHOLE: Final = 0.995
"""Share of a number from which on it is that of the rows alone."""
_RANGE_NOTE: Final = "low to high: 80 %"


@dataclass(frozen=True, kw_only=True)
class ProfileValue:
    """One number of a stack as it is written."""

    value: float
    unit: str
    source: str
    date: str | None
    basis: str
    low: float | None
    high: float | None
    note: str | None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A stack, ready to be written."""

    spec: StackSpec
    """Name, engines, classes and dates; its numbers are not read."""
    leaves: Mapping[str, ProfileValue]
    interval: Mapping[str, float]
    chips: tuple[str, ...]
    """Names of the chips of the rows."""
    notes: str
    rows: Mapping[str, int] = field(default_factory=dict)
    """Chip to its number of rows."""
    makers: tuple[str, ...] = ()
    """Vendors of the chips of the rows."""
    llms: tuple[str, ...] = ()
    """Names of the LLMs of the rows."""
    widened: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """See `StackSpec.widened`."""
    estimate: str = "calibrated"
    network_shifts: Mapping[str, Mapping[str, ProfileValue]] = field(default_factory=dict)
    """See `StackSpec.network_shifts`."""

    @property
    def values(self) -> dict[str, float]:
        """The fitted numbers as they are written, in SI."""
        return {name: self.leaves[name].value for name in PARAMETERS}

    def yaml(self) -> str:
        """The text of the file."""
        head: list[tuple[str, object]] = [
            ("kind", "stack"),
            ("name", self.spec.name),
            ("title", self.spec.title),
            ("aliases", list(self.spec.aliases)),
            ("estimate", self.estimate),
            ("engines", list(self.spec.engines)),
            ("classes", list(self.spec.classes)),
            ("chips", list(self.chips)),
            ("makers", list(self.makers)),
            ("llms", list(self.llms)),
            ("vendors", list(self.spec.vendors)),
            ("since", self.spec.since),
            ("until", self.spec.until),
        ]
        # a key without a value has its default
        lines = [f"{key}: {_plain(value)}" for key, value in head if value]
        if self.rows:
            lines.append("rows: {" + ", ".join(f"{chip}: {n}" for chip, n in sorted(self.rows.items())) + "}")
        lines += [f"{name}: {_leaf(leaf)}" for name, leaf in self.leaves.items()]
        lines += [f"interval: {_factors(self.interval)}"] if self.interval else []
        if self.widened:
            parts = ", ".join(f"{what}: {_factors(by)}" for what, by in self.widened.items())
            lines.append(f"widened: {{{parts}}}")
        shifts = {
            network: "{" + ", ".join(f"{name}: {_leaf(leaf)}" for name, leaf in by.items()) + "}"
            for network, by in self.network_shifts.items()
        }
        lines += (
            [f"network_shifts: {{{', '.join(f'{n}: {by}' for n, by in shifts.items())}}}"] if shifts else []
        )
        # a JSON text is a YAML text, whatever colons and quotes are in it
        lines += [f"notes: {json.dumps(self.notes)}"]
        return "\n".join(lines) + "\n"


def profile_values(
    spec: StackSpec, start: StackSpec, fitted: Fit, rows: int, source: str, date: str | None
) -> dict[str, ProfileValue]:
    """Numbers of a stack: fitted where rows determine them, else of `start`; those never fitted of `spec`."""
    low, high = fitted.bounds(SIGMAS)
    # a posterior as wide as the prior has learnt nothing: the number stays that of `start`, and says so
    silent = dict(zip(fitted.table, fitted.freedom > OPEN, strict=True))
    shares = determined(fitted)
    found = {}
    for name in StackSpec.model_fields:
        # what a stack left out so far is written all the same where it was fitted
        given = getattr(spec, name) or (getattr(start, name) if name in fitted.table else None)
        # a spec also has texts and lists, which no fit writes
        if not isinstance(given, Sourced):
            continue
        unit = unit_in(type(given).model_fields["value"].annotation) or ""
        if name not in fitted.table:
            found[name] = _kept(given, unit)
        elif silent[name]:
            found[name] = _left_open(getattr(start, name), unit, start.name)
        else:
            found[name] = ProfileValue(
                value=rounded(fitted.values[name]),
                unit=unit,
                source=source,
                date=date,
                basis="derived",
                low=rounded(low[name]),
                high=rounded(high[name]),
                note=f"fitted to {rows} rows{_leaning(shares[name], start.name)}; {_RANGE_NOTE}",
            )
    return found


def valued(spec: StackSpec, profile: Profile) -> StackSpec:
    """The stack with the numbers and the intervals of its new profile."""
    news: dict[str, object] = {"interval": dict(profile.interval)}
    for name, leaf in profile.leaves.items():
        given = getattr(spec, name) or Sourced[float](
            value=leaf.value, source=leaf.source, basis=leaf.basis, date=leaf.date
        )
        news[name] = given.model_copy(update={"value": leaf.value})
    return spec.model_copy(update=news)


def determined(fitted: Fit) -> dict[str, float]:
    """Share of each number that the rows determine, 0 to 1; the rest is what was expected of it.

    The fit is a mean of both weighted by precision, so the share of what was expected is the variance after
    the rows over that before (Gelman & Hill 2007, chapter 12).
    """
    shares = np.clip(1.0 - fitted.freedom**2, 0.0, 1.0)
    return {name: float(share) for name, share in zip(fitted.table, shares, strict=True)}


def _leaning(share: float, start: str) -> str:
    """How much of a number is not that of the rows, for its note."""
    return "" if share >= WHOLE else f", which determine {share:.0%} of it, {start} the rest"


def rounded(value: float) -> float:
    """Three digits, which is more than any fit knows."""
    return float(f"{value:.3g}")


def _kept(given: Number, unit: str) -> ProfileValue:
    """A number that is not fitted, as the stack has it."""
    return ProfileValue(
        # what a stack can do is true or false, as it is
        value=given.value if isinstance(given.value, bool) else float(given.value or 0.0),
        unit=unit,
        source=given.source,
        date=given.date,
        basis=given.basis,
        low=given.low,
        high=given.high,
        note=given.note,
    )


def _left_open(given: Number, unit: str, name: str) -> ProfileValue:
    """The number of the stack `name`, where the rows determine none."""
    return ProfileValue(
        value=rounded(float(given.value or 0.0)),
        unit=unit,
        source="assumption",
        date=None,
        basis="assumption",
        low=None,
        high=None,
        note=f"as {name}: the rows say nothing about it",
    )


def span(dates: Iterable[str]) -> str | None:
    """First and last of some dates, as one text; None when none is stated."""
    known = sorted(d for d in dates if d)
    if not known:
        return None
    return known[0] if known[0] == known[-1] else f"{known[0]}/{known[-1]}"


def _factors(factors: Mapping[str, float]) -> str:
    """Metric to factor, as YAML on one line."""
    return "{" + ", ".join(f"{metric}: {factor:.4g}" for metric, factor in sorted(factors.items())) + "}"


def _leaf(leaf: ProfileValue) -> str:
    """One number as a mapping of YAML on one line."""
    parts = {
        "value": _number(leaf.value, leaf.unit),
        "source": leaf.source,
        # quoted, because YAML reads a bare day as a date and a bare year as a number
        "date": leaf.date and f"'{leaf.date}'",
        "basis": leaf.basis,
        "low": None if leaf.low is None else _number(leaf.low, leaf.unit),
        "high": None if leaf.high is None else _number(leaf.high, leaf.unit),
        "note": leaf.note and json.dumps(leaf.note, ensure_ascii=False),
    }
    return "{" + ", ".join(f"{key}: {text}" for key, text in parts.items() if text is not None) + "}"


def _number(value: float, unit: str) -> str:
    """A value as a file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if unit == "B":
        return f'"{value / 1e9:.6g} GB"'
    if unit != "s":
        return f"{value:.6g}"
    # times below a second in us or ms, as the bundled stacks write them
    for factor, name in ((1e6, "us"), (1e3, "ms")):
        if value * factor < 1000.0:
            return f'"{value * factor:.6g} {name}"'
    return f'"{value:.6g} s"'


def _plain(value: object) -> str:
    """A list of texts, or one text, as YAML."""
    if isinstance(value, list):
        return "[" + ", ".join(json.dumps(v, ensure_ascii=False) for v in value) + "]"
    text = str(value)
    # a bare text with dashes may be a date to YAML, which is then no text
    return json.dumps(text, ensure_ascii=False) if " " in text or "-" in text else text

"""A target that is met with a probability: the error bar of a stack as a log-normal distribution.

The 80 % interval of a metric is a factor f up and down of its estimate, which is the median. Taken as
log-normal, sigma = ln f / 1.2816, and the value that is not exceeded with probability p is the estimate times
the margin exp(z_p sigma) = f^(z_p / 1.2816), where z_p is the normal score of p. At p = 0.5 the margin is 1,
and at p = 0.9 it is f itself: one value in ten is beyond the upper end of an interval that holds 80 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import NormalDist
from typing import Final, Literal, final

from dse.errors import spec_error
from objectives import api
from objectives.arrays import Array

_NORMAL: Final = NormalDist()

SIGMAS: Final = _NORMAL.inv_cdf(0.9)
"""Standard deviations up and down that hold 80 % of a normal distribution: 1.2816."""

LEAST, MOST = 0.5, 0.999
"""Least and most probability of a target. Below one half the estimate itself would miss it; far in the tail
the shape of the distribution decides, of which an 80 % interval says nothing."""

_HALVINGS: Final = 60
"""Halvings of a range, beyond which no number of 64 bits changes."""

INTERVALS: Final = {"tpot": "tpot_interval", "ttft": "ttft_interval", "throughput": "throughput_interval"}
"""Metric that a stack states an interval of to the column of chips that holds it."""


def margin(factor: float, confidence: float) -> float:
    """What an estimate is multiplied by to be met with a probability `confidence` [1].

    `factor` is the 80 % interval up and down, above 1. Limits: 1 at a confidence of 0.5, `factor` at 0.9.
    """
    return float(factor ** (_NORMAL.inv_cdf(confidence) / SIGMAS))


def probability(value: float, target: float, factor: float, direction: str = "minimize") -> float:
    """The probability that a metric meets a target, both in one unit and above 0, in [0, 1].

    `value` is its estimate, the median; `factor` its 80 % interval up and down. Limits: 0.5 where the
    estimate is the target, 0.9 where it is `factor` better.
    """
    # a target of 0 or below is met by nothing that takes time, and the logarithm has no value there
    if target <= 0.0 or value <= 0.0:
        return float((value <= target) if direction == "minimize" else (value >= target))
    room = log(target / value) if direction == "minimize" else log(value / target)
    return _NORMAL.cdf(room / (log(factor) / SIGMAS))


def all_within(factors: Sequence[float]) -> float:
    """The factor that holds the errors of several stacks at once, however they depend on each other.

    `factors` are their 80 % intervals up and down, above 1. It is the least f of which P(e1 > f) + P(e2 > f)
    + ... is 10 %: by Boole's inequality none exceeds f with 90 %, nor falls below 1/f with 90 %. What grows
    with all of them, such as the sum of their times or the longest of these, is then within f as well.
    Limits: the factor itself of one stack; f^(1.645 / 1.282) of two that have f; never below the widest.
    """
    widths = [log(factor) for factor in factors if factor > 1.0]
    if len(widths) < 2:
        return max((1.0, *factors))
    low, tail = max(widths), 1.0 - _NORMAL.cdf(SIGMAS)
    # as many equal shares of the tail for the widest of them
    high = low * _NORMAL.inv_cdf(1.0 - tail / len(widths)) / SIGMAS
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        beyond = sum(1.0 - _NORMAL.cdf(SIGMAS * middle / width) for width in widths)
        low, high = (middle, high) if beyond > tail else (low, middle)
    return exp(high)


def checked(confidence: float, where: str = "confidence") -> float:
    """The probability as it is; raises `SpecError` for one that is out of range."""
    # the comparison is false for what is no number
    if not LEAST <= confidence <= MOST:
        hint = "0.5 is the estimate itself"
        raise spec_error(where, f"expected a probability from {LEAST} to {MOST}, got {confidence:g}; {hint}")
    return confidence


@final
@dataclass(unsafe_hash=True, kw_only=True)
class AtConfidence:
    """An objective at the value that is met with a probability, in the place of the estimate.

    It reads the intervals of the chips from `Metrics.more`; metrics without them raise `KeyError`. A study
    writes a target on it by the name of the objective, as without a probability.
    """

    of: api.Objective
    """The objective itself, of which stacks state an error bar."""
    interval: str
    """Column of chips with its interval, one of `INTERVALS`."""
    confidence: float
    """Probability that the value is met, see `checked`."""
    name: str = field(init=False, compare=False)
    """That of the objective."""
    label: str = field(init=False, compare=False)
    """Short text for headings and axes, such as `TPOT at 80 %`."""
    unit: str = field(init=False, compare=False)
    """That of the objective."""
    direction: Literal["minimize", "maximize"] = field(init=False, compare=False)
    """That of the objective."""
    column: str = field(init=False, compare=False)
    """The column of tables that holds it, such as `tpot_s_at_80_percent`."""
    title: str = field(init=False, compare=False)
    """What it is, in one sentence."""

    # no frozen class: the protocol of objectives has attributes that can be set
    def __post_init__(self) -> None:
        percent = f"{100.0 * self.confidence:g}"
        own = getattr(self.of, "column", f"objective_{self.of.name}")
        self.name, self.unit, self.direction = self.of.name, self.of.unit, self.of.direction
        self.label = f"{self.of.label} at {percent} %"
        self.column = f"{own}_at_{percent.replace('.', '_')}_percent"
        self.title = f"{self.of.label} that is met with a probability of {percent} %."

    def value(self, metrics: api.Metrics, context: api.Context) -> Array:
        """Shape of the designs [`unit`]."""
        # f^(z / 1.2816), see `margin`; a chip has one interval for all of its designs
        margin = metrics.more[self.interval] ** (_NORMAL.inv_cdf(self.confidence) / SIGMAS)
        value = self.of.value(metrics, context)
        return value * margin if self.direction == "minimize" else value / margin


def met_column(name: str) -> str:
    """The column of tables with the probability that the target on an objective is met."""
    return f"p_{name}_met"


def plain(goal: api.Objective) -> api.Objective:
    """The objective at its estimate."""
    return goal.of if isinstance(goal, AtConfidence) else goal


def intervals_of(chips: api.Chips) -> dict[str, Array]:
    """Intervals that chips have, by column; none where no target is to be met with a probability."""
    columns = {name: chips.column(name) for name in INTERVALS.values()}
    return {name: column for name, column in columns.items() if column is not None}

"""Axes of a picture: units for people, limits, and ticks that read well on a log scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

from dse.arrays import Floats
from dse.front.axis import Axis

_PAD = 0.06  # of the span, free on either side
_LEAST = 0.15  # decades that a log axis shows at least
_TOO_FAR = 3.0  # a reference point beyond this factor of the data on a log axis stays outside
_MOST_TICKS = 9


@dataclass(frozen=True)
class Scale:
    """One axis of a picture, in the unit that people read."""

    label: str
    unit: str
    """Unit shown, such as `ms`; the empty string for a plain number."""
    factor: float
    """Shown number per SI number."""
    log: bool
    limits: tuple[float, float]
    """In the unit shown, ascending."""
    maximised: bool

    @property
    def worst(self) -> float:
        """The limit at the bad end."""
        return self.limits[0] if self.maximised else self.limits[1]


def scale_of(axis: Axis, values: Sequence[Floats], reference: float | None) -> Scale:
    """The scale that shows all finite `values` and `reference` (SI)."""
    shown = np.concatenate([np.asarray(v, dtype=np.float64).ravel() for v in values] or [np.empty(0)])
    # gaps have no place on an axis
    shown = shown[np.isfinite(shown)]
    unit, factor = ("ms", 1e3) if axis.unit == "s" else (axis.unit, 1.0)
    # a logarithm needs all of them above 0, the reference too
    log = bool((shown > 0).all()) and (reference is None or reference > 0)
    if reference is not None:
        shown = np.append(shown, reference)
    limits = _limits(shown * factor, log)
    return Scale(_label(axis.label, unit), unit, factor, log, limits, axis.maximised)


def is_near(reference: float, values: Floats) -> bool:
    """Whether showing `reference` too leaves `values` (n,), finite and in the same unit, most of the view."""
    if not values.size:
        return True
    low, high = float(values.min()), float(values.max())
    # the axis will be logarithmic then, where far means a factor
    if low > 0:
        return low / _TOO_FAR <= reference <= high * _TOO_FAR
    # linear: not farther from the data than they span
    return 2 * low - high <= reference <= 2 * high - low


def ticks(scale: Scale) -> list[float]:
    """Round numbers inside the limits: few enough to read, at least two."""
    low, high = scale.limits
    if not scale.log:
        return _linear(low, high)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    # fewer ticks in each decade the more decades there are
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) <= _MOST_TICKS:
            break
    # a range far below a decade holds too few of them: linear steps then
    return found if len(found) > 2 else _linear(low, high)


def tick_label(value: float) -> str:
    """The number without exponent: 0.00001, 0.05, 20, 1,000."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    # six digits hide the rounding of a product such as 3 times 0.1
    text = f"{value:.6g}"
    return f"{value:.15f}".rstrip("0") if "e" in text else text


def _limits(shown: Floats, log: bool) -> tuple[float, float]:
    """Ends of an axis that shows all of `shown` with some space around."""
    # an empty picture gets some axis, since matplotlib needs limits
    if not shown.size:
        return (1.0, 10.0)
    low, high = float(shown.min()), float(shown.max())
    if not log:
        # a single value, and even 0, still gets an axis of some width
        pad = _PAD * (high - low) or 0.5 * abs(high) or 1.0
        return low - pad, high + pad
    a, b = log10(low), log10(high)
    # in decades; data that hardly differ would otherwise fill the axis with their rounding
    pad = max(_PAD * (b - a), (_LEAST - (b - a)) / 2, 0.02)
    return 10.0 ** (a - pad), 10.0 ** (b + pad)


def _linear(low: float, high: float) -> list[float]:
    raw = (high - low) / 5
    size = 10.0 ** floor(log10(raw))
    # the smallest round step with at most five intervals
    step = next(s * size for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * size >= raw)
    first, last = ceil(low / step), floor(high / step)
    # multiples, since a running sum would collect rounding
    return [i * step for i in range(first, last + 1)]


def _label(label: str, unit: str) -> str:
    """`TPOT [ms]`; a label that is its own unit, such as `$/(token/s)`, stays alone."""
    return label if not unit or "$" in label else f"{label} [{unit}]"

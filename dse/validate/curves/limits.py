"""Choices under a limit of TPOT, and how many violate it in reality: by the prediction, and with a margin."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.choose.confidence import margin
from dse.validate.curves.points import Curve

LIMITS: Final = 9
"""Limits of a curve, spread evenly on a logarithmic scale from its fastest to its slowest measured point."""


@dataclass(frozen=True)
class Pick:
    """The point with the most predicted throughput among those that are predicted to meet a limit."""

    chosen: bool
    """Whether any point is predicted to meet it; without one nothing is chosen."""
    over: float
    """Measured TPOT over the limit - 1; above 0 the limit is violated. NaN where nothing is chosen."""
    share: float
    """Measured throughput over the most of the points that meet the limit in reality; NaN likewise."""

    @property
    def held(self) -> bool:
        """Whether what was chosen meets the limit in reality."""
        return self.chosen and self.over <= 0.0


@dataclass(frozen=True, kw_only=True)
class UnderLimits:
    """Choices under the limits of some curves."""

    confidence: float
    """Probability that the limit is met with by the interval; 0.5 is the prediction itself."""
    limits: int
    chosen: int
    violated: float | None
    """Share of the choices that violate their limit in reality; None without any."""
    overshoot: float | None
    """Median of measured TPOT over the limit - 1, of those that violate it."""
    lost: float | None
    """Median share of the throughput that is lost to the best measured point, of those that hold."""
    reached: float | None
    """Mean share of the best throughput within the limit: 0 where it is violated or nothing is chosen."""

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        return dict(vars(self))


def under_limits(curves: Iterable[Curve], confidence: float) -> UnderLimits:
    """Choices under the limits of those curves whose stacks state an interval of TPOT."""
    picks = [pick for curve in curves for pick in _picks(curve, confidence)]
    chosen = [pick for pick in picks if pick.chosen]
    held = [pick for pick in chosen if pick.held]
    return UnderLimits(
        confidence=confidence,
        limits=len(picks),
        chosen=len(chosen),
        violated=1.0 - len(held) / len(chosen) if chosen else None,
        overshoot=_median([pick.over for pick in chosen if not pick.held]),
        lost=_median([1.0 - pick.share for pick in held]),
        reached=sum(pick.share for pick in held) / len(picks) if picks else None,
    )


def limits_of(measured: Floats) -> Floats:
    """Limits of TPOT [s] of a curve, its fastest and its slowest point among them."""
    return np.geomspace(measured.min(), measured.max(), LIMITS)


def _picks(curve: Curve, confidence: float) -> Iterator[Pick]:
    """The choice at each limit of a curve; none for a curve without intervals."""
    factors = curve.factors
    if factors is None:
        return
    measured, rate = curve.tpot(predicted=False), curve.rate(predicted=False)
    margins = np.asarray([margin(f, confidence) for f in factors.tolist()])
    sure, promised = curve.tpot(predicted=True) * margins, curve.rate(predicted=True)
    # rounding must not exclude the points at the ends, which have their own limit
    slack = 1.0 + 1e-9
    for limit in limits_of(measured).tolist():
        meets = np.flatnonzero(sure <= limit * slack)
        if not len(meets):
            yield Pick(chosen=False, over=np.nan, share=np.nan)
            continue
        at = meets[np.argmax(promised[meets])]
        # the fastest point meets every limit, so there is a best
        best = rate[measured <= limit * slack].max()
        over = 0.0 if measured[at] <= limit * slack else float(measured[at] / limit - 1.0)
        yield Pick(chosen=True, over=over, share=float(rate[at] / best))


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None

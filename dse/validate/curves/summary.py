"""Ranking and regret of predictions on measured curves, by columns of the curves."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from dse.errors import Problem, SpecError, nearest
from dse.validate.curves.limits import UnderLimits, under_limits
from dse.validate.curves.points import Curve
from dse.validate.curves.ranking import Choice, rate_choices, spearman, tpot_choices

BY: Final = ("chip", "llm", "engine", "source", "stack")
"""What curves can be grouped by."""

CONFIDENCE: Final = 0.8
"""Probability of the margin, unless another is given."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How well one metric ranks the points of curves."""

    metric: str
    curves: int
    """Curves with a rank correlation: both columns have several values."""
    spearman: float | None
    """Median of their rank correlations."""
    spearman_p10: float | None
    """That which one curve in ten falls below."""
    choices: int
    """Batches that were measured in several layouts."""
    right: float | None
    """Share of them at which the best layout is chosen."""
    regret: float | None
    """Mean share of the best measured value that the choices lose."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Curves that share some columns."""

    keys: Mapping[str, str]
    curves: int
    points: int
    without_interval: int
    """Curves whose stacks state no interval of TPOT, which have no choices under limits."""
    rankings: tuple[Ranking, ...]
    """Of throughput and of TPOT."""
    limits: tuple[UnderLimits, ...]
    """By the predictions themselves, and with the margin of the interval."""

    def as_dict(self) -> dict[str, object]:
        """Plain data, the columns first."""
        return {
            **self.keys,
            "curves": self.curves,
            "points": self.points,
            "curves_without_interval": self.without_interval,
            "ranking": [asdict(r) for r in self.rankings],
            "under_tpot_limits": [u.as_dict() for u in self.limits],
        }


def curve_columns(text: str | None) -> tuple[str, ...]:
    """Columns of `--by` from a list with commas; raises `SpecError` with the nearest names."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    unknown = [Problem("--by", f"unknown column {n!r}; {nearest(n, BY)}") for n in names if n not in BY]
    if unknown:
        raise SpecError(unknown)
    return tuple(dict.fromkeys(names))


def curve_groups(
    found: Iterable[Curve], by: Sequence[str] = (), confidence: float = CONFIDENCE
) -> list[Group]:
    """Ranking and regret by the columns `by`, in the order of their values."""
    members: dict[tuple[str, ...], list[Curve]] = defaultdict(list)
    for curve in found:
        members[tuple(str(getattr(curve, name)) for name in by)].append(curve)
    return [_group(dict(zip(by, keys, strict=True)), members[keys], confidence) for keys in sorted(members)]


def _group(keys: Mapping[str, str], curves: Sequence[Curve], confidence: float) -> Group:
    """Ranking and regret of some curves."""
    rates = [spearman(c.rate(predicted=True), c.rate(predicted=False)) for c in curves]
    times = [spearman(c.tpot(predicted=True), c.tpot(predicted=False)) for c in curves]
    return Group(
        keys=keys,
        curves=len(curves),
        points=sum(len(c.points) for c in curves),
        without_interval=sum(c.factors is None for c in curves),
        rankings=(
            _ranking("throughput", rates, [each for c in curves for each in rate_choices(c)]),
            _ranking("tpot", times, [each for c in curves for each in tpot_choices(c)]),
        ),
        limits=(under_limits(curves, 0.5), under_limits(curves, confidence)),
    )


def _ranking(metric: str, found: Sequence[float | None], choices: Sequence[Choice]) -> Ranking:
    """One metric on some curves."""
    known = [rho for rho in found if rho is not None]
    return Ranking(
        metric=metric,
        curves=len(known),
        spearman=float(np.median(known)) if known else None,
        spearman_p10=float(np.quantile(known, 0.1)) if known else None,
        choices=len(choices),
        right=sum(c.right for c in choices) / len(choices) if choices else None,
        regret=sum(c.regret for c in choices) / len(choices) if choices else None,
    )


def curve_rows(found: Iterable[Curve], confidence: float = CONFIDENCE) -> list[dict[str, object]]:
    """A flat row for each curve: its question, its rank correlations, and what its limits say."""
    rows: list[dict[str, object]] = []
    for curve in found:
        plain, sure = under_limits([curve], 0.5), under_limits([curve], confidence)
        rows.append(
            {
                "chip": curve.chip,
                "llm": curve.llm,
                "isl": curve.isl,
                "osl": curve.osl,
                "weights": curve.formats,
                "engine": curve.engine,
                "source": curve.source,
                "stack": curve.stack,
                "points": len(curve.points),
                "spearman_throughput": spearman(curve.rate(predicted=True), curve.rate(predicted=False)),
                "spearman_tpot": spearman(curve.tpot(predicted=True), curve.tpot(predicted=False)),
                "limits": plain.limits,
                "violated": plain.violated,
                "reached": plain.reached,
                f"violated_at_{100 * confidence:g}_percent": sure.violated,
                f"reached_at_{100 * confidence:g}_percent": sure.reached,
            }
        )
    return rows

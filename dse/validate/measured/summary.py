"""How far predictions are off, by metric and by other columns of the rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.errors import Problem, SpecError, nearest
from dse.validate.measured.batches import Refusal
from dse.validate.measured.predictions import Prediction
from dse.validate.measured.rows import METRICS

Key = str | float | None
"""Value of a column; None for a blank."""

BY: Final[Mapping[str, Callable[[Prediction], Key]]] = {
    "chip": lambda p: p.case.chip.name,
    "llm": lambda p: p.case.llm.name,
    "engine": lambda p: p.case.row.engine,
    "batch": lambda p: p.case.row.batch,
    "metric": lambda p: p.metric,
    "source": lambda p: p.case.row.source,
    "stack": lambda p: p.case.stack.name,
    "kind": lambda p: p.case.row.kind,
    "serving": lambda p: p.case.row.mode,
    "quality": lambda p: p.case.row.quality,
}
"""What errors can be grouped by; every table is grouped by metric."""

_ORDER: Final = tuple(dict.fromkeys(METRICS.values()))


@dataclass(frozen=True, kw_only=True)
class Group:
    """Errors of some predictions of one metric."""

    metric: str
    keys: Mapping[str, Key]
    """What the rows have in common, by column."""
    n: int
    median_abs_error: float
    mean_abs_error: float
    p90_abs_error: float
    bias: float
    """Median of predicted / measured - 1, of a time or a rate: the speed of a user counts as TPOT."""
    inside_interval: float | None
    """Share of the rows with an interval that are inside; None where none has one."""

    def as_dict(self) -> dict[str, object]:
        """Flat, the metric and the common columns first."""
        return {
            "metric": self.metric,
            **self.keys,
            "n": self.n,
            "median_abs_error": self.median_abs_error,
            "mean_abs_error": self.mean_abs_error,
            "p90_abs_error": self.p90_abs_error,
            "bias": self.bias,
            "inside_interval": self.inside_interval,
        }


def columns(text: str | None) -> tuple[str, ...]:
    """Columns of `--by` from a list with commas; raises `SpecError` with the nearest names."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    unknown = [Problem("--by", f"unknown column {n!r}; {nearest(n, BY)}") for n in names if n not in BY]
    if unknown:
        raise SpecError(unknown)
    # every table is by metric already, and a column named twice groups once
    return tuple(dict.fromkeys(name for name in names if name != "metric"))


def summary(found: Iterable[Prediction], by: Sequence[str] = ()) -> list[Group]:
    """Errors by metric and by the columns `by`, in the order of the metrics, then of the columns."""
    members: dict[tuple[str, tuple[Key, ...]], list[Prediction]] = defaultdict(list)
    for p in found:
        members[p.metric, tuple(BY[name](p) for name in by)].append(p)
    ordered = sorted(members, key=lambda key: (_ORDER.index(key[0]), [_place(value) for value in key[1]]))
    return [
        _group(metric, dict(zip(by, keys, strict=True)), members[metric, keys]) for metric, keys in ordered
    ]


def _place(value: Key) -> tuple[int, float, str]:
    """Order of a value: blanks first, then numbers by size, then words by letters."""
    if value is None:
        return 0, 0.0, ""
    return (1, value, "") if isinstance(value, float) else (2, 0.0, value)


def _group(metric: str, keys: Mapping[str, Key], members: Sequence[Prediction]) -> Group:
    """Relative errors of `members`, without sign but for the bias; speeds of users count as times."""
    errors = np.asarray([p.family_error for p in members])
    misses = np.abs(errors)
    inside = [p.inside for p in members if p.inside is not None]
    return Group(
        metric=metric,
        keys=keys,
        n=len(members),
        median_abs_error=float(np.median(misses)),
        mean_abs_error=float(np.mean(misses)),
        p90_abs_error=float(np.quantile(misses, 0.9)),
        bias=float(np.median(errors)),
        inside_interval=sum(inside) / len(inside) if inside else None,
    )


def reasons(refused: Iterable[Refusal]) -> list[tuple[str, int]]:
    """Why rows could not be predicted, the most frequent reason first."""
    # of equal counts by letters, so that the order is always the same
    return sorted(Counter(r.reason for r in refused).items(), key=lambda pair: (-pair[1], pair[0]))

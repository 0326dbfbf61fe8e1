"""How far predictions are off, by metric and by whatever else rows have in common."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dse.errors import Problem, SpecError, nearest
from dse.validate.measured.batches import Refusal
from dse.validate.measured.predictions import Prediction
from dse.validate.measured.rows import METRICS

BY: Final[Mapping[str, Callable[[Prediction], Any]]] = {
    "chip": lambda p: p.case.chip.name,
    "llm": lambda p: p.case.llm.name,
    "engine": lambda p: p.case.row.engine,
    "batch": lambda p: p.case.row.batch,
    "metric": lambda p: p.metric,
    "source": lambda p: p.case.row.source,
    "stack": lambda p: p.case.stack.name,
    "kind": lambda p: p.case.row.kind,
    "quality": lambda p: p.case.row.quality,
}
"""What errors can be told apart by; every table tells metrics apart."""

_ORDER: Final = tuple(dict.fromkeys(METRICS.values()))


@dataclass(frozen=True, kw_only=True)
class Group:
    """Errors of some predictions of one metric."""

    metric: str
    keys: Mapping[str, Any]
    """What the rows have in common, by column."""
    n: int
    median_abs_error: float
    mean_abs_error: float
    p90_abs_error: float
    bias: float
    """Median of predicted / measured - 1."""
    inside_interval: float | None
    """Share of the rows with an interval that lie inside; None where none has one."""

    def as_dict(self) -> dict[str, Any]:
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
    return tuple(dict.fromkeys(name for name in names if name != "metric"))


def summary(found: Iterable[Prediction], by: Sequence[str] = ()) -> list[Group]:
    """Errors by metric and by the columns `by`, in the order of the metrics, then of the columns."""
    members: dict[tuple[Any, ...], list[Prediction]] = defaultdict(list)
    for p in found:
        members[(p.metric, *(BY[name](p) for name in by))].append(p)
    return [
        _group(key[0], dict(zip(by, key[1:], strict=True)), members[key])
        for key in sorted(members, key=_place)
    ]


def _place(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers by size, blanks first, words by letters."""
    rest = tuple(
        (0, 0.0, "") if v is None else (1, v, "") if isinstance(v, float) else (2, 0.0, str(v))
        for v in key[1:]
    )
    return (_ORDER.index(key[0]), *rest)


def _group(metric: str, keys: Mapping[str, Any], members: Sequence[Prediction]) -> Group:
    errors = np.asarray([p.error for p in members])
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
    return sorted(Counter(r.reason for r in refused).items(), key=lambda pair: (-pair[1], pair[0]))

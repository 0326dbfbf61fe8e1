"""How far areas, powers and costs are off: on chips that set constants, on others, and each left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dse.validate.measured.summary import Group
from dse.validate.silicon.rows import SiliconRow

METRICS = ("die_area", "tdp", "tdp_capped", "tdp_all", "unit_cost", "claim")
"""What errors are reported of; `tdp_all` is every power, of capped chips too."""
USES = ("fitted", "not fitted", "left out")
"""Rows that set constants, rows that did not, and all rows, each by constants fitted to the others."""
FITTED = ("die_area", "tdp", "tdp_all", "unit_cost")
"""Metrics of which two constants are fitted again without each chip, see `SiliconRow.fitted_parts`."""
_TURNS = 30
_SMALLEST = 0.02
"""Relative misses below this weigh alike: absolute deviations without their kink."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A row as constants that were fitted to all other chips predict it."""

    row: SiliconRow
    metric: str
    """Rows of which the constants were fitted to: one of `FITTED`."""
    predicted: float

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.predicted / self.row.published - 1.0

    @property
    def met(self) -> bool:
        """Inside the published range, or within 12 % of a single figure."""
        return self.row.meets(self.predicted)


def left_out(rows: Sequence[SiliconRow]) -> list[LeftOut]:
    """Each area, power and unit cost predicted without its own chip.

    Two constants, of matrix and of vector units, or of package and board, are fitted to all other rows of the
    metric by least absolute relative deviations; the ratios between nodes are those of the technology file. A
    chip that alone set the ratio of its node is left out of this.
    """
    found = []
    for metric in FITTED:
        mine = rows_of(rows, metric)
        for row in mine:
            if metric == "die_area" and row.fitted and "n5" not in row.fitted:
                continue
            scale = _scales([r for r in mine if r.chip != row.chip])
            # what neither of the two constants decides stays as the technology file has it
            fixed = row.predicted - sum(row.fitted_parts)
            predicted = fixed + float(np.dot(row.fitted_parts, scale))
            found.append(LeftOut(row=row, metric=metric, predicted=float(predicted)))
    return found


def rows_of(rows: Sequence[SiliconRow], metric: str) -> list[SiliconRow]:
    """The rows that count for a metric."""
    named = ("tdp", "tdp_capped") if metric == "tdp_all" else (metric,)
    return [r for r in rows if r.metric in named]


def _scales(rows: Sequence[SiliconRow]) -> np.ndarray:
    """Factors on the two constants that fit `rows` best; none below a tenth."""
    parts = np.asarray([r.fitted_parts for r in rows])
    published = np.asarray([r.published for r in rows])
    fixed = np.asarray([r.predicted for r in rows]) - parts.sum(axis=1)
    # relative deviations: each row over its published figure
    a, b = parts / published[:, None], 1.0 - fixed / published
    # from the constants of the technology file, of which these are factors
    x = np.ones(2)
    for _ in range(_TURNS):
        # iteratively reweighted least squares for absolute deviations; the floor bounds the weights
        weight = 1.0 / np.sqrt(np.maximum(np.abs(a @ x - b), _SMALLEST))
        # the floor keeps a fit to few rows from making silicon free
        x = np.maximum(np.linalg.lstsq(a * weight[:, None], b * weight, rcond=None)[0], 0.1)
    return x


def groups(rows: Sequence[SiliconRow], *, by_use: bool = False) -> list[Group]:
    """Errors by metric, and by what the rows were used for; claims of others are separate."""
    out = []
    others = left_out(rows)
    for metric in METRICS:
        mine = rows_of(rows, metric)
        if not mine:
            continue
        if not by_use:
            out.append(_group(metric, {}, mine, _inside(metric, mine, others)))
            continue
        for use, some in (
            ("fitted", [r for r in mine if r.fitted]),
            ("not fitted", [r for r in mine if not r.fitted]),
        ):
            if some:
                out.append(_group(metric, {"use": use}, some, _inside(metric, some, others)))
        without = [o for o in others if o.metric == metric]
        if without:
            # other intervals are read off these very rows, which would give 80 % by construction
            held = float(np.mean([o.met for o in without])) if metric == "unit_cost" else None
            out.append(_group(metric, {"use": "left out"}, without, held))
    return out


def interval(metric: str, others: Iterable[LeftOut]) -> float | None:
    """Factor up and down that held 80 % of the rows left out; None where no constants are fitted."""
    misses = [abs(np.log(o.predicted / o.row.published)) for o in others if o.metric == metric]
    return float(np.exp(np.quantile(misses, 0.8))) if misses else None


def _inside(metric: str, rows: Sequence[SiliconRow], others: Sequence[LeftOut]) -> float:
    """Share of rows inside the interval; of unit costs, inside the published range or within 12 %."""
    factor = None if metric == "unit_cost" else interval(metric, others)
    if factor is None:
        return float(np.mean([r.meets(r.predicted) for r in rows]))
    return float(np.mean([abs(np.log(r.predicted / r.published)) <= np.log(factor) for r in rows]))


def _group(
    metric: str, keys: dict[str, str], rows: Sequence[SiliconRow | LeftOut], inside: float | None
) -> Group:
    """Relative errors of `rows`, without sign but for the bias."""
    errors = np.asarray([r.error for r in rows])
    misses = np.abs(errors)
    return Group(
        metric=metric,
        keys=keys,
        n=len(rows),
        median_abs_error=float(np.median(misses)),
        mean_abs_error=float(np.mean(misses)),
        p90_abs_error=float(np.quantile(misses, 0.9)),
        bias=float(np.median(errors)),
        inside_interval=inside,
    )

"""Metrics as one flat table, and comparisons that say in one sentence what differs."""

import numpy as np

from objectives.api import Metrics
from objectives.arrays import Array
from objectives.ledgers import LEDGERS
from objectives.metrics import METRICS

HEADLINE = tuple(metric.column for metric in METRICS if metric.compute is None)
"""Columns that every cost model fills."""

TOTALS = {ledger.field: ledger.total for ledger in LEDGERS if ledger.total}
"""Each ledger that has a total, and the column it sums to."""

ROUNDING = 1e-9
"""A few hundred double-precision operations, some of them differences of like numbers."""

BYTES_ROUNDING = 1e-12
"""Of a difference, as a share of the largest number that went into it."""


class ContractBroken(AssertionError):
    """A plug-in that does not keep the contract."""


def require(kept: bool, where: str, expected: str, got: object) -> None:
    """Raise `ContractBroken` unless the promise is kept."""
    if not kept:
        raise ContractBroken(f"{where}: expected {expected}, got {got!r}")


def flat(column: Array, shape: tuple[int, ...]) -> np.ndarray:
    """The column broadcast to `shape`, in one axis."""
    return np.broadcast_to(np.asarray(column), shape).reshape(-1)


def table(metrics: Metrics, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Every number of a result by name, broadcast to `shape` and flattened."""
    out = {name: getattr(metrics, name) for name in HEADLINE}
    # the parts of capacity have no total, so they are not among `TOTALS`
    for ledger in ("violations", "capacity_parts", *TOTALS):
        out |= {f"{ledger}.{key}": column for key, column in getattr(metrics, ledger).items()}
    # only values are replaced, so the loop over the keys stays valid
    for name, column in out.items():
        try:
            out[name] = flat(column, shape)
        except ValueError:
            raise ContractBroken(
                f"{name}: expected a column that broadcasts to {shape}, got {np.shape(column)}"
            ) from None
    return out


def same_column(
    expected: np.ndarray, got: np.ndarray, where: str, *, exact: bool = False, slack: float = 0.0
) -> None:
    """Equal to rounding, or to the bit; names the first row that is not."""
    tolerance = 0.0 if exact else ROUNDING
    # isclose is relative to its second argument
    equal = np.isclose(got, expected, rtol=tolerance, atol=slack)
    if not equal.all():
        # of equals argmin takes the first: the first row that differs
        row = int(np.argmin(equal))
        raise ContractBroken(f"{where}: row {row}: expected {expected[row]}, got {got[row]}")


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray], where: str) -> None:
    """Two tables, equal to rounding; what is a difference of large numbers rounds as they do."""
    require(left.keys() == right.keys(), where, f"the columns {sorted(left)}", sorted(right))
    largest: dict[str, float] = {}
    for name, column in left.items():
        ledger = name.split(".")[0]
        largest[ledger] = max(largest.get(ledger, 0.0), float(np.abs(column).max(initial=0.0)))
    # the violation of capacity is a difference of bytes, and rounds as they do
    largest["violations"] = max(largest.get("violations", 0.0), largest.get("capacity_parts", 0.0))
    for name, column in left.items():
        slack = largest[name.split(".")[0]] * BYTES_ROUNDING
        same_column(column, right[name], f"{where}: {name}", slack=slack)


def taken(metrics: Metrics, rows: np.ndarray) -> Metrics:
    """Rows of metrics of one axis, without ledgers."""
    shape = np.shape(metrics.tpot_s)
    violations = {name: flat(v, shape)[rows] for name, v in metrics.violations.items()}
    return Metrics(
        **{name: flat(getattr(metrics, name), shape)[rows] for name in HEADLINE}, violations=violations
    )

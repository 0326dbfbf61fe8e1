"""How far a stack is off on rows that it has not seen: fits that leave whole groups of rows out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import fit
from dse.calibrate.parameters import Prior
from dse.calibrate.residuals import Rows
from dse.validate.measured.batches import Case
from dse.validate.measured.rows import METRICS

GROUPINGS: Final[Mapping[str, Callable[[Case], str]]] = {
    "case": lambda c: f"{c.llm.name} on {c.chip.name}",
    "llm": lambda c: c.llm.name,
    "chip": lambda c: c.chip.name,
    "source": lambda c: c.row.source,
    "engine": lambda c: c.stack.name if c.own_stack else c.row.engine,
    "architecture": lambda c: c.chip.architecture or c.chip.name,
}
"""What rows that are left out together have in common."""

FEW_GROUPS, FEW_ROWS = 3, 8
"""Fewer groups or rows of a metric than this left out say nothing."""
WIDER: Final = 1.3
"""Errors of fitted rows are this much smaller than those of rows left out, on a logarithmic scale."""
MOST_SURE: Final = 0.95
"""No quantile beyond this is taken of a handful of rows."""
NARROWEST: Final = 1.05
"""No interval is narrower: two laboratories with one engine agree to no better."""


def folds(groups: Sequence[str], most: int) -> list[list[int]]:
    """Indices of rows in at most `most` parts of about equal size, no group in two of them."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        members[group].append(i)
    parts: list[list[int]] = [[] for _ in range(min(most, len(members)))]
    # the largest group first into the emptiest part (greedy bin packing); names break ties, so folds repeat
    for group in sorted(members, key=lambda g: (-len(members[g]), g)):
        min(parts, key=len).extend(members[group])
    return parts


def left_out(
    rows: Rows,
    prior: Prior,
    parts: Sequence[Sequence[int]],
    guess: Floats,
    progress: Callable[[str], None] = lambda _: None,
) -> Floats:
    """log(predicted / measured) of each case under a stack fitted to all other parts; `guess` starts it."""
    errors = np.full(len(rows.cases), np.nan)
    for number, part in enumerate(parts, start=1):
        progress(f"leaving out part {number} of {len(parts)}, {len(part)} rows")
        # by weight instead of by index: the schedule of the rows is computed once and used in every fit
        kept = np.ones(len(rows.cases))
        kept[list(part)] = 0.0
        found = fit(rows, prior, rows.weights(kept), guess)
        errors[list(part)] = found.errors[list(part)]
    return errors


def interval(
    cases: Sequence[Case], fitted: Floats, unseen: Floats, groups: Sequence[str]
) -> dict[str, tuple[float, bool]]:
    """Metric to the factor that holds 80 % of the errors, and whether rows left out say so.

    Rows left out are a sample: of n independent ones the quantile is taken at 0.8 (n + 1) / n, at most
    `MOST_SURE`, as in conformal prediction (Vovk et al. 2005). Errors inside a group resemble one another,
    which leaves fewer independent ones, see `independent`.
    Where too few groups were left out, fitted rows are used, widened by `WIDER`; a metric with fewer than
    `FEW_ROWS` rows has no interval of its own.
    """
    found = {}
    names = [metric_of(c) for c in cases]
    for metric in sorted(set(names)):
        rows = [i for i, name in enumerate(names) if name == metric]
        seen = [i for i in rows if np.isfinite(unseen[i])]
        # by groups as well as by rows: many rows of one sweep are hardly more than one observation
        out = len({groups[i] for i in seen}) >= FEW_GROUPS and len(seen) >= FEW_ROWS
        if len(rows) < FEW_ROWS:
            continue
        # errors are logarithms: one quantile of their size holds for predictions too high and too low
        spread = np.abs(unseen[seen]) if out else WIDER * np.abs(fitted[rows])
        count = independent(spread, [groups[i] for i in seen]) if out else float("inf")
        level = min(0.8 * (1.0 + 1.0 / count), MOST_SURE)
        factor = float(np.exp(np.quantile(spread, level)))
        # the few rows that were left out say little, but no interval is narrower than they are off
        least = float(np.exp(np.quantile(np.abs(unseen[seen]), 0.8))) if seen else NARROWEST
        found[metric] = (max(factor, least, NARROWEST), out)
    return found


def balanced(values: Floats, groups: Sequence[str], level: float) -> float:
    """Quantile of values in groups that count alike, however many values each has."""
    count = Counter(groups)
    order = np.argsort(values)
    weight = np.asarray([1.0 / count[groups[i]] for i in order])
    # the first value at which the weights reach the level
    at = int(np.searchsorted(np.cumsum(weight), level * float(np.sum(weight)) - 1e-12))
    return float(values[order[min(at, len(values) - 1)]])


def on_top(errors: Floats, known: Floats, groups: Sequence[str] | None = None) -> float:
    """Factor of an independent error that lets intervals hold 80 % of some errors, groups counting alike.

    `errors` are logarithms, `known` the logarithms of the intervals that the rows have without it, both of
    shape (rows,). The squares of both add up; 1 where the known intervals hold enough.
    """
    # what is missing of each row, squared: the interval must reach 80 % of these
    beyond = errors**2 - known**2
    missing = float(np.quantile(beyond, 0.8)) if groups is None else balanced(beyond, groups, 0.8)
    return float(np.exp(np.sqrt(max(missing, 0.0))))


def independent(values: Floats, groups: Sequence[str]) -> float:
    """Independent values that say as much as `values` in `groups`: n / (1 + (m - 1) rho) (Kish 1965).

    m is the mean size of a group, rho the correlation inside groups by one-way analysis of variance. Limits:
    n where groups are alike inside and out, their number where all of a group are the same.
    """
    names = sorted(set(groups))
    parts = [values[[g == name for g in groups]] for name in names]
    n, k = len(values), len(parts)
    # one group, or each value its own: there is nothing to compare inside groups
    if k < 2 or n <= k:
        return float(k)
    mean = float(np.mean(values))
    # mean squares of a one-way analysis of variance with groups of unequal size
    between = sum(len(p) * (float(np.mean(p)) - mean) ** 2 for p in parts) / (k - 1)
    within = sum(float(np.sum((p - np.mean(p)) ** 2)) for p in parts) / (n - k)
    # the effective size of a group, which is the mean size only where all sizes are equal
    size = (n - sum(len(p) ** 2 for p in parts) / n) / (k - 1)
    whole = between + (size - 1.0) * within
    # a negative estimate means no correlation: groups differ less than chance would make them
    rho = max((between - within) / whole, 0.0) if whole > 0.0 else 0.0
    return n / (1.0 + (n / k - 1.0) * rho)


def metric_of(case: Case) -> str:
    """Metric whose interval a row belongs to."""
    return METRICS[case.row.metric]

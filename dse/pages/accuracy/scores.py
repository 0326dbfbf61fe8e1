"""Errors of some rows in a few numbers, and what rows are grouped by."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.calibrate.accuracy import Unseen
from dse.validate.measured.batches import Case

NAMES: Final = {"tpot": "TPOT", "ttft": "TTFT", "throughput": "throughput", "end_to_end": "end to end"}
"""Family of metrics to its name on the page."""
DENSE, TP, EP, DEP = "dense", "mixture, TP", "mixture, EP in a replica", "mixture, DEP"
LAYOUTS: Final = (DENSE, TP, EP, DEP)
"""Of LLMs without routed experts and of those with them, by how the experts are spread over chips."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Errors of some rows."""

    n: int
    median: float
    p90: float
    """Of |predicted / measured - 1|, as the median is."""
    bias: float
    """Median of predicted / measured - 1."""
    inside: float | None
    """Share of the rows with an interval that are inside; None where none has one."""


def score(rows: Sequence[Unseen]) -> Score | None:
    """Errors of some rows in a few numbers; None without rows."""
    if not rows:
        return None
    misses = np.asarray([u.miss for u in rows])
    inside = [u.inside for u in rows if u.inside is not None]
    return Score(
        n=len(rows),
        median=float(np.median(misses)),
        p90=float(np.quantile(misses, 0.9)),
        bias=float(np.expm1(np.median([u.error for u in rows]))),
        inside=sum(inside) / len(inside) if inside else None,
    )


def layout_of(case: Case) -> str:
    """One of `LAYOUTS`: replicas share experts where EP exceeds TP."""
    if not case.llm.expert_count:
        return DENSE
    ep = case.layout.ep or 1.0
    return TP if ep <= 1.0 else EP if ep <= case.layout.tp else DEP


def architecture_of(case: Case) -> str:
    """Architecture of the row's chip."""
    return case.chip.architecture or "none"


def grouped(rows: Iterable[Unseen], key: Callable[[Case], str]) -> Mapping[str, list[Unseen]]:
    """Rows by what they have in common."""
    found: dict[str, list[Unseen]] = defaultdict(list)
    for u in rows:
        found[key(u.case)].append(u)
    return found


def of(rows: Iterable[Unseen], metric: str) -> list[Unseen]:
    """Rows of one family of metrics."""
    return [u for u in rows if u.metric == metric]

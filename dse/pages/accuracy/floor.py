"""How far apart measurements of one setting are: what no prediction can be better than."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from dse.calibrate.accuracy import GOOD
from dse.pages.accuracy.scores import NAMES
from dse.pages.accuracy.tables import percent, table
from dse.validate.measured.batches import TAIL
from dse.validate.measured.rows import METRICS, Measured

SETTING: Final = ["chip", "llm", "weights", "tp", "pp", "ep", "dp", "batch", "kind", "isl", "osl", "metric"]
"""What rows of one setting agree in."""
FEW: Final = 8
"""Fewer pairs say nothing."""
SAME, OTHER = "another release or source of one engine", "another engine"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two measurements of one setting."""

    metric: str
    kind: str
    what: str
    """`SAME` or `OTHER`."""
    apart: float
    """The larger over the smaller - 1."""


def pairs(rows: Iterable[Measured]) -> list[Pair]:
    """Every pair of means or medians, of different runs that agree in `SETTING` and state their batch."""
    settings: dict[tuple[object, ...], list[Measured]] = defaultdict(list)
    for row in rows:
        plain = not row.unclear and not row.spec_decode and not re.match(TAIL, row.stat, re.IGNORECASE)
        if plain and row.batch and row.quality in GOOD:
            settings[tuple(getattr(row, name) for name in SETTING)].append(row)
    return [
        Pair(
            metric=METRICS[a.metric],
            kind=a.kind,
            what=SAME if _engine(a) == _engine(b) else OTHER,
            apart=max(a.value, b.value) / min(a.value, b.value) - 1.0,
        )
        for alike in settings.values()
        for a, b in combinations(alike, 2)
        if a.run != b.run
    ]


def apart(found: Sequence[Pair]) -> str:
    """How far pairs are apart, by metric, kind of batch and what differs."""
    lines = []
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for pair in found:
        groups[pair.metric, pair.kind, pair.what].append(pair.apart)
    for metric, name in NAMES.items():
        for key in sorted(k for k in groups if k[0] == metric and len(groups[k]) >= FEW):
            middle, high = np.quantile(groups[key], (0.5, 0.9))
            lines.append(
                [name, *key[1:], str(len(groups[key])), percent(float(middle)), percent(float(high))]
            )
    return table(["metric", "kind", "what differs", "pairs", "median", "p90"], lines)


def _engine(row: Measured) -> str:
    """Name of the engine without its release."""
    return row.engine.partition(" ")[0].lower()

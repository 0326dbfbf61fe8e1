"""Latency targets with the statistic that they hold for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dse.simulate.result import Latencies
from dse.simulate.state import Floats

STATISTICS = ("mean", "p50", "p90", "p95", "p99")
LABELS = {"ttft": "TTFT", "tpot": "TPOT", "end_to_end": "end to end"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A limit of one statistic of one latency."""

    latency: str
    """ttft, tpot or end_to_end."""
    statistic: str
    limit_s: float

    @property
    def name(self) -> str:
        """Such as `p95 TTFT`."""
        return f"{self.statistic} {LABELS[self.latency]}"

    def value(self, found: Latencies) -> float:
        """The statistic over some requests [s]; 0 where none has such a latency."""
        seconds: Floats = getattr(found, self.latency)
        known = seconds[np.isfinite(seconds)]
        if known.size == 0:
            return 0.0
        if self.statistic == "mean":
            return float(known.mean())
        return float(np.percentile(known, float(self.statistic[1:])))


def missed(targets: Sequence[Target], found: Latencies) -> tuple[str, ...]:
    """Names of the targets that some requests miss."""
    return tuple(t.name for t in targets if t.value(found) > t.limit_s)

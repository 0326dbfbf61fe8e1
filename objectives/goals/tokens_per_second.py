"""Sustained output tokens per second of the whole system."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class TokensPerSecond:
    """`Metrics.tokens_per_s` [token/s]."""

    name = "tokens_per_second"
    label = "throughput"
    unit = "token/s"
    direction: Literal["minimize", "maximize"] = "maximize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [token/s]."""
        return metrics.tokens_per_s

"""Capital price of one output token per second."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class UsdPerTokenPerSecond:
    """`Metrics.usd_per_token_per_s` [USD/(token/s)]."""

    name = "usd_per_token_per_second"
    label = "$/(token/s)"
    unit = "USD/(token/s)"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [USD/(token/s)]."""
        return metrics.usd_per_token_per_s

"""Running cost of a million output tokens."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class UsdPerMillionTokens:
    """`Metrics.usd_per_million_tokens` [USD]."""

    name = "usd_per_million_tokens"
    label = "$/Mtok"
    unit = "USD"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [USD]."""
        return metrics.usd_per_million_tokens

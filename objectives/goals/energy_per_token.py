"""Energy at the meter for each output token."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class EnergyPerToken:
    """`Metrics.energy_per_token_j` [J]."""

    name = "energy_per_token"
    label = "energy per token"
    unit = "J"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [J]."""
        return metrics.energy_per_token_j

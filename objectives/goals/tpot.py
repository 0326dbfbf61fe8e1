"""Time per output token after the first."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class Tpot:
    """`Metrics.tpot_s` [s]."""

    name = "tpot"
    label = "TPOT"
    unit = "s"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [s]."""
        return metrics.tpot_s

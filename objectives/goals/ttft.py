"""Time to first token: the mean wait for other prompts and the pass over its own."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class Ttft:
    """`Metrics.ttft_s` [s]."""

    name = "ttft"
    label = "TTFT"
    unit = "s"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [s]."""
        return metrics.ttft_s

"""Time from request to last token, the mean wait for other prompts included."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array
from objectives.equations.serving.queueing import tokens_after_first


@final
class EndToEnd:
    """TTFT + (OSL - 1) TPOT [s]."""

    name = "end_to_end"
    label = "end-to-end latency"
    unit = "s"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [s]."""
        return metrics.ttft_s + tokens_after_first(context.workload.osl) * metrics.tpot_s

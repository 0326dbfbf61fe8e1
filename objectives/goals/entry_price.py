"""Capital price of the smallest system that serves at all: what a buyer pays to enter."""

from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array


@final
class EntryPrice:
    """`Metrics.capex_usd` [USD]."""

    name = "entry_price"
    label = "entry price"
    unit = "USD"
    direction: Literal["minimize", "maximize"] = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [USD]."""
        return metrics.capex_usd

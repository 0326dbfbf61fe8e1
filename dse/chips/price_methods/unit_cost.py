"""What the silicon of a chip, its package and its board cost to make."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.price_method import Need, Priced, Terms
from dse.spec.schema.chip import ChipSpec
from objectives.arrays import Array


@final
class UnitCost:
    """The unit cost by the technology file, alike for every chip; no margin."""

    name: str = "unit-cost"
    meaning: str = "what it costs to make, by the technology file"
    group: str = "unit cost"
    requires: Final[Mapping[str, str]] = {}
    defaults: Final[Mapping[str, str]] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """The unit cost."""
        return frozenset({"unit cost"})

    def basis(self, chip: ChipSpec) -> str:
        """The same for every chip."""
        return self.name

    def check(self, terms: Terms) -> None:
        """Nothing in the terms can be wrong."""

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """The unit cost [USD]."""
        return {"unit_cost": chips.unit_cost_usd}

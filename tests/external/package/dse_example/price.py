"""A price by the area of all dies of a package."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.price_method import Need, Priced, Terms
from dse.spec.schema.chip import ChipSpec
from objectives.arrays import Array

USD_PER_M2 = 5e6
"""Five dollars a square millimetre."""


@final
class ByArea:
    """Five dollars for each square millimetre of silicon."""

    name: str = "by-area"
    meaning: str = "five dollars a square millimetre"
    group: str = "price by area"
    requires: Final[Mapping[str, str]] = {}
    defaults: Final[Mapping[str, str]] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        return frozenset({"unit cost"})  # which derives the silicon

    def basis(self, chip: ChipSpec) -> str:
        return self.name

    def check(self, terms: Terms) -> None:
        pass

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        assert chips.silicon is not None
        return {"silicon": USD_PER_M2 * chips.silicon.area_m2 + 0.0 * chips.unit_cost_usd}

"""The price that the file of a chip says."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.price_basis import BUYERS, listed_basis
from dse.chips.price_method import Need, Priced, Terms
from dse.spec.schema.chip import ChipSpec
from objectives.arrays import Array
from objectives.equations.cost.money import set_margin


@final
class Listed:
    """What a chip's file says; a hypothetical chip has no such price."""

    name: str = "listed"
    meaning: str = "a price that a file says"
    group: str = BUYERS
    requires: Final[Mapping[str, str]] = {}
    defaults: Final[Mapping[str, str]] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """The listed price, whether it is known or not; of a chip whose margin is set its unit cost."""
        if chip is not None and chip.gross_margin is not None:
            return frozenset({"unit cost", "gross margin"})
        return frozenset({"listed price"})

    def basis(self, chip: ChipSpec) -> str:
        """What the file says of its price; `dse estimate` takes a chip without one at unit cost."""
        return listed_basis(chip)

    def check(self, terms: Terms) -> None:
        """Nothing in the terms can be wrong."""

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """The listed price, else unit cost and the margin that is set [USD]."""
        if chips.gross_margin is not None:
            return set_margin(chips.unit_cost_usd, chips.gross_margin)
        return {"listed": chips.listed_usd}

"""A price that the search chooses: a parameter of the space."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.price_basis import BUYERS, listed_basis
from dse.chips.price_method import Need, Priced, Terms
from dse.spec.schema.chip import ChipSpec
from objectives.arrays import Array
from objectives.equations.cost.money import set_margin


@final
class Searched:
    """The parameter `price` of a space; chips of the catalog stay at what is listed, else at unit cost."""

    name: str = "searched"
    meaning: str = "a price that the search chooses"
    group: str = BUYERS
    requires: Final[Mapping[str, str]] = {}
    defaults: Final[Mapping[str, str]] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """A parameter of the space; of a real chip its listed price, or its unit cost where none is known."""
        if chip is None:
            return frozenset({"searched price"})
        if chip.gross_margin is not None:
            return frozenset({"unit cost", "gross margin"})
        # a chip that is sold has a price, which a search must not choose
        return frozenset({"listed price"} if chip.price.value is not None else {"unit cost"})

    def basis(self, chip: ChipSpec) -> str:
        """That of the listed price of a real chip."""
        return listed_basis(chip)

    def check(self, terms: Terms) -> None:
        """Nothing in the terms can be wrong."""

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """The parameter, else the listed price, else the unit cost; with a margin where one is set [USD]."""
        if chips.gross_margin is not None:
            return set_margin(chips.unit_cost_usd, chips.gross_margin)
        if chips.searched_usd is not None:
            return {"searched": chips.searched_usd}
        if chips.listed_usd is not None:
            return {"listed": chips.listed_usd}
        return {"unit_cost": chips.unit_cost_usd}

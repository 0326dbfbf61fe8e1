"""A rent of one chip in a cloud, as capital that is worth it."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.price_method import Need, Priced, Terms
from dse.errors import Problem, SpecError, spec_error
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.rents import RentsSpec
from objectives.arrays import Array
from objectives.equations.cost.money import rent_price


@final
class Rent:
    """The rent under `term`, paid used or not, over the lifetime of the economy at its cost of capital.

    A rent covers the chip with its server, network, electricity, upkeep and building, so none of these is
    counted next to it. Capital is the present value of the rents: its annuity is the rent of a year.
    """

    name: str = "rent"
    meaning: str = "a rent"
    group: str = "rents"
    requires: Final[Mapping[str, str]] = {"term": "a term of the rent"}
    defaults: Final[Mapping[str, str]] = {"term": "three-years"}
    all_in: bool = True

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """The rent, which no hypothetical chip has."""
        return frozenset({"rent"})

    def basis(self, chip: ChipSpec) -> str:
        """The same for every chip."""
        return self.name

    def check(self, terms: Terms) -> None:
        """Capital must not cover what the rent does, and an economy must say how long it is paid."""
        if terms.price.system != "chips-only":
            what = "expected chips-only with rents, which cover hosts, racks and networks"
            raise spec_error("price.system", f"{what}, got {terms.price.system}")
        try:
            if terms.price.rents is not None:
                terms.catalog.get(RentsSpec, terms.price.rents)
        except SpecError as error:
            # named by the key that the user wrote, not by the folder that was searched
            raise SpecError(Problem("price.rents", str(p)) for p in error.problems) from None
        if terms.economy is None:
            raise spec_error("price.method", "expected an economy for the price method rent, got none")

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """Present value of the rents [USD]."""
        # `check` has refused terms without an economy
        assert terms.economy is not None
        economy = terms.economy.resolve()
        return {"rents": rent_price(chips.rent_usd_per_s, economy.lifetime_s, economy.cost_of_capital)}

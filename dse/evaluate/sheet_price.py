"""The price on the sheet of one chip, which stays open where it is not known."""

from collections.abc import Iterator, Mapping

import numpy as np

from dse.chips.formats import peak_of
from dse.chips.memories import added_dollars
from dse.chips.price_method import Priced, Terms, price_method
from dse.chips.rents import no_rent, rent_of
from dse.chips.silicon import Silicon
from dse.evaluate.money import Money, money_of, price_paid
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import EconomySpec
from objectives.arrays import zeros_like


def price_on_sheet(
    chip: ChipSpec, terms: Terms, cost: Mapping[str, float], made: Silicon
) -> dict[str, float]:
    """Parts of the price of a chip [USD], empty where it is not known; `cost` are those of its unit cost."""
    method = price_method(terms.price.method)
    needs = method.needs(chip)
    rent = rent_of(chip, terms.price, terms.catalog) if "rent" in needs else None
    # an unknown price is no error here: the sheet shows what is known
    unknown = {"unit cost": not cost, "listed price": chip.price.value is None, "rent": rent is None}
    if any(unknown.get(need, False) for need in needs):
        return {}
    margin = chip.gross_margin if "gross margin" in needs else None
    known = Priced(
        listed_usd=chip.price.value,
        fp16_flops=peak_of(chip, ("fp16",)) or 0.0,
        silicon=made,
        unit_cost_usd=zeros_like(made.power_w) + sum(cost.values()) if cost else None,
        gross_margin=None if margin is None else margin.value,
        rent_usd_per_s=None if rent is None else rent.value,
    )
    found = method.price(known, terms)
    parts = {name: float(np.asarray(usd).reshape(-1)[0]) for name, usd in found.items()}
    return parts if method.all_in else parts | added_dollars(chip, made="unit cost" in needs)


def why_unpriced(chip: ChipSpec, terms: Terms) -> Iterator[str]:
    """Why the sheet has no price, and what gives one."""
    if "rent" in price_method(terms.price.method).needs(chip):
        yield no_rent(chip, terms.price, terms.catalog) or "no rent"
    else:
        yield "no listed price: give another --price-method"


def money_on_sheet(chip: ChipSpec, terms: Terms, usd: float | None) -> Money:
    """The price, where it is known, and the economy."""
    # `terms` of a sheet always have one
    economy = terms.economy or terms.catalog.get(EconomySpec, "datacentre-2026")
    paid = {} if usd is None else {chip.name: price_paid(chip, terms.price, terms.catalog, usd)}
    return money_of(paid, terms.price, economy)

"""What one chip is rented for, and the economy of who pays a rent, which covers all around the chip."""

from dataclasses import replace

from dse.chips.price_method import price_method
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.rents import IN_CHIP_FILES, TERMS, RentsSpec, Term
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec
from objectives import api

BUNDLED = "rents-2026"
"""Name of the bundled price list."""
_ASKED = ("command-line", "study")
"""Sources of numbers that the question sets."""


def rents_of(chip: ChipSpec, price: PriceSpec, catalog: Catalog) -> dict[Term, Sourced[float]]:
    """Every known rent of a chip by term [USD/s]; one that the question sets holds for every term."""
    own = chip.rent
    if own is not None and own.value is not None and own.source in _ASKED:
        return dict.fromkeys(TERMS, own)
    listed = catalog.get(RentsSpec, price.rents or BUNDLED).chips.get(chip.name, {})
    # the list comes last, so that it wins: it may be newer than the file of the chip, or the user's own
    found = {**({} if own is None else {IN_CHIP_FILES: own}), **listed}
    return {term: found[term] for term in TERMS if term in found and found[term].value is not None}


def rent_of(chip: ChipSpec, price: PriceSpec, catalog: Catalog) -> Sourced[float] | None:
    """Rent of one chip under the term of `price` [USD/s]; None where it is not known."""
    return next((leaf for term, leaf in rents_of(chip, price, catalog).items() if term == price.term), None)


def no_rent(chip: ChipSpec, price: PriceSpec, catalog: Catalog) -> str | None:
    """Why a chip has no rent under the term of `price`, with the terms that it has; None where it has one."""
    known = rents_of(chip, price, catalog)
    leaf = next((found for term, found in known.items() if term == price.term), None)
    if leaf is not None:
        return None if leaf.value else "rent: expected more than 0 USD/h, got 0 USD/h"
    hint = f"known are {', '.join(known)}" if known else "none is known for any term"
    return f"rent: expected a known rent {price.term}, got none; {hint}; --price CHIP='... USD/h' sets one"


def economy_of(price: PriceSpec, economy: EconomySpec) -> api.Economy:
    """What turns capital into running cost under a price.

    A price that covers everything leaves no electricity, upkeep and building to be paid.
    """
    found = economy.resolve()
    if not price_method(price.method).all_in:
        return found
    return replace(found, usd_per_joule=0.0, upkeep_per_year=0.0, building_usd_per_watt=0.0)

"""What a price is a price of: prices on different bases never rank against each other."""

from types import MappingProxyType
from typing import Final

from dse.chips.price_method import price_method, price_methods
from dse.spec.schema.chip import ChipSpec

BUYERS: Final = "list and street prices"
"""What a buyer pays for one chip: by a price list, on the street, as the question sets it, or as the search
chooses it. What a system costs, what a chip costs its maker and what its silicon costs are other groups."""

OF_FILES: Final = MappingProxyType(
    {
        "list": ("a price list: one card, board or module", BUYERS),
        "street": ("what buyers pay or are estimated to pay on average", BUYERS),
        "maker-cost": ("what it costs the company that has it made for its own use", "cost to the maker"),
        "system": ("a whole system's price", "prices of systems"),
        "system-share": ("a share of a system's price", "prices of systems"),
        "rent": ("a rent", "rents"),
        "set": ("a price that the question sets", BUYERS),
        "unsaid": ("a price whose file does not say of what", "prices of unknown basis"),
    }
)
"""Basis of a price that a file says, to what it means and the prices that it ranks among. The other bases are
the names of price methods."""

_ASKED: Final = ("command-line", "study")
"""Sources of numbers that the question sets."""


def listed_basis(chip: ChipSpec) -> str:
    """Basis of the price that the file of `chip` says; one without a price is taken at unit cost.

    A price that a study or `--set price=` gives is on the basis `set`, and one by a margin that is set too.
    """
    if chip.gross_margin is not None:
        return "set"
    if chip.price.value is None:
        return "unit-cost"
    # a number of the question keeps no basis of the file that it replaces
    if chip.price.source in _ASKED:
        return "set"
    return chip.price_basis or "unsaid"


def price_basis(chip: ChipSpec, method: str) -> str:
    """Basis of the price of `chip` under the price method of that name."""
    return price_method(method).basis(chip)


def meaning_of(basis: str) -> str:
    """What a price on this basis is a price of, in words."""
    return OF_FILES[basis][0] if basis in OF_FILES else price_methods()[basis].meaning


def group_of(basis: str) -> str:
    """The prices that a price on this basis ranks among, in words; a basis of no method is a group itself."""
    if basis in OF_FILES:
        return OF_FILES[basis][1]
    method = price_methods().get(basis)
    return basis if method is None else method.group

"""Which prices may rank against each other: a table, a winner and a verdict are of one group alone."""

from types import MappingProxyType
from typing import Final

GROUPS: Final = MappingProxyType(
    {
        "list": "list and street prices",
        "street": "list and street prices",
        "set": "list and street prices",
        "system": "prices of systems",
        "system-share": "prices of systems",
        "maker-cost": "cost to the maker",
        "rent": "rents",
        "unit-cost": "unit cost",
        "margin": "unit cost with margin",
        "compute-ratio": "price by compute ratio",
        "searched": "list and street prices",
        "unsaid": "prices of unknown basis",
    }
)
"""Basis of a price (see `dse.chips.price_basis`) to the prices that it ranks among.

What a buyer pays for one chip is one group: by a price list, on the street, as the question sets it, or as
the search chooses it. What a system costs, what a chip costs its maker and what its silicon costs are others.
"""


def group_of(basis: str) -> str:
    """The prices that a price of this basis ranks among, in words."""
    return GROUPS.get(basis, basis)

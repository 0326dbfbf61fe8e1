"""What a price method is: how the price of a chip follows from what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol, runtime_checkable

from dse.chips.silicon import Silicon
from dse.errors import spec_error
from dse.plugins import PRICE_METHODS, made, registered
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.technology import TechnologySpec
from objectives.arrays import Array

Need = Literal["listed price", "searched price", "fp16 peak", "unit cost"]
"""What a price method reads of a chip. `listed price`: what its file says. `searched price`: the parameter
`price` of a space. `fp16 peak`: its dense matrix peak. `unit cost`: its silicon and what that costs."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the question says of prices, and where other numbers are found."""

    price: PriceSpec
    """The block `price` of a study."""
    technology: TechnologySpec
    catalog: Catalog


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What is known of n chips that get a price; arrays of shape (n,). What is not needed may be None."""

    listed_usd: Array | None = None
    """Price that the file of the chip says [USD]."""
    searched_usd: Array | None = None
    """Parameter `price` of a space [USD]."""
    fp16_flops: Array | None = None
    """Dense fp16 matrix peak [FLOP/s]."""
    silicon: Silicon | None = None
    """Dies, areas and power."""
    unit_cost_usd: Array | None = None
    """What the silicon, its package and its board cost to make [USD]."""


@runtime_checkable
class PriceMethod(Protocol):
    """A way to price chips. Final class, no state."""

    name: str
    """As a study and `--price-method` write it."""
    meaning: str
    """What its price is a price of, in words: prices of one meaning rank against each other."""
    group: str
    """The prices that it ranks among, in words."""
    requires: Mapping[str, str]
    """Keys of the block `price` that it cannot do without, each with what it names."""
    defaults: Mapping[str, str]
    """Values of such keys for one chip outside a study."""

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """What it reads of a chip; of the hypothetical chips of a space for None."""
        ...

    def basis(self, chip: ChipSpec) -> str:
        """What its price of a chip is a price of, see `dse.chips.price_basis`."""
        ...

    def check(self, terms: Terms) -> None:
        """Raise `SpecError` for terms that no chip can be priced by."""
        ...

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """Price of each chip by part (n,) [USD]; the price is their sum."""
        ...


@cache
def price_methods() -> Mapping[str, PriceMethod]:
    """Every registered price method by name."""
    return {name: price_method(name) for name in registered(PRICE_METHODS)}


def price_method(name: str) -> PriceMethod:
    """The price method registered as `name`; raises `SpecError` with the nearest and all valid names."""
    found: PriceMethod = made(PRICE_METHODS, "price method", name)
    return found


def check_seller(seller: str | None, method: str | None) -> None:
    """Raise `SpecError` for a seller where no price has a margin."""
    # from the registry, so that a method of a plug-in counts too
    sold = [name for name, each in price_methods().items() if "seller" in each.requires]
    if seller is not None and method not in sold:
        got = "without it" if method is None else f"with {method}"
        raise spec_error(
            "--seller", f"applies with --price-method {' or '.join(sold)} only, got {seller!r} {got}"
        )

"""What a price method is: how the price of a chip follows from what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Final, Literal, Protocol, final, get_args, runtime_checkable

import numpy as np

from dse.chips.silicon import Silicon
from dse.errors import spec_error, unknown
from dse.plugins import PRICE_METHODS, made, registered
from dse.plugins.attributes import require, text, texts
from dse.plugins.broken import UNREADABLE, asking, broken
from dse.plugins.designs import chip_in_words, chips_in_words
from dse.plugins.numbers import concrete, fault_of, freeze
from dse.plugins.once import once
from dse.plugins.time_limit import limited
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.rents import TERMS
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec
from dse.spec.schema.technology import TechnologySpec
from objectives.arrays import Array

Need = Literal["listed price", "searched price", "fp16 peak", "unit cost", "gross margin", "rent"]
"""What a price method reads of a chip. `listed price`: what its file says. `searched price`: the parameter
`price` of a space. `fp16 peak`: its dense matrix peak. `unit cost`: its silicon and what that costs.
`gross margin`: the one that the question sets for it. `rent`: what it is rented for under the term that the
question names."""

FROM_FILES: Final[frozenset[Need]] = frozenset({"listed price", "rent"})
"""Needs that only files of chips that are sold can meet."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the question says of prices, and where other numbers are found."""

    price: PriceSpec
    """The block `price` of a study."""
    technology: TechnologySpec
    catalog: Catalog
    economy: EconomySpec | None = None
    """What turns capital into running cost; None where no price needs it."""


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
    gross_margin: Array | None = None
    """(price - unit cost) / price that the question sets for the chips [1]."""
    rent_usd_per_s: Array | None = None
    """Rent of one chip under the term of the question [USD/s]."""


@runtime_checkable
class PriceMethod(Protocol):
    """A way to price chips. Final class, no state.

    A method may have the attribute `all_in`: true says that its price covers the host, racks, networks,
    electricity, upkeep and the building of a chip as well, so that none of them is counted next to it.
    """

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


_FIELDS = {
    "name": ("some text", text),
    "meaning": ("some text", text),
    "group": ("some text", text),
    "requires": ("names of keys, each with what it names", texts),
    "defaults": ("values of keys", texts),
}


@final
@dataclass(unsafe_hash=True)
class CheckedPriceMethod:
    """The price method of an entry point; raises `PluginError` where it breaks its contract."""

    point: EntryPoint
    made: PriceMethod = field(hash=False)
    name: str = field(init=False, compare=False)
    """As a study and `--price-method` write it."""
    meaning: str = field(init=False, compare=False)
    """What its price is a price of, in words."""
    group: str = field(init=False, compare=False)
    """The prices that it ranks among, in words."""
    requires: Mapping[str, str] = field(init=False, compare=False)
    """Keys of the block `price` that it cannot do without."""
    defaults: Mapping[str, str] = field(init=False, compare=False)
    """Values of such keys for one chip outside a study."""
    all_in: bool = field(init=False, compare=False)
    """Whether its price covers all that a chip needs around it and all that it draws."""

    def __post_init__(self) -> None:
        require(self.point, self.made, _FIELDS, ("needs", "basis", "check", "price"))
        self.name = self.made.name
        self.meaning = self.made.meaning
        self.group = self.made.group
        self.requires = self.made.requires
        self.defaults = self.made.defaults
        # optional, so that methods that know nothing of it stay valid
        self.all_in = bool(getattr(self.made, "all_in", False))

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """What it reads of a chip."""
        with asking(self.point, f"what it reads of {_called(chip)}"):
            found = frozenset(self.made.needs(chip))
        if strange := found - set(get_args(Need)):
            known = ", ".join(get_args(Need))
            raise broken(self.point, f"needs: expected some of {known}, got {', '.join(map(repr, strange))}")
        return found

    def basis(self, chip: ChipSpec) -> str:
        """What its price of a chip is a price of."""
        with asking(self.point, f"basis of the price of {_called(chip)}"):
            found = self.made.basis(chip)
        if not text(found):
            raise broken(self.point, f"basis of {_called(chip)}: expected some text, got {found!r}")
        return str(found)

    def check(self, terms: Terms) -> None:
        """Raise `SpecError` for terms that no chip can be priced by."""
        with asking(self.point, "check of the terms", may_refuse=True):
            self.made.check(terms)

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """Price of each chip by part (n,), finite and at least 0 [USD]."""
        listed, stated = (chips.listed_usd, chips.searched_usd), (chips.gross_margin, chips.rent_usd_per_s)
        given = (*listed, chips.fp16_flops, chips.unit_cost_usd, *stated)
        freeze(vars(chips))
        count = max((np.size(c) for c in given if c is not None and concrete(c)), default=0)

        def where() -> str:
            return f"price of {chips_in_words(count)}"

        with asking(self.point, where, may_refuse=True), limited(self.point):
            found = self.made.price(chips, terms)
        shape = next((np.shape(c) for c in given if c is not None and concrete(c)), None)
        with asking(self.point, where, how=UNREADABLE), np.errstate(all="ignore"):
            if not isinstance(found, Mapping) or not found or not all(map(text, found)):
                raise broken(self.point, f"{where()}: expected parts by name, got {found!r}")
            for name, usd in found.items():
                if fault := fault_of(usd, None if shape is None else shape or (1,), positive=True):
                    what, at = fault
                    raise broken(self.point, f"price of {chip_in_words(at)}: {name}: expected {what}")
        return found


def _called(chip: ChipSpec | None) -> str:
    return "hypothetical chips" if chip is None else f"chip {chip.name}"


@once
def price_methods() -> Mapping[str, CheckedPriceMethod]:
    """Every registered price method by name."""
    return {name: price_method(name) for name in registered(PRICE_METHODS)}


# each chip that is resolved asks for it several times
@once
def price_method(name: str) -> CheckedPriceMethod:
    """The price method registered as `name`; raises `SpecError` with the nearest and all valid names."""
    return CheckedPriceMethod(*made(PRICE_METHODS, "price method", name))


def check_seller(seller: str | None, method: str | None) -> None:
    """Raise `SpecError` for a seller where no price has a margin."""
    # from the registry, so that a method of a plug-in counts too
    sold = [name for name, each in price_methods().items() if "seller" in each.requires]
    if seller is not None and method not in sold:
        got = "without it" if method is None else f"with {method}"
        raise spec_error(
            "--seller", f"applies with --price-method {' or '.join(sold)} only, got {seller!r} {got}"
        )


def check_term(term: str | None, method: str | None) -> None:
    """Raise `SpecError` for an unknown term, and for a term where no price is a rent."""
    if term is None:
        return
    if term not in TERMS:
        raise spec_error("--rent-term", unknown("term", term, TERMS))
    rented = [name for name, each in price_methods().items() if "term" in each.requires]
    if method not in rented:
        got = "without it" if method is None else f"with {method}"
        what = f"applies with --price-method {' or '.join(rented)} only, got {term!r} {got}"
        raise spec_error("--rent-term", what)

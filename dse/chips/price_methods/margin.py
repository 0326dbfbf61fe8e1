"""Unit cost with the gross margin of a seller and a share of the one-off cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from dse.chips.price_method import Need, Priced, Terms
from dse.errors import nearest, spec_error
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.technology import TechnologySpec
from objectives.arrays import Array
from objectives.equations.cost.money import margin_price


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What lies between unit cost and price."""

    gross_margin: float
    """(price - cost) / price [1]."""
    volume: float
    """Chips that share the one-off cost [1]."""


@final
class WithMargin:
    """Unit cost, one-off cost over the volume, and the gross margin of `seller` in the technology file."""

    name: str = "margin"
    meaning: str = "what it costs to make, with a seller's gross margin and one-off cost"
    group: str = "unit cost with margin"
    requires: Final[Mapping[str, str]] = {"seller": "a seller"}
    defaults: Final[Mapping[str, str]] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """The unit cost, and the margin that the question sets for a chip."""
        if chip is not None and chip.gross_margin is not None:
            return frozenset({"unit cost", "gross margin"})
        return frozenset({"unit cost"})

    def basis(self, chip: ChipSpec) -> str:
        """The same for every chip."""
        return self.name

    def check(self, terms: Terms) -> None:
        """The seller must be one of the technology file whose margin and volume are known."""
        margin_of(terms.price, terms.technology)

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """Unit cost, share of the one-off cost, margin [USD]."""
        # `needs` requests the unit cost, and with it comes the silicon
        assert chips.silicon is not None
        margin = margin_of(terms.price, terms.technology)
        return margin_price(
            chips.unit_cost_usd,
            gross_margin=margin.gross_margin if chips.gross_margin is None else chips.gross_margin,
            nre_usd=chips.silicon.technology.node.nre_usd,
            volume=margin.volume,
        )


def margin_of(price: PriceSpec, technology: TechnologySpec) -> Margin:
    """Gross margin and volume of a price by margin; `SpecError` for an unknown seller."""
    known, seller = technology.economics.gross_margin, price.seller or ""
    where = "price.seller"
    if seller not in known:
        raise spec_error(where, f"unknown seller {seller!r}; {nearest(seller, known)}")
    if known[seller].value is None:
        at = f"economics.gross_margin.{seller}"
        raise spec_error(where, f"expected a known {at} in the technology file, got null")
    margin = known[seller].value or 0.0
    # a price is unit cost over 1 - margin
    if margin >= 1.0:
        raise spec_error(where, f"expected a gross margin below 1, got {margin:g}")
    # the study's own volume comes before that of the seller
    volume = price.volume
    if volume is None:
        volume = technology.economics.volume[seller].value
        if volume is None:
            raise spec_error("price.volume", f"expected a known economics.volume.{seller}, got null")
    return Margin(gross_margin=margin, volume=float(volume))

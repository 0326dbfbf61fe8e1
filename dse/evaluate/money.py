"""The dollars that an answer rests on: what each chip costs, and what turns capital into running cost."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from dse.chips.price_basis import meaning_of, price_basis
from dse.chips.price_method import price_method
from dse.chips.rents import rent_of
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec

HOUR_S = 3600.0
"""An hour [s]; reading it as a text would load the reader of units with every help."""
_ASKED = ("command-line", "study")
"""Sources of numbers that the question sets."""
COVERED = ("host", "rack", "network", "scale_out", "electricity", "upkeep", "building")
"""What a price that covers all leaves to no one else."""


@dataclass(frozen=True, kw_only=True)
class PricePaid:
    """What one chip costs, and by whose word."""

    usd: float
    """Price; of a rent the capital that is worth it [USD]."""
    method: str
    """The price method."""
    means: str
    """What it is a price of, in words."""
    asked: bool
    """Whether the question sets the price, the rent or the margin."""
    source: str | None = None
    """Key of the source of a listed price or of a rent."""
    date: str | None = None
    """When it said so."""
    term: str | None = None
    """Term of a rent."""
    usd_per_hour: float | None = None
    """The rent [USD/h]."""
    gross_margin: float | None = None
    """(price - unit cost) / price that the question sets [1]."""


@dataclass(frozen=True, kw_only=True)
class Money:
    """Prices by chip, and the economy, in SI."""

    prices: Mapping[str, PricePaid]
    economy: str
    """Name of the economy."""
    values: Mapping[str, float | None]
    """Its numbers, in SI with the unit in the name; a `blend` of null is that of the workload."""
    asked: tuple[str, ...]
    """Those of its numbers that the question sets, by their names in the file."""
    covered: tuple[str, ...]
    """Costs that the prices cover, so that none of them is counted."""


def money_of(prices: Mapping[str, PricePaid], price: PriceSpec, economy: EconomySpec) -> Money:
    """The dollars that an answer at some prices rests on."""
    leaves = {name: getattr(economy, name) for name in type(economy).model_fields}
    known = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, Sourced)}
    return Money(
        prices=prices,
        economy=economy.name,
        values=asdict(economy.resolve()),
        asked=tuple(name for name, leaf in known.items() if leaf.source in _ASKED),
        covered=COVERED if price_method(price.method).all_in else (),
    )


def joined(each: Mapping[str, Money]) -> Money | None:
    """The money of several chips under one economy, each at the prices of its name; None of no chips."""
    if not each:
        return None
    prices = {name: paid for name, money in each.items() for paid in money.prices.values()}
    return replace(next(iter(each.values())), prices=prices)


def price_paid(chip: ChipSpec, price: PriceSpec, catalog: Catalog, usd: float) -> PricePaid:
    """What one chip costs by `price`, with the source that says so."""
    needs = price_method(price.method).needs(chip)
    leaf = chip.price if "listed price" in needs else None
    if "rent" in needs:
        leaf = rent_of(chip, price, catalog)
    margin = chip.gross_margin if "gross margin" in needs else None
    rented = leaf is not None and "rent" in needs and leaf.value is not None
    return PricePaid(
        usd=usd,
        method=price.method,
        means=meaning_of(price_basis(chip, price.method)),
        asked=any(found is not None and found.source in _ASKED for found in (leaf, margin)),
        source=None if leaf is None or leaf.value is None else leaf.source,
        date=None if leaf is None else leaf.date,
        term=price.term if "rent" in needs else None,
        usd_per_hour=(leaf.value or 0.0) * HOUR_S if leaf is not None and rented else None,
        gross_margin=None if margin is None else margin.value,
    )

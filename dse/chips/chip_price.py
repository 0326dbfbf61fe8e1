"""The price of one chip by its parts, what is counted around it, and what of both is not known."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from dse.chips.formats import peak_of
from dse.chips.memories import added_dollars
from dse.chips.price_method import Need, Priced, price_method, price_methods
from dse.chips.prices import built_up
from dse.chips.rents import no_rent, rent_of
from dse.chips.setting import Columns, Setting
from dse.chips.silicon import Silicon
from dse.errors import spec_error
from dse.plugins.designs import chips_named
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import NetworkSpec
from objectives.arrays import Array, zeros_like

AROUND: Final = ("host_usd", "rack_usd", "network_usd", "copper_usd", "optics_usd", "scale_out_usd")
"""Dollars of what surrounds a chip."""


def needs_of(chip: ChipSpec, price: PriceSpec) -> frozenset[Need]:
    """What must be known of a chip for its price."""
    return price_method(price.method).needs(chip)


def price_of(chip: ChipSpec, setting: Setting, made: Silicon | None = None) -> float:
    """Price of one chip by the study's method [USD]; a chip that is searched around is at its list price.

    `made` is its silicon with all dollars, where that is known already.
    """
    return sum(price_parts(chip, setting, made).values())


def price_parts(chip: ChipSpec, setting: Setting, made: Silicon | None = None) -> dict[str, float]:
    """Price of one chip by part [USD]."""
    needs, cost = needs_of(chip, setting.price), None
    if "unit cost" in needs:
        made = made or setting.foundry.silicon(chip)
        # board and cooling are bought for the published power, where there is one
        power = None if chip.power.value is None else zeros_like(made.power_w) + chip.power.value
        cost = made.unit_cost_usd(power)
    rent = rent_of(chip, setting.price, setting.catalog) if "rent" in needs else None
    known = Priced(
        # a null was refused by `price_unknowns`, so no chip is sold for nothing
        listed_usd=_or_zero(chip.price) if "listed price" in needs else None,
        fp16_flops=peak_of(chip, ("fp16",)) or 0.0,
        silicon=made,
        unit_cost_usd=cost,
        gross_margin=_or_zero(chip.gross_margin) if "gross margin" in needs else None,
        rent_usd_per_s=None if rent is None else _or_zero(rent),
    )
    method = price_method(setting.price.method)
    with chips_named(lambda _shape, _at: chip.name):
        parts = method.price(known, setting.terms)
    # a method may give a plain number or a column of one chip
    found = {name: _float(usd) for name, usd in parts.items()}
    return found if method.all_in else found | added_dollars(chip, made="unit cost" in needs)


def price_unknowns(
    chip: ChipSpec, setting: Setting, network: NetworkSpec
) -> tuple[dict[str, object], Iterator[str]]:
    """Values that a price needs by name, null where they are not known, and what else is wrong with it."""
    needs, needed = needs_of(chip, setting.price), dict[str, object]()
    if "listed price" in needs:
        needed["price"] = chip.price.value
    if setting.price.system == "with-host-and-network":
        needed |= {"host": chip.host.value, f"networks/{network.name}: cost": network.cost.value}
    return needed, _wrong(chip, setting, needs)


def _wrong(chip: ChipSpec, setting: Setting, needs: frozenset[Need]) -> Iterator[str]:
    """What is wrong with a rent, and with a margin that a question sets."""
    if "rent" in needs and (why := no_rent(chip, setting.price, setting.catalog)):
        yield why
    margin = None if chip.gross_margin is None else chip.gross_margin.value
    if margin is not None and "gross margin" not in needs:
        with_margin = [n for n, each in price_methods().items() if "gross margin" in each.needs(chip)]
        told = f"{', '.join(with_margin[:-1])} or {with_margin[-1]}"
        yield f"gross_margin: applies to prices by {told} only, got it with {setting.price.method}"
    # a price is unit cost over 1 - margin
    if margin is not None and margin >= 1.0:
        yield f"gross_margin: expected a share below 1, got {margin:g}"


def around(chip: ChipSpec, network: NetworkSpec, setting: Setting, power_w: float) -> Columns:
    """What one chip carries of everything around it [USD], by column."""
    if price_method(setting.price.method).all_in and setting.price.system != "chips-only":
        what = f"expected chips-only with {setting.price.method}, which covers hosts, racks and networks"
        raise spec_error("price.system", f"{what}, got {setting.price.system}")
    system, found = setting.price.system, dict.fromkeys(AROUND, 0.0)
    if system == "with-host-and-network":
        # published shares include chassis, cables and NICs, so the other columns stay 0
        found |= {"host_usd": _or_zero(chip.host), "network_usd": _or_zero(network.cost)}
    elif system == "built-up":
        found = around_of(power_w, chip.link.bandwidth.value or 0.0, network, setting)
    return found


def around_of(
    power_w: Array, link_bandwidth: Array, network: NetworkSpec, setting: Setting
) -> dict[str, Array]:
    """What one chip of a `built-up` system carries of everything around it [USD]."""
    if setting.economy is None:
        raise spec_error("price.system", "expected an economy for the system built-up, got none")
    return built_up(power_w, link_bandwidth, network, setting.technology, setting.economy)


def _or_zero(leaf: Sourced[float] | None) -> float:
    return 0.0 if leaf is None or leaf.value is None else leaf.value


def _float(column: Array) -> float:
    return float(np.asarray(column).reshape(-1)[0])

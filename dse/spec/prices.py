"""What a chip and the system around it cost to buy: one function for each dollar, real or hypothetical."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.spec.base import Sourced
from dse.spec.chip import ChipSpec
from dse.spec.problems import Problem, SpecError, nearest, wrong
from dse.spec.silicon import Silicon
from dse.spec.study import PriceSpec
from dse.spec.system import EconomySpec, NetworkSpec
from dse.spec.technology import TechnologySpec
from objectives.arrays import Array
from objectives.equations.money import compute_ratio_price, margin_price

SWITCHED = ("switch", "fat-tree")
"""Topologies whose scale-up links go through switches."""


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What stands between unit cost and price."""

    gross_margin: float
    volume: float


def price_of_one(method: str, seller: str | None = None, system: str = "chips-only") -> PriceSpec:
    """How one chip is priced where no study says it; the H100 is the reference of a compute ratio.

    Raises `SpecError` for `searched`: a single chip has no price to look for, only a space has.
    """
    from dse.spec.loading import build_spec

    if method == "searched":
        what = "a space with a parameter price; --set price='... USD' sets that of one chip"
        raise wrong("--price-method", f"expected a method that tells a price, searched asks for it in {what}")
    reference = {"reference": "h100-sxm"} if method == "compute-ratio" else {}
    sold = {"seller": seller} if seller else {}
    return build_spec(PriceSpec, {"method": method, "system": system, **reference, **sold}, "--price-method")


def margin_of(price: PriceSpec, technology: TechnologySpec) -> Margin:
    """Gross margin and volume of a price by margin; `SpecError` for an unknown seller."""
    known, seller = technology.economics.gross_margin, price.seller or ""
    where = "price.seller"
    if seller not in known:
        raise wrong(where, f"unknown seller {seller!r}; {nearest(seller, known)}")
    if known[seller].value is None:
        at = f"economics.gross_margin.{seller}"
        raise wrong(where, f"expected a known {at} in the technology file, got null")
    margin = known[seller].value or 0.0
    if margin >= 1.0:
        raise wrong(where, f"expected a gross margin below 1, got {margin:g}")
    volume = price.volume
    if volume is None:
        (volume,) = _known({"economics.volume": technology.economics.volume}, "price.volume")
    return Margin(gross_margin=margin, volume=volume)


def silicon_price(
    made: Silicon, price: PriceSpec, technology: TechnologySpec, power_w: Array | None = None
) -> Array:
    """Price of a chip that follows from its silicon [USD]: at unit cost, or with margin and one-off cost."""
    cost = made.unit_cost_usd(power_w)
    if price.method != "margin":
        return cost
    return sum(margin_parts(made, cost, margin_of(price, technology)).values())


def margin_parts(made: Silicon, cost: Array, margin: Margin) -> dict[str, Array]:
    """Price by part [USD]: unit_cost, nre, margin."""
    return margin_price(
        cost, gross_margin=margin.gross_margin, nre_usd=made.technology.node.nre_usd, volume=margin.volume
    )


def ratio_price(fp16: Array, price: PriceSpec, reference: ChipSpec, reference_fp16: float) -> Array:
    """Price of a chip by compute ratio [USD]."""
    given = price.reference_price
    usd = reference.price.value if given is None else given
    return compute_ratio_price(fp16, reference_fp16, usd or 0.0)


def built_up(
    power_w: Array,
    link_bandwidth: Array,
    network: NetworkSpec,
    technology: TechnologySpec,
    economy: EconomySpec,
) -> dict[str, Any]:
    """What one chip carries of server, rack, links and network [USD], by column of `objectives.api.Chips`.

    Power shelves and cooling are sized for the servers' power; scale-up links cost by their one-way
    bandwidth, with switches where the topology has them; NICs and fabric by that of the scale-out network.
    Raises `SpecError` naming each unknown.
    """
    s, where = technology.system, "price.system"
    link = "switched_link" if network.topology in SWITCHED else "direct_link"
    names = ("host", "chips_per_host", "chassis", "cold_plates", "coolant_units", "power_shelves", link)
    needed = {f"system.{name}": getattr(s, name) for name in names}
    needed["power_overhead of the economy"] = economy.power_overhead
    if network.scale_out is not None:
        needed |= {"system.nic": s.nic, "system.fabric": s.fabric}
        needed[f"scale_out.bandwidth of {network.name}"] = network.scale_out.bandwidth
    host, chips, chassis, plates, coolant, shelves, per_link, overhead, *out = _known(needed, where)
    nic, fabric, bandwidth = out or (0.0, 0.0, 0.0)
    zero = 0.0 * power_w
    return {
        "host_usd": zero + host / chips,
        "rack_usd": power_w * overhead * (plates + coolant + shelves) + chassis / chips,
        "network_usd": link_bandwidth * per_link + zero,
        "scale_out_usd": zero + bandwidth * (nic + fabric),
    }


def _known(leaves: Mapping[str, Sourced[float] | Sourced[int]], where: str) -> list[float]:
    """Their values; `SpecError` naming each null."""
    unknown = [name for name, leaf in leaves.items() if leaf.value is None]
    if unknown:
        raise SpecError([Problem(where, f"expected a known {name}, got null") for name in unknown])
    return [float(leaf.value or 0.0) for leaf in leaves.values()]

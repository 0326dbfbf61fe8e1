"""What a chip and the system around it cost to buy: one function for each dollar, real or hypothetical."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.chips.link_reach import SWITCHED, ends, shares
from dse.chips.silicon import Silicon
from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from objectives.arrays import Array
from objectives.equations.cost.money import compute_ratio_price, margin_price


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What stands between unit cost and price."""

    gross_margin: float
    volume: float


def price_of_one(method: str, seller: str | None = None, system: str = "chips-only") -> PriceSpec:
    """How one chip is priced where no study says it; the H100 is the reference of a compute ratio.

    Raises `SpecError` for `searched`: a single chip has no price to look for, only a space has.
    """
    if method == "searched":
        what = "a space with a parameter price; --set price='... USD' sets that of one chip"
        raise spec_error(
            "--price-method", f"expected a method that tells a price, searched asks for it in {what}"
        )
    reference = {"reference": "h100-sxm"} if method == "compute-ratio" else {}
    sold = {"seller": seller} if seller else {}
    return build_spec(PriceSpec, {"method": method, "system": system, **reference, **sold}, "--price-method")


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
    if margin >= 1.0:
        raise spec_error(where, f"expected a gross margin below 1, got {margin:g}")
    volume = price.volume
    if volume is None:
        leaf = technology.economics.volume[seller]
        (volume,) = _known({f"economics.volume.{seller}": leaf}, "price.volume")
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
    bandwidth and by how far they reach, with switches where the topology has them; NICs and fabric by that
    of the scale-out network, at one price for all. Raises `SpecError` naming each unknown.
    """
    s, where = technology.system, "price.system"
    names = (
        "host",
        "host_nic",
        "chips_per_host",
        "chassis",
        "cold_plates",
        "coolant_units",
        "power_shelves",
        "board_link",
        "copper_link",
        "optical_link",
        "chips_per_board",
        "chips_per_rack",
        "switched_link",
    )
    needed = {f"system.{name}": getattr(s, name) for name in names}
    needed["power_overhead of the economy"] = economy.power_overhead
    if network.scale_out is not None:
        needed |= {"system.nic": s.nic, "system.fabric": s.fabric}
        needed[f"scale_out.bandwidth of {network.name}"] = network.scale_out.bandwidth
    known = dict(zip(needed, _known(needed, where), strict=True))
    at = {name: known[f"system.{name}"] for name in names}
    zero, chips = 0.0 * power_w, at["chips_per_host"]
    in_rack = at["cold_plates"] + at["coolant_units"] + at["power_shelves"]
    switch = at["switched_link"] if network.topology in SWITCHED else 0.0
    cabled, optical = shares(network, technology)
    dearer = max(at["optical_link"] - at["copper_link"], 0.0)  # optics stand in for cables
    out = known["system.nic"] + known["system.fabric"] if network.scale_out is not None else 0.0
    bandwidth = known[f"scale_out.bandwidth of {network.name}"] if network.scale_out is not None else 0.0
    return {
        "host_usd": zero + (at["host"] + at["host_nic"]) / chips,
        "rack_usd": power_w * known["power_overhead of the economy"] * in_rack + at["chassis"] / chips,
        "network_usd": link_bandwidth * (at["board_link"] + switch) + zero,
        "copper_usd": link_bandwidth * (ends(network) * cabled * at["copper_link"]) + zero,
        "optics_usd": link_bandwidth * (ends(network) * optical * dearer) + zero,
        "scale_out_usd": zero + bandwidth * out,
    }


def _known(leaves: Mapping[str, Sourced[float] | Sourced[int]], where: str) -> list[float]:
    """Their values; `SpecError` naming each null."""
    unknown = [name for name, leaf in leaves.items() if leaf.value is None]
    if unknown:
        raise SpecError([Problem(where, f"expected a known {name}, got null") for name in unknown])
    return [float(leaf.value or 0.0) for leaf in leaves.values()]

"""What one chip is priced by where no study says it, and what the system around a chip costs."""

from collections.abc import Mapping

from dse.chips.link_reach import SWITCHED, ends, shares
from dse.chips.price_method import check_seller, check_term, price_method
from dse.errors import Problem, SpecError, spec_error
from dse.spec.schema.base import Sourced
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from objectives.arrays import Array, zeros_like


def price_of_one(
    method: str, seller: str | None = None, system: str = "chips-only", term: str | None = None
) -> PriceSpec:
    """How one chip is priced where no study says it.

    Raises `SpecError` for a method that reads a parameter of a space: a single chip has none.
    """
    try:
        found = price_method(method)
    except SpecError as error:
        # one chip has no study: the user wrote an option, and the error names it
        raise SpecError(Problem("--price-method", p.what) for p in error.problems) from None
    if "searched price" in found.needs(None):
        what = "a space with a parameter price; --set price='... USD' sets that of one chip"
        raise spec_error(
            "--price-method", f"expected a method that gives a price, got {method}, which needs {what}"
        )
    check_seller(seller, method)
    check_term(term, method)
    if found.all_in and system != "chips-only":
        what = f"expected chips-only with --price-method {method}, which covers hosts, racks and networks"
        raise spec_error("--system", f"{what}, got {system}")
    sold = {key: value for key, value in {"seller": seller, "term": term}.items() if value}
    # what was given replaces a default
    data = {"method": method, "system": system, **found.defaults, **sold}
    return build_spec(PriceSpec, data, "--price-method")


def built_up(
    power_w: Array,
    link_bandwidth: Array,
    network: NetworkSpec,
    technology: TechnologySpec,
    economy: EconomySpec,
) -> dict[str, Array]:
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
    # all nulls in one error
    known = dict(zip(needed, _known(needed, where), strict=True))
    at = {name: known[f"system.{name}"] for name in names}
    zero, chips = zeros_like(power_w), at["chips_per_host"]
    # USD for each watt of servers
    in_rack = at["cold_plates"] + at["coolant_units"] + at["power_shelves"]
    # direct topologies have cables from chip to chip, no switch to pay for
    switch = at["switched_link"] if network.topology in SWITCHED else 0.0
    cabled, optical = shares(network, technology)
    dearer = max(at["optical_link"] - at["copper_link"], 0.0)  # optics replace cables
    out = known["system.nic"] + known["system.fabric"] if network.scale_out is not None else 0.0
    bandwidth = known[f"scale_out.bandwidth of {network.name}"] if network.scale_out is not None else 0.0
    return {
        # zero brings constants to the shape of the batch
        "host_usd": zero + (at["host"] + at["host_nic"]) / chips,
        "rack_usd": power_w * known["power_overhead of the economy"] * in_rack + at["chassis"] / chips,
        "network_usd": link_bandwidth * (at["board_link"] + switch) + zero,
        "copper_usd": link_bandwidth * (ends(network) * cabled * at["copper_link"]) + zero,
        # `cabled` counts the optical links too, so only what optics cost more is added
        "optics_usd": link_bandwidth * (ends(network) * optical * dearer) + zero,
        "scale_out_usd": zero + bandwidth * out,
    }


def _known(leaves: Mapping[str, Sourced[float] | Sourced[int]], where: str) -> list[float]:
    """Their values; `SpecError` naming each null."""
    unknown = [name for name, leaf in leaves.items() if leaf.value is None]
    if unknown:
        raise SpecError([Problem(where, f"expected a known {name}, got null") for name in unknown])
    return [float(leaf.value or 0.0) for leaf in leaves.values()]

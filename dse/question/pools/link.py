"""The network between two pools: what is stated, or the slower of those that their chips are sold with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.chips.price_method import price_method
from dse.errors import Attempts, Problem, SpecError, placed, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Spec
from dse.spec.schema.pools import Link, LinkSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from objectives import api


@dataclass(frozen=True, kw_only=True)
class ChosenLink:
    """A link and why it is this one."""

    network: str
    """Network whose ports beyond a domain join the pools; empty where its numbers are stated."""
    bandwidth: float
    """Of one port, one way [B/s]."""
    latency_s: float
    usd: float
    """Port and fabric of one chip, 0 where the prices of chips cover them [USD]."""
    stated: bool
    """Whether the user named it."""
    covered: bool = False
    """Whether the prices of the chips cover port and fabric."""

    def columns(self) -> api.PoolLink:
        """As a batch of one."""
        return api.PoolLink(
            bandwidth=np.asarray([self.bandwidth]),
            latency_s=np.asarray([self.latency_s]),
            usd=np.asarray([self.usd]),
        )

    @property
    def note(self) -> str:
        """What a reader must know of it."""
        why = "as stated" if self.stated else "the slowest that one of the chips is sold with; --pool-link"
        ports = f"ports of {self.network}" if self.network else "ports"
        paid = f", {self.usd:,.0f} USD a chip, are paid whatever else is"
        if self.covered:
            paid = " are in the prices of the chips"
        return (
            f"pools are joined by {ports}, {self.bandwidth / 1e9:,.4g} GB/s one way for each "
            f"chip ({why}); port and fabric{paid}"
        )


def read_link(text: str | None) -> LinkSpec | None:
    """The link of a command line: a network, or `25 GB/s, 5 us`; raises `SpecError`."""
    if text is None:
        return None
    # the reader of texts belongs to the key of a study
    read = build_spec(_OnlyLink, {"link": text}, "--pool-link")
    return read.link


class _OnlyLink(Spec):
    link: Link


def pool_link(
    link: LinkSpec | None,
    networks: Sequence[NetworkSpec],
    catalog: Catalog,
    technology: TechnologySpec,
    where: str = "--pool-link",
) -> ChosenLink:
    """The link between pools whose chips have `networks`; raises `SpecError` where none is known."""
    if link is not None and link.network is None:
        return _stated(link, technology)
    if link is not None and link.network is not None:
        look = Attempts(placed)
        found = look(where, catalog.get, NetworkSpec, link.network)
        look.done()
        if found.scale_out is None:
            what = f"expected a network with scale_out, got {found.name}, which has none"
            raise spec_error(where, what)
        candidates = [found]
    else:
        candidates = [n for n in networks if n.scale_out is not None]
    if not candidates:
        told = ", ".join(sorted({n.name for n in networks}))
        what = f"expected the network between the pools, got none, and {told} have none beyond their domains"
        raise spec_error(where, what)
    nulls = [
        Problem(f"networks/{n.name}", f"expected a known scale_out.{key}, got null")
        for n in candidates
        if n.scale_out is not None
        for key, leaf in (("bandwidth", n.scale_out.bandwidth), ("latency", n.scale_out.latency))
        if leaf.value is None
    ]
    nulls += _unknown_price(technology)
    if nulls:
        raise SpecError(nulls)
    slowest = min(candidates, key=lambda n: _bandwidth(n))
    bandwidth = _bandwidth(slowest)
    return ChosenLink(
        network=slowest.name,
        bandwidth=bandwidth,
        latency_s=max(_latency(n) for n in candidates),
        usd=bandwidth * _usd_per_bandwidth(technology),
        stated=link is not None,
    )


def _stated(link: LinkSpec, technology: TechnologySpec) -> ChosenLink:
    """A link by its numbers; what its port costs follows from the technology where nobody says it."""
    bandwidth = link.bandwidth or 0.0
    if link.price is None and (nulls := _unknown_price(technology)):
        raise SpecError(nulls)
    usd = bandwidth * _usd_per_bandwidth(technology) if link.price is None else link.price
    return ChosenLink(network="", bandwidth=bandwidth, latency_s=link.latency or 0.0, usd=usd, stated=True)


def _unknown_price(technology: TechnologySpec) -> list[Problem]:
    system = technology.system
    return [
        Problem(f"silicon/{technology.name}", f"expected a known system.{key}, got null")
        for key, leaf in (("nic", system.nic), ("fabric", system.fabric))
        if leaf.value is None
    ]


def _usd_per_bandwidth(technology: TechnologySpec) -> float:
    system = technology.system
    return (system.nic.value or 0.0) + (system.fabric.value or 0.0)


def _bandwidth(network: NetworkSpec) -> float:
    return (network.scale_out.bandwidth.value or 0.0) if network.scale_out else 0.0


def _latency(network: NetworkSpec) -> float:
    return (network.scale_out.latency.value or 0.0) if network.scale_out else 0.0


def covered_by(price: PriceSpec, link: ChosenLink) -> ChosenLink:
    """The link, of which port and fabric are free where the prices of chips cover all around them."""
    return replace(link, usd=0.0, covered=True) if price_method(price.method).all_in else link

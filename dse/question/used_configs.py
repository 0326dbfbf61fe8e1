"""Which configs the answer of a study depends on."""

from collections.abc import Iterable

from dse.chips.branch import Branch
from dse.chips.price_method import price_method
from dse.chips.rents import BUNDLED
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.base import Spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.rents import RentsSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.traffic import TrafficSpec
from dse.spec.schema.workload import WorkloadSpec


def used_configs(
    spec: StudySpec,
    catalog: Catalog,
    branches: dict[str, Branch],
    chips: Iterable[ChipSpec],
    shared: Iterable[LlmSpec | WorkloadSpec | EconomySpec | TechnologySpec | SpaceSpec | None],
) -> dict[str, Spec]:
    """Every config that the answer depends on, by `kind/name`."""
    known = [s for s in shared if s is not None]
    found: dict[str, Spec] = {f"{s.kind}/{s.name}": s for s in known}
    sent = {s.traffic for s in known if isinstance(s, WorkloadSpec) and s.traffic is not None}
    found |= {f"traffic/{t.name}": t for t in (catalog.get(TrafficSpec, n) for n in sent)}
    every = [*chips, *(b.template for b in branches.values())]
    # a price by compute ratio depends on its reference, which need not be a baseline
    if spec.price.reference:
        every.append(catalog.get(ChipSpec, spec.price.reference))
    if "rent" in price_method(spec.price.method).needs(None):
        rents = catalog.get(RentsSpec, spec.price.rents or BUNDLED)
        found[f"{rents.kind}/{rents.name}"] = rents
    driven = {c.name: c.stack for c in every} | {n: b.spec.stack for n, b in branches.items()}
    # the stack of a branch wins over that of the study, and that over the chip's own
    stacks = {spec.stacks.get(name, spec.stack or own) for name, own in driven.items()}
    if spec.software != "as-sold":
        stacks.add(spec.software)
    own = {c.link.network for c in every} | {b.spec.network for b in branches.values()}
    networks = {spec.network} if spec.network else own
    found |= {f"chip/{c.name}": c for c in every}
    found |= {f"stack/{n}": catalog.get(StackSpec, n) for n in stacks}
    found |= {f"network/{n}": catalog.get(NetworkSpec, n) for n in networks}
    # losses that are equal for all chips are shifted on none
    if spec.software == "as-sold":
        names = {c.architecture for c in every if c.architecture}
        found |= {f"architecture/{n}": catalog.get(ArchitectureSpec, n) for n in names}
    return dict(sorted(found.items()))

"""What a study fixes for every chip: catalog, formats, price, technology and software."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dse.chips.architecture import on_architecture
from dse.chips.granularity import with_grain
from dse.chips.price_method import Terms
from dse.chips.silicon import Foundry
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.software import Software
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.system import RARE, EconomySpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.technology_values import Value, middle
from dse.spec.schema.workload import WorkloadSpec
from objectives import api

Columns = dict[str, float]
"""Column of `objectives.api.Chips` to its value in SI."""


def stack_under(software: Software, sold: StackSpec, catalog: Catalog, architecture: str | None) -> StackSpec:
    """The stack that drives a chip of an architecture, or of none, that is sold with `sold`.

    Under `equal` the losses are those of one stack for all, and the grain of the hardware stays the chip's:
    how many rows a matrix unit takes is no choice of software. Under `ideal` nothing is lost, not even on
    rows that do not fill a tile.
    """
    own = on_architecture(sold, architecture, catalog)
    if software == "as-sold":
        return own
    shared = catalog.get(StackSpec, software)
    # software that loses as much, or nothing, can do what the chip's own can
    able = shared.model_copy(update={name: getattr(own, name) for name in ("context_parallel", *RARE)})
    return able if software == "ideal" else with_grain(able, own)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a study fixes for every chip."""

    catalog: Catalog
    precision: PrecisionSpec
    price: PriceSpec
    technology: TechnologySpec
    stack: str | None = None
    """Stack that drives every chip; each chip's own when None."""
    stacks: Mapping[str, str] = field(default_factory=dict)
    """Branch of the space, or chip, to the stack that drives it."""
    software: Software = "as-sold"
    """Those stacks, one class of losses for all, or no losses."""
    network: str | None = None
    """Network that joins every chip; each chip's own when None."""
    llms: tuple[api.Llm, ...] = ()
    """LLMs of the study, of which those without measurements make error bars wider."""
    requires: tuple[str, ...] = ()
    """Chip facts that the cost model cannot do without."""
    value: Value = middle
    """Number of each leaf of the technology: its value, or random samples that make every price uncertain."""
    economy: EconomySpec | None = None
    """What `built-up` systems are powered by."""
    kept: tuple[WorkloadSpec, ...] = ()
    """Workloads whose prefixes the chips may have to keep: all of them, but for pools that keep none."""
    with_intervals: bool = False
    """Whether chips have the intervals of their stacks, which targets with a probability need."""

    @property
    def terms(self) -> Terms:
        """What prices are agreed on."""
        return Terms(price=self.price, technology=self.technology, catalog=self.catalog, economy=self.economy)

    @cached_property
    def foundry(self) -> Foundry:
        """Who makes the chips: the technology with what is known of it already."""
        return Foundry(self.technology, self.value)

    @cached_property
    def columns_known(self) -> dict[int, tuple[ChipSpec, Columns]]:
        """Columns of chips as they are sold here, by the identity of the chip: each is derived once."""
        # not a field: another setting that is made of this one must not have them
        return {}

    def stack_of(self, name: str, own: str, architecture: str | None) -> StackSpec:
        """The stack that drives the chip or the branch `name`, whose own is called `own`."""
        sold = self.catalog.get(StackSpec, self.sold_with(name, own))
        return stack_under(self.software, sold, self.catalog, architecture)

    def sold_with(self, name: str, own: str) -> str:
        """Name of the stack that the chip or the branch `name` has where software is as sold."""
        return self.stacks.get(name, self.stack or own)

"""How far a stack is trusted on a chip for an LLM in a layout: its 80 % intervals."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from dse.choose.confidence import INTERVALS
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipClass, ChipSpec
from dse.spec.schema.system import StackSpec, Unlike, widened, wider
from objectives import api

CLASSES: Final[Mapping[ChipClass, str]] = MappingProxyType(
    {
        "datacentre-gpu": "gpu-serving",
        "consumer-gpu": "gpu-consumer",
        "soc": "llamacpp-soc",
        "systolic": "systolic-serving",
        "dataflow-sram": "static-dataflow",
        "fpga": "static-dataflow",
    }
)
"""Class of chips to the stack of unknown software on them."""


def interval_on(
    stack: StackSpec,
    chip: ChipSpec,
    catalog: Catalog,
    llms: Collection[api.Llm] = (),
    *,
    searched: bool = False,
    joined: bool = False,
) -> dict[str, float]:
    """Factors of the error bars of a stack on a chip for LLMs; what was not measured makes them wider.

    On a chip that it was not calibrated on they are at least those of the class of the chip, whatever stack
    its file names; an architecture and an LLM that no row was of, routed experts, and replicas that share
    them (`joined`) are errors of their own on top. `searched` is for a chip that is made after `chip` and is
    not that chip.
    """
    own = _class(chip, catalog)
    # a stack that names no chips was fitted to a class, and its interval is that of the class
    measured = chip.name in stack.chips and not searched
    if not stack.interval:
        return dict(stack.interval)
    # a fit to some chips says less about others
    found = dict(stack.interval) if measured else wider(stack.interval, own.interval)
    # a metric that the stack says nothing of stays without an error bar
    found = {metric: factor for metric, factor in found.items() if metric in stack.interval}
    new = not measured and own.rows and chip.architecture not in _measured(own, catalog)
    for what in (*(("architecture",) if new else ()), *_unlike(stack, llms, joined=joined)):
        found = widened(found, own.widened.get(what, {}))
    return found


def _class(chip: ChipSpec, catalog: Catalog) -> StackSpec:
    """The stack of the class of a chip, which says how far any software on such chips is trusted."""
    # by the class and not by the stack in the file: an engine's, or one of one's own, says less
    return catalog.get(StackSpec, CLASSES[chip.chip_class])


def shares_experts(llm: api.Llm, one: api.Deployments) -> bool:
    """Whether replicas share experts under the deployment of a batch of one."""
    ways = (float(np.asarray(column).reshape(-1)[0]) for column in (one.ep, one.ways))
    ep, tp = ways
    return bool(llm.expert_count) and ep > tp


def _measured(own: StackSpec, catalog: Catalog) -> set[str | None]:
    """Architectures of the chips that the stack of a class, or its engines, were fitted to."""
    names = [name for name in own.rows if catalog.named("chips", name)]
    # a chip that names no architecture is like no other
    return {catalog.get(ChipSpec, name).architecture for name in names} - {None}


def _unlike(stack: StackSpec, llms: Collection[api.Llm], *, joined: bool) -> Iterator[Unlike]:
    """What of a question the rows of a stack hardly had."""
    # of several the least known decides: one error bar is for all of them
    if any(llm.name not in stack.llms for llm in llms):
        yield "llm"
    if any(llm.expert_count for llm in llms):
        yield "experts"
    if joined:
        yield "joined"


def interval_columns(
    stack: StackSpec, chip: ChipSpec, catalog: Catalog, llms: Collection[api.Llm], *, searched: bool = False
) -> dict[str, float]:
    """Columns of `objectives.api.Chips` with the intervals of a chip; NaN where the stack states none."""
    known = interval_in_any(stack, chip, catalog, llms, searched=searched)
    return {column: known.get(metric, float("nan")) for metric, column in INTERVALS.items()}


def interval_in_any(
    stack: StackSpec, chip: ChipSpec, catalog: Catalog, llms: Collection[api.Llm], *, searched: bool = False
) -> dict[str, float]:
    """As `interval_on`, whatever the layout: that of replicas that share experts where there are experts."""
    joined = any(llm.expert_count for llm in llms)
    return interval_on(stack, chip, catalog, llms, searched=searched, joined=joined)

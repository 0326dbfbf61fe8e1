"""How far a stack is trusted on a chip for an LLM in a layout: its 80 % intervals."""

from collections.abc import Collection, Iterator

import numpy as np

from dse.choose.confidence import INTERVALS
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec, Unlike, widened, wider
from objectives import api


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

    On a chip that it was not calibrated on they are at least those of the class; an LLM that no row was of,
    routed experts, and replicas that share them (`joined`) are errors of their own on top. `searched` is for
    a chip that is made after `chip` and is not that chip.
    """
    own = catalog.get(StackSpec, chip.stack)
    # a stack that names no chips was fitted to a class, and its interval is that of the class
    known = not stack.chips or (chip.name in stack.chips and not searched)
    # a fit to some chips says less about others
    found = dict(stack.interval) if known else wider(stack.interval, own.interval)
    for what in _unlike(stack, llms, joined=joined):
        found = widened(found, own.widened.get(what, {}))
    return found


def shares_experts(llm: api.Llm, one: api.Deployments) -> bool:
    """Whether replicas share experts under the deployment of a batch of one."""
    ways = (float(np.asarray(column).reshape(-1)[0]) for column in (one.ep, one.tp))
    ep, tp = ways
    return bool(llm.expert_count) and ep > tp


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

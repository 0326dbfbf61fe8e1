"""What cannot be estimated: a node that is unknown, a chip without any price, a workload that cannot be."""

from dataclasses import replace

from dse.chips.served import served_llm
from dse.chips.setting import Setting
from dse.chips.silicon import chip_silicon
from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.demands import hold_demands
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec, hold_context
from dse.spec.yaml.yaml_lines import read_yaml
from objectives import api


def hold_node(given: bool, chip: ChipSpec, technology: TechnologySpec) -> None:
    """Raise `SpecError` for a node that was given and that the technology does not know."""
    leaf, known = chip.die.process, tuple(technology.nodes)
    node = None if leaf is None else leaf.value
    if given and node not in known:
        what = f"process: unknown node {node!r}; {nearest(str(node), known)}"
        raise SpecError([Problem("--set", what, key="process")])


def hold_workload(
    workload: WorkloadSpec, written: WorkloadSpec, llm: LlmSpec, catalog: Catalog, name: str, drafted: bool
) -> None:
    """Raise `SpecError` for a workload that cannot be, or that is longer than the LLM's longest context.

    `written` is the workload that goes by `name` without settings, as its file has it;
    `drafted`: another pool drafts.
    """
    # a copy with other numbers is not validated
    if wrong := workload.drafts_beyond_answers() or workload.stored_below_found():
        raise spec_error("--set", wrong)
    try:
        hold_demands(workload, llm, catalog.drafting, drafted=drafted)
    except SpecError as error:
        raise SpecError([Problem("--workload", p.what) for p in error.problems]) from None
    try:
        hold_context(workload, llm.name, llm.context)
    except SpecError as error:
        where = "--set"
        lengths = ("isl", "osl", "context")
        if all(getattr(workload, each) == getattr(written, each) for each in lengths):
            path = catalog.path("workloads", name)
            lines = read_yaml(path)[1]
            key = "isl" if workload.context is None else "context"
            where = f"{path}:{lines.get((key,), 1)}"
        raise SpecError([Problem(where, p.what) for p in error.problems]) from None


def served_by_options(llm: LlmSpec, precision: PrecisionSpec, workload: WorkloadSpec) -> api.Llm:
    """The network of an LLM as it is served; a format that it cannot have is one of `--kv`."""
    try:
        return served_llm(llm, precision, workload)
    except SpecError as error:
        raise SpecError([Problem("--kv", p.what) for p in error.problems]) from None


def at_unit_cost(chip: ChipSpec, setting: Setting) -> Setting:
    """Prices from silicon, for a chip without a list price; refused where it is unknown."""
    try:
        chip_silicon(chip, setting.technology)
    except SpecError as error:
        hint = "give --set price='... USD'"
        what = f"price: expected a known value, got null, and no unit cost either; {hint}"
        # from None, as the cause is among the problems
        raise SpecError([Problem(f"chips/{chip.name}", what), *error.problems]) from None
    # what is counted around the chip stays as the user chose it
    return replace(setting, price=PriceSpec(method="unit-cost", system=setting.price.system))

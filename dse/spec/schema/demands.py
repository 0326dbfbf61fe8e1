"""What a workload demands of an LLM: blocks that it denoises, layers that draft, experts to copy."""

from collections.abc import Callable, Iterable

from dse.errors import Attempts, spec_error
from dse.spec.schema.generation import hold_generation
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.workload import WorkloadSpec

Names = Callable[[], Iterable[str]]
"""LLMs with layers that draft, looked up only where an error names them."""


def hold_demands(workload: WorkloadSpec, llm: LlmSpec, drafting: Names, *, drafted: bool = False) -> None:
    """Raise `SpecError` with all that the LLM lacks for the workload.

    `drafted`: another pool drafts, so that copies of experts may be those of the other LLM.
    """
    look = Attempts(lambda _, problem: problem)
    look("generation", hold_generation, workload, llm)
    look("draft", _hold_draft_layers, workload, llm, drafting)
    if not drafted:
        look("experts", _hold_experts, workload, llm)
    look.done()


def _hold_draft_layers(workload: WorkloadSpec, llm: LlmSpec, drafting: Names) -> None:
    """Raise `SpecError` for drafts of layers that the LLM lacks, or that have a stated cost as well."""
    drafts = workload.speculation
    if drafts is None or drafts.draft is None:
        return
    # a study's numbers are not validated with the file
    if wrong := drafts.drafted_twice():
        raise spec_error("", f"speculation.{wrong} in {workload.name}")
    if llm.draft_layers is None:
        what = f"speculation.draft of {workload.name}: expected an LLM with draft_layers for mtp"
        have = ", ".join(sorted(drafting()))
        raise spec_error("", f"{what}, got {llm.name}, whose file has no draft_layers; {have} have some")


def _hold_experts(workload: WorkloadSpec, llm: LlmSpec) -> None:
    """Raise `SpecError` for copies of experts of an LLM that has none."""
    copies = workload.redundant_experts and workload.redundant_experts.value
    if copies and not any(block.experts for block in llm.blocks):
        what = f"redundant_experts: expected none for {llm.name}, which has no experts to copy"
        raise spec_error("", f"{what}, got {copies} in {workload.name}")

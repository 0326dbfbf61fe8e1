"""How an LLM generates, and whether a workload serves it so."""

from typing import Final

from dse.errors import spec_error
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.workload import WorkloadSpec
from objectives import api
from objectives.attention_layers import STATES

UNKNOWN_CONTEXT: Final = "longest context of"
"""How the note begins of an LLM whose file states no longest context."""


def hold_generation(workload: WorkloadSpec, llm: LlmSpec) -> None:
    """Raise `SpecError` where an LLM that denoises blocks would be served token by token, or has a state."""
    blocks = workload.diffusion
    if blocks is None:
        if llm.generation == "diffusion":
            what = f"diffusion: expected the blocks that {llm.name} denoises, as in chat-denoised, got none"
            raise spec_error("", f"{what} in {workload.name}")
        return
    if any(isinstance(a, STATES) for b in llm.resolve().blocks for a in b.mixers):
        what = (
            f"expected none for {llm.name}, since rows of a block see one another, which a state cannot show"
        )
        raise spec_error("", f"diffusion: {what}, got blocks of {blocks.block.value} in {workload.name}")


def blocks_note(d: api.Diffusion) -> str:
    """What a workload states of its blocks, a sentence without a full stop."""
    last = "one more for its KV cache" if d.commit else "none for its KV cache alone"
    return (
        f"tokens are denoised in blocks of {d.block}, each in {d.steps:g} passes and {last}, as the workload "
        "states and nothing predicts; TTFT waits for the whole first block"
    )


def generation_notes(workload: api.Workload, llm: LlmSpec) -> list[str]:
    """What to say of blocks that are denoised, stated or assumed, and of an unknown context."""
    return [*_blocks_notes(workload, llm), *context_notes(workload, llm)]


def context_notes(workload: api.Workload, llm: LlmSpec) -> list[str]:
    """What to say where the file of an LLM states no longest context, which requests could be longer than."""
    if llm.context is not None or not any(block.mixers for block in llm.resolve().blocks):
        return []
    return [f"{UNKNOWN_CONTEXT} {llm.name} not known: {workload.max_context:,.0f} tokens are not checked"]


def _blocks_notes(workload: api.Workload, llm: LlmSpec) -> list[str]:
    """What to say where blocks are denoised."""
    d = workload.diffusion
    if d is None:
        return []
    found = [blocks_note(d)]
    if llm.generation is None:
        found.append(
            f"{llm.name} generates token by token: its times are those of an LLM of the same sizes that was "
            "trained to denoise blocks"
        )
    if d.steps > d.block:
        found.append(f"{d.steps:g} passes for {d.block} tokens: less than a token a pass")
    return found

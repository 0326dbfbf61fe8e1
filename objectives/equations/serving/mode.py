"""What a serving mode must say, and what it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from objectives.api import Designs, Workload
from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.prefill_pass import PrefillPass


@dataclass(frozen=True, kw_only=True)
class ServingResult:
    """What a serving mode comes to; every added part is counted in its total."""

    tpot_s: Array
    ttft_s: Array
    tokens_per_s: Array
    """Output tokens of all replicas [token/s]."""
    prefill: PrefillPass
    resources: ResourceSeconds
    """What one output token takes of each resource, its share of the prompt included [chip-second]."""
    tpot_parts_s: Mapping[str, Array] = field(default_factory=dict)
    """Seconds of TPOT beyond the steps of decode [s]."""
    ttft_parts_s: Mapping[str, Array] = field(default_factory=dict)
    """Seconds of TTFT beyond one pass over prompts [s]."""
    prompt_share: Array | None = None
    """Share of the chips' time that prompts take [1]; None where they cost nothing."""
    prefill_replicas: Array | None = None
    """Replicas that only prefill [replica]; None where all do both."""
    excess_bytes: Array | None = None
    """Bytes that a replica that only prefills lacks [B]; feasible where <= 0."""


class ServingMode(Protocol):
    """A way in which requests share a system. Final class, no state, registered by entry point."""

    name: str
    """As a workload names it."""
    counts_prompts: bool
    """Whether prompts take time of the system."""
    starts_together: bool
    """Whether a batch starts and ends together, so that its prompts are prefilled at once."""
    has_pools: bool
    """Whether a pool of replicas prefills and another decodes."""

    def missing(self, work: Workload) -> str:
        """The fact that a workload lacks, as `name: expected ..., got ...`; the empty string for none."""
        ...

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """Prompts that are prefilled at once, and rows of prompts that run together."""
        ...

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """TPOT, TTFT, throughput and resources, with their parts."""
        ...

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """What a reader of an estimate must know of this mode, in sentences; `stages` of the pipeline."""
        ...

"""A serving mode that has what it must have, and whose texts are checked."""

from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import final

from dse.plugins.attributes import flag, require, text
from dse.plugins.broken import asking, broken
from objectives.api import Designs, Workload
from objectives.equations.serving.mode import ServingMode, ServingResult
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps

_FIELDS = {
    "name": ("some text", text),
    "counts_prompts": ("true or false", flag),
    "starts_together": ("true or false", flag),
    "has_pools": ("true or false", flag),
}


@final
@dataclass(unsafe_hash=True)
class CheckedServingMode:
    """The serving mode of an entry point; its numbers are checked with the metrics of the cost model."""

    point: EntryPoint
    made: ServingMode = field(hash=False)
    name: str = field(init=False, compare=False)
    """As a workload names it."""
    counts_prompts: bool = field(init=False, compare=False)
    """Whether prompts take time of the system."""
    starts_together: bool = field(init=False, compare=False)
    """Whether a batch starts and ends together."""
    has_pools: bool = field(init=False, compare=False)
    """Whether a pool of replicas prefills and another decodes."""

    def __post_init__(self) -> None:
        require(self.point, self.made, _FIELDS, ("missing", "prompt_load", "serve", "notes"))
        self.name = self.made.name
        self.counts_prompts = self.made.counts_prompts
        self.starts_together = self.made.starts_together
        self.has_pools = self.made.has_pools

    def missing(self, work: Workload) -> str:
        """The fact that a workload lacks; the empty string for none."""
        with asking(self.point, "what a workload lacks"):
            found = self.made.missing(work)
        if not isinstance(found, str):
            raise broken(self.point, f"missing: expected text, got {found!r}")
        return found

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """Prompts that are prefilled at once, and rows of prompts that run together."""
        with asking(self.point):
            found: PromptLoad = self.made.prompt_load(designs, work)
        return found

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """TPOT, TTFT, throughput and resources, with their parts."""
        with asking(self.point):
            found: ServingResult = self.made.serve(s, steps)
        return found

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """What a reader of an estimate must know of this mode, in sentences."""
        with asking(self.point, "its notes"):
            found = tuple(self.made.notes(work, stages))
        if not all(isinstance(note, str) for note in found):
            raise broken(self.point, f"notes: expected sentences, got {found!r}")
        return found

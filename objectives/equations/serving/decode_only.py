"""Decode only: prompts cost nothing; TTFT is that of one prompt alone."""

from typing import final

from objectives.api import Designs, Workload
from objectives.arrays import ones_like, zeros_like
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import throughput
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.prefill_pass import prefill_pass


@final
class DecodeOnly:
    """Prompts cost nothing."""

    name = "decode-only"
    counts_prompts = False
    starts_together = False
    has_pools = False

    def missing(self, work: Workload) -> str:
        """Nothing."""
        return ""

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """No room for prompts."""
        tp = designs.deployments.tp
        return PromptLoad(prompts=ones_like(tp), rows=zeros_like(tp))

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """Steps of decode alone; TTFT is the pass over one prompt."""
        prefill, tpot = prefill_pass(s), steps.per_token_s()
        parts = first_token_parts(s, prefill, tpot)
        return ServingResult(
            tpot_s=tpot,
            ttft_s=total(prefill.seconds(), parts),
            # prompts hold no slot here, so TPOT alone is the time of a slot for each token
            tokens_per_s=throughput(s.deployments.batch, tpot, s.deployments.dp),
            prefill=prefill,
            resources=steps.resources,
            ttft_parts_s=parts,
        )

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """That prompts are free."""
        return ("decode only: prompts cost nothing here; TTFT is that of one prompt alone",)

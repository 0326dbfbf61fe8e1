"""Static batches: all prompts first, as one micro-batch, then decode to the end."""

from typing import final

from objectives.api import Designs, Workload
from objectives.arrays import minimum
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import static_share, static_throughput
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.generation.diffusion import first_tokens
from objectives.equations.step.prefill_pass import prefill_pass
from objectives.equations.step.prefix_cache import computed_tokens


@final
class Static:
    """A batch that starts and ends together."""

    name = "static"
    counts_prompts = True
    starts_together = True
    has_pools = False

    def missing(self, work: Workload) -> str:
        """Nothing."""
        return ""

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """All prompts of the batch at once, as far as rows run together."""
        batch = designs.deployments.batch
        rows = minimum(batch * computed_tokens(work), designs.chips.stack.prompt_rows)
        return PromptLoad(prompts=batch, rows=rows, staggered=False)

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """The pass over all prompts, then OSL - 1 steps."""
        # no queue: all prompts start together, and nothing joins before the batch ends
        prefill, tpot = prefill_pass(s), steps.per_token_s()
        d, work, prompts = s.deployments, s.context.workload, s.prompt_load.prompts
        # all prompts bring back what they have in the cache
        parts = first_token_parts(s, prefill, tpot, prompts)
        ttft, together = total(prefill.seconds(), parts), first_tokens(work)
        return ServingResult(
            tpot_s=tpot,
            ttft_s=ttft,
            tokens_per_s=static_throughput(d.batch, ttft, tpot, work.osl, d.dp, together),
            prefill=prefill,
            resources=steps.resources.plus(prefill.resources(s, prompts)),
            ttft_parts_s=parts,
            prompt_share=static_share(ttft, tpot, work.osl, together, parts.get("first_block", 0.0)),
        )

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """Nothing beyond what the mode's name says."""
        return ()

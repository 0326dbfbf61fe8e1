"""Aggregated: whole prompts pass the stages in line with the steps of decode, which crawl behind them."""

from typing import final

from objectives.api import Designs, Workload
from objectives.arrays import maximum, minimum, ones_like
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import queue, stalled, wait_for_prompts
from objectives.equations.serving.shared_replicas import QUEUE_NOTE, shared_replicas
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.pipeline import turns_behind_prompts
from objectives.equations.step.prefill_pass import prefill_pass
from objectives.equations.step.prefix_cache import computed_tokens

_IN_LINE = (
    "aggregated in a pipeline: whole prompts and steps of decode pass the stages in line, and steps crawl "
    "behind a prompt; --serving chunked avoids most of it"
)


@final
class Aggregated:
    """Whole prompts in line with the steps of decode."""

    name = "aggregated"
    counts_prompts = True
    starts_together = False
    has_pools = False

    def missing(self, work: Workload) -> str:
        """Nothing."""
        return ""

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """One prompt at a time, as far as its rows run together."""
        one = ones_like(designs.deployments.tp)
        return PromptLoad(
            prompts=one, rows=minimum(one * computed_tokens(work), designs.chips.stack.prompt_rows)
        )

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """A request stays for its turns behind prompts; what it stays beyond its own time is stall."""
        d, osl, prefill, step = s.deployments, s.context.workload.osl, prefill_pass(s), steps.per_token_s()
        waited = wait_for_prompts(d.batch, prefill.stage_s(), s.chips.stack.burst)
        stay = turns_behind_prompts(
            d.batch,
            s.micro.count,
            # in turns: one that checks a draft gives several tokens
            osl / steps.tokens,
            step * steps.tokens,
            prefill.stage_s(),
            prefill.wide_s(),
        )
        # the mean stay can be below a request's own wait, prompt and steps: there is then no stall
        alone = osl * step + (waited + prefill.wide_s())
        stall = stalled(maximum(stay, alone), alone, osl)
        resources = steps.resources.plus(prefill.resources(s, s.prompt_load.prompts))
        before = {"queue": queue(waited, step)}
        return shared_replicas(s, step, stall, prefill, resources, before, waited)

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """That waits are means; that nothing overtakes in a pipeline."""
        return (QUEUE_NOTE, _IN_LINE) if stages > 1.0 else (QUEUE_NOTE,)

"""Decode and prefill on the same replicas: tokens wait for prompts, and prompts for each other."""

from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import prompt_share, shortfall, throughput
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.prefill_pass import PrefillPass, prefix_busy_s, prefix_load_s

QUEUE_NOTE = "TTFT counts the mean wait for the prompts of others; its spread is not modelled"
"""What an estimate of such a mode leaves out."""


def shared_replicas(
    s: Setup,
    step_s: Array,
    stall_s: Array,
    prefill: PrefillPass,
    resources: ResourceSeconds,
    before_s: dict[str, Array],
    held_s: Array,
) -> ServingResult:
    """What replicas come to that both prefill and decode.

    TPOT = step + stall + what a prefix cache cannot keep up with. A slot is held for the waits of its
    request, the pass over its own prompt, what it brings back, and OSL tokens; Little's law gives throughput.

    Args:
        s: designs set up for their passes.
        step_s: a step of decode for each token [s].
        stall_s: time that each token waits for the prompts of others [s].
        prefill: the pass over prompts.
        resources: what one output token takes of each resource [chip-second].
        before_s: waits of a request before the pass over its prompt, by name [s].
        held_s: time that its slot is held before that pass [s].

    Returns:
        TPOT, TTFT and throughput with their parts.

    Domain:
        A closed loop whose slots never stay empty.

    Limits:
        Decode alone where prompts take no time.

    Source:
        Little, Operations Research 9 (1961).

    Examples:
        By hand, in tests/properties/test_littles_law.py.
    """
    d, osl, tpot = s.deployments, s.context.workload.osl, step_s + stall_s
    overhead = {"request_overhead": s.chips.stack.request_overhead_s}
    waits, load = {"prefill_stall": stall_s}, prefix_load_s(s)
    # Little's law wants the whole time in a slot, not TPOT alone, spread over its tokens
    slot = tpot + (held_s + prefill.seconds()) / osl
    if load is not None:  # what the tier cannot keep up with slows every token
        slot = slot + load / osl
        wait = shortfall(d.batch, prefix_busy_s(s, resources), slot, osl)
        tpot, slot, waits = tpot + wait, slot + wait, {**waits, "prefix_load": wait}
    first = {**before_s, **overhead, **first_token_parts(s, prefill, step_s, token_s=tpot)}
    tokens = throughput(d.batch, slot, d.dp)
    return ServingResult(
        tpot_s=tpot,
        ttft_s=total(prefill.seconds(), first),
        tokens_per_s=tokens,
        prefill=prefill,
        resources=resources,
        tpot_parts_s=waits,
        ttft_parts_s=first,
        prompt_share=prompt_share(d.batch, step_s, tokens, d.dp),
    )

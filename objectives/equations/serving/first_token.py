"""What a first token waits for beyond the pass over prompts."""

from collections.abc import Mapping

from objectives.api import Workload
from objectives.arrays import Array
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.generation.diffusion import first_block_s
from objectives.equations.step.prefill_pass import PrefillPass, prefix_load_s


def first_token_parts(
    s: Setup,
    prefill: PrefillPass,
    step_s: Array,
    prompts: Array | None = None,
    token_s: Array | None = None,
) -> dict[str, Array]:
    """Seconds of TTFT beyond the pass over prompts [s].

    What prompts bring back from a prefix cache; a step of decode where there is no prompt to compute. Where
    blocks are denoised, the passes of the first one, whether there is a prompt or not.

    Args:
        s: designs set up for their passes.
        prefill: the pass over prompts.
        step_s: a step of decode for each token [s].
        prompts: prompts that load one after the other; one where left out [1].
        token_s: as `step_s`, with what tokens wait for between steps; the same where left out [s].

    Returns:
        Seconds by part, shapes broadcast [s].

    Domain:
        Loading does not overlap with the pass of the same prompt.

    Limits:
        Empty without a cache, for requests that all have prompts.

    Source:
        A sum of parts.

    Examples:
        By hand, in tests/equations/step/test_prefix_cache.py.
    """
    parts, load = {}, prefix_load_s(s)
    if load is not None:
        parts["prefix_load"] = load if prompts is None else prompts * load
    if s.context.workload.diffusion is not None:
        # a prompt gives no token: the first ones are shown when their block is complete
        parts["first_block"] = first_block_s(s.context.workload, step_s if token_s is None else token_s)
    # a request with nothing to compute gets its first token from a step of decode
    elif prefill.some is not None:
        parts["first_step"] = (1.0 - prefill.some) * step_s
    return parts


def begun_s(work: Workload, some: Array, step_s: Array, token_s: Array) -> Array:
    """Seconds of TTFT that steps of decode take [s].

    The passes of the first block where blocks are denoised; else a step for requests without a prompt.

    Args:
        work: workload, with its block where it has one.
        some: share of requests with prompt tokens to compute [1].
        step_s: a step of decode for each token [s].
        token_s: as `step_s`, with what tokens wait for between steps [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        As `first_token_parts`, for pools that are evaluated apart.

    Limits:
        0 for requests that all have prompts, one token a step.

    Source:
        As `first_token_parts`.

    Examples:
        By hand: half of the requests have no prompt.

        >>> begun_s(Workload(isl=8.0, osl=64.0, mean_context=40.0, max_context=72.0, serving="static"),
        ...         0.5, 0.02, 0.03)
        0.01
    """
    if work.diffusion is not None:
        return first_block_s(work, token_s)
    return (1.0 - some) * step_s


def total(seconds: Array, parts: Mapping[str, Array]) -> Array:
    """Seconds and further parts [s].

    Args:
        seconds: the first part [s].
        parts: further parts [s].

    Returns:
        Their sum, shapes broadcast [s].

    Domain:
        Parts that do not overlap.

    Limits:
        The first part alone for no others.

    Source:
        A sum.

    Examples:
        By hand:

        >>> total(1.0, {"queue": 0.5, "request_overhead": 0.25})
        1.75
    """
    for part in parts.values():
        seconds = seconds + part
    return seconds

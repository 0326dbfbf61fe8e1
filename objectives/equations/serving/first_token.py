"""What a first token waits for beyond the pass over prompts."""

from collections.abc import Mapping

from objectives.arrays import Array
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.prefill_pass import PrefillPass, prefix_load_s


def first_token_parts(
    s: Setup, prefill: PrefillPass, step_s: Array, prompts: Array | None = None
) -> dict[str, Array]:
    """Seconds of TTFT beyond the pass over prompts [s].

    What prompts bring back from a prefix cache; a step of decode where there is no prompt to compute.

    Args:
        s: designs set up for their passes.
        prefill: the pass over prompts.
        step_s: a step of decode for each token [s].
        prompts: prompts that load one after the other; one where left out [1].

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
    # a request with nothing to compute gets its first token from a step of decode
    if prefill.some is not None:
        parts["first_step"] = (1.0 - prefill.some) * step_s
    return parts


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

"""Policies of a scheduler, as compiled loops know them."""

CHUNKED, PROMPTS_FIRST, FREE_PROMPTS, STATIC, ONLY_PROMPTS = range(5)
"""Chunks of prompts ride with the steps of decode. Whole prompts go first, one by one, and steps of decode
wait. Prompts take no time. A batch starts and ends together. Prompts alone: a pool that prefills."""

OF_SERVING = {
    "chunked": CHUNKED,
    "aggregated": PROMPTS_FIRST,
    "decode-only": FREE_PROMPTS,
    "static": STATIC,
}
"""The policy of each serving mode whose replicas are all alike."""

TWO_POOLS = "disaggregated"
"""The serving mode with replicas that prefill and others that decode."""

"""What a value covers and how its requests were served, as tables of others spell it."""

import re
from collections.abc import Mapping
from typing import Final

from dse.errors import nearest

_PHASES: Final[Mapping[str, str]] = {
    "decode": "decoding generation generate output decode_only",
    "prefill": "prefilling prompt context input prefill_only",
    "both": "all e2e end_to_end whole mixed total prefill_decode prefill+decode",
}
_SERVINGS: Final[Mapping[str, str]] = {
    "static": "static_batch static_batching offline_static",
    "aggregated": "agg aggregate colocated co_located monolithic continuous continuous_batching "
    "in_flight inflight_batching in_flight_batching ifb",
    "chunked": "chunked_prefill chunk mixed_batching",
    "disaggregated": "disagg disaggregate disaggregated_serving disaggregated_prefill pd pd_disaggregated "
    "p_d pd_disaggregation pools true yes",
    "decode-only": "decode_only decode_pool decode",
    "prefill-only": "prefill_only prefill_pool prefill",
}
PHASES: Final = tuple(_PHASES)
SERVINGS: Final = tuple(_SERVINGS)
"""Ways of serving that a table may state."""

_PHASE: Final = {other: ours for ours, others in _PHASES.items() for other in (ours, *others.split())}
_SERVING: Final = {other: ours for ours, others in _SERVINGS.items() for other in (ours, *others.split())}


def phase(name: str) -> str:
    """Our name of a phase."""
    plain = _plain(name)
    return _PHASE.get(plain, plain)


def serving(name: str) -> str:
    """Our name of a way of serving; a column may also say whether it was disaggregated, by true or false."""
    plain = _plain(name)
    if plain in ("false", "no"):
        return ""
    return _SERVING.get(plain, plain)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-/&]+", "_", name.strip().lower())


def unreadable(phase: str, serving: str, metric: str, family: str) -> str:
    """Why phase and serving cannot be read, or contradict the metric; the empty string when they can.

    `family` is that of the metric: tpot, ttft, throughput or end_to_end.
    """
    if phase and phase not in PHASES:
        return f"phase: unknown {phase!r}; {nearest(phase, PHASES)}"
    if serving and serving not in SERVINGS:
        return f"serving: unknown {serving!r}; {nearest(serving, SERVINGS)}"
    if serving == "prefill-only":
        return "a pool that only prefills is not predicted"
    if phase == "prefill" and family != "ttft":
        return f"phase prefill contradicts the metric {metric}, which counts output tokens"
    if phase == "decode" and (family == "ttft" or metric == "total_tok_s_incl_input"):
        return f"phase decode contradicts the metric {metric}, which counts prompts"
    if serving in ("decode-only", "disaggregated") and family == "ttft":
        return f"{metric} of a system with pools is not predicted: it hangs on the pool that prefills"
    if serving in ("decode-only", "disaggregated") and family == "end_to_end" and phase != "decode":
        return (
            f"{metric} of a system with pools is not predicted: it holds the time in the pool that prefills"
        )
    return ""

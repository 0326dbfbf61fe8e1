"""One measured value with all that its table states of the run."""

from dataclasses import dataclass
from typing import Final

METRICS: Final = {
    "tpot_ms": "tpot",
    "tok_s_user": "tpot",
    "ttft_ms": "ttft",
    "prefill_ms": "ttft",
    "e2e_s": "end_to_end",
    "decode_tok_s_total": "throughput",
    "tok_s_per_chip": "throughput",
    "total_tok_s_incl_input": "throughput",
}
"""Metric of the table to the family whose error it belongs to."""

KINDS: Final = ("static", "concurrency", "mean_in_flight", "max_seqs", "unknown")
"""How the batch column counts: a fixed batch, users in a closed loop, samples in flight on average, a
ceiling, or nothing said (the engine fills its capacity)."""

_AGREE: Final = (
    "source date chip chips llm weights kv activations tp pp ep dp batch kind isl osl engine spec_decode "
    "serving prefill_chips decode_chips"
)
SETTING: Final = tuple(_AGREE.split())
"""Fields that agree in rows of one run where no run is named."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of one run; lengths in tokens, counts of the whole system."""

    where: str
    run: str
    source: str
    date: str
    """ISO form, as much of it as is known; the empty string when nothing is."""
    chip: str
    chips: float | None
    llm: str
    weights: str
    kv: str
    activations: str
    tp: float | None
    pp: float | None
    ep: float | None
    dp: float | None
    batch: float | None
    kind: str
    isl: float
    osl: float
    metric: str
    stat: str
    value: float
    engine: str
    quality: str
    spec_decode: str
    accepted: float | None = None
    """Tokens that a step with drafts yields on average, where it is stated."""
    vendor: str = ""
    basis: str = ""
    """Who says so: measured, a third party, the vendor."""
    phase: str = ""
    """What the value covers: decode, prefill, both; the empty string when nothing is stated."""
    serving: str = ""
    """How requests were served, as stated: static, aggregated, chunked, disaggregated, decode-only."""
    prefill_chips: float | None = None
    """Chips of the pool that prefills, of a system with pools."""
    decode_chips: float | None = None
    """Chips of the pool that decodes; the layout and the batch are those of this pool."""
    mode: str = "aggregated"
    """Serving mode that the row is predicted in, by what it and the rows of its run state."""
    assumed: str = ""
    """What is not stated of the mode but taken; the empty string when nothing."""
    ours: str = ""
    """Columns that the source does not state, and why they have the values that they have."""
    doubt: str = ""
    """What else is odd about the row or was taken instead of what it states, for people."""
    unclear: str = ""
    """Why the row cannot be predicted; the empty string when it can."""
    line: int = 0
    """Of its table."""
    column: str = ""
    """Heading of its value in a table with a column for each metric; the empty string in any other."""
    unit: float = 1.0
    """What one of the units that its table states is in that of `metric`; `value` is in the latter."""


def run_of(row: Measured) -> tuple[object, ...]:
    """Equal for rows of one run: of one name, or without a name of one setting in all that is stated."""
    if row.run != row.where:
        return row.source, row.run
    if row.column:
        # a line of such a table is a run
        return row.source, row.where
    return tuple(getattr(row, name) for name in SETTING)

"""Which serving mode each row is predicted in: as stated, else as the rows of its run say together."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

DECODE_ONLY: Final = "decode-only"
"""Mode of a pool that only decodes: its prompts are processed by other chips."""

ALONE: Final = (
    "taken as a pool that only decodes: its phase is decode, its batch is a mean in flight, and no other row "
    "of its run says otherwise; state serving: aggregated if the same chips process prompts"
)


@dataclass(frozen=True, kw_only=True)
class Clues:
    """What one row says of the way in which its run was served."""

    run: Hashable
    """Equal for rows of one run."""
    family: str
    """Of its metric: tpot, ttft, throughput or end_to_end; the empty string for an unknown metric."""
    kind: str
    phase: str
    serving: str


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How a row is predicted."""

    name: str
    """A serving mode: static, aggregated, chunked or decode-only."""
    assumed: str = ""
    """What is not stated but taken; the empty string when nothing."""


def modes(rows: Sequence[Clues]) -> list[Mode]:
    """The serving mode of each row, in their order.

    `phase: decode` says that a rate or an end to end time counts decode alone, so that no prompts were on the
    chips meanwhile. TPOT covers decode by its own definition, also between the prompts of others: of a time
    per token the rates of the run decide, and only without any the phase.
    """
    members: dict[Hashable, list[Clues]] = defaultdict(list)
    for row in rows:
        members[row.run].append(row)
    return [_mode(row, members[row.run]) for row in rows]


def _mode(row: Clues, run: Sequence[Clues]) -> Mode:
    """The mode of one row; `run` holds all rows of its run."""
    if row.serving:
        # the batch and the layout of a system with pools are those of the pool that decodes
        return Mode(name=DECODE_ONLY if row.serving == "disaggregated" else row.serving)
    usual = Mode(name="static" if row.kind == "static" else "aggregated")
    if row.family in ("throughput", "end_to_end"):
        return Mode(name=DECODE_ONLY) if row.phase == "decode" else usual
    if row.family != "tpot":
        return usual
    rates = {other.phase == "decode" for other in run if other.family in ("throughput", "end_to_end")}
    if rates:
        # rates that contradict each other leave the usual mode
        return Mode(name=DECODE_ONLY) if rates == {True} else usual
    lone = all(other.family == "tpot" for other in run)
    if lone and row.phase == "decode" and row.kind == "mean_in_flight":
        return Mode(name=DECODE_ONLY, assumed=ALONE)
    return usual

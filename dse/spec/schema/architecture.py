"""A GPU architecture: how far the numbers of any engine move on it."""

from typing import Literal

from pydantic import Field

from dse.spec.schema.base import Aliases, FileName, Notes, PositiveNumber, Sourced, Spec, Title

ShiftedShare = Literal[
    "compute_efficiency",
    "core_efficiency",
    "decode_core_efficiency",
    "expert_efficiency",
    "dram_efficiency",
    "kv_efficiency",
    "link_efficiency",
    "all_to_all_efficiency",
    "exposed_share",
]
"""Shares of a stack that an architecture moves: a factor multiplies their odds."""
ShiftedTime = Literal[
    "layer_overhead",
    "prompt_overhead",
    "expert_overhead",
    "collective_overhead",
    "activation_passes",
]
"""Times and counts of a stack that an architecture moves: a factor multiplies them."""
Shifted = ShiftedShare | ShiftedTime
"""Numbers of a stack that an architecture moves; times of a host and of requests do not hang on the chip."""


class ArchitectureSpec(Spec):
    """What engines have in common on chips of one architecture, from any author."""

    kind: Literal["architecture"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    shifts: dict[Shifted, Sourced[PositiveNumber]] = Field(default={})
    """Number of a stack to the factor that it takes on this architecture; of a share, the factor on its odds
    p / (1 - p), so that it stays a share. A number that is left out is the same on every architecture."""
    notes: Notes = None

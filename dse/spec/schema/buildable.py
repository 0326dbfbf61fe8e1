"""Sizes that a chip can be built in: the steps that a proposal is rounded to, each with its reason."""

from typing import Literal

from dse.spec.schema.base import (
    FileName,
    Notes,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedFlops,
    Spec,
    Title,
)


class BuildableSpec(Spec):
    """Steps of what a chip is made of; the note of each says why it comes in such steps."""

    kind: Literal["buildable"]
    """Kind of this file."""
    name: FileName
    title: Title
    sram: SourcedBytes
    """Capacity comes in multiples of it."""
    sram_bandwidth: SourcedBandwidth
    """Read bandwidth of the whole chip comes in multiples of it."""
    dram_stacks: SourcedCount
    """Stacks come in multiples of it."""
    link_bandwidth: SourcedBandwidth
    """One way, all links together."""
    peak_flops: SourcedFlops
    """fp16 peak comes in multiples of it."""
    dies: SourcedCount
    """Dies come in multiples of it."""
    sram_bandwidth_known: SourcedBandwidth
    """Highest read bandwidth of one MiB of SRAM on a chip that exists; beyond it, area is extrapolated."""
    notes: Notes = None

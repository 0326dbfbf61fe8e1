"""Memories beyond SRAM and DRAM of a proposed chip, as its file and the space around it have them."""

from collections.abc import Iterator, Mapping
from typing import Any

from dse.chips.branch import Branch
from dse.decide.propose.candidates import Candidate
from dse.spec.schema.base import (
    Sourced,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedEnergyPerByte,
    SourcedNumber,
    SourcedSeconds,
    SourcedUsd,
)
from dse.spec.schema.chip_memories import FurtherMemory
from objectives.memories import MEMORIES

SOURCE = "proposal"
"""Key of the sources that a proposed number cites."""


def derived(kind: type[Sourced[Any]], value: float | int, note: str) -> Any:
    """A number in SI as a leaf; a leaf is otherwise made of text with a unit."""
    return kind(value=None, source=SOURCE, basis="derived", note=note).model_copy(update={"value": value})


def memories_of(
    branch: Branch, candidate: Candidate, column: Mapping[str, float]
) -> tuple[FurtherMemory, ...]:
    """The entries of the chip file, the fastest first; a memory of no units is left out."""
    devices = {d.name: d for d in (*branch.technologies[0][0].memories, *branch.beside)}
    found = []
    for m in branch.spec.memories:
        units = round(candidate.values[m.parameter])
        if units == 0:
            continue
        device, note = devices[m.name], f"{units} units of the technology file's {m.device}"
        joules = device.joules_per_byte + device.way_joules_per_byte
        size = column[f"{m.name}_bytes"]
        more: dict[str, Sourced[Any]] = {}
        for name, kind in (
            ("write_bandwidth", SourcedBandwidth),
            ("latency", SourcedSeconds),
            ("endurance", SourcedNumber),
        ):
            if name not in MEMORIES[m.name].columns:
                continue
            # flash whose writes nobody says has a bandwidth of 0
            if name != "write_bandwidth" or column[f"{m.name}_{name}"]:
                more[name] = derived(kind, column[f"{m.name}_{name}"], note)
        # a copy is not validated: its numbers are in SI
        found.append(
            FurtherMemory(kind=m.kind, device=m.device).model_copy(
                update={
                    "units": derived(SourcedCount, units, f"trial {candidate.trial}"),
                    "capacity": derived(SourcedBytes, size, note),
                    "bandwidth": derived(SourcedBandwidth, column[f"{m.name}_bandwidth"], note),
                    "energy": derived(SourcedEnergyPerByte, float(f"{joules:.15g}"), note),
                    "price": derived(SourcedUsd, float(f"{size * device.usd_per_byte:.15g}"), note),
                    **more,
                }
            )
        )
    return tuple(sorted(found, key=lambda f: -(f.bandwidth.value or 0.0)))


def lines_of_memories(branch: Branch) -> Iterator[str]:
    """Lines of the memories in the branch of a space."""
    if branch.spec.memories:
        yield "    memories:"
        for m in branch.spec.memories:
            yield f"      - {{kind: {m.kind}, device: {m.device}}}"

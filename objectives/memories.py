"""The memories that a chip may have: their names, fastest first, their columns, and what may lie in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class MemoryKind:
    """One of the memories that a chip may have."""

    columns: tuple[str, ...]
    """Its columns in `Chips`; a column is named after both: `dram_bytes`."""
    like: Literal["sram", "dram"]
    """Of which of the two software sustains the same share of the bandwidth."""
    read_only: bool = False
    """Whether it holds no KV cache and states, which steps write, but weights, or prefixes of prompts."""
    fixed: bool = False
    """Whether it is made with what it holds, which nothing replaces."""


_STREAMS = ("bytes", "bandwidth", "w")

MEMORIES: Mapping[str, MemoryKind] = {
    "sram": MemoryKind(columns=(*_STREAMS, "usable", "pinned"), like="sram"),
    "rom": MemoryKind(columns=_STREAMS, like="sram", read_only=True, fixed=True),
    "stacked_sram": MemoryKind(columns=_STREAMS, like="sram"),
    "stacked_dram": MemoryKind(columns=(*_STREAMS, "write_bandwidth"), like="dram"),
    "dram": MemoryKind(columns=_STREAMS, like="dram"),
    "lpddr": MemoryKind(columns=(*_STREAMS, "write_bandwidth"), like="dram"),
    "ddr": MemoryKind(columns=(*_STREAMS, "write_bandwidth"), like="dram"),
    # no step writes flash, but a prefix cache may
    "flash": MemoryKind(
        columns=(*_STREAMS, "write_bandwidth", "latency", "endurance"), like="dram", read_only=True
    ),
    "host": MemoryKind(columns=(*_STREAMS, "write_bandwidth", "latency"), like="dram"),
    "pooled": MemoryKind(columns=(*_STREAMS, "write_bandwidth", "latency"), like="dram"),
}
"""Memories, the fastest first as a rule. Every chip has `sram` and `dram`, of size 0 where it has none; the
others are optional columns."""

FURTHER: tuple[str, ...] = tuple(name for name in MEMORIES if name not in ("sram", "dram"))
"""Memories that few chips have."""

READ_ONLY: frozenset[str] = frozenset(name for name, kind in MEMORIES.items() if kind.read_only)
"""Memories that steps do not write."""

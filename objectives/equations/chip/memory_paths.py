"""Paths from memories beyond SRAM and DRAM: seconds of a byte by kind, and until the first byte comes."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectives.api import Chips
from objectives.arrays import Array, inverse, maximum, where
from objectives.memories import MEMORIES


@dataclass(frozen=True, kw_only=True)
class MemoryPath:
    """Seconds that one byte of a further memory takes [s/B]; 0 where a chip does not have it."""

    name: str
    weights: Array
    experts: Array
    """Of routed experts, whose products come in groups."""
    kv: Array
    """Of KV cache and states as they are read."""
    kv_written: Array
    """Of these as they are written."""
    latency_s: Array | None = None
    """From a request to its first byte [s]; None where fixed times of stacks contain it."""

    def of(self, kind: int) -> Array:
        """Of dense weights, KV cache or experts, in this order."""
        return (self.weights, self.kv, self.experts)[kind]


def memory_paths(chips: Chips) -> tuple[MemoryPath, ...]:
    """Seconds per byte of memories beyond SRAM and DRAM [s/B].

    1 / (bandwidth x efficiency), of bonded SRAM and ROM as of SRAM, of all others as of DRAM.

    Args:
        chips: chips, for bandwidths and efficiencies.

    Returns:
        A path for each further memory of the batch, in the order of `objectives.memories`.

    Domain:
        Long streams. Stacks sustain the same share of every DRAM and of flash, as no other is measured.

    Limits:
        0 where a chip does not have the memory; none for chips of two memories.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: a byte of weights at 80 % of 1.6 TB/s of flash takes 0.78 ps.

        >>> from objectives.chips import Memory, chips_with
        >>> chip = chips_with(dram_efficiency=0.8, kv_efficiency=0.7, expert_efficiency=1.0,
        ...                   sram_efficiency=1.0)
        >>> chip.further = (Memory(name="flash", bytes=512e9, bandwidth=1.6e12, w=40.0),)
        >>> [(path.name, round(path.weights * 1e12, 2)) for path in memory_paths(chip)]
        [('flash', 0.78)]
    """
    found = []
    for memory in chips.further:
        # a memory without room brings nothing
        rate, stack = where(memory.bytes > 0.0, memory.bandwidth, 0.0 * memory.bandwidth), chips.stack
        writes = rate if memory.write_bandwidth is None else memory.write_bandwidth
        if MEMORIES[memory.name].like == "sram":
            alike = inverse(rate * stack.sram_efficiency)
            found.append(
                MemoryPath(name=memory.name, weights=alike, experts=alike, kv=alike, kv_written=alike)
            )
            continue
        weights, kv = inverse(rate * stack.dram_efficiency), inverse(rate * stack.kv_efficiency)
        found.append(
            MemoryPath(
                name=memory.name,
                weights=weights,
                experts=weights / stack.expert_efficiency,
                kv=kv,
                kv_written=kv if writes is rate else maximum(kv, inverse(writes * stack.kv_efficiency)),
                latency_s=memory.latency,
            )
        )
    return tuple(found)


def first_byte_seconds(paths: Sequence[MemoryPath], used: Sequence[Array]) -> Array | None:
    """Seconds until the slowest memory that is read has its first byte [s]; None where no latency is stated.

    max over the memories with a share above 0 of their latency.

    Args:
        paths: further memories.
        used: share of bytes in each of them [1].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Reads whose order is known ahead: while a memory brings one piece, the next is requested. Buffers
        that hold what is under way, bandwidth x latency, are not counted.

    Limits:
        0 where nothing is in such a memory.

    Source:
        Little's law: a stream is as fast as its bandwidth when bandwidth x latency is requested ahead.

    Examples:
        By hand: flash of 15 us that holds half of the weights, and a pool of 1 us that holds nothing.

        >>> def path(name, latency):
        ...     return MemoryPath(name=name, weights=1.0, experts=1.0, kv=1.0, kv_written=1.0,
        ...                       latency_s=latency)
        >>> first_byte_seconds([path("flash", 15e-6), path("pooled", 1e-6)], [0.5, 0.0])
        1.5e-05
    """
    late: Array | None = None
    for path, share in zip(paths, used, strict=True):
        if path.latency_s is not None:
            own = where(share > 0.0, path.latency_s, 0.0)
            late = own if late is None else maximum(late, own)
    return late

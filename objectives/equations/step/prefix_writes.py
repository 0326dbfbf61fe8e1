"""What prompts add to a prefix cache: bytes, and the time in which a memory of the chip takes them."""

from objectives.api import Memory, Workload
from objectives.arrays import Array, inverse
from objectives.equations.llm.mean_layer import MeanLayer
from objectives.equations.step.prefix_cache import computed_tokens


def bytes_written(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes of KV cache that one prompt adds to the cache in a mean layer on one chip [B].

    Share that is written x what the computed tokens keep.

    Args:
        layer: the mean layer on one chip.
        work: workload with its prompt length and prefix cache.
        kv_bytes: bytes of an element of KV cache [B].

    Returns:
        Bytes, broadcast shape [B].

    Domain:
        What is computed is what no cache holds; what it replaces is dropped, not moved.

    Limits:
        0 without a cache, and where nothing is written.

    Source:
        Counted from what the layer keeps.

    Examples:
        By hand: half of the 2 computed tokens of 10 elements in two bytes.

        >>> from types import SimpleNamespace
        >>> from objectives.api import PrefixCache
        >>> layer = SimpleNamespace(kept_bytes=lambda tokens, size: tokens * 10 * size)
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e6, tier="memory", bandwidth=0.0, usd_per_byte=0.0,
        ...                    memory="flash", written=0.5)
        >>> bytes_written(layer, Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                               serving="aggregated", prefix=half), 2.0)
        20.0
    """
    share = 0.0 if work.prefix is None or work.prefix.tier == "dram" else work.prefix.written
    return share * layer.kept_bytes(computed_tokens(work), kv_bytes)


def write_seconds(memory: Memory, size_bytes: Array) -> Array:
    """Time to write bytes into a memory of the chip [s].

    size / bandwidth of writes, which is that of reads where the memory has one for both.

    Args:
        memory: the memory that keeps them.
        size_bytes: bytes of one chip [B].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        No prompt waits for it: what is written is read by later ones. The memory draws the power of reads as
        long as it writes.

    Limits:
        0 for no bytes.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: 1 GB into flash of 4 GB/s.

        >>> flash = Memory(name="flash", bytes=1e12, bandwidth=1e12, w=40.0, write_bandwidth=4e9)
        >>> write_seconds(flash, 1e9)
        0.25
    """
    rate = memory.bandwidth if memory.write_bandwidth is None else memory.write_bandwidth
    return size_bytes * inverse(rate)

"""Seconds in which memories beyond SRAM and DRAM bring what an operator reads."""

from collections.abc import Mapping, Sequence

from objectives.arrays import Array, maximum
from objectives.equations.chip.memory_paths import MemoryPath


def streams(
    paths: Sequence[MemoryPath], shares: Sequence[Array], read_bytes: Array, kind: int
) -> dict[str, Array] | None:
    """Seconds of each further memory for one kind of bytes [s]; None for chips of two memories.

    share x bytes x seconds of a byte.

    Args:
        paths: further memories.
        shares: share of the kind in each of them [1].
        read_bytes: bytes of the kind that the operator reads from all memories [B].
        kind: 0 for dense weights, 1 for KV cache, 2 for routed experts.

    Returns:
        Seconds by memory, shapes broadcast [s].

    Domain:
        All memories stream at once.

    Limits:
        0 where nothing of the kind is in a memory.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: a quarter of 8 B at 2 s/B.

        >>> flash = MemoryPath(name="flash", weights=2.0, experts=4.0, kv=3.0, kv_written=3.0)
        >>> streams([flash], [0.25], 8.0, 0)
        {'flash': 4.0}
    """
    if not paths:
        return None
    return {p.name: share * (read_bytes * p.of(kind)) for p, share in zip(paths, shares, strict=True)}


def kv_streams(
    paths: Sequence[MemoryPath],
    shares: Sequence[Array],
    moved_bytes: Array,
    written_bytes: Array | None,
    state_bytes: Array | None = None,
) -> dict[str, Array] | None:
    """Seconds of each further memory for KV cache and states [s]; None for chips of two memories.

    share x (bytes read x seconds of a byte + bytes written x those of a byte that is written); of states half
    is read and half is written.

    Args:
        paths: further memories.
        shares: share of KV cache in each of them [1].
        moved_bytes: bytes of KV cache that the operator reads or writes [B].
        written_bytes: those of them that it writes [B]; None for none.
        state_bytes: bytes of states that it reads and writes [B]; None for none.

    Returns:
        Seconds by memory, shapes broadcast [s].

    Domain:
        Reads and writes of one memory take turns.

    Limits:
        As `streams` where writes are as fast as reads.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: half of 8 B that are read at 1 s/B and of 2 B that are written at 3 s/B.

        >>> pooled = MemoryPath(name="pooled", weights=1.0, experts=1.0, kv=1.0, kv_written=3.0)
        >>> kv_streams([pooled], [0.5], 10.0, 2.0)
        {'pooled': 7.0}
    """
    if not paths:
        return None
    found, read_bytes = {}, moved_bytes if written_bytes is None else moved_bytes - written_bytes
    if state_bytes is not None:
        half = 0.5 * state_bytes
        read_bytes, written_bytes = (
            read_bytes + half,
            half + (0.0 if written_bytes is None else written_bytes),
        )
    for path, share in zip(paths, shares, strict=True):
        seconds = read_bytes * path.kv
        if written_bytes is not None:
            seconds = seconds + written_bytes * path.kv_written
        found[path.name] = share * seconds
    return found


def times(seconds: Mapping[str, Array] | None, factor: Array) -> dict[str, Array] | None:
    """Seconds by memory, multiplied [s].

    Args:
        seconds: seconds by memory; None for chips of two memories [s].
        factor: how often [1].

    Returns:
        Seconds by memory [s].

    Domain:
        None.

    Limits:
        None stays None.

    Source:
        A product.

    Examples:
        By hand:

        >>> times({"flash": 2.0}, 3.0)
        {'flash': 6.0}
    """
    return None if seconds is None else {name: s * factor for name, s in seconds.items()}


def plus(a: Mapping[str, Array] | None, b: Mapping[str, Array] | None) -> dict[str, Array] | None:
    """Sums of seconds by memory [s].

    Args:
        a: seconds by memory; None for chips of two memories [s].
        b: the same of something else [s].

    Returns:
        Seconds by memory of both [s].

    Domain:
        None.

    Limits:
        None where both are None.

    Source:
        A sum.

    Examples:
        By hand:

        >>> plus({"flash": 2.0}, {"flash": 1.0, "rom": 4.0})
        {'flash': 3.0, 'rom': 4.0}
    """
    if a is None or b is None:
        return None if a is None and b is None else dict(a or b or {})
    return {name: a.get(name, 0.0) + b.get(name, 0.0) for name in {**a, **b}}


def in_dram(in_sram: Array, further: tuple[Array, ...]) -> Array:
    """Share in DRAM [1]: what is neither in SRAM nor in a further memory.

    Args:
        in_sram: share in SRAM [1].
        further: share in each further memory [1].

    Returns:
        Share, at least 0 [1].

    Domain:
        Shares of one kind of bytes.

    Limits:
        1 - share in SRAM for chips of two memories.

    Source:
        By definition.

    Examples:
        By hand:

        >>> in_dram(0.25, (0.5,))
        0.25
    """
    left = 1.0 - in_sram
    for share in further:
        # rounding of shares must not leave less than nothing
        left = maximum(left - share, 0.0)
    return left

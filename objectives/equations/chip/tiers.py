"""Where bytes are stored among any number of memories that stream at once: the fastest possible pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from objectives.arrays import Array, inverse, is_finite, is_ones, maximum, minimum, where
from objectives.equations.chip.placement import ALIKE
from objectives.equations.chip.tier_times import Column, StreamCost, shared_levels, split_levels


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One memory of a chip."""

    capacity_bytes: Array
    """Bytes that it can hold [B]; 0 where a chip does not have it, infinite for no limit."""
    s_per_byte: Array
    """Seconds that one byte takes [s/B]; 0 where a chip does not have it."""
    read_only: bool = False
    """Whether it holds no kind that a pass writes: mask ROM, flash."""


@dataclass(frozen=True, kw_only=True)
class TierKind:
    """One kind of bytes that a chip must hold, and the part of a pass that reads them."""

    held_bytes: Array
    """Bytes held [B]."""
    reads: Array
    """Bytes that a pass moves over bytes held [1]."""
    busy_s: Array
    """Seconds of the pass in which units or their ports are busy anyway [s]."""
    slowness: Array | Sequence[Array] = 1.0
    """Seconds of a byte of this kind over `s_per_byte` [1]: of all memories, or of each in their order."""
    port_s: Array = 0.0
    """Those of the ports alone [s]: behind them nothing is exposed."""
    exposed_share: Array | None = None
    """Share of the shorter of compute and streams that does not hide [1]; None for none."""
    written: bool = False
    """Whether a pass writes it, so that no read-only memory holds it: KV cache and states."""


@dataclass(frozen=True, kw_only=True)
class TierPlacement:
    """Bytes and shares of each kind (outer) in each memory (inner), both in the order given."""

    held_bytes: tuple[tuple[Array, ...], ...]
    """Bytes [B]; what fits nowhere is in the last memory that may hold it."""
    shares: tuple[tuple[Array, ...], ...]
    """Of all bytes of the kind [1]; 0 of nothing."""
    stream_s: tuple[Array, ...]
    """Seconds in which the memories bring what a pass reads of a kind [s]."""
    excess_bytes: Array
    """What fits nowhere [B]; feasible where <= 0."""


def place_in_tiers(tiers: Sequence[Tier], kinds: Sequence[TierKind]) -> TierPlacement:
    """Place kinds of bytes in memories so that a pass is as fast as any placement makes it.

    Minimises sum_k phi_k(T_k), where T_k = max_i x_ki s_i slowness_k reads_k, and phi_k(T) is the longer of
    `busy_s` and T with the exposed share of the shorter. Least levels of all kinds come first
    (`tier_times`), then bytes: a kind leaves to the others the memories that they would fill first. At last
    each kind moves to the fastest memories that have room, as long as that costs no time.

    Args:
        tiers: memories, fastest first.
        kinds: kinds of bytes; a pass runs them one after the other.

    Returns:
        Bytes and shares by kind and memory, seconds of streams, and what fits nowhere.

    Raises:
        ValueError: without a memory or a kind, for slownesses that are not one or one a memory, and for kinds
            beyond those of the domain.

    Domain:
        Exact where one factor slows a kind in all memories. With a factor for each, levels take the largest,
        and then each kind the best of what the others leave: against a linear program, 1,200 random chips of
        two to four memories with 0.8 in DRAM and 1 in SRAM lost 0.01 % on average and 2.3 % at most. With
        read-only memories one kind at most is written, and one or two are not. Seconds of activations in
        SRAM are not counted. What fits nowhere is read from the last memory that may hold it.

    Limits:
        One memory: everything is there. The excess falls byte for byte with capacity. More bandwidth of any
        memory never slows a pass, nor does more capacity where bytes fit. Two equal memories of no limit
        take half as long as one.

    Source:
        As `tier_times.shared_levels`.

    Examples:
        By hand: SRAM of 10 B at 10 B/s and DRAM at 1 B/s. Weights of 11 B end together with 10 and 1 B; KV
        cache of 5 B, which is read once for ten times, finds DRAM alone.

        >>> import numpy as np
        >>> one = np.array([1.0])
        >>> sram = Tier(capacity_bytes=10.0 * one, s_per_byte=0.1 * one)
        >>> dram = Tier(capacity_bytes=100.0 * one, s_per_byte=one)
        >>> weights = TierKind(held_bytes=11.0 * one, reads=one, busy_s=0.0 * one)
        >>> kv = TierKind(held_bytes=5.0 * one, reads=0.1 * one, busy_s=0.0 * one, written=True)
        >>> found = place_in_tiers([sram, dram], [weights, kv])
        >>> [[float(x[0]) for x in kind] for kind in found.held_bytes]
        [[10.0, 1.0], [0.0, 5.0]]
        >>> [float(t[0]) for t in found.stream_s], float(found.excess_bytes[0])
        ([1.0, 0.5], -94.0)
    """
    if not tiers or not kinds:
        raise ValueError("place_in_tiers: expected one memory and one kind at least")
    columns, excess = _columns(tiers, kinds)
    slowness = [_slowness(k, tiers) for k in kinds]
    slowest = [_slowest(row, tiers) for row in slowness]
    costs = [_cost(k, slow, i, len(kinds)) for i, (k, slow) in enumerate(zip(kinds, slowest, strict=True))]
    levels = _levels(tiers, kinds, columns, costs)
    # kinds that are written choose first, as they have less choice
    order = sorted(range(len(kinds)), key=lambda i: not kinds[i].written)
    allowed = [[not (k.written and t.read_only) for t in tiers] for k in kinds]
    laid = _lay(
        columns,
        [kinds[i].held_bytes for i in order],
        [levels[i] for i in order],
        [allowed[i] for i in order],
    )
    placed = [laid[order.index(i)] for i in range(len(kinds))]
    own = None
    if any(isinstance(k.slowness, Sequence) for k in kinds):
        own = [
            [c.bytes_per_s * (most * inverse(slow)) for c, slow in zip(columns, slows, strict=True)]
            for most, slows in zip(slowest, slowness, strict=True)
        ]
    placed = _fastest_first(columns, costs, levels, allowed, placed, own)
    seconds = [
        [x * t.s_per_byte * (k.reads * slow) for x, t, slow in zip(row, tiers, slows, strict=True)]
        for row, k, slows in zip(placed, kinds, slowness, strict=True)
    ]
    return TierPlacement(
        held_bytes=tuple(tuple(row) for row in placed),
        shares=tuple(
            tuple(x / where(k.held_bytes > 0.0, k.held_bytes, 1.0) for x in row)
            for row, k in zip(placed, kinds, strict=True)
        ),
        stream_s=tuple(_longest(row) for row in seconds),
        excess_bytes=excess,
    )


def _columns(tiers: Sequence[Tier], kinds: Sequence[TierKind]) -> tuple[list[Column], Array]:
    """Memories with room for all bytes, and what fits nowhere of them [B].

    What does not fit enlarges the last memory that a chip has and that may hold it.
    """
    held = sum((k.held_bytes for k in kinds[1:]), start=kinds[0].held_bytes)
    room = [where(t.s_per_byte > 0.0, t.capacity_bytes, 0.0) for t in tiers]
    excess = held - sum(room[1:], start=room[0])
    whole = room
    # no memory needs more room than for everything: sizes without limit become finite, others keep their axes
    room = [r if is_finite(r) else minimum(r, held) for r in room]
    written = [k.held_bytes for k in kinds if k.written]
    if written and any(t.read_only for t in tiers):
        writable = [i for i, t in enumerate(tiers) if not t.read_only]
        size = sum(written[1:], start=written[0])
        excess = maximum(excess, size - sum(whole[i] for i in writable))
        room = _enlarged(tiers, room, size - sum(room[i] for i in writable), writable)
    room = _enlarged(tiers, room, held - sum(room[1:], start=room[0]), range(len(tiers)))
    rates = [inverse(t.s_per_byte) for t in tiers]
    return [Column(capacity_bytes=r, bytes_per_s=w) for r, w in zip(room, rates, strict=True)], excess


def _enlarged(tiers: Sequence[Tier], room: list[Array], short: Array, chosen: Sequence[int]) -> list[Array]:
    """Room of memories, the last of some that a chip has larger by what is short [B]."""
    room, left = list(room), maximum(short, 0.0)
    for i in reversed(chosen):
        here = tiers[i].s_per_byte > 0.0
        if is_ones(where(here, 1.0, 0.0)):
            # every chip has it, so that none is left for those before it, which keep their axes
            room[i] = room[i] + left
            break
        more = where(here, left, 0.0)
        room[i] = room[i] + more
        left = left - more
    return room


def _cost(kind: TierKind, slowness: Array, index: int, count: int) -> StreamCost:
    """Cost of a kind's level; equal slopes of two kinds differ so that the first kind goes first."""
    top = kind.reads * slowness
    level = inverse(top)
    port = kind.port_s * level
    busy = maximum(kind.busy_s * level, port)
    first = top * (1.0 - ALIKE * index)
    if kind.exposed_share is None:
        return StreamCost(held_bytes=kind.held_bytes, free=busy, busy=busy, low=None, top=first)
    # where nothing is exposed, all that is busy is free
    return StreamCost(
        held_bytes=kind.held_bytes,
        free=where(kind.exposed_share > ALIKE, port, busy),
        busy=busy,
        low=top * kind.exposed_share * (1.0 - ALIKE * (count + index)),
        top=first,
    )


def _levels(
    tiers: Sequence[Tier], kinds: Sequence[TierKind], columns: Sequence[Column], costs: list[StreamCost]
) -> list[Array]:
    """Level of each kind [s]: of one written kind apart where memories do not hold it."""
    written = [i for i, k in enumerate(kinds) if k.written]
    if not written or not any(t.read_only for t in tiers):
        return shared_levels(columns, costs)
    if len(written) == len(kinds):
        return shared_levels([c for c, t in zip(columns, tiers, strict=True) if not t.read_only], costs)
    if len(written) > 1 or len(kinds) > 3:
        raise ValueError(
            "place_in_tiers: expected one written kind and two others at most next to read-only memories, "
            f"got {len(written)} and {len(kinds) - len(written)}"
        )
    at = written[0]
    level, others = split_levels(
        [c for c, t in zip(columns, tiers, strict=True) if not t.read_only],
        [c for c, t in zip(columns, tiers, strict=True) if t.read_only],
        costs[at],
        costs[:at] + costs[at + 1 :],
    )
    return [*others[:at], level, *others[at:]]


def _lay(
    columns: Sequence[Column],
    sizes: Sequence[Array],
    levels: Sequence[Array],
    allowed: Sequence[Sequence[bool]],
) -> list[list[Array]]:
    """Bytes of each kind in each memory within its level, at least those that it holds [B].

    Kinds that may lie everywhere come last.
    """
    own = [
        minimum(c.capacity_bytes, levels[0] * c.bytes_per_s) if may else 0.0
        for c, may in zip(columns, allowed[0], strict=True)
    ]
    if len(sizes) == 1:
        return [own]
    if len(sizes) == 2:
        taken = _mixed(columns, sizes[0], own, levels, allowed[0])
    else:
        taken = _from_above(columns, sizes[0], levels[0], allowed[0])
    left = [
        replace(c, capacity_bytes=maximum(c.capacity_bytes - x, 0.0))
        for c, x in zip(columns, taken, strict=True)
    ]
    return [taken, *_lay(left, sizes[1:], levels[1:], allowed[1:])]


def _mixed(
    columns: Sequence[Column],
    size: Array,
    first: Sequence[Array],
    levels: Sequence[Array],
    allowed: Sequence[bool],
) -> list[Array]:
    """Bytes of the first of two kinds: between what it takes before the other one, and after it [B]."""
    both = levels[0] + levels[1]
    last = [
        minimum(c.capacity_bytes, both * c.bytes_per_s) - minimum(c.capacity_bytes, levels[1] * c.bytes_per_s)
        if may
        else 0.0
        for c, may in zip(columns, allowed, strict=True)
    ]
    more = [a - b for a, b in zip(first, last, strict=True)]
    share = (size - sum(last)) * inverse(sum(more))
    share = minimum(maximum(share, 0.0), 1.0)
    return [b + share * m for b, m in zip(last, more, strict=True)]


def _from_above(columns: Sequence[Column], size: Array, level: Array, allowed: Sequence[bool]) -> list[Array]:
    """Bytes of one kind that leave all others, at any of their levels, as much as is possible [B].

    Memories are columns, as high as they take to read: the kind takes what is above one height, but no more
    of a column than its own level.
    """
    full = [
        c.capacity_bytes * inverse(c.bytes_per_s) if may else 0.0
        for c, may in zip(columns, allowed, strict=True)
    ]
    rates = [c.bytes_per_s if may else 0.0 for c, may in zip(columns, allowed, strict=True)]

    def above(height: Array) -> list[Array]:
        return [
            rate * minimum(maximum(end - height, 0.0), level) for rate, end in zip(rates, full, strict=True)
        ]

    # bytes fall with the height, and are linear between the ends of columns and a level below them
    low, high = 0.0 * level, _longest(full)
    for height in [h for end in full for h in (end, maximum(end - level, 0.0))]:
        enough = sum(above(height)) >= size
        low = maximum(low, where(enough, height, 0.0))
        high = minimum(high, where(enough, high, height))
    at_low, at_high = above(low), above(high)
    most, least = sum(at_low), sum(at_high)
    share = minimum(maximum((size - least) * inverse(most - least), 0.0), 1.0)
    return [b + share * (a - b) for a, b in zip(at_low, at_high, strict=True)]


def _fastest_first(
    columns: Sequence[Column],
    costs: Sequence[StreamCost],
    levels: Sequence[Array],
    allowed: Sequence[Sequence[bool]],
    placed: Sequence[list[Array]],
    own: Sequence[Sequence[Array]] | None,
) -> list[list[Array]]:
    """Each kind again, from the fastest memory on, within its level and what the others leave [B].

    Streams may take longer than the level where that costs nothing. Where a kind has rates of its `own`, its
    level is the least one in what the others leave.
    """
    placed = [list(row) for row in placed]
    for k, cost in enumerate(costs):
        others = [row for j, row in enumerate(placed) if j != k]
        room = [
            replace(
                c,
                capacity_bytes=maximum(c.capacity_bytes - sum(row[i] for row in others), 0.0) if may else 0.0,
                bytes_per_s=c.bytes_per_s if own is None else own[k][i],
            )
            for i, (c, may) in enumerate(zip(columns, allowed[k], strict=True))
        ]
        level = maximum(levels[k], cost.busy if cost.low is None else cost.free)
        if own is not None:
            (level,) = shared_levels(room, [cost])
        left = cost.held_bytes
        for i, c in enumerate(room):
            placed[k][i] = minimum(minimum(left, level * c.bytes_per_s), c.capacity_bytes)
            left = left - placed[k][i]
    return placed


def _slowness(kind: TierKind, tiers: Sequence[Tier]) -> Sequence[Array]:
    """Slowness of a kind in each memory [1]."""
    if not isinstance(kind.slowness, Sequence):
        return [kind.slowness] * len(tiers)
    if len(kind.slowness) != len(tiers):
        raise ValueError(
            f"place_in_tiers: slowness of a kind: expected one number or {len(tiers)}, one for each memory, "
            f"got {len(kind.slowness)}"
        )
    return kind.slowness


def _slowest(slowness: Sequence[Array], tiers: Sequence[Tier]) -> Array:
    """The largest slowness of a kind among the memories that a chip has [1]; 1 without any."""
    if all(s is slowness[0] for s in slowness):
        return slowness[0]
    here = [where(t.s_per_byte > 0.0, s, 0.0) for s, t in zip(slowness, tiers, strict=True)]
    most = _longest(here)
    return where(most > 0.0, most, 1.0)


def _longest(seconds: Sequence[Array]) -> Array:
    longest = seconds[0]
    for s in seconds[1:]:
        longest = maximum(longest, s)
    return longest

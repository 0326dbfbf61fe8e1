"""Where bytes are stored on chips with memories beyond SRAM and DRAM."""

from collections.abc import Sequence
from dataclasses import replace

from objectives.api import Chips
from objectives.arrays import Array, inverse, is_ones, maximum, minimum, where
from objectives.equations.chip.memory_paths import MemoryPath
from objectives.equations.chip.placement import (
    PinningValue,
    Placement,
    SecondsPerByte,
    place,
    room_excess,
)
from objectives.equations.chip.tier_times import Column, StreamCost, shared_levels
from objectives.equations.chip.tiers import Tier, TierKind, place_in_tiers
from objectives.memories import MEMORIES, READ_ONLY

KV = 1
"""Place of KV cache among the kinds of bytes."""


def place_in_memories(
    chips: Chips,
    per_byte: SecondsPerByte,
    kinds: tuple[PinningValue, ...],
    prompt_kv_bytes: Array,
    activation_bytes: Array,
    reserved_bytes: Array | None = None,
    reserved_in: str = "dram",
) -> Placement:
    """Place bytes in all memories of a chip; on chips of two memories as `placement.place`.

    Args:
        chips: chips, for the sizes of their memories.
        per_byte: seconds of a byte on each path [s/B].
        kinds: dense weights, KV cache and, of a mixture, routed experts.
        prompt_kv_bytes: KV cache of one prompt alone [B].
        activation_bytes: activations held at once [B].
        reserved_bytes: what is kept for later [B].
        reserved_in: memory that keeps it; what DRAM has no room for lies in others, from the slowest on.

    Returns:
        Shares by memory, and what fits nowhere.

    Domain:
        As `tiers.place_in_tiers`, and as `placement.place` for caches and activations. A chip has
        scratchpad SRAM or DRAM, through which its activations stream.

    Limits:
        Bit for bit that of `placement.place` where all further memories are of size 0. The excess falls byte
        for byte with capacity.

    Source:
        As `tiers.place_in_tiers`.

    Examples:
        By hand, in tests/properties/test_further_memories.py.
    """
    if not per_byte.further:
        return place(chips, per_byte, kinds, prompt_kv_bytes, activation_bytes, reserved_bytes)
    sizes = _sizes(chips, per_byte.further)
    more = sum(sizes[p.name] for p in per_byte.further)
    some = more > 0.0
    # what is kept in a memory that no step writes takes no room of what steps write
    written = None if reserved_in in READ_ONLY else reserved_bytes
    two = None
    # what every chip has, or none, is known unless the function is being compiled
    if not is_ones(where(some, 1.0, 0.0)):
        two = place(chips, per_byte, kinds, prompt_kv_bytes, activation_bytes, reserved_bytes)
        if is_ones(where(some, 0.0, 1.0)):
            nothing = _without_bytes(two, per_byte, sizes, kinds, activation_bytes, written)
            return replace(nothing, reserved_excess=_reserved_excess(sizes, reserved_bytes, reserved_in))
    excess = room_excess(chips, kinds, activation_bytes, reserved_bytes) - more
    tiers = _tiers(chips, per_byte, _without(sizes, reserved_bytes, reserved_in))
    slowness = [_slowness(tiers, per_byte, k, i) for i, k in enumerate(kinds)]
    held = [_tier_kind(k, slow, i) for i, (k, slow) in enumerate(zip(kinds, slowness, strict=True))]
    found = place_in_tiers(list(tiers.values()), held)
    alone = _alone(tiers, found.held_bytes, prompt_kv_bytes, slowness[KV])
    own = {name: tuple(row[i] for row in found.shares) for i, name in enumerate(tiers)}
    names = [p.name for p in per_byte.further]
    in_sram, prompt_in_sram = own["sram"], alone["sram"]
    further, prompt_further = [own[n] for n in names], [alone[n] for n in names]
    if two is not None:
        in_sram = tuple(where(some, a, b) for a, b in zip(in_sram, two.shares, strict=True))
        prompt_in_sram = where(some, prompt_in_sram, two.prompt_kv_share)
        further = [tuple(where(some, x, 0.0) for x in row) for row in further]
        prompt_further = [where(some, x, 0.0) for x in prompt_further]
    return Placement(
        shares=in_sram,
        prompt_kv_share=prompt_in_sram,
        excess_bytes=excess,
        further=tuple(further),
        prompt_kv_further=tuple(prompt_further),
        writable_excess=_writable_excess(sizes, kinds, activation_bytes, written),
        reserved_excess=_reserved_excess(sizes, reserved_bytes, reserved_in),
    )


def _without_bytes(
    two: Placement,
    per_byte: SecondsPerByte,
    sizes: dict[str, Array],
    kinds: tuple[PinningValue, ...],
    activations: Array,
    reserved: Array | None,
) -> Placement:
    """The placement in two memories, for chips whose further ones hold nothing."""
    nothing = tuple(sizes[p.name] * 0.0 for p in per_byte.further)
    return replace(
        two,
        further=tuple((x,) * len(kinds) for x in nothing),
        prompt_kv_further=nothing,
        writable_excess=_writable_excess(sizes, kinds, activations, reserved),
    )


def _sizes(chips: Chips, paths: Sequence[MemoryPath]) -> dict[str, Array]:
    """Bytes of each memory that software can use [B]: nothing in a cache, or where nothing is brought."""
    found = {
        "sram": chips.sram.bytes * (chips.sram.usable * chips.stack.usable_capacity * chips.sram.pinned),
        "dram": chips.dram.bytes * chips.stack.usable_capacity,
    }
    for path in paths:
        size = chips.memory(path.name).bytes * chips.stack.usable_capacity
        found[path.name] = where(path.weights > 0.0, size, 0.0)
    return {name: found[name] for name in MEMORIES if name in found}


def _reserved_excess(sizes: dict[str, Array], reserved: Array | None, place: str) -> Array | None:
    """What is kept for later beyond the room of its memory [B]; None where others help out."""
    return None if reserved is None or place == "dram" else reserved - sizes[place]


def _without(sizes: dict[str, Array], reserved: Array | None, place: str) -> dict[str, Array]:
    """What is left of memories when some is kept for later [B].

    The memory of a name gives all that it has and no other does; of DRAM it is the first, then the slowest.
    """
    if reserved is None:
        return sizes
    if place != "dram":
        return {**sizes, place: maximum(sizes[place] - reserved, 0.0)}
    left, out = reserved, dict(sizes)
    for name in ["dram", *(n for n in reversed(sizes) if n != "dram" and n not in READ_ONLY)]:
        taken = minimum(left, sizes[name])
        out[name], left = sizes[name] - taken, left - taken
    return out


def _tiers(chips: Chips, per_byte: SecondsPerByte, sizes: dict[str, Array]) -> dict[str, Tier]:
    """Memories in their order, each at the speed of weights."""
    pinned = chips.sram.pinned * chips.sram.bytes > 0.0
    seconds = {
        "sram": where(pinned, per_byte.sram, 0.0),
        "dram": where(chips.dram.bytes > 0.0, per_byte.dram, 0.0),
        **{p.name: p.weights for p in per_byte.further},
    }
    return {
        name: Tier(capacity_bytes=size, s_per_byte=seconds[name], read_only=name in READ_ONLY)
        for name, size in sizes.items()
    }


def _slowness(
    tiers: dict[str, Tier], per_byte: SecondsPerByte, kind: PinningValue, at: int
) -> list[Array] | float:
    """Seconds of a byte of a kind over those of weights, by memory or of all [1]."""
    paths = {p.name: p for p in per_byte.further}
    found = []
    for name, tier in tiers.items():
        if name in paths:
            ratio = paths[name].of(at) * inverse(tier.s_per_byte)
        elif name == "dram":
            ratio = kind.dram_s_per_byte * inverse(tier.s_per_byte)
        else:
            ratio = 1.0
        # a memory that is absent slows nothing
        found.append(ratio if name == "sram" else where(ratio > 0.0, ratio, 1.0))
    # one number for all where that is known: levels are exact then
    return 1.0 if all(is_ones(ratio) for ratio in found) else found


def _tier_kind(kind: PinningValue, slowness: list[Array] | float, at: int) -> TierKind:
    """A kind of bytes with the seconds in which units are busy with it."""
    moved = kind.held_bytes * kind.reads
    return TierKind(
        held_bytes=kind.held_bytes,
        reads=kind.reads,
        busy_s=kind.busy_s_per_byte * moved,
        slowness=slowness,
        port_s=kind.port_s_per_byte * moved,
        exposed_share=kind.exposed_share,
        written=at == KV,
    )


def _alone(
    tiers: dict[str, Tier],
    held: Sequence[Sequence[Array]],
    size: Array,
    slowness: list[Array] | float,
) -> dict[str, Array]:
    """Shares of the KV cache of one prompt alone, which finds what the other kinds leave [1]."""
    others = [row for i, row in enumerate(held) if i != KV]
    slower = slowness if isinstance(slowness, list) else [slowness] * len(tiers)
    columns, short = [], size
    for i, tier in enumerate(tiers.values()):
        room = maximum(tier.capacity_bytes - sum(row[i] for row in others), 0.0)
        room = where((tier.s_per_byte > 0.0) & (not tier.read_only), room, 0.0)
        columns.append(Column(capacity_bytes=room, bytes_per_s=inverse(tier.s_per_byte * slower[i])))
        short = short - room
    # what fits nowhere is in the last memory that may hold it
    short = maximum(short, 0.0)
    for i, tier in reversed(list(enumerate(tiers.values()))):
        if not tier.read_only:
            more = where(tier.s_per_byte > 0.0, short, 0.0)
            columns[i] = replace(columns[i], capacity_bytes=columns[i].capacity_bytes + more)
            short = short - more
    (level,) = shared_levels(columns, [StreamCost(held_bytes=size, free=0.0, busy=0.0, low=None, top=1.0)])
    whole, left, found = where(size > 0.0, size, 1.0), size, {}
    for name, column in zip(tiers, columns, strict=True):
        own = minimum(minimum(left, level * column.bytes_per_s), column.capacity_bytes)
        left = left - own
        found[name] = own / whole
    return found


def _writable_excess(
    sizes: dict[str, Array], kinds: tuple[PinningValue, ...], activations: Array, reserved: Array | None
) -> Array | None:
    """What steps write and no memory that can be written holds [B]; None where all memories can be."""
    if not READ_ONLY & sizes.keys():
        return None
    room = sum(size for name, size in sizes.items() if name not in READ_ONLY)
    excess = kinds[KV].held_bytes + activations - room
    return excess if reserved is None else excess + reserved

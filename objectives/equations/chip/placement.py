"""Where bytes are stored: SRAM that software pins, device DRAM, or nowhere (and by how many bytes)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

from objectives.api import Chips
from objectives.arrays import Array, inverse, maximum, minimum, where
from objectives.equations.chip.memory_paths import MemoryPath, memory_paths
from objectives.equations.chip.memory_streams import in_dram

ALIKE = 1e-9
"""Gains that differ by a smaller share are equal, and the first kind goes first; a smaller exposed share is
none. Rounding, which differs between backends, decides nothing."""


@dataclass(frozen=True, kw_only=True)
class SecondsPerByte:
    """Seconds that one byte costs on each path of a chip [s/B]; 0 where the path is absent or free."""

    load: Array
    """Entering the matrix units as a stationary weight, wherever it comes from."""
    sram: Array
    dram: Array
    """From DRAM, as weights are read."""
    kv_dram: Array
    """From DRAM, as KV cache is read."""
    activation_sram: Array
    activation_dram: Array
    further: tuple[MemoryPath, ...] = ()
    """From memories beyond these two."""


@dataclass(frozen=True, kw_only=True)
class PinningValue:
    """One kind of bytes that a chip must hold, and what a pass of decode gains by pinning it in SRAM."""

    held_bytes: Array
    """Bytes held [B]."""
    reads: Array
    """Bytes that a pass moves, all stages together, over bytes held [1]."""
    dram_s_per_byte: Array
    """Seconds of a byte from DRAM [s/B]."""
    busy_s_per_byte: Array
    """Seconds for each byte moved in which units or their ports are busy anyway [s/B]."""
    port_s_per_byte: Array
    """Those of the ports alone [s/B]: behind them nothing is exposed."""
    activation_s_per_byte: Array
    """Seconds of activations in SRAM for each byte moved [s/B]."""
    exposed_share: Array | None = None
    """Share of the shorter of compute and streams that does not hide [1]; None for none."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Shares in SRAM and in memories beyond SRAM and DRAM, in [0, 1]; the rest is in DRAM."""

    shares: tuple[Array, ...]
    """Of each kind of bytes, in the order in which they were given [1]."""
    prompt_kv_share: Array
    """As that of KV cache, for the KV cache of one prompt alone [1]."""
    excess_bytes: Array
    """What fits nowhere [B]; feasible where <= 0."""
    further: tuple[tuple[Array, ...], ...] = ()
    """Shares in each further memory (outer) of each kind of bytes (inner) [1]."""
    prompt_kv_further: tuple[Array, ...] = ()
    """As `prompt_kv_share`, in each further memory [1]."""
    writable_excess: Array | None = None
    """What steps write and no memory that can be written holds [B]; None where all memories can be."""
    reserved_excess: Array | None = None
    """What is kept for later in one memory beyond its room [B]; None where it may lie in several."""

    def lacking(self, excess_bytes: Array | None = None) -> Array:
        """Room that is missing [B], with other bytes that fit nowhere where given; feasible where <= 0."""
        excess = self.excess_bytes if excess_bytes is None else excess_bytes
        return excess if self.reserved_excess is None else maximum(excess, self.reserved_excess)

    def fuller(self, held: Array, written: Array | None) -> "Placement":
        """The same shares of so many bytes more that fit nowhere, some of which steps write [B]."""
        more = replace(self, excess_bytes=self.excess_bytes + held)
        if self.writable_excess is None or written is None:
            return more
        return replace(more, writable_excess=self.writable_excess + written)

    def elsewhere(self, kind: int) -> tuple[Array, ...]:
        """Shares of a kind in each further memory [1]."""
        return tuple(row[kind] for row in self.further)

    @property
    def weight_share(self) -> Array:
        """Share of dense weights in SRAM [1]."""
        return self.shares[0]

    @cached_property
    def weight_dram_share(self) -> Array:
        """Share of dense weights in DRAM [1]."""
        return in_dram(self.weight_share, self.elsewhere(0))

    @property
    def kv_share(self) -> Array:
        """Share of KV cache and states in SRAM [1]."""
        return self.shares[1]

    @property
    def expert_share(self) -> Array:
        """Share of routed experts in SRAM [1]."""
        return self.shares[2]

    @property
    def expert_dram_share(self) -> Array:
        """Share of routed experts in DRAM [1]."""
        return in_dram(self.expert_share, self.elsewhere(2))


def seconds_per_byte(chips: Chips) -> SecondsPerByte:
    """Seconds per byte of every path of a chip [s/B].

    1 / (bandwidth x efficiency). Stationary weights enter the matrix units at `weight_load_bandwidth` at
    most, of which the sustained share is that of the SRAM that feeds them. Activations stream through SRAM
    where its speed is known, else through DRAM.

    Args:
        chips: chips, for bandwidths and efficiencies.

    Returns:
        Seconds of a byte, shapes of the chip columns [s/B].

    Domain:
        Long streams, no latency.

    Limits:
        0 where a path is absent.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: a byte of weights at 90 % of the 3.35 TB/s of an H100 takes 0.33 ps.

        >>> from objectives.chips import chips_with
        >>> h100 = chips_with(sram_bandwidth=0.0, sram_efficiency=1.0, dram_bandwidth=3.35e12,
        ...                   dram_efficiency=0.9, kv_efficiency=0.8, weight_load_bandwidth=0.0)
        >>> h100.further = ()
        >>> round(seconds_per_byte(h100).dram * 1e12, 2)
        0.33
    """
    sram = inverse(chips.sram.bandwidth * chips.stack.sram_efficiency)
    dram = inverse(chips.dram.bandwidth * chips.stack.dram_efficiency)
    return SecondsPerByte(
        # a bandwidth of 0 is no limit, and `inverse` gives 0 seconds for it
        load=inverse(chips.compute.weight_load_bandwidth * chips.stack.sram_efficiency),
        sram=sram,
        dram=dram,
        kv_dram=inverse(chips.dram.bandwidth * chips.stack.kv_efficiency),
        activation_sram=sram,
        activation_dram=where(chips.sram.bandwidth > 0.0, 0.0, dram),
        further=memory_paths(chips),
    )


def place(
    chips: Chips,
    per_byte: SecondsPerByte,
    kinds: tuple[PinningValue, ...],
    prompt_kv_bytes: Array,
    activation_bytes: Array,
    reserved_bytes: Array | None = None,
) -> Placement:
    """Pin in scratchpad SRAM what gains most by it; what is left goes to DRAM.

    SRAM and DRAM stream at once, so of a kind no more is wanted in SRAM than makes both end together, a share
    of (d - a) / (s + d), where s and d are the seconds of a byte on each and a those of activations in SRAM,
    and no more than leaves DRAM the seconds that hide behind arithmetic, 1 - busy / d. A pinned byte saves
    d x `reads` in a pass; where kernels leave a share e of the shorter of compute and streams exposed, it
    saves e d x `reads` beyond that. The largest saving comes first. Room that is left takes more as long as
    that costs no time, and whatever DRAM cannot hold, first what slows a pass least: a byte more costs its
    reads from SRAM, and only the exposed share of them while units are busy for longer. Seconds of a kind are
    convex in its share, so serving the best first is the optimum of the linear program of kinds that share
    one SRAM.

    Args:
        chips: chips, for the sizes of SRAM and DRAM.
        per_byte: seconds of a byte on each path [s/B].
        kinds: dense weights, KV cache and, of a mixture, routed experts; bytes that one chip must hold,
            broadcasting against the chip columns.
        prompt_kv_bytes: KV cache of one prompt alone [B].
        activation_bytes: activations held at once [B].
        reserved_bytes: what is kept for later, in DRAM, or in SRAM where there is none [B].

    Returns:
        Shares in SRAM and what fits nowhere.

    Domain:
        A cache (GPU L2) keeps nothing from one decode step to the next, so its share is 0. A chip without
        DRAM reads everything at SRAM speed; what does not fit is an excess, and infeasible. Activations take
        room too and count in the excess, but do not push weights out of SRAM: on a hybrid chip the share is
        too high by activations / SRAM, under 3 % for a decode of 128 rows on 230 MB.

    Limits:
        The excess falls byte for byte with capacity; more or faster SRAM and faster DRAM never slow a step.

    Source:
        Greedy optimum of the fractional knapsack, Dantzig, Operations Research 5 (1957).

    Examples:
        By hand: half of 100 B of weights on SRAM and DRAM of one speed, so that both end together.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> one, zero = np.array([1.0]), np.array([0.0])
        >>> chip = chips_with(sram_bytes=100 * one, sram_usable=one, usable_capacity=one,
        ...                        sram_pinned=one, dram_bytes=1e3 * one)
        >>> paths = SecondsPerByte(load=zero, sram=one, dram=one, kv_dram=one, activation_sram=one,
        ...                        activation_dram=zero)
        >>> def kind(held_bytes):
        ...     return PinningValue(held_bytes=held_bytes * one, reads=one, dram_s_per_byte=one,
        ...                         busy_s_per_byte=zero, port_s_per_byte=zero, activation_s_per_byte=zero)
        >>> found = place(chip, paths, (kind(100.0), kind(0.0)), zero, zero)
        >>> float(found.weight_share[0]), float(found.excess_bytes[0])
        (0.5, -1000.0)
    """
    sram = chips.sram.bytes * (chips.sram.usable * chips.stack.usable_capacity * chips.sram.pinned)
    dram = chips.dram.bytes * chips.stack.usable_capacity
    has_dram = chips.dram.bytes > 0.0
    # the reserve leaves the tier in which it will be stored: what is pinned now cannot take its room
    if reserved_bytes is not None:
        sram = maximum(sram - where(has_dram, 0.0, reserved_bytes), 0.0)
        dram = maximum(dram - where(has_dram, reserved_bytes, 0.0), 0.0)
    # a chip without DRAM has all the room there is: what does not fit is the excess
    room = where(has_dram, sram, math.inf)
    # first pass: of each kind no more than makes SRAM and DRAM end together, the largest gain first
    evens = [_balanced_share(has_dram, per_byte.sram, k) for k in kinds]
    pinned = _wanted(room, kinds, evens)
    spare = room - _sum(pinned)
    # second pass: room that is left takes what costs no time there, in the order of the kinds
    for i, (k, even) in enumerate(zip(kinds, evens, strict=True)):
        most = pinned[i] + spare
        free = k.held_bytes * maximum(even, _hidden_share(k, per_byte.sram))  # what costs no time
        pinned[i] = minimum(maximum(free, pinned[i]), most)
        spare = most - pinned[i]
    # third pass: what DRAM cannot hold, as far as SRAM has room; more than that is in the excess above
    left = [k.held_bytes - p for k, p in zip(kinds, pinned, strict=True)]
    # below 0 where DRAM holds the rest: then nothing more is taken
    overflow = minimum(_sum(left) - dram, spare)
    least = _least_slowed(overflow, per_byte.sram, kinds, pinned)
    pinned = [p + more for p, more in zip(pinned, least, strict=True)]
    kv = 1
    others = [i for i in range(len(kinds)) if i != kv]
    # the KV cache of one prompt alone replaces that of the batch: it finds what the other kinds leave
    spare = maximum(room - _sum([pinned[i] for i in others]), 0.0)
    in_dram = maximum(dram - _sum([left[i] - least[i] for i in others]), 0.0)
    # what ends together with DRAM, or more where DRAM has no room for the rest
    alone = minimum(maximum(prompt_kv_bytes * evens[kv], prompt_kv_bytes - in_dram), spare)
    return Placement(
        shares=tuple(_share(p, k.held_bytes) for p, k in zip(pinned, kinds, strict=True)),
        prompt_kv_share=_share(alone, prompt_kv_bytes),
        excess_bytes=room_excess(chips, kinds, activation_bytes, reserved_bytes),
    )


def room_excess(
    chips: Chips, kinds: tuple[PinningValue, ...], activation_bytes: Array, reserved_bytes: Array | None
) -> Array:
    """What SRAM and DRAM together do not hold [B].

    All bytes against all room, whatever is stored where.

    Args:
        chips: chips, for the sizes of SRAM and DRAM.
        kinds: kinds of bytes.
        activation_bytes: activations held at once [B].
        reserved_bytes: what is kept for later [B].

    Returns:
        Bytes, below 0 where there is room left [B].

    Domain:
        A cache is no room.

    Limits:
        Falls byte for byte with capacity.

    Source:
        A sum.

    Examples:
        By hand, in tests/equations/chip/test_placement.py.
    """
    sram = chips.sram.bytes * (chips.sram.usable * chips.stack.usable_capacity * chips.sram.pinned)
    dram = chips.dram.bytes * chips.stack.usable_capacity
    excess = _sum([k.held_bytes for k in kinds]) + activation_bytes - (sram + dram)
    return excess if reserved_bytes is None else excess + reserved_bytes


def _wanted(room: Array, kinds: tuple[PinningValue, ...], evens: list[Array]) -> list[Array]:
    """Bytes of each kind that save time in SRAM, as far as there is room [B]."""
    wishes: list[tuple[Array, Array]] = []
    owners: list[int] = []
    for i, (k, even) in enumerate(zip(kinds, evens, strict=True)):
        # convex in two pieces: up to `full` a byte saves all of its seconds, beyond it the exposed part
        full = minimum(even, _exposed_share(k.busy_s_per_byte, k.dram_s_per_byte))
        gain = k.dram_s_per_byte * k.reads
        wishes.append((gain, k.held_bytes * full))
        owners.append(i)
        if k.exposed_share is not None:  # ports are busy for a part of the time that units are: no less
            some = minimum(even, _exposed_share(k.port_s_per_byte, k.dram_s_per_byte))
            wishes.append((k.exposed_share * gain, k.held_bytes * (some - full)))
            owners.append(i)
    taken = _largest_first(room, wishes, owners)
    return [_sum([x for x, k in zip(taken, owners, strict=True) if k == i]) for i in range(len(kinds))]


def _largest_first(room: Array, wishes: list[tuple[Array, Array]], owners: list[int]) -> list[Array]:
    """Bytes that each of some (gain, bytes) gets of `room` when the largest gain is served first [B].

    Wishes of one owner come in the order of their gains, the largest first.
    """
    # pairs are compared instead of sorted: the order of gains differs between elements of the batch
    left = [room for _ in wishes]
    for j, (late, later) in enumerate(wishes):
        least = late - ALIKE * abs(late)
        for i, (gain, size) in enumerate(wishes[:j]):
            # the earlier piece of one owner always goes first, as its cost is convex
            if owners[i] == owners[j]:
                left[j] = left[j] - size
                continue
            first = gain >= least
            left[j] = left[j] - where(first, size, 0.0)
            left[i] = left[i] - where(first, 0.0, later)
    return [minimum(size, maximum(rest, 0.0)) for rest, (_, size) in zip(left, wishes, strict=True)]


def _least_slowed(
    overflow: Array, sram: Array, kinds: tuple[PinningValue, ...], pinned: list[Array]
) -> list[Array]:
    """Bytes of each kind beyond `pinned` that SRAM takes because DRAM cannot, `overflow` in all [B].

    What is pinned already keeps SRAM the slower tier of each kind. A byte more costs e x reads while streams
    end before the arithmetic that they hide behind, and its reads after that.
    """
    # gains are negative here, seconds lost for each byte, so that the largest gain slows a pass least
    wishes = []
    for k, own in zip(kinds, pinned, strict=True):
        until = minimum((k.busy_s_per_byte - k.activation_s_per_byte) * inverse(sram), 1.0)
        behind = maximum(k.held_bytes * until - own, 0.0)
        exposed = 0.0 if k.exposed_share is None else k.exposed_share
        wishes += [(-exposed * k.reads, behind), (-1.0 * k.reads, k.held_bytes - own - behind)]
    taken = _largest_first(overflow, wishes, [i for i in range(len(kinds)) for _ in range(2)])
    return [taken[2 * i] + taken[2 * i + 1] for i in range(len(kinds))]


def _sum(terms: Sequence[Array]) -> Array:
    return reduce(add, terms)


def _share(part: Array, whole: Array) -> Array:
    """Share of a part in the whole [1], at most 1; 0 of nothing."""
    return minimum(part / where(whole > 0.0, whole, 1.0), 1.0)


def _exposed_share(hidden: Array, dram: Array) -> Array:
    """Share that DRAM cannot bring while units are busy anyway [1]: 1 - hidden / d; 1 without DRAM."""
    return maximum(1.0 - hidden * inverse(dram), 0.0)


def _hidden_share(k: PinningValue, sram: Array) -> Array:
    """Share that SRAM brings next to activations while units are busy anyway and nothing is exposed [1].

    Below 0 where activations take longer than that.
    """
    hidden = k.busy_s_per_byte
    if k.exposed_share is not None:
        # where the shorter of two shows, only the time of the port is free
        hidden = where(k.exposed_share > ALIKE, k.port_s_per_byte, hidden)
    return minimum((hidden - k.activation_s_per_byte) * inverse(sram), 1.0)


def _balanced_share(has_dram: Array, sram: Array, k: PinningValue) -> Array:
    """Share at which two tiers that stream at once end together [1].

    All in SRAM where both are free, or where there is no DRAM.
    """
    both = sram + k.dram_s_per_byte
    shared = has_dram & (both > 0.0)
    # `where` evaluates both branches, so divisors are made safe before
    both = where(shared, both, 1.0)
    alone = where(shared, k.dram_s_per_byte / both, 1.0)
    return maximum(alone - k.activation_s_per_byte * where(shared, 1.0 / both, 0.0), 0.0)

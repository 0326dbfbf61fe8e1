"""Where bytes live: SRAM that software pins, device DRAM, or nowhere (and by how many bytes)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

from objectives.api import Chips
from objectives.arrays import Array, namespace

ALIKE = 1e-9
"""Gains that differ by a smaller share are equal, and the first kind goes first; a smaller exposed share is
none. Rounding, which differs between backends, decides nothing."""


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Seconds that one byte costs on each tier of a chip [s/B]; 0 where the tier is absent or free."""

    load: Array
    """Entering the matrix units as a stationary weight, wherever it comes from."""
    sram: Array
    dram: Array
    kv_dram: Array
    activation_sram: Array
    activation_dram: Array


@dataclass(frozen=True, kw_only=True)
class Demand:
    """One kind of bytes that a chip must hold, and what a pass of decode does with them."""

    size: Array
    """Bytes held [B]."""
    reads: Array
    """Bytes that a pass moves, all stages together, over bytes held [1]; the gain of lying in SRAM."""
    dram: Array
    """Seconds of a byte from DRAM [s/B]."""
    busy: Array
    """Seconds for each byte moved in which units or their ports are busy anyway [s/B]."""
    port: Array
    """Those of the ports alone [s/B]: behind them nothing is exposed."""
    beside: Array
    """Seconds of activations in SRAM for each byte moved [s/B]."""
    exposed: Array | None = None
    """Share of the shorter of compute and streams that does not hide [1]; None for none."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Shares in SRAM, in [0, 1]; the rest is in DRAM. `excess` is what fits nowhere [B]."""

    shares: tuple[Array, ...]
    """Of each kind of bytes, in the order of the demands."""
    prompt_kv_share: Array
    """As that of KV cache, for the KV cache of one prompt alone."""
    excess: Array

    @property
    def weight_share(self) -> Array:
        """Of dense weights."""
        return self.shares[0]

    @cached_property
    def weight_rest(self) -> Array:
        """Share of dense weights in DRAM."""
        return 1.0 - self.weight_share

    @property
    def kv_share(self) -> Array:
        """Of KV cache and states."""
        return self.shares[1]

    @property
    def expert_share(self) -> Array:
        """Of routed experts."""
        return self.shares[2]


def inverse(rate: Array) -> Array:
    """1 / rate, and 0 where the rate is 0, which stands for an absent tier."""
    xp = namespace(rate)
    absent = rate == 0.0
    return xp.where(absent, 0.0, 1.0 / xp.where(absent, 1.0, rate))


def tiers(chips: Chips) -> Tiers:
    """Seconds per byte of every tier, shapes of the chip columns.

    Stationary weights enter the matrix units at `weight_load_bandwidth` at most, of which the sustained share
    is that of the SRAM that feeds them. Activations stream through SRAM where its speed is known, else
    through DRAM.
    """
    xp = namespace(chips.sram_bandwidth)
    sram = inverse(chips.sram_bandwidth * chips.sram_efficiency)
    dram = inverse(chips.dram_bandwidth * chips.dram_efficiency)
    known = chips.sram_bandwidth > 0.0
    return Tiers(
        load=inverse(chips.weight_load_bandwidth * chips.sram_efficiency),
        sram=sram,
        dram=dram,
        kv_dram=inverse(chips.dram_bandwidth * chips.kv_efficiency),
        activation_sram=sram,
        activation_dram=xp.where(known, 0.0, dram),
    )


def place(
    chips: Chips, t: Tiers, demands: tuple[Demand, ...], prompt_kv: Array, activations: Array,
    aside: Array | None = None,
) -> Placement:  # fmt: skip
    """Pin in scratchpad SRAM what gains most by it; what is left goes to DRAM.

    Parameters: demands of dense weights, KV cache and, of a mixture, routed experts, and bytes that one chip
    must hold [B], broadcasting against the chip columns; `prompt_kv` is the KV cache of one prompt alone,
    `aside` what is kept for later: in DRAM, or in SRAM where there is none.

    SRAM and DRAM stream at once, so of a kind no more is wanted in SRAM than makes both end together, a share
    of (d - a) / (s + d), where s and d are the seconds of a byte on each and a those of activations in SRAM,
    and no more than leaves DRAM the seconds that hide behind arithmetic, 1 - busy / d. A pinned byte saves
    d x `reads` in a pass; where kernels leave a share e of the shorter of compute and streams exposed, it
    saves e d x `reads` beyond that. The largest saving comes first. Room that is left takes more as long as
    that costs no time, and whatever DRAM cannot hold, first what slows a pass least: a byte more costs its
    reads from SRAM, and only the exposed share of them while units are busy for longer. Seconds of a kind are
    convex in its share, so serving the best first is the optimum of the linear program of kinds that share
    one SRAM.

    A cache (GPU L2) keeps nothing from one decode step to the next, so its share is 0. A chip without DRAM
    reads everything at SRAM speed; what does not fit is `excess` > 0, and infeasible. Activations take room
    too and count in `excess`, but do not push weights out of SRAM: on a hybrid chip the share is too high by
    activations / SRAM, under 3 % for a decode of 128 rows on 230 MB.

    Limits: excess falls byte for byte with capacity; more or faster SRAM and faster DRAM never slow a step.
    """
    sizes = [d.size for d in demands]
    xp = namespace(*sizes, chips.sram_bytes)
    sram = chips.sram_bytes * (chips.sram_usable * chips.usable_capacity * chips.sram_pinned)
    dram = chips.dram_bytes * chips.usable_capacity
    has_dram = chips.dram_bytes > 0.0
    excess = _sum(sizes) + activations - (sram + dram)
    if aside is not None:
        excess = excess + aside
        sram = xp.maximum(sram - xp.where(has_dram, 0.0, aside), 0.0)
        dram = xp.maximum(dram - xp.where(has_dram, aside, 0.0), 0.0)
    # a chip without DRAM has all the room there is: what does not fit is `excess`
    room = xp.where(has_dram, sram, math.inf)
    evens = [_balanced(has_dram, t.sram, d.dram, d.beside) for d in demands]
    pinned = _wanted(room, demands, evens)
    spare = room - _sum(pinned)
    for i, (d, even) in enumerate(zip(demands, evens, strict=True)):
        most = pinned[i] + spare
        pinned[i] = xp.minimum(xp.maximum(d.size * xp.maximum(even, _hides(d, t.sram)), pinned[i]), most)
        spare = most - pinned[i]
    left = [size - p for size, p in zip(sizes, pinned, strict=True)]
    drawn = xp.minimum(_sum(left) - dram, spare)
    least = _least_slowed(drawn, t.sram, demands, pinned)
    pinned = [p + more for p, more in zip(pinned, least, strict=True)]
    kv = 1
    others = [i for i in range(len(demands)) if i != kv]
    spare = xp.maximum(room - _sum([pinned[i] for i in others]), 0.0)
    beside = xp.maximum(dram - _sum([left[i] - least[i] for i in others]), 0.0)
    alone = xp.minimum(xp.maximum(prompt_kv * evens[kv], prompt_kv - beside), spare)
    return Placement(
        shares=tuple(_share(p, d.size) for p, d in zip(pinned, demands, strict=True)),
        prompt_kv_share=_share(alone, prompt_kv),
        excess=excess,
    )


def _wanted(room: Array, demands: tuple[Demand, ...], evens: list[Array]) -> list[Array]:
    """Bytes of each kind that save time in SRAM, as far as there is room [B]."""
    xp = namespace(room)
    wishes: list[tuple[Array, Array]] = []
    kinds: list[int] = []
    for i, (d, even) in enumerate(zip(demands, evens, strict=True)):
        full, gain = xp.minimum(even, _exposed(d.busy, d.dram)), d.dram * d.reads
        wishes.append((gain, d.size * full))
        kinds.append(i)
        if d.exposed is not None:  # ports are busy for a part of the time that units are, so this is no less
            some = xp.minimum(even, _exposed(d.port, d.dram))
            wishes.append((d.exposed * gain, d.size * (some - full)))
            kinds.append(i)
    taken = _largest_first(room, wishes, kinds)
    return [_sum([x for x, k in zip(taken, kinds, strict=True) if k == i]) for i in range(len(demands))]


def _largest_first(room: Array, wishes: list[tuple[Array, Array]], kinds: list[int]) -> list[Array]:
    """Bytes that each of some (gain, bytes) gets of `room` when the largest gain is served first [B].

    Wishes of one of `kinds` come in the order of their gains, the largest first.
    """
    xp = namespace(room, *(size for _, size in wishes))
    left = [room for _ in wishes]
    for j, (late, later) in enumerate(wishes):
        least = late - ALIKE * abs(late)
        for i, (gain, size) in enumerate(wishes[:j]):
            if kinds[i] == kinds[j]:
                left[j] = left[j] - size
                continue
            first = gain >= least
            left[j] = left[j] - xp.where(first, size, 0.0)
            left[i] = left[i] - xp.where(first, 0.0, later)
    return [xp.minimum(size, xp.maximum(rest, 0.0)) for rest, (_, size) in zip(left, wishes, strict=True)]


def _least_slowed(drawn: Array, sram: Array, demands: tuple[Demand, ...], pinned: list[Array]) -> list[Array]:
    """Bytes of each kind beyond `pinned` that SRAM takes because DRAM cannot, `drawn` in all [B].

    What is pinned already keeps SRAM the slower tier of each kind. A byte more costs e x reads while streams
    end before the arithmetic that they hide behind, and its reads after that.
    """
    xp = namespace(drawn)
    wishes = []
    for d, own in zip(demands, pinned, strict=True):
        until = xp.minimum((d.busy - d.beside) * inverse(sram), 1.0)
        behind = xp.maximum(d.size * until - own, 0.0)
        exposed = 0.0 if d.exposed is None else d.exposed
        wishes += [(-exposed * d.reads, behind), (-1.0 * d.reads, d.size - own - behind)]
    taken = _largest_first(drawn, wishes, [i for i in range(len(demands)) for _ in range(2)])
    return [taken[2 * i] + taken[2 * i + 1] for i in range(len(demands))]


def _sum(terms: Sequence[Array]) -> Array:
    return reduce(add, terms)


def _share(part: Array, whole: Array) -> Array:
    """Share of a part in the whole [1], at most 1; 0 of nothing."""
    xp = namespace(part, whole)
    return xp.minimum(part / xp.where(whole > 0.0, whole, 1.0), 1.0)


def _exposed(hidden: Array, dram: Array) -> Array:
    """Share that DRAM cannot bring while units are busy anyway [1]: 1 - hidden / d; 1 without DRAM."""
    return namespace(hidden, dram).maximum(1.0 - hidden * inverse(dram), 0.0)


def _hides(d: Demand, sram: Array) -> Array:
    """Share that SRAM brings beside activations while units are busy anyway and nothing is exposed [1].

    Below 0 where activations take longer than that.
    """
    xp = namespace(d.busy, sram)
    hidden = d.busy if d.exposed is None else xp.where(d.exposed > ALIKE, d.port, d.busy)
    return xp.minimum((hidden - d.beside) * inverse(sram), 1.0)


def _balanced(has_dram: Array, sram: Array, dram: Array, beside: Array) -> Array:
    """Share at which two tiers that stream at once end together [1].

    All in SRAM where both are free, or where there is no DRAM.
    """
    xp = namespace(sram, dram, beside)
    both = sram + dram
    shared = has_dram & (both > 0.0)
    both = xp.where(shared, both, 1.0)
    return xp.maximum(xp.where(shared, dram / both, 1.0) - beside * xp.where(shared, 1.0 / both, 0.0), 0.0)

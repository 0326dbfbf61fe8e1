"""Where bytes live: SRAM that software pins, device DRAM, or nowhere (and by how many bytes)."""

import math
from dataclasses import dataclass

from objectives.api import Chips
from objectives.arrays import Array, namespace


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
class Placement:
    """Shares in SRAM, in [0, 1]; the rest is in DRAM. `excess` is what fits nowhere [B]."""

    weight_share: Array
    kv_share: Array
    prompt_kv_share: Array
    """As `kv_share`, for the KV cache of one prompt alone."""
    excess: Array


def inverse(rate: Array) -> Array:
    """1 / rate, and 0 where the rate is 0, which stands for an absent tier."""
    xp = namespace(rate)
    absent = rate == 0.0
    return xp.where(absent, 0.0 * rate, 1.0 / xp.where(absent, 1.0 + rate, rate))


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
        activation_dram=xp.where(known, 0.0 * dram, dram),
    )


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What decides which bytes gain most by lying in SRAM, for one pass of decode."""

    hidden: Array
    """Seconds for each byte of weights in which the matrix units are busy anyway [s/B]."""
    kv_hidden: Array
    """Seconds for each byte of KV cache in which the attention cores are busy anyway [s/B]."""
    kv: Array
    """Reads of a byte of KV cache for each read of a byte of weights [1]."""


def place(
    chips: Chips, t: Tiers, reads: Reads, weights: Array, kv: Array, prompt_kv: Array, activations: Array,
    aside: Array | None = None,
) -> Placement:  # fmt: skip
    """Pin in scratchpad SRAM what gains most by it; what is left goes to DRAM.

    Parameters: bytes that one chip must hold [B], broadcasting against the chip columns; `prompt_kv` is the
    KV cache of one prompt alone, `aside` what is kept for later: in DRAM, or in SRAM where there is none.

    SRAM and DRAM stream at once, so of weights no more is wanted in SRAM than makes both end together, a
    share of d / (s + d), where s and d are the seconds of a byte on each, and no more than leaves DRAM the
    seconds that hide behind arithmetic, 1 - hidden / d; of KV cache likewise. A pinned weight saves d in
    every pass, a pinned byte of KV cache d_kv times `reads.kv`, since a pass reads the cache of one
    micro-batch: the larger comes first. Room that is left takes more of both as long as that costs no time,
    and whatever DRAM cannot hold, first KV cache, which is read less often. This is the optimum of the linear
    program of two groups that share one SRAM.

    A cache (GPU L2) keeps nothing from one decode step to the next, so its share is 0. A chip without DRAM
    reads everything at SRAM speed; what does not fit is `excess` > 0, and infeasible. Activations take room
    too and count in `excess`, but do not push weights out of SRAM: on a hybrid chip the share is too high by
    activations / SRAM, under 3 % for a decode of 128 rows on 230 MB.

    Limits: excess falls byte for byte with capacity; more or faster SRAM and faster DRAM never slow a step.
    """
    xp = namespace(weights, chips.sram_bytes)
    sram = chips.sram_bytes * (chips.sram_usable * chips.usable_capacity * chips.sram_pinned)
    dram = chips.dram_bytes * chips.usable_capacity
    has_dram = chips.dram_bytes > 0.0
    zero = 0.0 * sram
    excess = (weights + kv + activations) - (sram + dram)
    if aside is not None:
        excess = excess + aside
        sram = xp.maximum(sram - xp.where(has_dram, 0.0 * aside, aside), zero)
        dram = xp.maximum(dram - xp.where(has_dram, aside, 0.0 * aside), zero)
    # a chip without DRAM has all the room there is: what does not fit is `excess`
    room = xp.where(has_dram, sram, math.inf + zero)
    even, even_kv = (xp.where(has_dram, _balanced(t.sram, d), 1.0 + zero) for d in (t.dram, t.kv_dram))
    wanted = weights * xp.minimum(even, _exposed(reads.hidden, t.dram))
    wanted_kv = kv * xp.minimum(even_kv, _exposed(reads.kv_hidden, t.kv_dram))
    kv_first = t.kv_dram * reads.kv > t.dram
    left = room - xp.minimum(xp.where(kv_first, 0.0 * wanted, wanted), room)
    spare = room - xp.minimum(wanted_kv, left)
    pinned = xp.minimum(weights * xp.maximum(even, _hides(reads.hidden, t.sram)), spare)
    spare = room - pinned
    pinned_kv = xp.minimum(kv * xp.maximum(even_kv, _hides(reads.kv_hidden, t.sram)), spare)
    drawn = xp.minimum((weights - pinned) + (kv - pinned_kv) - dram, spare - pinned_kv)
    drawn = xp.maximum(drawn, 0.0 * drawn)
    drawn_kv = xp.minimum(drawn, kv - pinned_kv)
    pinned, pinned_kv = pinned + (drawn - drawn_kv), pinned_kv + drawn_kv
    spare, beside = xp.maximum(room - pinned, zero), xp.maximum(dram - (weights - pinned), zero)
    alone = xp.minimum(xp.maximum(prompt_kv * even_kv, prompt_kv - beside), spare)
    return Placement(
        weight_share=_share(pinned, weights),
        kv_share=_share(pinned_kv, kv),
        prompt_kv_share=_share(alone, prompt_kv),
        excess=excess,
    )


def _share(part: Array, whole: Array) -> Array:
    """Share of a part in the whole [1], at most 1; 0 of nothing."""
    xp = namespace(part, whole)
    found = part / xp.where(whole > 0.0, whole, 1.0 + 0.0 * whole)
    return xp.minimum(found, 1.0 + 0.0 * found)


def _exposed(hidden: Array, dram: Array) -> Array:
    """Share that DRAM cannot bring while the units are busy anyway [1]: 1 - hidden / d; 1 without DRAM."""
    xp = namespace(hidden, dram)
    return xp.maximum(1.0 - hidden * inverse(dram), 0.0 * hidden)


def _hides(hidden: Array, sram: Array) -> Array:
    """Share that SRAM brings while the units are busy anyway [1]: hidden / s, at most 1."""
    xp = namespace(hidden, sram)
    return xp.minimum(hidden * inverse(sram), 1.0 + 0.0 * hidden)


def _balanced(sram: Array, dram: Array) -> Array:
    """Share at which two tiers that stream at once end together [1]; all in SRAM where both are free."""
    xp = namespace(sram, dram)
    both = sram + dram
    return xp.where(both > 0.0, dram / xp.where(both > 0.0, both, 1.0 + both), 1.0 + both)

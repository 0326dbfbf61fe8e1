"""Attention over a fixed number of memory slots, into which every token writes its key and its value."""

from dataclasses import dataclass
from typing import final

import numpy as np

from dse.arrays import Floats
from dse.spec.attention.kind import KindEntry, LayerSpec
from dse.spec.schema.base import Positive
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

ELEMENT_BYTES = 2.0


@dataclass(frozen=True, kw_only=True)
class SlotAttention:
    heads: int
    head_dim: int
    slots: int


class SlotSpec(LayerSpec):
    """Attention over memory slots."""

    heads: Positive
    """Heads, each with slots of its own."""
    head_dim: Positive
    """Width of one head."""
    slots: Positive
    """Memory slots of a head."""

    def resolve(self) -> SlotAttention:
        return SlotAttention(**self.model_dump())


@final
class SlotCounts:
    """Queries, keys, values and outputs as of any attention; slots instead of a KV cache."""

    def params(self, a: SlotAttention, hidden: int, /) -> int:
        return 4 * hidden * a.heads * a.head_dim

    def projection_elements(self, a: SlotAttention, hidden: int, tp: Array, /) -> Array:
        return 4.0 * hidden * a.head_dim * ceil_div(a.heads, tp)

    def projection_traffic(self, a: SlotAttention, hidden: int, tp: Array, /) -> Array:
        return 2.0 * hidden + 4.0 * a.head_dim * ceil_div(a.heads, tp)

    def kv_elements(self, _a: SlotAttention, tp: Array, /) -> Array:
        return zeros_like(tp)

    def state_bytes(self, a: SlotAttention, tp: Array, /) -> Array:
        return ELEMENT_BYTES * 2.0 * a.slots * a.head_dim * ceil_div(a.heads, tp)

    def core_flop(self, a: SlotAttention, tp: Array, /) -> Array:
        return 4.0 * a.slots * a.head_dim * ceil_div(a.heads, tp)

    def prompt_core_flop(self, a: SlotAttention, tp: Array, /) -> Array:
        return self.core_flop(a, tp)

    def seen(self, _a: SlotAttention, context: Array, /) -> Array:
        return ones_like(context)  # `core_flop` is that of all slots

    def kept(self, _a: SlotAttention, context: Array, /) -> Array:
        return context

    def seen_by_prompt(self, _a: SlotAttention, isl: Array, /) -> Array:
        return ones_like(isl)


@final
class SlotSecondCount:
    """The same layer for the bound."""

    def weights(self, a: SlotAttention, hidden: int, /) -> float:
        width = a.heads * a.head_dim
        return float(3 * hidden * width + width * hidden)

    def kv_elements(self, _a: SlotAttention, /) -> float:
        return 0.0

    def state_bytes(self, a: SlotAttention, /) -> float:
        return 2.0 * ELEMENT_BYTES * a.slots * a.heads * a.head_dim

    def core_flop(self, a: SlotAttention, /) -> float:
        return 2.0 * 2.0 * a.slots * a.heads * a.head_dim

    def kept(self, _a: SlotAttention, context: Floats, /) -> Floats:
        return context

    def seen(self, _a: SlotAttention, mean: Floats, _most: Floats, /) -> Floats:
        return np.ones_like(mean)

    def pairs(self, _a: SlotAttention, isl: Floats, /) -> Floats:
        return isl


SLOTS = KindEntry(
    architecture=SlotAttention, spec=SlotSpec, counts=SlotCounts(), second_count=SlotSecondCount()
)

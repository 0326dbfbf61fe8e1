"""What an encoder and the keys of cross attention need of a request, by the second count."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dse.arrays import Floats
from dse.spec.attention.registered import second_count_of
from objectives import api

Number: TypeAlias = Floats | float
Weights: TypeAlias = Callable[[api.Block, int], Number]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Elements and FLOP of one request, before its prompt; weights as they are weighed."""

    products: Number
    """Weights times the rows that they are multiplied by [1]."""
    core_flop: float
    """FLOP of attention between its rows [FLOP]."""
    read: Number
    """Weights that are read at least once [1]."""
    stored: Number
    """Weights and tables that no other part of the network holds [1]."""


def encoded(llm: api.Llm, by: api.Parts, weights: Weights) -> Encoded:
    """An encoder and the keys and values of its rows; `weights` counts those of one layer."""
    products, read, stored, core = _keys(llm, by)
    e = llm.encoder
    if e is None:
        return Encoded(products=products, core_flop=core, read=read, stored=stored)
    for b in e.blocks:
        each = weights(b, e.hidden)
        own = b.count if b.distinct is None else b.distinct
        products = products + e.tokens * (b.count * each)
        read, stored = read + own * each, stored + own * each
        for a in b.mixers:
            second = second_count_of(a)
            # all rows see all rows in reach, on both sides
            reach = float(second.kept(a, np.asarray(float(e.tokens))))
            core += b.count * second.core_flop(a) * e.tokens * reach
    for part in (e.before, e.after):
        for m in () if part is None else part.matrices:
            size = by.dense * float(m.inputs * m.outputs)
            products = products + (0 if part is None else part.tokens) * size
            read, stored = read + size, stored + size
    tables = by.embedding * float(sum(t.entries * t.width for t in e.lookup))
    return Encoded(products=products, core_flop=core, read=read, stored=stored + tables)


def _keys(llm: api.Llm, by: api.Parts) -> tuple[Number, Number, Number, float]:
    """Products, weights read and stored of keys and values that are made of an encoder's rows."""
    products: Number = 0.0
    read: Number = 0.0
    stored: Number = 0.0
    for b in llm.blocks:
        own = b.count if b.distinct is None else b.distinct
        for a in b.mixers:
            second = second_count_of(a)
            used: Callable[[api.AttentionLayer], float] | None = getattr(second, "encoder_weights", None)
            held: Callable[[api.AttentionLayer], float] | None = getattr(second, "encoder_stored", used)
            if used is None or held is None:
                continue
            rows = float(getattr(a, "tokens", 0))
            products = products + by.attention * (rows * b.count * used(a))
            # what another layer holds is counted there, and read by its rows as well
            read, stored = read + by.attention * (own * held(a)), stored + by.attention * (own * held(a))
    return products, read, stored, 0.0

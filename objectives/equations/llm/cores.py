"""Attention cores of the mean layer: what each keeps, reads and computes on one chip."""

from dataclasses import dataclass

from objectives.api import AttentionLayer
from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.llm.attention.kinds import AttentionKind, exchanged, kind_of, visited
from objectives.equations.llm.context_parallel import on_fullest


@dataclass(frozen=True, kw_only=True)
class Core:
    """One kind of attention core; arrays have the shape of `tp`."""

    share: float
    """Share of the layers that have it [1]."""
    attention: AttentionLayer
    kind: AttentionKind[AttentionLayer]
    flop: Array
    """FLOP of a decoded row for each token that it sees [FLOP/token]."""
    prompt_flop: Array
    """The same for a row of a prompt [FLOP/token]."""
    kv_elements: Array
    """Elements of KV cache that one token leaves [1]; the mean over CP chips where these share the tokens."""
    kv_visited: Array | None = None
    """As `kv_elements`, those that a row reads of a token where an earlier layer has left them; None where it
    reads what it leaves itself."""
    cp: Array | None = None
    """Chips that share the tokens of a sequence [1]; None where none do."""
    exchanged: Array | None = None
    """Elements of a decoded row that these exchange [1]."""
    prompt_exchanged: Array | None = None
    """The same of a row of a prompt [1]."""


def kept_in(core: Core, context: Array, beyond: Array | None) -> Array:
    """Tokens of one sequence whose KV cache has room [token]."""
    kept = core.kind.kept(core.attention, context)
    # attention without a window keeps all tokens, and a state has none
    if beyond is not None and getattr(core.attention, "window", None) is not None:
        kept = kept + beyond * maximum(context - kept, 0.0)
    return kept if core.cp is None else on_fullest(kept, core.cp)


def read_of_each(core: Core) -> Array:
    """Elements of KV cache that a row reads of one token [1]."""
    return core.kv_elements if core.kv_visited is None else core.kv_visited


def core_of(attention: AttentionLayer, share: float, tp: Array, ways: Array, cp: Array | None) -> Core:
    """One kind of attention core, its heads split over TP and its tokens over CP of the `ways` of a layer."""
    kind = kind_of(attention)
    row = None if cp is None else exchanged(kind, attention, tp)
    # what has no tokens to split is split by heads over all chips of the layer
    if cp is None or row is None:
        return Core(
            share=share,
            attention=attention,
            kind=kind,
            flop=kind.core_flop(attention, ways),
            prompt_flop=kind.prompt_core_flop(attention, ways),
            kv_elements=kind.kv_elements(attention, ways),
            kv_visited=visited(kind, attention, ways),
        )
    held = kind.kv_elements(attention, tp)
    # keys and values of a row are made on all chips: heads that one keeps and has not made are sent to it
    sent = where(held > kind.kv_elements(attention, ways), held, zeros_like(held))
    return Core(
        share=share,
        attention=attention,
        kind=kind,
        flop=kind.core_flop(attention, tp) / cp,
        prompt_flop=kind.prompt_core_flop(attention, tp) / cp,
        kv_elements=held / cp,
        kv_visited=None if (read := visited(kind, attention, tp)) is None else read / cp,
        cp=cp,
        exchanged=row[0] + sent,
        prompt_exchanged=row[1] + sent,
    )

"""Attention cores of the mean layer: what each keeps, reads and computes on one chip."""

from dataclasses import dataclass

from objectives.api import AttentionLayer
from objectives.arrays import Array, maximum, where, zeros_like
from objectives.equations.llm.attention.kinds import AttentionKind, exchanged, kind_of, of_encoder, visited
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
    """Tokens of one sequence whose KV cache has room on one chip [token].

    Args:
        core: the core on one chip.
        context: largest context of a sequence [token].
        beyond: share of what lies outside of a window that an engine keeps all the same [1]; None for none.

    Returns:
        Tokens, broadcast shape [token].

    Domain:
        Attention without a window keeps all tokens, and a state has none.

    Limits:
        The context on one chip of CP and without a window.

    Source:
        By definition, from `kept` of the kind and `context_parallel.on_fullest`.

    Examples:
        By hand: 128 tokens of a window and a quarter of the other 872.

        >>> from objectives.api import Attention
        >>> window = Attention(heads=8, kv_heads=8, head_dim=64, window=128)
        >>> kept_in(core_of(window, 1.0, 1.0, 1.0, None), 1000.0, 0.25)
        346.0
    """
    kept = core.kind.kept(core.attention, context)
    # attention without a window keeps all tokens, and a state has none
    if beyond is not None and getattr(core.attention, "window", None) is not None:
        kept = kept + beyond * maximum(context - kept, 0.0)
    return kept if core.cp is None else on_fullest(kept, core.cp)


def keeps_tokens(core: Core) -> bool:
    """Whether tokens leave something in a core.

    Args:
        core: the core on one chip.

    Returns:
        False for a kind with a state in place of a KV cache, and for one that reads that of another layer.

    Domain:
        As `core_of`.

    Limits:
        None.

    Source:
        By definition, from `kv_elements` of the kind.

    Examples:
        >>> from objectives.api import Attention
        >>> own, lent = (Attention(heads=8, kv_heads=8, head_dim=64, kv=kv) for kv in ("own", "shared"))
        >>> [keeps_tokens(core_of(a, 1.0, 1.0, 1.0, None)) for a in (own, lent)]
        [True, False]
    """
    return bool(core.kind.kv_elements(core.attention, 1.0))


def read_of_each(core: Core) -> Array:
    """Elements of KV cache that a row reads of one token on one chip [1].

    Args:
        core: the core on one chip.

    Returns:
        Elements [1].

    Domain:
        Layers that store what they read, or that read what an earlier one has stored.

    Limits:
        `kv_elements` where a layer reads what it stores.

    Source:
        By definition.

    Examples:
        By hand: a key and a value in each of 8 heads of 64, none of them stored here.

        >>> from objectives.api import Attention
        >>> lent = core_of(Attention(heads=8, kv_heads=8, head_dim=64, kv="shared"), 1.0, 1.0, 1.0, None)
        >>> lent.kv_elements, read_of_each(lent)
        (0.0, 1024.0)
    """
    return core.kv_elements if core.kv_visited is None else core.kv_visited


def core_of(attention: AttentionLayer, share: float, tp: Array, ways: Array, cp: Array | None) -> Core:
    """One kind of attention core, its heads split over TP and its tokens over CP of the `ways` of a layer.

    Args:
        attention: architecture of the layer.
        share: share of the layers that have it [1].
        tp: tensor-parallel ways of heads [1].
        ways: chips that share a layer, TP x CP [1].
        cp: chips that share the tokens of a sequence [1]; None where none do.

    Returns:
        What one chip keeps, reads and computes.

    Domain:
        Any registered kind of attention; one that cannot be split along tokens is split by heads.

    Limits:
        The whole layer on one chip.

    Source:
        Counted by the kinds; Helix, Bhatia et al. 2025 (arXiv 2507.07120), section 2.1.

    Examples:
        By hand: half of 2 x 8 x 64 elements, where two chips share the tokens.

        >>> from objectives.api import Attention
        >>> core_of(Attention(heads=8, kv_heads=8, head_dim=64), 1.0, 1.0, 2.0, 2.0).kv_elements
        512.0
    """
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
    if of_encoder(attention) is not None:  # a row makes none
        sent = zeros_like(held)
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

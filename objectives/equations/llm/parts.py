"""Parts of an LLM as networks of their own: attention and FFNs for pools that each run one, and its encoder.

The layers of an encoder are a network without a vocabulary; what rows pass before and behind them is another
one each, as they may be more or fewer there.
"""

from dataclasses import dataclass, replace
from typing import cast

from objectives.api import Block, EncoderMatrices, Llm
from objectives.arrays import Array
from objectives.equations.llm.attention.kinds import LayerOfEncoder, of_encoder
from objectives.equations.llm.by_part import weighed
from objectives.parts import Parts


@dataclass(frozen=True, kw_only=True)
class EncoderRun:
    """A part of an encoder: all of its rows pass the same layers."""

    llm: Llm
    tokens: float
    """Rows of one request [token]."""
    alone: bool
    """Whether it is on one stage of a pipeline, as a stem or a projector is."""


@dataclass(frozen=True, kw_only=True)
class KeysOfEncoder:
    """Keys and values that the cross attention of a mean layer makes of an encoder's rows."""

    elements: Array
    """Weights that each of these rows is multiplied by [1]."""
    stored: Array
    """Those of them that no other layer holds [1]."""
    traffic: Array
    """Activation elements that one of these rows moves through them [1]."""
    share: float
    """Share of the layers that have cross attention [1]."""
    width: int
    """Width of a row [1]."""
    tokens: float
    """Rows of one request [token]."""


def attention_part(llm: Llm) -> Llm:
    """The LLM without its FFNs and experts: attention of all layers, bare matrices, embedding and head.

    Args:
        llm: architecture of the network.

    Returns:
        A network of the layers that have attention; bare matrices stay where attention is, and with an FFN or
        experts only where there is none.

    Domain:
        LLMs with attention.

    Limits:
        The network itself where no layer has an FFN.

    Source:
        MegaScale-Infer, Zhu et al., SIGCOMM 2025 (arXiv 2504.02263), section 3.

    Examples:
        By hand:

        >>> from objectives.api import Attention, Block, Ffn
        >>> both = Block(count=2, attention=Attention(heads=8, kv_heads=8, head_dim=64),
        ...              ffn=Ffn(width=64, matrices=3))
        >>> llm = Llm(name="two", hidden=64, vocab=8, blocks=(both,), nominal_params=1e6)
        >>> attention_part(llm).blocks[0].ffn is None, attention_part(llm).vocab
        (True, 8)
    """
    blocks = tuple(replace(b, ffn=None, experts=None) for b in llm.blocks if not _fed_alone(b))
    # without any attention there is nothing that this pool would be for
    blocks = blocks if any(b.attention for b in blocks) else ()
    return replace(llm, blocks=blocks)


def ffn_part(llm: Llm) -> Llm:
    """FFNs and experts of all layers, without attention, embedding and head.

    Args:
        llm: architecture of the network.

    Returns:
        A network of the layers that have an FFN or experts.

    Domain:
        LLMs with FFNs or experts.

    Limits:
        Its weights and those of `attention_part` are the weights of the network.

    Source:
        As `attention_part`.

    Examples:
        By hand:

        >>> from objectives.api import Attention, Block, Ffn
        >>> both = Block(count=2, attention=Attention(heads=8, kv_heads=8, head_dim=64),
        ...              ffn=Ffn(width=64, matrices=3))
        >>> llm = Llm(name="two", hidden=64, vocab=8, blocks=(both,), nominal_params=1e6)
        >>> ffn_part(llm).blocks[0].attention is None, ffn_part(llm).vocab
        (True, 0)
    """
    blocks = tuple(
        b if _fed_alone(b) else replace(b, attention=None, beside=(), matrices=())
        for b in llm.blocks
        if b.ffn or b.experts
    )
    # an encoder runs where attention does
    return replace(llm, blocks=blocks, vocab=0, learned_positions=0, lookup=(), encoder=None)


def _fed_alone(block: Block) -> bool:
    """Whether a layer has an FFN or experts, and no attention."""
    return block.attention is None and bool(block.ffn or block.experts)


def encoder_runs(llm: Llm) -> tuple[EncoderRun, ...]:
    """The parts of an encoder, in order, each as a network without a vocabulary.

    Args:
        llm: architecture of the network.

    Returns:
        What is before the layers, the layers, what is behind them; empty without an encoder.

    Domain:
        Tables that rows look up are with the layers.

    Limits:
        The layers alone without a stem and a projector.

    Source:
        By definition.

    Examples:
        By hand: 24 layers of 1,500 rows behind a stem of 3,000.

        >>> from objectives.api import Attention, Encoder, Matrix
        >>> heads = Attention(heads=16, kv_heads=16, head_dim=64)
        >>> stem = EncoderMatrices(tokens=3000, matrices=(Matrix(inputs=240, outputs=1024),))
        >>> one = Block(count=24, attention=heads)
        >>> encoder = Encoder(tokens=1500, hidden=1024, blocks=(one,), before=stem)
        >>> llm = Llm(name="w", hidden=1024, vocab=8, blocks=(one,), nominal_params=1e9, encoder=encoder)
        >>> [(run.tokens, run.llm.layers) for run in encoder_runs(llm)]
        [(3000.0, 1), (1500.0, 24)]
    """
    e = llm.encoder
    if e is None:
        return ()
    layers = Llm(
        name=f"encoder of {llm.name}",
        hidden=e.hidden,
        vocab=0,
        blocks=e.blocks,
        lookup=e.lookup,
        nominal_params=llm.nominal_params,
    )
    return (
        *_matrices(layers, e.before),
        EncoderRun(llm=layers, tokens=float(e.tokens), alone=False),
        *_matrices(layers, e.after),
    )


def _matrices(layers: Llm, rows: EncoderMatrices | None) -> tuple[EncoderRun, ...]:
    """A stem or a projector as one layer of bare matrices."""
    if rows is None:
        return ()
    one = Llm(
        name=layers.name,
        hidden=layers.hidden,
        vocab=0,
        blocks=(Block(count=1, matrices=rows.matrices),),
        nominal_params=layers.nominal_params,
    )
    return (EncoderRun(llm=one, tokens=float(rows.tokens), alone=True),)


def keys_of_encoder(llm: Llm, tp: Array, by: Parts | None) -> KeysOfEncoder | None:
    """What the cross attention of the mean layer makes of an encoder's rows, on one chip.

    Args:
        llm: architecture of the network.
        tp: chips that share a layer, TP x CP [1].
        by: what a weight of each part counts as [1]; None for 1.

    Returns:
        Sizes of the mean layer, shape of `tp`; None without cross attention.

    Domain:
        All layers attend to the same rows.

    Limits:
        None.

    Source:
        Counted by the kinds of attention.

    Examples:
        By hand: one of two layers has two matrices of 512 x 512.

        >>> from objectives.api import Attention, CrossAttention
        >>> cross = CrossAttention(heads=8, kv_heads=8, head_dim=64, tokens=128, inputs=512)
        >>> own = Attention(heads=8, kv_heads=8, head_dim=64)
        >>> both = (Block(count=6, attention=own), Block(count=6, attention=cross))
        >>> llm = Llm(name="t5", hidden=512, vocab=8, blocks=both, nominal_params=1e6)
        >>> keys_of_encoder(llm, 1.0, None).elements
        262144.0
    """
    found: KeysOfEncoder | None = None
    for block in llm.blocks:
        for a in block.mixers:
            kind = of_encoder(a)
            if kind is None:
                continue
            layer = cast("LayerOfEncoder", a)
            share = block.count / llm.layers
            one = KeysOfEncoder(
                elements=share * weighed(kind.encoder_elements(a, tp), by, "attention"),
                stored=share * weighed(kind.encoder_stored(a, tp), by, "attention"),
                traffic=share * kind.encoder_traffic(a, tp),
                share=share,
                width=layer.inputs,
                tokens=float(layer.tokens),
            )
            found = one if found is None else _sum(found, one)
    return found


def _sum(a: KeysOfEncoder, b: KeysOfEncoder) -> KeysOfEncoder:
    return KeysOfEncoder(
        elements=a.elements + b.elements,
        stored=a.stored + b.stored,
        traffic=a.traffic + b.traffic,
        share=a.share + b.share,
        width=a.width,
        tokens=a.tokens,
    )

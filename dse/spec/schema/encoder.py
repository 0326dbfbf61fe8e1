"""What the layers of an encoder may be, and which rows cross attention attends to."""

from collections.abc import Iterable
from dataclasses import replace

from dse.spec.attention.registered import attention_kinds
from objectives import api


def refuse_odd(blocks: Iterable[api.Block]) -> None:
    """Raise for layers that an encoder does not have: with a state, an index, experts."""
    for block in blocks:
        odd = [_key(a) for a in block.mixers if not isinstance(a, api.Attention)]
        odd += ["experts"] if block.experts else []
        if odd:
            raise ValueError(f"blocks: expected attention, ffn and matrices in an encoder, got {odd[0]}")
        for a in block.mixers:
            if isinstance(a, api.Attention) and (a.kv != "own" or a.top_k is not None):
                raise ValueError(
                    "blocks: expected attention to all of its own keys in an encoder, got kv or top_k"
                )


def refuse_alone(blocks: Iterable[api.Block], encoder: api.Encoder | None, hidden: int) -> None:
    """Raise for cross attention without an encoder, or without the attention whose projections it shares."""
    for i, block in enumerate(blocks):
        for a in block.mixers:
            if not isinstance(a, api.CrossAttention):
                continue
            where = f"blocks.{i}" if a is block.attention else f"blocks.{i}.beside"
            if encoder is None:
                wanted = "an encoder in this file, to whose rows it attends"
                raise ValueError(f"{where}.cross_attention: expected {wanted}, got none")
            if a.shared and encoder.width_out != hidden:
                wanted = f"rows as wide as hidden ({hidden}) for cross_attention with `shared`"
                raise ValueError(f"encoder: expected {wanted}, got {encoder.width_out}")
            if a.shared and not any(_lends(other, a) for other in block.mixers):
                heads = f"{a.heads} heads, {a.kv_heads} kv_heads and head_dim {a.head_dim}"
                wanted = f"attention of {heads} next to cross_attention with `shared`"
                raise ValueError(f"{where}: expected {wanted}, got none")


def crossed(block: api.Block, encoder: api.Encoder | None) -> api.Block:
    """A block whose cross attention knows the rows that it attends to."""
    if encoder is None:
        return block
    rows, width = encoder.tokens_out, encoder.width_out

    def known(layer: api.AttentionLayer) -> api.AttentionLayer:
        if not isinstance(layer, api.CrossAttention):
            return layer
        return replace(layer, tokens=rows, inputs=width)

    attention = None if block.attention is None else known(block.attention)
    return replace(block, attention=attention, beside=tuple(known(a) for a in block.beside))


def _lends(layer: api.AttentionLayer, cross: api.CrossAttention) -> bool:
    """Whether the projections of a layer can be those of cross attention next to it."""
    if not isinstance(layer, api.Attention) or layer.kv != "own" or layer.query_latent is not None:
        return False
    same = (layer.heads, layer.kv_heads, layer.head_dim) == (cross.heads, cross.kv_heads, cross.head_dim)
    return same and layer.value_dim in (None, layer.head_dim)


def _key(layer: api.AttentionLayer) -> str:
    """The key of a layer in a file."""
    found = (key for key, entry in attention_kinds().items() if entry.architecture is type(layer))
    return next(found, type(layer).__name__)

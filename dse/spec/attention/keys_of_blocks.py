"""A block of an LLM file has one optional key for each registered kind of attention."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from pydantic import Field, create_model

from dse.spec.attention.kind import LayerSpec
from dse.spec.attention.registered import attention_kinds, refuse_key
from dse.spec.schema.base import Spec

S = TypeVar("S", bound=Spec)


def with_attention(block: type[S]) -> type[S]:
    """`block` with the keys of all kinds, between those that it inherits and its own.

    Raises `PluginError` for a kind whose key `block` has itself.
    """
    kinds = attention_kinds()
    for key in kinds:
        # a method too would be hidden by a key of its name
        if key in block.model_fields or hasattr(block, key):
            raise refuse_key(key)
    fields = {
        key: (kind.spec | None, Field(None, description=kind.description)) for key, kind in kinds.items()
    }
    # names of fields are not known before, so no type says which arguments go together
    make: Callable[..., type[Spec]] = create_model
    keys = make("AttentionKeys", __base__=block.__bases__, **fields)
    # fields are taken from the last base to the first
    made = make(block.__name__, __base__=(block, keys), __module__=block.__module__, __doc__=block.__doc__)
    return cast("type[S]", made)


def layers_in(block: Spec) -> Mapping[str, LayerSpec]:
    """The layers of attention that a block has, by their keys; a valid block has one at most."""
    found = {key: getattr(block, key) for key in attention_kinds()}
    return {key: layer for key, layer in found.items() if layer is not None}

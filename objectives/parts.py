"""Parts of the weights of a network, each with a number of its own: bytes, or a share of time."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from objectives.arrays import Array


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A number for each part of the weights."""

    experts: Array
    """Of routed experts."""
    shared: Array
    """Of experts that every token visits."""
    dense: Array
    """Of FFNs, of bare matrices, and of what projects to experts of another width."""
    attention: Array
    """Of projections of attention and of layers with a state."""
    embedding: Array
    """Of the embedding and of tables that are looked up; that of the head where both are one matrix."""
    head: Array
    """Of the LM head."""
    router: Array
    """Of the matrices that choose experts."""


PEAKS_OF_PARTS: Final = MappingProxyType(
    {
        "experts": "experts_flops",
        "shared": "shared_flops",
        "dense": "dense_flops",
        "attention": "projection_flops",
        "head": "head_flops",
        "router": "router_flops",
    }
)
"""Part to the column of chips with its matrix peak; the embedding multiplies nothing."""

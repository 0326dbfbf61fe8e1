"""Keys of an index and of compressed entries, which layers have next to attention."""

from typing import ClassVar

from pydantic import Field

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive
from objectives import api


class IndexSpec(LayerSpec):
    """What scores all tokens for a row, so that the attention next to it visits the best (DeepSeek-V3.2)."""

    alone: ClassVar[bool] = False

    heads: Few
    """Heads of the index."""
    dim: Positive
    """Width of a head, and of the one key that a token leaves."""
    ratio: Few = Field(default=1, exclude_if=lambda v: v == 1)
    """Tokens that leave one key together; left out, each leaves its own."""
    overlap: bool = Field(default=False, exclude_if=lambda v: not v)
    """Whether tokens are part of the next key too (with `ratio`)."""
    inputs: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width that queries are projected from, as `query_latent`; left out, the residual stream."""
    weighted: bool = Field(default=True, exclude_if=lambda v: v)
    """Whether heads are weighed and added up; if not, each picks for its share of the query heads."""

    def resolve(self) -> api.Index:
        """The index as the equations want it."""
        return api.Index(**self.model_dump())


class CompressedAttentionSpec(LayerSpec):
    """Entries of several tokens each, which queries of the attention next to it visit too (DeepSeek V4)."""

    alone: ClassVar[bool] = False

    heads: Few
    """Query heads, those of the attention."""
    dim: Positive
    """Width of an entry, key and value of all heads."""
    ratio: Few
    """Tokens of an entry."""
    overlap: bool = Field(default=False, exclude_if=lambda v: not v)
    """Whether tokens are part of the next entry too, by projections of their own."""
    top_k: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Entries that a row visits at most, the best by an index; left out, all."""

    def resolve(self) -> api.CompressedAttention:
        """The entries as the equations want them."""
        return api.CompressedAttention(**self.model_dump())

"""Keys of cross attention."""

from pydantic import Field, model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive
from objectives import api


class CrossAttentionSpec(LayerSpec):
    """Attention to the rows of the `encoder`, whose keys and values are projected once a request."""

    heads: Few
    """Query heads."""
    kv_heads: Few
    """Heads of keys and values; must divide `heads`."""
    head_dim: Positive
    """Width of one head."""
    bias: bool = False
    """Whether the query, key and value projections have a bias."""
    shared: bool | None = Field(default=None, exclude_if=lambda v: v is None)
    """Whether its projections are those of the attention that it is written next to, under `beside`; left
    out, it has its own."""

    @model_validator(mode="after")
    def _groups(self) -> "CrossAttentionSpec":
        """Heads in whole groups."""
        if self.heads % self.kv_heads:
            raise ValueError(f"expected kv_heads that divide heads ({self.heads}), got {self.kv_heads}")
        if self.shared and self.bias:
            raise ValueError("expected bias of the attention that it shares projections with, got its own")
        return self

    def resolve(self) -> api.CrossAttention:
        """The layer as the equations want it; the rows that it attends to are those of the encoder."""
        return api.CrossAttention(
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            bias=self.bias,
            shared=bool(self.shared),
        )

"""Keys of linear attention."""

from pydantic import model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive, Size
from dse.spec.schema.formats import Format
from objectives import api
from objectives.equations.chip.formats import FORMATS


class LinearAttentionSpec(LayerSpec):
    """Attention with a state of constant size instead of a KV cache."""

    heads: Few
    """Heads of the values, each with a state of key_dim x value_dim."""
    key_heads: Few
    """Heads of queries and keys."""
    key_dim: Positive
    """Width of a key."""
    value_dim: Positive
    """Width of a value."""
    gate: bool = False
    """Whether a projection as wide as the values gates the output."""
    delta: bool = False
    """Whether the state is corrected by what it already says of a key (delta rule)."""
    conv: Size = 0
    """Tokens that a short convolution before the heads reaches over."""
    state: Format = "fp32"
    """Number format of the state, whatever that of the KV cache."""

    @model_validator(mode="after")
    def _groups(self) -> "LinearAttentionSpec":
        if self.heads % self.key_heads:
            raise ValueError(f"expected key_heads that divide heads ({self.heads}), got {self.key_heads}")
        return self

    def resolve(self) -> api.LinearAttention:
        """The layer as the equations want it: they count bytes and know no names of formats."""
        return api.LinearAttention(**self.model_dump(exclude={"state"}), state_bytes=FORMATS[self.state])

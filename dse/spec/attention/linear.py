"""Keys of linear attention."""

from pydantic import Field, model_validator

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

    # left out at their defaults, so that a question stored before the keys existed is still the same one
    step: bool = Field(default=False, exclude_if=lambda v: not v)
    """Whether each head has a time step and a skip of its own (Mamba-2, SSD)."""
    decay_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of the two matrices that make a decay for each element of a key (Kimi Delta Attention)."""
    gate_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of two matrices that gate the output, instead of `gate`."""
    conv_state: Format | None = Field(default=None, exclude_if=lambda v: v is None)
    """Number format of the tokens that the convolution keeps; left out, that of the state."""
    chunk: Size = Field(default=0, exclude_if=lambda v: not v)
    """Tokens of a prompt that are worked on together as matrices; left out, one after the other."""

    @model_validator(mode="after")
    def _groups(self) -> "LinearAttentionSpec":
        """Heads in whole groups, and no two keys that say different things."""
        if self.heads % self.key_heads:
            raise ValueError(f"expected key_heads that divide heads ({self.heads}), got {self.key_heads}")
        if self.gate and self.gate_latent is not None:
            raise ValueError("expected either gate or gate_latent, got both")
        if self.delta and self.step:
            raise ValueError("expected either delta or step, got both")
        if self.decay_latent is not None and not self.delta:
            raise ValueError("expected decay_latent with delta, got it without")
        if self.conv_state is not None and not self.conv:
            raise ValueError("expected conv_state with conv, got it without")
        return self

    def resolve(self) -> api.LinearAttention:
        """The layer as the equations want it: they count bytes and know no names of formats."""
        return api.LinearAttention(
            **self.model_dump(exclude={"state", "conv_state"}),
            state_bytes=FORMATS[self.state],
            conv_bytes=None if self.conv_state is None else FORMATS[self.conv_state],
        )

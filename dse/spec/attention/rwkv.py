"""Keys of RWKV."""

from pydantic import Field, model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive, Size
from dse.spec.schema.formats import Format
from objectives import api
from objectives.equations.chip.formats import FORMATS


class RwkvSpec(LayerSpec):
    """Time mixing of RWKV-6 and RWKV-7; channel mixing is an `ffn` that is not gated."""

    heads: Few
    """Heads, each with a state of head_dim x value_dim."""
    head_dim: Positive
    """Width of a receptance and of a key."""
    value_dim: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width of a value; left out, that of a key (`head_dim`)."""
    decay_latent: Positive
    """Rank of the two matrices that make a decay for each element of a key."""
    mix_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of the matrices that mix a token with the one before, five ways (RWKV-6); left out, vectors do."""
    gate_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of the two matrices that gate the output (RWKV-7); left out, one as wide as the values does."""
    rate_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of the two matrices that say how much of a key the state forgets (RWKV-7); left out, it adds."""
    value_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Rank of the two matrices that mix values with those of the first layer (RWKV-7); left out, none do."""
    shift: Size = 0
    """Elements of the tokens before that a sequence keeps: twice the hidden size, for both mixings."""
    state: Format = "fp32"
    """Number format of all that a sequence keeps, whatever that of the KV cache."""

    @model_validator(mode="after")
    def _one_age(self) -> "RwkvSpec":
        """Values of the first layer are those of RWKV-7."""
        if self.value_latent is not None and self.rate_latent is None:
            raise ValueError("expected value_latent with rate_latent, got it without")
        return self

    def resolve(self) -> api.Rwkv:
        """The layer as the equations want it: they count bytes and know no names of formats."""
        return api.Rwkv(**self.model_dump(exclude={"state"}), state_bytes=FORMATS[self.state])

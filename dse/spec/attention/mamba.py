"""Keys of Mamba-1."""

from pydantic import Field, model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Positive, Size
from dse.spec.schema.formats import Format
from objectives import api
from objectives.equations.chip.formats import FORMATS


class MambaSpec(LayerSpec):
    """A selective state space in place of attention (Mamba-1, Jamba); Mamba-2 is `linear_attention`."""

    inner: Positive
    """Channels, each with a state of its own; a gate is as wide."""
    state_dim: Positive
    """Numbers of the state of a channel, and width of the keys and queries that channels share."""
    step_rank: Positive
    """Width of the time steps before they are projected to all channels."""
    conv: Size
    """Tokens that a short convolution before the state reaches over; 0 for none."""
    norms: bool = False
    """Whether time steps, keys and queries have norms with weights (Jamba)."""
    bias: bool = False
    """Whether the projections into the layer and out of it carry a bias."""
    conv_bias: bool = True
    """Whether the convolution carries a bias."""
    state: Format = "fp32"
    """Number format of the state, whatever that of the KV cache."""
    conv_state: Format | None = Field(default=None, exclude_if=lambda v: v is None)
    """Number format of the tokens that the convolution keeps; left out, that of the state."""

    @model_validator(mode="after")
    def _convolved(self) -> "MambaSpec":
        """What is said of a convolution has one."""
        if self.conv_state is not None and not self.conv:
            raise ValueError("expected conv_state with conv, got it without")
        return self

    def resolve(self) -> api.Mamba:
        """The layer as the equations want it: they count bytes and know no names of formats."""
        return api.Mamba(
            **self.model_dump(exclude={"state", "conv_state", "conv_bias"}),
            conv_bias=self.conv_bias and self.conv > 0,
            state_bytes=FORMATS[self.state],
            conv_bytes=None if self.conv_state is None else FORMATS[self.conv_state],
        )

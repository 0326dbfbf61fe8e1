"""Keys of a short convolution."""

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive
from dse.spec.schema.formats import Format
from objectives import api
from objectives.equations.chip.formats import FORMATS


class ShortConvolutionSpec(LayerSpec):
    """A convolution over a few tokens between two gates, in place of attention (LFM2)."""

    width: Positive
    """Channels, each with taps of its own; three projections make them and their gates."""
    taps: Few
    """Tokens that the convolution reaches over, the row itself included."""
    bias: bool = False
    """Whether projections, convolution and output carry a bias."""
    state: Format = "bf16"
    """Number format of the tokens that a sequence keeps, one fewer than `taps`."""

    def resolve(self) -> api.ShortConvolution:
        """The layer as the equations want it: they count bytes and know no names of formats."""
        return api.ShortConvolution(**self.model_dump(exclude={"state"}), state_bytes=FORMATS[self.state])

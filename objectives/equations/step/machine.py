"""What all passes of a batch of designs share."""

from dataclasses import dataclass

from objectives.api import Chips, Context
from objectives.arrays import Array
from objectives.equations.chip.placement import Placement, SecondsPerByte
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.interconnect.collectives import Collectives
from objectives.equations.llm.mean_layer import MeanLayer


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What every pass shares: the chips, the mean layer on them, their memories and collectives."""

    chips: Chips
    context: Context
    layer: MeanLayer
    per_byte: SecondsPerByte
    placed: Placement
    collectives: Collectives
    all_to_all: AlphaBeta | None
    """All-to-all of the chips that share experts; None without experts."""
    ways: Array
    """Chips that share a layer [1]: TP x CP."""
    cp: Array | None = None
    """Chips that share the tokens of a sequence [1]; None where none do."""
    exchange: AlphaBeta | None = None
    """All-gather of these; None where there are none."""
    first_byte_s: Array | None = None
    """Until the slowest further memory that a pass reads brings its first byte [s]; None without latency."""
    first_expert_s: Array | None = None
    """The same of routed experts, which are known in their layer only [s]."""
    slow: MeanLayer | None = None
    """The layer with weights counted by the time that their products take; None where all are alike."""

    @property
    def worked(self) -> MeanLayer:
        """Weights as the matrix units work on them, each counted at the matrix peak."""
        return self.layer if self.slow is None else self.slow

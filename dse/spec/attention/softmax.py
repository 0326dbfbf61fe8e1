"""Keys of softmax attention."""

from pydantic import model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive
from objectives import api


class AttentionSpec(LayerSpec):
    """Softmax attention: MHA, GQA or MQA by the number of KV heads."""

    heads: Few
    """Query heads."""
    kv_heads: Few
    """Heads of keys and values; must divide `heads`."""
    head_dim: Positive
    """Width of one head."""
    bias: bool = False
    """Whether the query, key and value projections have a bias."""
    window: Positive | None = None
    """Tokens that a row attends to at most; left out, all of them."""
    chunked: bool = False
    """Whether the window is a fixed chunk that a row stays inside, rather than a sliding one."""
    gate: bool | None = None
    """Whether a projection as wide as the query gates the output; left out, none does."""

    @model_validator(mode="after")
    def _groups(self) -> "AttentionSpec":
        if self.heads % self.kv_heads:
            raise ValueError(f"expected kv_heads that divide heads ({self.heads}), got {self.kv_heads}")
        return self

    def resolve(self) -> api.Attention:
        """The layer as the equations want it."""
        return api.Attention(**{**self.model_dump(), "gate": bool(self.gate)})

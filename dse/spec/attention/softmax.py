"""Keys of softmax attention."""

from typing import Literal

from pydantic import Field, model_validator

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
    """Whether a projection as wide as the values gates the output; left out, none does."""
    # left out at their defaults, so that a question stored before the keys existed is still the same one
    value_dim: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width of a value head; left out, that of a key (`head_dim`)."""
    kv: Literal["shared", "key_is_value", "one"] | None = Field(default=None, exclude_if=lambda v: v is None)
    """`shared`: no keys and values of its own, those of an earlier layer are read (Gemma 3n);
    `key_is_value`: one projection makes both, which are stored each (Gemma 4); `one`: both are one vector,
    stored once (DeepSeek V4). Left out, it has its own."""
    query_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width of the compressed latent of queries; left out, queries are not compressed."""
    top_k: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Tokens that a row visits at most, the best by an index; left out, all that it reaches."""
    output_groups: Few | None = Field(default=None, exclude_if=lambda v: v is None)
    """Groups of heads whose outputs are compressed, each by a matrix of its own; left out, none are."""
    output_latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width of the compressed output of a group."""
    differential: bool | None = Field(default=None, exclude_if=lambda v: v is None)
    """Whether heads are pairs whose maps both weigh the values of both, and are subtracted (Differential
    Transformer, Phi-4-mini-flash); left out, each head has a value of its own."""

    @model_validator(mode="after")
    def _groups(self) -> "AttentionSpec":
        """Heads in whole groups, and no two keys that say different things."""
        if self.heads % self.kv_heads:
            raise ValueError(f"expected kv_heads that divide heads ({self.heads}), got {self.kv_heads}")
        if self.kv in ("key_is_value", "one") and self.value_dim not in (None, self.head_dim):
            wanted = f"a value_dim of head_dim ({self.head_dim}) with kv: {self.kv}"
            raise ValueError(f"expected {wanted}, got {self.value_dim}")
        if self.differential and self.heads % 2:
            raise ValueError(f"expected an even number of heads with differential, got {self.heads}")
        if self.window is not None and self.top_k is not None:
            raise ValueError("expected either window or top_k, got both")
        if (self.output_groups is None) != (self.output_latent is None):
            raise ValueError("expected output_groups and output_latent, got one of them")
        if self.output_groups is not None and self.heads % self.output_groups:
            wanted = f"output_groups that divide heads ({self.heads})"
            raise ValueError(f"expected {wanted}, got {self.output_groups}")
        return self

    def resolve(self) -> api.Attention:
        """The layer as the equations want it."""
        usual = {"gate": bool(self.gate), "kv": self.kv or "own", "differential": bool(self.differential)}
        return api.Attention(**{**self.model_dump(), **usual})
